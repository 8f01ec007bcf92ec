package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// showcased is a data folder of a demo that ran, and the grants with receipts.
func showcased(t *testing.T) (dir string, grants map[string]string) {
	t.Helper()
	dir = t.TempDir()
	demoAt(t, "--data", dir)
	grants = map[string]string{}
	deadline := time.After(20 * time.Second)
	for len(grants) < len(showcases()) {
		select {
		case <-deadline:
			t.Fatalf("receipts are there of %v alone", grants)
		default:
		}
		out, _ := botSays(t, "grants", "list", "--data", dir, "--json", "--limit", "200")
		var all []struct {
			ID, Principal string
			Receipts      int
		}
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatal(err)
		}
		for _, g := range all {
			if g.Receipts > 0 {
				grants[strings.TrimSuffix(g.Principal, "@example.com")] = g.ID
			}
		}
	}
	return dir, grants
}

func TestTheDemoHasATimelineOfEachKindOnTheTerminalToo(t *testing.T) {
	t.Parallel()
	dir, grants := showcased(t)
	for who, want := range map[string][]string{
		"ann": {"Used as expected. 90 actions", "denied rds:DeleteDBInstance x2", "denied by the session policy", "AFTER THE END", "by access key, 100%"},
		"bo":  {"Used for something else than it was for", "s3:PutObject", "OUT OF SCOPE"},
		"cy":  {"Unused.", "Everything that was done until", "Let in at once, by rule on-call-incident"},
		"di":  {"Used, evidence incomplete", "a file of the log was cut off"},
	} {
		out, code := botSays(t, "grants", "show", grants[who], "--data", dir)
		for _, part := range append(want, "As of receipt 1") {
			if code != exitOK || !strings.Contains(out, part) {
				t.Errorf("of %s it does not say %q:\n%s", who, part, out)
			}
		}
		if strings.Contains(out, "waiting  = held") {
			t.Error("a line is drawn where there is no terminal")
		}
	}
	wide := func(lang string) string {
		var out bytes.Buffer
		run(t.Context(), []string{"grants", "show", grants["ann"], "--data", dir}, environment{&out, &out, func(name string) string {
			return map[string]string{"COLUMNS": "90", "LANG": lang}[name]
		}})
		return out.String()
	}
	if out := wide("C.UTF-8"); !strings.Contains(out, "█") && !strings.Contains(out, "▅") || !strings.Contains(out, "~~|===") || !strings.Contains(out, "xx") {
		t.Errorf("the line reads\n%s", out)
	}
	if out := wide("C"); strings.ContainsFunc(out, func(r rune) bool { return r > 0x2500 && r < 0x2600 }) {
		t.Errorf("without UTF-8 the line reads\n%s", out)
	}
	if out, _ := botSays(t, "grants", "show", grants["ann"], "--data", dir, "--actions", "5"); !strings.Contains(out, "85 more are counted and not listed.") {
		t.Errorf("with --actions 5:\n%s", out)
	}
}

func TestForOtherProgramsAGrantIsWrittenWithEverythingThereIs(t *testing.T) {
	t.Parallel()
	dir, grants := showcased(t)
	out, _ := botSays(t, "grants", "show", grants["ann"], "--data", dir, "--json")
	var rec record
	if err := json.Unmarshal([]byte(out), &rec); err != nil {
		t.Fatal(err)
	}
	if rec.Request.ID == "" || rec.Grant == nil || len(rec.Holdings) != 1 || len(rec.Events) < 6 || len(rec.Actions) != 90 || rec.Use == nil || rec.Use.Denied != 5 ||
		rec.Receipt == nil || rec.Evidence == nil || !rec.Evidence.Complete || rec.AsOf.IsZero() {
		t.Errorf("it is written as\n%s", out)
	}
	requested, _ := botSays(t, "requests", "show", rec.Request.ID, "--data", dir)
	if !strings.Contains(requested, rec.Grant.ID) {
		t.Errorf("the request reads\n%s", requested)
	}
}
