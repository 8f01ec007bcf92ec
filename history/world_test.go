package history_test

import (
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const theRules = `version: 1
groups:
  sre: [ann@example.com, bo@example.com, cy@example.com]
  leads: [lea@example.com, leo@example.com]
resources:
  prod-db: {sensitivity: high, owner: group:leads, entitlements: [{session: {role: db}}]}
  staging: {sensitivity: low, entitlements: [{session: {role: staging}}]}
rules:
  - id: staging-at-once
    match: {resource: staging}
    eligible: [group:sre]
    max_duration: 2h
    auto_approve: true
  - id: prod-by-approval
    match: {resource: prod-db}
    eligible: [group:sre]
    max_duration: 4h
    approvals: {count: 1, from: [group:leads]}
    extend: {max_total: 8h}
    break_glass: {eligible: [group:sre], max_duration: 1h, review_within: 24h}
`

func kinds() policy.Options {
	return policy.Options{Kinds: []policy.Kind{{Name: "session", Params: []policy.Param{{Name: "role", Required: true}}}}, GroupSources: []policy.Kind{{Name: "slack_usergroup", Params: []policy.Param{{Name: "id"}}}}}
}

// load loads the rules with some text replaced, in pairs.
func load(t testing.TB, changes ...string) *policy.Policy {
	t.Helper()
	text := theRules
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the rules do not hold %q", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	p, err := policy.Load("policy.yaml", []byte(text), kinds())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// world is a store, the log of what was done, and a clock.
type world struct {
	testing.TB
	store storage.Store
	log   *activity.Log
	now   time.Time
}

type marker struct{}

func (marker) Marks(h jit.Holding) []activity.Mark {
	return []activity.Mark{{Method: jit.BySessionName, Scope: h.Entitlement.Params["role"], Value: h.Grant, Person: h.Principal}}
}

func (marker) Opens(h jit.Holding) string { return h.Entitlement.Params["role"] }

func setup(t testing.TB, sources ...activity.Source) *world {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{TB: t, store: s, now: monday.Add(90 * 24 * time.Hour)}
	w.log, err = activity.New(activity.Config{
		Store: s, At: w.at, Marker: func(string) activity.Marker { return marker{} }, Sources: sources,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) at(storage.View) (time.Time, error) { return w.now, nil }

// take imports lines.
func (w *world) take(p *policy.Policy, lines ...string) history.Imported {
	w.Helper()
	got, err := history.Importing{
		Store: w.store, At: w.at, Policy: p, Actor: "os:root", File: "old.jsonl",
		Clean: func(s string) string { return strings.Join(strings.Fields(s), " ") },
	}.Import(w.Context(), strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		w.Fatal(err)
	}
	return got
}

// past reads all of it.
func (w *world) past(o history.Options) (p *history.Past) {
	w.Helper()
	o.Log = w.log
	w.read(func(v storage.View) (err error) {
		p, err = history.Read(v, o)
		return err
	})
	return p
}

func (w *world) read(fn func(storage.View) error) {
	w.Helper()
	if err := w.store.Read(w.Context(), fn); err != nil {
		w.Fatal(err)
	}
}

// tell has logs imported that tell everything until an instant.
func (w *world) tell(until time.Time, tells *activity.Tells, records ...activity.Record) activity.Tally {
	w.Helper()
	return w.tellAs("import", until, tells, records...)
}

func (w *world) tellAs(source string, until time.Time, tells *activity.Tells, records ...activity.Record) activity.Tally {
	w.Helper()
	in := w.log.Intake(source)
	b, _, err := in.Begin(w.Context(), "")
	if err != nil {
		w.Fatal(err)
	}
	for i := range records {
		b.Add(&records[i])
	}
	if err := in.Take(w.Context(), b, activity.Progress{Until: until, Tells: tells}); err != nil {
		w.Fatal(err)
	}
	return b.Tally()
}

func action(id string, at time.Time, role, session string) activity.Record {
	return activity.Record{
		Family: "test", ID: id, At: at, Service: "s3", Verb: "GetObject", Outcome: jit.ActivityOK, Actor: "somebody", Scope: role, Session: session, ReadOnly: true,
	}
}
