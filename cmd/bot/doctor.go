package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"jitbot/bot"
	"jitbot/integrations/aws"
	"jitbot/integrations/oidc"
	"jitbot/integrations/slack"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
	"jitbot/pages"
	"jitbot/policy"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

const doctorUsage = `usage: bot doctor --config FILE [--accept-clock] [--json]

Checks every setting, the policy, the store, the clock, Slack's app, rights and
channels, the company's sign-in, the logs of what is done with access, where
things are exported to, and what AWS lets jitbot do, and says what to do about
each thing that is wrong. It opens AWS sessions that may do nothing, to
see that it can, posts nothing and changes nothing, except with --accept-clock:
that says the wall clock is right after jitbot doubted it.
Exits 0 if all is well, 1 if not.
`

func runDoctor(ctx context.Context, args []string, env environment) int {
	fs := flag.NewFlagSet("doctor", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	path := fs.String("config", "", "")
	accept, asJSON := fs.Bool("accept-clock", false, ""), fs.Bool("json", false, "")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.stdout, doctorUsage)
		return exitOK
	case err != nil || *path == "" || fs.NArg() > 0:
		fmt.Fprintf(env.stderr, "bot doctor: --config FILE is needed\n\n%s", doctorUsage)
		return exitUsage
	}
	found := examine(ctx, *path, *accept, env)
	bad := slices.ContainsFunc(found, func(f bot.Finding) bool { return !f.OK })
	if err := writeFindings(env.stdout, found, *asJSON); err != nil {
		fmt.Fprintf(env.stderr, "bot doctor: %v\n", err)
		return exitRefused
	}
	if bad {
		return exitRefused
	}
	return exitOK
}

func writeFindings(w io.Writer, found []bot.Finding, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(found)
	}
	for _, f := range found {
		mark := "ok   "
		switch {
		case !f.OK:
			mark = "WRONG"
		case f.Hint != "":
			mark = "note "
		}
		fmt.Fprintf(w, "%s  %s\n", mark, f.What)
		if f.Hint != "" {
			fmt.Fprintf(w, "       %s\n", f.Hint)
		}
	}
	return nil
}

func fine(format string, args ...any) bot.Finding {
	return bot.Finding{OK: true, What: fmt.Sprintf(format, args...)}
}

func wrong(hint, format string, args ...any) bot.Finding {
	return bot.Finding{What: fmt.Sprintf(format, args...), Hint: hint}
}

// examine looks at everything there is, as far as each finding lets it go on.
func examine(ctx context.Context, path string, acceptClock bool, env environment) []bot.Finding {
	c, err := loadConfig(path, env.getenv)
	if err != nil {
		return problemFindings("configuration", err)
	}
	found := []bot.Finding{fine("configuration %s", path)}
	if acceptClock {
		found = append(found, takeClock(ctx, c.Data))
	}
	found = append(found, examineStore(ctx, c.Data)...)
	p, err := loadPolicy(c.Policy)
	if err != nil {
		return append(found, problemFindings("policy", err)...)
	}
	found = append(found, examinePolicy(c, p)...)
	found = append(found, examineChats(ctx, c, p)...)
	found = append(found, examineActivity(ctx, c, bot.Deps{Log: newLog(c.Log, io.Discard), Now: time.Now})...)
	found = append(found, examineExport(ctx, c, env.getenv)...)
	found = append(found, examineReview(c, p, time.Now())...)
	found = append(found, examineSuggestions(ctx, c)...)
	return append(found, examineAWS(ctx, c, p)...)
}

func problemFindings(what string, err error) []bot.Finding {
	var problems strictyaml.Problems
	if !errors.As(err, &problems) {
		return []bot.Finding{wrong("", "%s: %v", what, err)}
	}
	var out []bot.Finding
	for _, p := range problems {
		out = append(out, wrong("", "%s: %s", what, p))
	}
	return out
}

