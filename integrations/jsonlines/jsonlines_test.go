package jsonlines_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/activity/activitytest"
	"jitbot/bot"
	"jitbot/integrations/jsonlines"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

// world is a log of a system, with the source that follows it.
type world struct {
	*testing.T
	path string
	n    int
	at   time.Time
	cfg  jsonlines.Config
}

func setup(t *testing.T) *world {
	w := &world{T: t, path: filepath.Join(t.TempDir(), "proxy.jsonl"), at: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	w.cfg.Path = w.path
	w.cfg.Watch.Resources = []string{"prod-db"}
	w.put("")
	return w
}

func (w *world) put(text string) {
	w.Helper()
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		w.Fatal(err)
	}
	if err := f.Close(); err != nil {
		w.Fatal(err)
	}
}

func (w *world) open() jsonlines.Source {
	return jsonlines.Open("proxy", w.cfg, bot.Deps{Now: func() time.Time { return w.at.Add(time.Minute) }})
}

func (w *world) say(text string) activity.Record {
	w.Helper()
	w.n++
	w.at = w.at.Add(time.Second)
	r := activity.Record{
		Family: "jsonl/proxy", ID: fmt.Sprint(w.n), At: w.at, Service: "proxy", Verb: "deploy", Resource: text, Outcome: jit.ActivityFailed,
		Actor: text, Detail: text, Origin: text, Code: text, Login: text,
	}
	line, err := json.Marshal(map[string]any{
		"id": r.ID, "time": r.At, "action": "deploy", "resource": text, "outcome": "failed", "actor": text, "detail": text, "src": text, "code": text, "login": text,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.put(string(line) + "\n")
	return r
}

func TestAPlainFileKeepsTheLawsOfSources(t *testing.T) {
	t.Parallel()
	activitytest.TestSource(t, func(t *testing.T) activitytest.Harness {
		w := setup(t)
		return activitytest.Harness{
			Open: func(*testing.T) activity.Source { return w.open() },
			Tell: func(_ *testing.T, n int) (out []activity.Record) {
				for range n {
					out = append(out, w.say("ann"))
				}
				return out
			},
			Say:   func(_ *testing.T, text string) activity.Record { return w.say(text) },
			Spoil: func(*testing.T) { w.put(`{"time":"2026-03-02T08:00:00Z","actor":"` + "\n") },
			Outage: func(*testing.T) (mend func()) {
				_ = os.Rename(w.path, w.path+".away")
				return func() { _ = os.Rename(w.path+".away", w.path) }
			},
		}
	})
}

func TestTheExampleOfTheDescriptionIsRead(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/activity-format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```json\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the description has no example")
	}
	w := setup(t)
	w.at = time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
	w.put(example)
	in := &activitytest.Intake{}
	if err := w.open().Read(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(example, "\n"); len(in.Records()) != n-1 || len(in.Skipped()) > 0 || in.Progress().Until.IsZero() {
		t.Errorf("%d records of %d lines, %v, until %v", len(in.Records()), n, in.Skipped(), in.Progress().Until)
	}
}

func TestTheSourceWatchesWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.cfg.Watch.Kinds = []string{"aws_session"}
	s := w.open()
	for _, c := range []struct {
		h    jit.Holding
		want bool
	}{
		{jit.Holding{Resource: "prod-db"}, true},
		{jit.Holding{Resource: "other", Entitlement: jit.Entitlement{Kind: "aws_session"}}, true},
		{jit.Holding{Resource: "other", Entitlement: jit.Entitlement{Kind: "aws_iam_group"}}, false},
		{jit.Holding{}, false},
	} {
		if s.Watches(c.h) != c.want {
			t.Errorf("%+v: not %v", c.h, c.want)
		}
	}
}

func TestTheDoctorSeesWhetherTheFileIsThereAndOfTheFormat(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.cfg.SilentAfter = time.Hour
	expect := func(want ...string) {
		t.Helper()
		found := w.open().Check(t.Context())
		for i, f := range found {
			if i >= len(want) || !strings.Contains(f.What+" "+f.Hint, want[i]) || f.OK != (f.Hint == "") {
				t.Errorf("%+v, want %q", f, want)
			}
		}
		if len(found) != len(want) {
			t.Errorf("%d findings, want %q", len(found), want)
		}
	}
	expect("0 of the last 0 records", "nothing was written yet")
	w.say("ann")
	expect("1 of the last 1 records", "the newest record is 1m0s old")
	w.at = w.at.Add(2 * time.Hour)
	expect("1 of the last 1 records", "more than silent_after")
	w.put("a\nb\n")
	expect("another format", "more than silent_after")
	w.cfg.Path = "/nowhere/*.jsonl"
	expect("no file is there that fits")
}

func TestSettingsAreCheckedWhereTheyStand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"path: /var/log/a.jsonl\nwatch: {resources: [prod-db]}\n", ""},
		{"watch: {resources: [prod-db]}\n", `"path" is missing`},
		{"path: a\nwatch: {}\n", "2:8: watch: name the resources"},
		{"path: a\nwatch: {kinds: ['']}\n", "a name is empty"},
		{"path: a\nwatch: {kinds: [k]}\ntrust_grants: true\n", `did you mean "trust_grant"?`},
	} {
		var cfg jsonlines.Config
		err := strictyaml.Decode("config.yaml", []byte(c.in), &cfg, nil)
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) && c.want != "" {
			t.Errorf("%q: %v", c.in, err)
		}
	}
}
