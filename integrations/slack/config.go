package slack

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"jitbot/internal/localonly"
	"jitbot/internal/secret"
)

// Config says which Slack workspace jitbot serves, and how the two reach each
// other. `bot slack manifest` prints the app that fits.
type Config struct {
	// Mode is how Slack reaches jitbot: socket, by connections that jitbot
	// opens, without a public address; http, by signed requests to /slack/...
	// of jitbot's own address. Empty: Slack is not used.
	Mode string `yaml:"mode"`
	// Team is the workspace's id, T..., or E... of an organisation the app is
	// installed in as a whole. What comes from elsewhere is refused.
	Team string `yaml:"team"`
	// Enterprise is the organisation's id, E..., where the workspace belongs
	// to one: members of its other workspaces are then not strangers.
	Enterprise string `yaml:"enterprise"`
	// App is the app's id, A....
	App string `yaml:"app"`
	// BotToken is the bot's token, xoxb-....
	BotToken secret.Value `yaml:"bot_token"`
	// AppToken is the app's token with connections:write, xapp-.... Mode socket.
	AppToken secret.Value `yaml:"app_token"`
	// SigningSecret is what Slack signs its requests with. Mode http.
	SigningSecret secret.Value `yaml:"signing_secret"`
	// OldSigningSecret is taken as well while the secret is being changed.
	OldSigningSecret secret.Value `yaml:"old_signing_secret"`
	// Channels are the channels jitbot writes to: the names that the
	// configuration and the policy use, and the ids in Slack, C....
	Channels map[string]string `yaml:"channels"`
	// Command is the slash command. Empty: /jit.
	Command string `yaml:"command"`
	// TrustProfileEmail links an account at its first use to the person its
	// profile's confirmed e-mail names. Only for a workspace that enforces
	// single sign-on: elsewhere people choose their e-mail themselves.
	TrustProfileEmail bool `yaml:"trust_profile_email"`
	// Sockets is how many connections stay open in mode socket, 2 to 5, so
	// that one can be renewed without a gap. 0: 2.
	Sockets int `yaml:"sockets"`
	// APIURL is where the Web API is. Empty: Slack's own. Another has to be
	// https, or http on this machine.
	APIURL string `yaml:"api_url"`
}

// The modes.
const (
	ModeSocket = "socket"
	ModeHTTP   = "http"
)

const (
	defaultCommand = "/jit"
	defaultSockets = 2
	maxSockets     = 5 // Slack takes 10 of one app, and one that is renewed counts twice for a while
	defaultAPIURL  = "https://slack.com/api/"
)

// Enabled reports whether Slack is used.
func (c Config) Enabled() bool { return c.Mode != "" }

// Resolve reads the secrets from where the configuration says they are.
func (c *Config) Resolve(getenv func(string) string) error {
	var errs []error
	for _, s := range []struct {
		name  string
		value *secret.Value
	}{
		{"bot_token", &c.BotToken},
		{"app_token", &c.AppToken},
		{"signing_secret", &c.SigningSecret},
		{"old_signing_secret", &c.OldSigningSecret},
	} {
		if err := s.value.Resolve(getenv); err != nil {
			errs = append(errs, fmt.Errorf("slack.%s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}

var (
	teamID       = regexp.MustCompile(`^[TE][A-Z0-9]{2,}$`)
	enterpriseID = regexp.MustCompile(`^E[A-Z0-9]{2,}$`)
	appID        = regexp.MustCompile(`^A[A-Z0-9]{2,}$`)
	channelID    = regexp.MustCompile(`^[CG][A-Z0-9]{2,}$`)
	userID       = regexp.MustCompile(`^[UW][A-Z0-9]+$`)
	channelName  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,79}$`)
	commandName  = regexp.MustCompile(`^/[a-z0-9][a-z0-9_-]{0,30}$`)
)

// Check implements the configuration's checker. A secret that is needed and
// missing is a problem here, never a check that is left out later.
func (c Config) Check(report func(key, text string)) {
	if !c.Enabled() {
		if c.Team != "" || c.App != "" || len(c.Channels) > 0 {
			report("mode", "say socket or http, or leave the whole block out")
		}
		return
	}
	c.checkIDs(report)
	c.checkMode(report)
	for name, id := range c.Channels {
		if !channelName.MatchString(name) || !channelID.MatchString(id) {
			report("channels", fmt.Sprintf("%s: %s: write name: C0123ABCD, with the id from the channel's details in Slack", name, id))
		}
	}
	if c.Command != "" && !commandName.MatchString(c.Command) {
		report("command", fmt.Sprintf("%q is not a slash command such as /jit", c.Command))
	}
	if c.APIURL != "" && !safeAPI(c.APIURL) {
		report("api_url", fmt.Sprintf("%q has to be https, or http on this machine", c.APIURL))
	}
}

func (c Config) checkIDs(report func(key, text string)) {
	if !teamID.MatchString(c.Team) {
		report("team", fmt.Sprintf("%q is not the id of a workspace, T...: it stands in the workspace's address, app.slack.com/client/T.../", c.Team))
	}
	if !appID.MatchString(c.App) {
		report("app", fmt.Sprintf("%q is not the id of an app, A...: it stands under Basic Information of the app", c.App))
	}
	if c.Enterprise != "" && !enterpriseID.MatchString(c.Enterprise) {
		report("enterprise", fmt.Sprintf("%q is not the id of an organisation, E...", c.Enterprise))
	}
}

func (c Config) checkMode(report func(key, text string)) {
	if !slices.Contains([]string{ModeSocket, ModeHTTP}, c.Mode) {
		report("mode", fmt.Sprintf("%q is neither socket nor http", c.Mode))
	}
	if !c.BotToken.IsConfigured() {
		report("bot_token", "is missing: name where the xoxb-... token is, such as ${SLACK_BOT_TOKEN}")
	}
	if c.Mode == ModeSocket && !c.AppToken.IsConfigured() {
		report("app_token", "is missing: mode socket needs an app-level token, xapp-..., with connections:write")
	}
	if c.Mode == ModeHTTP && !c.SigningSecret.IsConfigured() {
		report("signing_secret", "is missing: mode http needs it to tell Slack's requests from others")
	}
	if c.Sockets != 0 && (c.Sockets < defaultSockets || c.Sockets > maxSockets) {
		report("sockets", fmt.Sprintf("%d is not between %d and %d: with one, every renewal is a gap", c.Sockets, defaultSockets, maxSockets))
	}
}

func safeAPI(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.RawQuery != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && localonly.Host(u.Hostname())
}

// fill puts the defaults in.
func (c Config) fill() Config {
	if c.Command == "" {
		c.Command = defaultCommand
	}
	if c.Sockets == 0 {
		c.Sockets = defaultSockets
	}
	if c.APIURL == "" {
		c.APIURL = defaultAPIURL
	}
	if !strings.HasSuffix(c.APIURL, "/") {
		c.APIURL += "/" // the client puts the method right behind it
	}
	return c
}

// channel is the id of a channel by the name the policy uses, or by its id.
func (c Config) channel(name string) (string, bool) {
	if id, ok := c.Channels[strings.TrimPrefix(name, "#")]; ok {
		return id, true
	}
	return name, channelID.MatchString(name)
}

// HasChannel reports whether a name, or an id, is a channel jitbot can write to.
func (c Config) HasChannel(name string) bool {
	_, ok := c.channel(name)
	return ok
}
