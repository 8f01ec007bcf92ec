package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/integrations/aws"
	"jitbot/integrations/oidc"
	"jitbot/integrations/slack"
	"jitbot/integrations/ticketfile"
	"jitbot/integrations/webchat"
	"jitbot/internal/localonly"
	"jitbot/internal/secret"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

// config is the configuration file; config.example.yaml documents every
// setting. Secrets come from the environment or from files, never from here.
type config struct {
	Listen  string `yaml:"listen"`
	BaseURL string `yaml:"base_url"`
	Data    string `yaml:"data"`
	Policy  string `yaml:"policy,required"`

	Log      logConfig               `yaml:"log"`
	Metrics  metricsConfig           `yaml:"metrics"`
	People   map[string]personConfig `yaml:"people"`
	Admins   []string                `yaml:"admins"`
	Security []string                `yaml:"security"`
	Domains  []string                `yaml:"domains"`
	Channels channelsConfig          `yaml:"channels"`
	Limits   limitsConfig            `yaml:"limits"`
	Drift    driftConfig             `yaml:"drift"`
	CLI      cliConfig               `yaml:"cli"`
	Review   reviewConfig            `yaml:"review"`

	SignIn  oidc.Config       `yaml:"sign_in"`
	Slack   slack.Config      `yaml:"slack"`
	Web     webchat.Config    `yaml:"web"`
	AWS     aws.Config        `yaml:"aws"`
	Tickets ticketfile.Config `yaml:"tickets"`

	Activity activityConfig `yaml:"activity"`
	Audit    auditConfig    `yaml:"audit"`
	Export   exportConfig   `yaml:"export"`

	Suggestions suggestionsConfig `yaml:"suggestions"`

	sources []activity.Source // beside those that are configured
	dir     string            // of the file; relative paths in it start here
}

type logConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // json, text
}

type metricsConfig struct {
	// Token, if set, opens /metrics to other machines that send it as a bearer
	// token; without it only this computer may read the metrics.
	Token secret.Value `yaml:"token"`
}

type personConfig struct {
	Name     string   `yaml:"name"`
	Accounts []string `yaml:"accounts"` // platform:user or platform:team/user
	Title    string   `yaml:"title"`
	Zone     string   `yaml:"zone"`
	Disabled bool     `yaml:"disabled"`
}

type channelsConfig struct {
	Default string `yaml:"default"`
	Alerts  string `yaml:"alerts"`
}

type limitsConfig struct {
	InFlight int           `yaml:"in_flight"`
	CallTime time.Duration `yaml:"call_time"`
}

type driftConfig struct {
	Every  every    `yaml:"every"` // 0: never
	Repair []string `yaml:"repair"`
}

// every is a duration that may be 0: never.
type every time.Duration

// cliConfig is about `bot creds`, on people's own machines.
type cliConfig struct {
	Enabled   bool          `yaml:"enabled"`
	TokenLife time.Duration `yaml:"token_life"` // of a linked machine
}

func defaultConfig() config {
	return config{
		Listen: "127.0.0.1:8080", Data: "data",
		Log:    logConfig{Level: "info", Format: "json"},
		Limits: limitsConfig{InFlight: 64, CallTime: 10 * time.Second},
		Drift:  driftConfig{Every: every(time.Hour)},
		CLI:    cliConfig{Enabled: true, TokenLife: 30 * 24 * time.Hour},
		Review: reviewConfig{At: "Mon 09:00"},

		Suggestions: suggestionsConfig{Apply: applyPatch},
	}
}

// loadConfig reads and checks a configuration file. Every problem comes at
// once, with its place in the file where it has one.
func loadConfig(path string, getenv func(string) string) (config, error) {
	c, err := readConfig(path)
	if err != nil {
		return c, err
	}
	if err := c.resolve(getenv); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// readConfig is loadConfig without the secrets.
func readConfig(path string) (config, error) {
	c := defaultConfig()
	src, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("config: %w", err)
	}
	if err := strictyaml.Decode(path, src, &c, yamlScalars()); err != nil {
		return c, err
	}
	if c.dir, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return c, err
	}
	c.fill()
	return c, nil
}

// resolve reads the secrets from where the file says they are.
func (c *config) resolve(getenv func(string) string) error {
	var errs []error
	if err := c.Metrics.Token.Resolve(getenv); err != nil {
		errs = append(errs, fmt.Errorf("metrics.token: %w", err))
	}
	if err := c.Suggestions.GitHub.Resolve(getenv); err != nil {
		errs = append(errs, fmt.Errorf("suggestions.github.token: %w", err))
	}
	return errors.Join(append(errs, c.SignIn.Resolve(getenv), c.Slack.Resolve(getenv), c.Activity.Ingest.Resolve(getenv), c.Export.resolve(getenv))...)
}

