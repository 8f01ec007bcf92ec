package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/history"
	"jitbot/jit"
)

const pastPolicy = `version: 1
groups:
  sre: [ann@example.com, bo@example.com]
resources:
  prod-db: {sensitivity: high, entitlements: [{aws_session: {role: "arn:aws:iam::111122223333:role/ProdDB"}}]}
rules:
  - id: prod
    match: {resource: prod-db}
    eligible: [group:sre]
    max_duration: 4h
    approvals: {from: [lea@example.com, leo@example.com, lou@example.com]}
`

// folder is an empty data folder and files beside it.
type folder struct {
	*testing.T
	dir, data string
}

func newFolder(t *testing.T) folder {
	dir := t.TempDir()
	return folder{t, dir, filepath.Join(dir, "data")}
}

func (f folder) write(name, text string) string {
	f.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	return path
}

// bot runs a command on the folder.
func (f folder) bot(want int, args ...string) (out string) {
	f.Helper()
	var o, e bytes.Buffer
	code := run(f.Context(), append(args, "--data", f.data), environment{&o, &e, func(string) string { return "" }})
	if code != want {
		f.Fatalf("bot %s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, &o, &e)
	}
	return o.String() + e.String()
}

// days is how long ago the first line of a test's history was.
const days = 20

// lines are requests of ann for prod-db, a day apart, used or not.
func lines(n int) string {
	var b strings.Builder
	start := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
	for i := range n {
		at := start.AddDate(0, 0, i%days).Add(time.Duration(i) * time.Second)
		end := at.Add(4 * time.Hour)
		fmt.Fprintf(&b, `{"id":"OPS-%d","at":%q,"user":"ann@example.com","resource":"prod-db","duration":"4h","reason":"orders","rule":"prod","outcome":"approval","approvers":["lea@example.com"],"state":"approved","approvals":[{"by":"lea@example.com","at":%q}],"grant":{"id":"g-%d","from":%q,"ends":%q}}`+"\n",
			i, at.Format(time.RFC3339), at.Format(time.RFC3339), i, at.Format(time.RFC3339), end.Format(time.RFC3339))
	}
	return b.String()
}

func TestAHistoryIsImportedShownAndKnownAgain(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	p := f.write("policy.yaml", pastPolicy)
	past := f.write("past.jsonl", lines(3))
	out := f.bot(exitOK, "history", "import", past, "--policy", p)
	if !strings.Contains(out, "LINES  TAKEN  GRANTS") || !strings.Contains(out, "3      3      3") {
		t.Error(out)
	}
	var again []pastReport
	if err := json.Unmarshal([]byte(f.bot(exitOK, "history", "import", past, "--policy", p, "--json")), &again); err != nil || len(again) != 1 || again[0].Known != 3 || again[0].Requests != 0 {
		t.Errorf("%v %+v", err, again)
	}
	if out := f.bot(exitOK, "requests", "show", "OPS-1"); !strings.Contains(out, "imported") || !strings.Contains(out, "rule      prod\n") {
		t.Error(out)
	}
	if out := f.bot(exitOK, "grants", "show", "g-1"); !strings.Contains(out, "imported") || !strings.Contains(out, "Lea") && !strings.Contains(out, "lea@example.com") {
		t.Error(out)
	}
	if out := f.bot(exitOK, "grants", "list"); strings.Count(out, "ended") != 3 {
		t.Error(out)
	}
	if events := eventsIn(t, f.data, jit.EventImported); len(events) != 1 || !strings.Contains(string(events[0].Data), `"lines":3`) {
		t.Errorf("%d events", len(events))
	}
	f.bot(exitOK, "audit", "verify")
}

func TestAPackedHistoryWithABadLineIsTakenAllTheSame(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte("{}\n" + lines(2))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	past := f.write("past.jsonl.gz", b.String())
	out := f.bot(exitRefused, "history", "import", past)
	if !strings.Contains(out, past+":1: id is missing") || !strings.Contains(out, "2 grants are of resources that the policy does not know") {
		t.Error(out)
	}
	f.bot(exitRefused, "history", "import", filepath.Join(f.dir, "none"))
	f.bot(exitUsage, "history", "export", past)
	if out := f.bot(exitOK, "history", "import", "--help"); !strings.Contains(out, "docs/history-format.md") {
		t.Error(out)
	}
}

func TestImportedLogsMakeTheEvidenceOfAnImportedHistory(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	p := f.write("policy.yaml", pastPolicy)
	f.bot(exitOK, "history", "import", f.write("past.jsonl", lines(20)), "--policy", p)
	at := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days).Add(3 * time.Hour)
	log := f.write("log.jsonl", fmt.Sprintf(`{"id":"e1","time":%q,"actor":"ann","action":"orders:Refund","grant":"g-0"}`+"\n", at.Format(time.RFC3339)))
	f.bot(exitOK, "activity", "import", log, "--until", time.Now().UTC().Format(time.RFC3339))
	candidate := f.write("new.yaml", strings.Replace(pastPolicy, "eligible: [group:sre]", "eligible: [bo@example.com]", 1))
	var r history.Replayed
	args := []string{"policy", "replay", "--policy", candidate, "--json"}
	if out := f.bot(exitRefused, args...); !strings.Contains(out, "kept no policy yet") {
		t.Error(out)
	}
	args = append(args, "--config", f.config("policy.yaml"))
	if err := json.Unmarshal([]byte(f.bot(exitOK, args...)), &r); err != nil {
		t.Fatal(err)
	}
	if r.Denied.N != 20 || r.Used.N != 1 || r.Unused.N != 19 || r.Hours != -80 || r.Rebuilt != 20 {
		t.Errorf("%+v", r)
	}
}