func examineStore(ctx context.Context, dir string) []bot.Finding {
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return []bot.Finding{fine("data folder %s is not there yet; `bot serve` makes it", dir)}
	}
	if err != nil {
		return []bot.Finding{wrong("", "data folder: %v", err)}
	}
	var found []bot.Finding
	if info.Mode().Perm()&0o077 != 0 {
		found = append(found, wrong("chmod 700 "+dir, "data folder %s can be opened by others (mode %o)", dir, info.Mode().Perm()))
	}
	r, err := sqlite.OpenReader(sqlite.Config{Dir: dir})
	if errors.Is(err, storage.ErrNotFound) {
		return append(found, fine("no store in %s yet; `bot serve` makes it", dir))
	}
	if err != nil {
		return append(found, wrong("", "store: %v", err))
	}
	err = r.Read(ctx, func(v storage.View) error {
		found = append(found, examineLog(v), examineClock(v, time.Now()))
		f, err := examineOverdue(v, time.Now())
		found = append(found, f)
		return err
	})
	if err = errors.Join(err, r.Close()); err != nil {
		found = append(found, wrong("", "store: %v", err))
	}
	return found
}

func examineLog(v storage.View) bot.Finding {
	report, err := storage.Verify(v, nil)
	switch {
	case err != nil:
		return wrong("", "event log: %v", err)
	case report.Fault != "":
		return wrong("compare with a backup; somebody wrote to the file past jitbot", "event log: %s", report.Fault)
	default:
		return fine("event log: %d events, chain intact", report.Rows)
	}
}

func examineClock(v storage.View, now time.Time) bot.Finding {
	head, err := v.Head()
	if err != nil {
		return wrong("", "clock: %v", err)
	}
	if gap := head.At.Sub(now); gap > 2*time.Minute {
		return wrong("no new access is given; set the clock, or if it is right run `bot doctor --accept-clock`",
			"clock: the newest event is %s ahead of the wall clock", gap.Truncate(time.Second))
	}
	return fine("clock: %s", now.UTC().Format(time.RFC3339))
}

func examineOverdue(v storage.View, now time.Time) (bot.Finding, error) {
	n, err := v.Overdue(now.Add(-5 * time.Minute))
	if err != nil || n == 0 {
		return fine("no access is overdue"), err
	}
	return wrong("`bot grants list --state revoking` names them; see their last error", "%d grants should have ended more than 5 minutes ago", n), nil
}

// takeClock has the clock accepted by the jitbot that runs, or in the store
// itself where none does.
func takeClock(ctx context.Context, dir string) bot.Finding {
	err := sendOrder(ctx, dir, order{Do: "accept-clock"})
	if errors.Is(err, errNotRunning) {
		err = withStore(ctx, dir, func(s *bot.Service) error { return s.AcceptClock(ctx, osActor()) })
	}
	if err != nil {
		return wrong("", "the clock could not be accepted: %v", err)
	}
	return fine("the wall clock is accepted as right")
}

// withStore runs fn on a service that has a store and nothing else, for the
// few commands that write while no jitbot runs.
func withStore(ctx context.Context, dir string, fn func(*bot.Service) error) error {
	s, done, err := openFolder(ctx, dir, bot.Config{})
	if err != nil {
		return err
	}
	return errors.Join(fn(s), done())
}

// openFolder makes a service of the store in dir that knows nobody and gives
// nothing. done closes the store.
func openFolder(ctx context.Context, dir string, c bot.Config) (s *bot.Service, done func() error, err error) {
	store, err := sqlite.Open(ctx, sqlite.Config{Dir: dir})
	if err != nil {
		return nil, nil, err
	}
	c.Policy, err = policy.Load("none", []byte("version: 1\nresources: {}\nrules: []\n"), policy.Options{})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	c.Store, c.People, c.Now = store, &bot.Directory{}, time.Now
	if s, err = bot.New(c); err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return s, store.Close, nil
}

// examinePolicy holds the policy against what this configuration can do.
func examinePolicy(c config, p *policy.Policy) []bot.Finding {
	found := []bot.Finding{fine("policy %s: %d rules, %d examples pass", c.Policy, p.Rules(), p.Examples())}
	for _, w := range p.Warnings() {
		found = append(found, bot.Finding{OK: true, What: "policy warning: " + w})
	}
	for _, name := range p.Schedules() {
		if kind, _ := p.Source(name); kind != "" {
			found = append(found, wrong("the rules that ask for it give nothing; use a rotation, or wait for this source", "on-call schedule %s lives in %s, which this build cannot ask", name, kind))
		}
	}
	for _, name := range p.Groups() {
		if kind, _ := p.GroupSource(name); kind != "" && !c.Slack.Enabled() {
			found = append(found, wrong("the rules that ask for it give nothing; list its members in the policy", "group %s lives in %s, and slack is not set up", name, kind))
		}
	}
	return append(found, examineRules(c, p)...)
}