func yamlScalars() strictyaml.Scalars {
	return strictyaml.Scalars{
		reflect.TypeFor[time.Duration](): func(text string) (any, error) {
			d, err := jit.ParseDuration(text)
			return d, err
		},
		reflect.TypeFor[every](): func(text string) (any, error) {
			if text == "0" {
				return every(0), nil
			}
			d, err := jit.ParseDuration(text)
			return every(d), err
		},
	}
}

// fill puts in what follows from other settings.
func (c *config) fill() {
	c.Data, c.Policy = c.inDir(c.Data), c.inDir(c.Policy)
	if c.Tickets.Path != "" {
		c.Tickets.Path = c.inDir(c.Tickets.Path)
	}
	c.Activity.inDir(c.inDir)
	if c.BaseURL == "" {
		c.BaseURL = "http://" + c.Listen
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	if c.Web.Enabled && c.Web.Path == "" {
		c.Web.Path = filepath.Join(c.Data, "chat.db")
	} else if c.Web.Enabled {
		c.Web.Path = c.inDir(c.Web.Path)
	}
	if c.AWS.Issuer == "" {
		c.AWS.Issuer = c.BaseURL
	}
	c.Export.fill(c.inDir)
}

// listensAt puts the address that was really taken where the configured one
// left the port open.
func (c *config) listensAt(addr string) {
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || port != "0" {
		return
	}
	open := "http://" + c.Listen
	if c.BaseURL == open {
		c.BaseURL = "http://" + addr
	}
	if c.AWS.Issuer == open {
		c.AWS.Issuer = c.BaseURL
	}
	c.Listen = addr
}

func (c *config) inDir(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}

// Check implements [strictyaml.Checker].
func (c config) Check(report func(key, text string)) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		report("listen", fmt.Sprintf("%q is not host:port; write it like 127.0.0.1:8080", c.Listen))
	}
	if c.BaseURL != "" && !safeBase(c.BaseURL) {
		report("base_url", fmt.Sprintf("%q has to be https, or http on this computer alone: credential links lead there", c.BaseURL))
	}
	if !c.Web.Enabled && !c.Slack.Enabled() {
		report("web", "no chat is switched on; nobody could ask for anything: set slack.mode, or web.enabled")
	} else if c.Web.Enabled && !localonly.Host(host) {
		report("web", "the local chat page has no login and needs listen to be on 127.0.0.1, not "+host)
	}
	if len(c.People) == 0 && len(c.Domains) == 0 {
		report("people", "name at least one person, or the domains of those who may say who they are; nobody else can ask for anything")
	}
	c.checkDomains(report)
	c.checkChannels(report)
	c.checkNamed(report, "admins", c.Admins)
	c.checkNamed(report, "security", c.Security)
	if _, err := c.people(); err != nil {
		report("people", err.Error())
	}
}

// checkChannels: a card for a channel that is not there reaches nobody.
func (c config) checkChannels(report func(key, text string)) {
	for _, at := range []struct{ key, name string }{{"default", c.Channels.Default}, {"alerts", c.Channels.Alerts}} {
		if at.name != "" && !c.hasChannel(at.name) {
			report("channels", fmt.Sprintf("%s: there is no channel %q in the chat; add it to %s, or name one of those", at.key, at.name, c.channelsKey()))
		}
	}
	if at := c.Review.Channel; at != "" && !c.hasChannel(at) {
		report("review", fmt.Sprintf("channel: there is no channel %q in the chat; add it to %s, or name one of those", at, c.channelsKey()))
	}
	if c.Channels.Alerts == "" && c.Channels.Default == "" && len(c.Admins) == 0 {
		report("admins", "nobody would hear of an end that is overdue or of a policy that was refused: set channels.alerts, or name an admin")
	}
}

// hasChannel reports whether a channel is in the chat that cards for channels
// go to: Slack, where there is one.
func (c config) hasChannel(name string) bool {
	if c.meansSlack() {
		return c.Slack.HasChannel(name)
	}
	return slices.Contains(c.Web.Channels, strings.TrimPrefix(name, "#"))
}

// meansSlack is also true where only the mode is lacking yet, which is
// reported at its own place.
func (c config) meansSlack() bool { return c.Slack.Enabled() || len(c.Slack.Channels) > 0 }

func (c config) channelsKey() string {
	if c.meansSlack() {
		return "slack.channels"
	}
	return "web.channels"
}

// admits reports whether somebody who is not listed may say who they are.
func (c config) admits(id string) bool {
	_, domain, _ := strings.Cut(id, "@")
	return slices.Contains(c.Domains, domain)
}