func TestAnImportedFileMaySayItselfThatItTellsEverything(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		until  string
		unused int
	}{
		"it does":                   {time.Now().UTC().Format(time.RFC3339), 19},
		"it tells of a part only":   {time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days+5).Format(time.RFC3339), 4},
		"what is to come is no end": {"2999-01-01T00:00:00Z", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			p := f.write("policy.yaml", pastPolicy)
			f.bot(exitOK, "history", "import", f.write("past.jsonl", lines(20)), "--policy", p)
			at := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days).Add(3 * time.Hour)
			log := f.write("log.jsonl", fmt.Sprintf(`{"id":"e1","time":%q,"actor":"ann","action":"orders:Refund","grant":"g-0"}`+"\n"+`{"until":%q}`+"\n", at.Format(time.RFC3339), c.until))
			out := f.bot(exitOK, "activity", "import", log)
			if said := strings.Contains(out, "taken so of prod-db"); said != (c.unused > 0) {
				t.Error(out)
			}
			candidate := f.write("new.yaml", strings.Replace(pastPolicy, "eligible: [group:sre]", "eligible: [bo@example.com]", 1))
			var r history.Replayed
			out = f.bot(exitOK, "policy", "replay", "--policy", candidate, "--json", "--config", f.config("policy.yaml"))
			if err := json.Unmarshal([]byte(out), &r); err != nil || r.Unused.N != c.unused || r.Used.N != 1 {
				t.Errorf("%v: %d unused, %d used", err, r.Unused.N, r.Used.N)
			}
		})
	}
}

func TestAFileThatTellsOfNoGrantEndsNothing(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	p := f.write("policy.yaml", pastPolicy)
	f.bot(exitOK, "history", "import", f.write("past.jsonl", lines(20)), "--policy", p)
	out := f.bot(exitOK, "activity", "import", f.write("log.jsonl", fmt.Sprintf(`{"until":%q}`+"\n", time.Now().UTC().Format(time.RFC3339))))
	if strings.Contains(out, "taken so") {
		t.Error(out)
	}
}

// config writes a configuration with a policy.
func (f folder) config(policy string) string {
	return f.write("config.yaml", "policy: "+policy+`
people:
  ann@example.com: {name: Ann, accounts: ["web:ann"]}
channels: {default: access}
web: {enabled: true, channels: [access]}
`)
}

