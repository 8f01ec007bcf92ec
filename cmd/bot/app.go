package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/integrations/aws"
	"jitbot/integrations/oidc"
	"jitbot/integrations/slack"
	"jitbot/integrations/ticketfile"
	"jitbot/integrations/webchat"
	"jitbot/jit"
	"jitbot/pages"
	"jitbot/policy"
	"jitbot/reports/stream"
	"jitbot/storage/sqlite"
)

// app is a configured jitbot: its store, policy, integrations and service.
// It is read from top to bottom; close undoes it in reverse.
type app struct {
	cfg      config
	log      *slog.Logger
	now      func() time.Time
	store    *sqlite.Store
	people   *bot.Directory
	aws      *aws.Provisioner
	chat     *webchat.Chat
	slack    *slack.Chat    // nil: not used
	signIn   *oidc.Provider // nil: there is none
	signing  http.Handler   // the pages of the sign-in; nil: there is none
	service  *bot.Service
	activity activitySources                     // tell of what was done
	intake   func(source string) activity.Intake // takes in what they tell
	export   *stream.Stream                      // to places outside; it may have none
	closers  []io.Closer

	loadedAt time.Time // when the policy was read at the start
}

// openApp opens everything c names. What was opened is closed again if
// something later fails.
func openApp(ctx context.Context, c config, log *slog.Logger, load func() (*policy.Policy, error)) (*app, error) {
	a := &app{cfg: c, log: log, now: time.Now, people: &bot.Directory{}}
	if err := a.open(ctx, load); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *app) open(ctx context.Context, load func() (*policy.Policy, error)) error {
	a.loadedAt = a.now()
	p, err := load()
	if err != nil {
		return err
	}
	all, err := a.cfg.people()
	if err != nil {
		return err
	}
	if err := a.people.Replace(all); err != nil {
		return err
	}
	if a.store, err = sqlite.Open(ctx, sqlite.Config{Dir: a.cfg.Data}); err != nil {
		return fmt.Errorf("open the store in %s: %w", a.cfg.Data, err)
	}
	a.closers = append(a.closers, a.store)
	if err := a.openIntegrations(ctx); err != nil {
		return err
	}
	if err := a.openService(p); err != nil {
		return err
	}
	if err := a.openSignIn(); err != nil {
		return err
	}
	if err := a.openExport(); err != nil {
		return err
	}
	return a.service.LoadAccounts(ctx)
}

// openSignIn makes the pages of the company's sign-in. Their cookies are sealed
// with keys derived from the client's secret, which all replicas share.
func (a *app) openSignIn() (err error) {
	if a.signIn == nil {
		return nil
	}
	a.signing, err = pages.NewSignIn(pages.SignInConfig{
		SignIns: a.service, Provider: a.signIn, BaseURL: a.cfg.BaseURL, Key: a.cfg.SignIn.ClientSecret, Now: a.now, Log: a.log,
	})
	return err
}

func (a *app) openIntegrations(ctx context.Context) error {
	deps := bot.Deps{Log: a.log, HTTP: &http.Client{Timeout: 10 * time.Second}, Now: a.now}
	cfg := a.cfg.AWS
	cfg.Entitlements, cfg.Domains = a.entitlements, a.cfg.emailDomains()
	var err error
	if a.aws, err = aws.Open(cfg, deps); err != nil {
		return err
	}
	if a.cfg.Web.Enabled {
		if a.chat, err = webchat.Open(ctx, a.cfg.Web, deps, a.cfg.webPeople()); err != nil {
			return err
		}
		a.closers = append(a.closers, a.chat)
	}
	if a.cfg.Slack.Enabled() {
		if a.slack, err = slack.Open(a.cfg.Slack, deps, a.whoIs); err != nil {
			return err
		}
	}
	if a.activity, err = a.cfg.Activity.open(deps, a.cfg.AWS.Reach()); err != nil {
		return err
	}
	if a.cfg.SignIn.Enabled() {
		a.signIn, err = oidc.Open(a.cfg.SignIn, deps, a.cfg.BaseURL+pages.SignInCallback)
	}
	return err
}

// whoIs says whose an account is.
func (a *app) whoIs(account jit.Account) (string, bool) {
	p, ok := a.people.ByAccount(account)
	return p.ID, ok
}

// entitlements is everything the policy in force may give.
func (a *app) entitlements() []jit.Entitlement {
	return entitlementsOf(a.service.Policy())
}

func (a *app) openService(p *policy.Policy) error {
	c := bot.Config{
		Store: a.store, People: a.people, Policy: p, Now: a.now, Log: a.log,
		Chats:        map[string]bot.Chat{},
		Provisioners: map[string]bot.Provisioner{},
		BaseURL:      a.cfg.BaseURL, DefaultChannel: a.cfg.Channels.Default, AlertChannel: a.cfg.Channels.Alerts,
		Admins: a.cfg.Admins, Security: a.cfg.Security,
		SignIn: a.signIn != nil, Domains: a.cfg.Domains, TrustProfile: map[string]bool{slack.Platform: a.cfg.Slack.TrustProfileEmail},
		Sources: slices.Concat(a.activity.all, a.cfg.sources), Redact: a.cfg.Activity.Redact, SilentAfter: a.cfg.Audit.SilentAfter,
		Drift:    bot.DriftConfig{Every: time.Duration(a.cfg.Drift.Every), Repair: a.cfg.Drift.repairs()},
		InFlight: a.cfg.Limits.InFlight, CallTime: a.cfg.Limits.CallTime, TokenLife: a.cfg.CLI.tokenLife(),
	}
	var err error
	if c.Suggestions, err = a.cfg.suggest(bot.Deps{Log: a.log, HTTP: &http.Client{Timeout: 10 * time.Second}, Now: a.now}); err != nil {
		return err
	}
	c.Suggestions.Try = tries(func() *activity.Log { return a.service.Activity() }, a.now)
	if c.Review, err = a.weekly(p); err != nil {
		return err
	}
	for _, kind := range aws.KindNames() {
		c.Provisioners[kind] = a.aws
	}
	if a.slack != nil {
		c.Chats[a.slack.Name()], c.Groups = a.slack, a.slack.Groups()
	}
	if a.chat != nil {
		c.Chats[a.chat.Name()] = a.chat
	}
	if a.cfg.Tickets.Path != "" {
		tickets, err := ticketfile.Open(a.cfg.Tickets, a.now)
		if err != nil {
			return err
		}
		c.Tickets = tickets
	}
	if a.service, err = bot.New(c); err != nil {
		return err
	}
	a.intake = a.service.Activity().Intake
	return nil
}

// close closes what was opened, last first. Twice is harmless.
func (a *app) close() error {
	var errs []error
	for _, c := range slices.Backward(a.closers) {
		errs = append(errs, c.Close())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// newLog is where operators read what happens.
func newLog(c logConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