var domainName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z]{2,}$`)

func (c config) checkDomains(report func(key, text string)) {
	for _, d := range c.Domains {
		if !domainName.MatchString(d) {
			report("domains", fmt.Sprintf("%q is not a domain in lower case, such as example.com", d))
		}
	}
	if c.Slack.TrustProfileEmail && len(c.Domains) == 0 && len(c.People) == 0 {
		report("domains", "slack.trust_profile_email lets nobody in without people or domains")
	}
}

func (c config) checkNamed(report func(key, text string), key string, ids []string) {
	for _, id := range ids {
		if _, ok := c.People[id]; !ok {
			report(key, id+" is not under people")
		}
	}
}

func safeBase(base string) bool {
	u, err := url.Parse(base)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && localonly.Host(u.Hostname()))
}

// Check implements [strictyaml.Checker].
func (c logConfig) Check(report func(key, text string)) {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Level) {
		report("level", fmt.Sprintf("%q is none of debug, info, warn, error", c.Level))
	}
	if !slices.Contains([]string{"json", "text"}, c.Format) {
		report("format", fmt.Sprintf("%q is neither json nor text", c.Format))
	}
}

// Check implements [strictyaml.Checker].
func (c limitsConfig) Check(report func(key, text string)) {
	if c.InFlight < 1 || c.InFlight > 1024 {
		report("in_flight", fmt.Sprintf("%d is not between 1 and 1024", c.InFlight))
	}
	if c.CallTime < time.Second || c.CallTime > 5*time.Minute {
		report("call_time", fmt.Sprintf("%s is not between 1s and 5m", c.CallTime))
	}
}

// Check implements [strictyaml.Checker].
func (c driftConfig) Check(report func(key, text string)) {
	if every := time.Duration(c.Every); every != 0 && (every < time.Minute || every > 7*24*time.Hour) {
		report("every", fmt.Sprintf("%s is not between 1m and 7d, nor 0 for never", every))
	}
	for _, kind := range c.Repair {
		if kind != string(jit.DriftMissing) {
			report("repair", fmt.Sprintf("%q: only missing can be put right unasked; nothing is ever taken away by itself", kind))
		}
	}
}

func (c driftConfig) repairs() []jit.DriftKind {
	out := make([]jit.DriftKind, 0, len(c.Repair))
	for _, kind := range c.Repair {
		out = append(out, jit.DriftKind(kind))
	}
	return out
}

// Check implements [strictyaml.Checker].
func (c cliConfig) Check(report func(key, text string)) {
	const shortest, longest = time.Hour, 90 * 24 * time.Hour
	if c.TokenLife < shortest || c.TokenLife > longest {
		report("token_life", fmt.Sprintf("%s is not between %s and %s", jit.FormatDuration(c.TokenLife), jit.FormatDuration(shortest), jit.FormatDuration(longest)))
	}
}

// tokenLife is how long the token of a linked machine works; 0: there are none.
func (c cliConfig) tokenLife() time.Duration {
	if !c.Enabled {
		return 0
	}
	return c.TokenLife
}

// people is everybody the configuration names, with their confirmed accounts.
func (c config) people() ([]bot.Person, error) {
	var out []bot.Person
	var errs []error
	for id, p := range c.People {
		person := bot.Person{Principal: jit.Principal{ID: id, Name: p.Name}, Disabled: p.Disabled}
		if local, domain, ok := strings.Cut(id, "@"); !ok || local == "" || domain == "" || id != strings.ToLower(id) {
			errs = append(errs, fmt.Errorf("people: %q is not an e-mail in lower case", id))
		}
		for _, text := range p.Accounts {
			a, err := c.parseAccount(text)
			if err != nil {
				errs = append(errs, fmt.Errorf("people: %s: accounts: %w", id, err))
			}
			person.Accounts = append(person.Accounts, a)
		}
		out = append(out, person)
	}
	slices.SortFunc(out, func(a, b bot.Person) int { return strings.Compare(a.ID, b.ID) })
	return out, errors.Join(errs...)
}

// parseAccount reads an account; one of Slack without a team is of the
// workspace jitbot serves.
func (c config) parseAccount(text string) (jit.Account, error) {
	a, err := parseAccount(text)
	if err == nil && a.Platform == slack.Platform && a.Team == "" {
		a.Team = c.Slack.Team
	}
	return a, err
}

func parseAccount(text string) (jit.Account, error) {
	platform, rest, ok := strings.Cut(text, ":")
	team, user, hasTeam := strings.Cut(rest, "/")
	if !hasTeam {
		team, user = "", rest
	}
	if !ok || platform == "" || user == "" {
		return jit.Account{}, fmt.Errorf("%q: write platform:user or platform:team/user, such as web:ann", text)
	}
	return jit.Account{Platform: platform, Team: team, User: user}, nil
}

// webPeople is who one can act as on the local chat page.
func (c config) webPeople() []webchat.Person {
	var out []webchat.Person
	for id, p := range c.People {
		for _, text := range p.Accounts {
			if a, err := parseAccount(text); err == nil && a.Platform == "web" && !p.Disabled {
				out = append(out, webchat.Person{User: a.User, Name: orElse(p.Name, id), Principal: id, Title: p.Title, Zone: p.Zone})
			}
		}
	}
	slices.SortFunc(out, func(a, b webchat.Person) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