func TestAReplayExitsAsItWasAskedTo(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("policy.yaml", pastPolicy)
	cfg := f.config("policy.yaml")
	f.bot(exitOK, "history", "import", f.write("past.jsonl", lines(8)), "--config", cfg)
	edit := func(name, from, to string) string {
		if !strings.Contains(pastPolicy, from) {
			t.Fatal(from)
		}
		return f.write(name, strings.Replace(pastPolicy, from, to, 1))
	}
	narrow := edit("narrow.yaml", "eligible: [group:sre]", "eligible: [bo@example.com]")
	wide := edit("wide.yaml", "approvals: {from: [lea@example.com, leo@example.com, lou@example.com]}", "auto_approve: true")
	short := edit("short.yaml", "max_duration: 4h", "max_duration: 2h\n    default_duration: 1h")
	same := edit("same.yaml", "version: 1", "# again\nversion: 1")
	broken := edit("broken.yaml", "rules:", "rulse:")
	for _, c := range []struct {
		want int
		says string
		args []string
	}{
		{exitOK, "Nothing would have been different.", []string{"--policy", same, "--fail-on", "denied,widened"}},
		{exitOK, "1 person refused (8 times); 32 exposure-hours less.", []string{"--policy", narrow}},
		{exitOK, "", []string{"--policy", narrow, "--fail-on", "widened"}},
		{exitHappened, "", []string{"--policy", narrow, "--fail-on", "denied"}},
		{exitOK, "1 person would have been given access at once", []string{"--policy", wide, "--fail-on", "denied"}},
		{exitHappened, "", []string{"--policy", wide, "--fail-on", "widened"}},
		{exitOK, "Nobody refused; 16 exposure-hours less.", []string{"--policy", short, "--fail-on", "denied,widened"}},
		{exitRefused, "rulse", []string{"--policy", broken}},
		{exitUsage, "--policy NEW is needed", nil},
		{exitUsage, "neither denied nor widened", []string{"--policy", same, "--fail-on", "changed"}},
		{exitUsage, "--since", []string{"--policy", same, "--since", "soon"}},
		{exitOK, "0 requests", []string{"--policy", narrow, "--since", "1s", "--fail-on", "denied"}},
	} {
		out := f.bot(c.want, append([]string{"policy", "replay", "--config", cfg}, c.args...)...)
		if !strings.Contains(out, c.says) {
			t.Errorf("%v: %s", c.args, out)
		}
	}
	f.bot(exitOK, "history", "import", "--config", cfg, f.write("odd.jsonl", strings.NewReplacer(`"outcome":"approval"`, `"outcome":"auto_approve"`, "OPS-0", "OPS-x", "g-0", "g-x").Replace(lines(1))))
	if out := f.bot(exitRefused, "policy", "replay", "--config", cfg, "--policy", same); !strings.Contains(out, "only 88.9% of the 9 requests") {
		t.Error(out)
	}
	f.bot(exitOK, "policy", "replay", "--config", cfg, "--policy", same, "--anyway")
}

func TestARunningJitbotTakesTheHistoryItself(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	s, done, err := openFolder(t.Context(), f.data, bot.Config{})
	if err != nil {
		t.Fatal(err)
	}
	a := &app{cfg: config{Data: f.data}, log: slog.New(slog.DiscardHandler), service: s}
	ctx, cancel := context.WithCancel(t.Context())
	control, err := a.listenControl(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { control.run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		_ = done() // it is over
	})
	past := f.write("past.jsonl", lines(3000)+"{}\n") // more than an ordinary body may be
	out := f.bot(exitRefused, "history", "import", past)
	if !strings.Contains(out, "3001   3000   3000") || !strings.Contains(out, past+":3001: id is missing") {
		t.Error(out)
	}
	events := eventsIn(t, f.data, jit.EventImported)
	if len(events) != 6 || events[0].Actor != osActor() || !strings.Contains(string(events[0].Data), "past.jsonl") {
		t.Errorf("%d events", len(events))
	}
}