func examineRules(c config, p *policy.Policy) []bot.Finding {
	var found []bot.Finding
	for i := range p.Rules() {
		r := p.Rule(i)
		if r.StepUp && !c.SignIn.Enabled() {
			found = append(found, wrong("set up sign_in, or leave step_up out", "rule %s demands a second sign-in of approvers, which is not set up: nobody can approve", r.ID))
		}
		if r.NeedsTicket && c.Tickets.Path == "" {
			found = append(found, wrong("set tickets.path, or leave the ticket out of the rule", "rule %s needs a ticket, and no source of tickets is configured: it gives nothing", r.ID))
		}
		if r.Channel != "" && !c.hasChannel(r.Channel) {
			found = append(found, wrong("add it to "+c.channelsKey(), "rule %s writes to channel %s, which is not there", r.ID, r.Channel))
		}
	}
	for _, id := range p.People() {
		if _, ok := c.People[id]; !ok && !c.admits(id) {
			found = append(found, wrong("add them under people, with their accounts", "%s is in the policy but not under people: they can neither ask nor approve", id))
		}
	}
	return found
}

// examineChats looks at Slack and at the company's sign-in, where they are used.
func examineChats(ctx context.Context, c config, p *policy.Policy) []bot.Finding {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	deps := bot.Deps{Log: newLog(c.Log, io.Discard), HTTP: &http.Client{Timeout: 10 * time.Second}, Now: time.Now}
	var found []bot.Finding
	if c.Slack.Enabled() {
		found = append(found, examineSlack(ctx, c, p, deps)...)
	}
	if !c.SignIn.Enabled() {
		return found
	}
	provider, err := oidc.Open(c.SignIn, deps, c.BaseURL+pages.SignInCallback)
	if err != nil {
		return append(found, wrong("", "sign-in: %v", err))
	}
	return append(found, provider.Check(ctx)...)
}

func examineSlack(ctx context.Context, c config, p *policy.Policy, deps bot.Deps) []bot.Finding {
	known, err := knownPeople(ctx, c)
	if err != nil {
		return []bot.Finding{wrong("", "people: %v", err)}
	}
	chat, err := slack.Open(c.Slack, deps, func(a jit.Account) (string, bool) {
		p, ok := known.ByAccount(a)
		return p.ID, ok
	})
	if err != nil {
		return []bot.Finding{wrong("", "%v", err)}
	}
	groups, kinds := map[string]map[string]string{}, map[string]string{}
	for _, name := range p.Groups() {
		if kind, params := p.GroupSource(name); kind != "" {
			groups[name], kinds[name] = params, kind
		}
	}
	return append(chat.Check(ctx), chat.CheckGroups(ctx, groups, kinds)...)
}

// knownPeople are those of the configuration, and those who were linked since.
func knownPeople(ctx context.Context, c config) (*bot.Directory, error) {
	all, err := c.people()
	if err != nil {
		return nil, err
	}
	known := new(bot.Directory)
	if err := known.Replace(all); err != nil {
		return nil, err
	}
	r, err := sqlite.OpenReader(sqlite.Config{Dir: c.Data})
	if err != nil { // examineStore says so
		return known, nil
	}
	err = r.Read(ctx, func(v storage.View) error {
		links, err := v.Links(storage.LinkFilter{})
		known.SetLinks(links)
		return err
	})
	return known, errors.Join(err, r.Close())
}

func examineAWS(ctx context.Context, c config, p *policy.Policy) []bot.Finding {
	all := entitlementsOf(p)
	if len(all) == 0 {
		return nil
	}
	cfg := c.AWS
	cfg.Domains = c.emailDomains()
	cfg.Entitlements = func() []jit.Entitlement { return all }
	provisioner, err := aws.Open(cfg, bot.Deps{Log: newLog(c.Log, io.Discard), Now: time.Now})
	if err != nil {
		return []bot.Finding{wrong("", "AWS: %v", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute) // some ten calls for each role
	defer cancel()
	return provisioner.Check(ctx)
}
