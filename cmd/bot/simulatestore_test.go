package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/history"
	"jitbot/integrations/aws"
	"jitbot/simulate"
	"jitbot/storage"
)

var aMonday = time.Date(2026, 9, 28, 0, 0, 0, 0, time.UTC)

// readBack imports what a simulation wrote, and reads the past that comes of it.
func readBack(t *testing.T, dir string) *history.Past {
	t.Helper()
	do := func(run func(args []string, env environment) int, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		args = append(args, "--config", filepath.Join(dir, "config.yaml"))
		if code := run(args, environment{&out, &errs, func(string) string { return "" }}); code != exitOK {
			t.Fatalf("%v: exit %d: %s%s", args, code, out.String(), errs.String())
		}
	}
	bring := func(args []string, env environment) int { return runHistory(t.Context(), args, env) }
	log := func(args []string, env environment) int { return runActivity(t.Context(), args, env) }
	do(bring, "import", filepath.Join(dir, "history.jsonl"))
	until := aMonday.Format(time.RFC3339)
	do(log, "import", filepath.Join(dir, "activity.jsonl"), "--source", "plain", "--until", until)
	trails, err := filepath.Glob(filepath.Join(dir, "cloudtrail", "*.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range trails {
		do(log, "import", file, "--source", "trail-"+strings.TrimSuffix(filepath.Base(file), ".json.gz"), "--until", until)
	}
	return pastIn(t, dir)
}

func pastIn(t *testing.T, dir string) *history.Past {
	t.Helper()
	c, err := loadConfig(filepath.Join(dir, "config.yaml"), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	deps := bot.Deps{Now: time.Now}
	sources, err := c.Activity.open(deps, c.AWS.Reach())
	if err != nil {
		t.Fatal(err)
	}
	marks, err := aws.Open(c.AWS, deps)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bot.Provisioner{}
	for _, kind := range aws.KindNames() {
		given[kind] = marks
	}
	s, done, err := openFolder(t.Context(), c.Data, bot.Config{Provisioners: given, Sources: sources.all})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = done() }()
	var past *history.Past
	if err := s.Store.Read(t.Context(), func(v storage.View) (err error) {
		past, err = history.Read(v, history.Options{From: aMonday.AddDate(0, 0, -56), To: aMonday, Facts: true, Log: s.Activity()})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return past
}

func TestWhatAStoreTellsOfASimulationIsWhatItsShortcutTells(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "org")
	org, err := simulate.New(simulate.Options{Rules: 30, Weeks: 8, Until: aMonday})
	if err != nil {
		t.Fatal(err)
	}
	if err := org.Write(dir); err != nil {
		t.Fatal(err)
	}
	d, err := simulate.Data(org)
	if err != nil {
		t.Fatal(err)
	}
	got := readBack(t, dir)
	if len(got.Cases) != len(d.Past.Cases) {
		t.Fatalf("%d cases, the store tells of %d", len(d.Past.Cases), len(got.Cases))
	}
	same := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(activity.Use{}), cmpopts.SortSlices(func(a, b history.Notice) bool { return a.Who < b.Who })}
	for i := range d.Past.Cases {
		if diff := cmp.Diff(d.Past.Cases[i], got.Cases[i], same); diff != "" {
			t.Fatalf("of the shortcut (-) and of the store (+):\n%s", diff)
		}
		a, b := d.Past.Cases[i].Grant, got.Cases[i].Grant
		if a == nil {
			continue
		}
		did, refused := a.Use.Kinds()
		if d, r := b.Use.Kinds(); d != did || r != refused {
			t.Fatalf("%s: %d kinds done and %d refused, the store tells of %d and %d", a.ID, did, refused, d, r)
		}
	}
	if len(d.Past.Doors) != len(got.Doors) {
		t.Errorf("%d side doors, the store tells of %d", len(d.Past.Doors), len(got.Doors))
	}
}
