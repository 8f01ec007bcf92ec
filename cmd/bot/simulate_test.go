package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func simulateWith(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = runSimulate(context.Background(), args, environment{&out, &errs, func(string) string { return "" }})
	return code, out.String(), errs.String()
}

func TestASimulationCanBeCheckedAndConfigured(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "org")
	code, out, errs := simulateWith("--out", dir, "--rules", "20", "--weeks", "6", "--people", "60", "--json")
	if code != exitOK {
		t.Fatal(errs)
	}
	var s simulated
	if err := json.Unmarshal([]byte(out), &s); err != nil || s.Rules != 20 || s.Requests == 0 || s.Actions == 0 || s.Problems == 0 || s.Until.Weekday() != time.Monday {
		t.Errorf("%v: %s", err, out)
	}
	p, err := loadPolicy(filepath.Join(dir, "policy.yaml"))
	if err != nil || p.Rules() != 20 || len(p.Warnings()) != 0 {
		t.Errorf("the policy: %v, %v", err, p.Warnings())
	}
	c, err := loadConfig(filepath.Join(dir, "config.yaml"), func(string) string { return "" })
	if err != nil || len(c.People) != 60 || c.Data != filepath.Join(dir, "data") {
		t.Errorf("the configuration: %v", err)
	}
	if code, _, errs := simulateWith("--out", dir, "--rules", "10", "--weeks", "4"); code != exitOK {
		t.Errorf("over an earlier simulation: %s", errs)
	}
}

func TestTheLogsOfASimulationAreUnderstoodToTheLastLine(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "org")
	if code, _, errs := simulateWith("--out", dir, "--rules", "20", "--weeks", "6"); code != exitOK {
		t.Fatal(errs)
	}
	trails, err := filepath.Glob(filepath.Join(dir, "cloudtrail", "*.json.gz"))
	if err != nil || len(trails) == 0 {
		t.Fatal("no trail:", err)
	}
	for _, file := range append(trails, filepath.Join(dir, "activity.jsonl")) {
		var out, errs bytes.Buffer
		env := environment{&out, &errs, func(string) string { return "" }}
		args := []string{"import", file, "--config", filepath.Join(dir, "config.yaml"), "--json"}
		if code := runActivity(t.Context(), args, env); code != exitOK {
			t.Fatal(out.String(), errs.String())
		}
		var found []fileReport
		if err := json.Unmarshal(out.Bytes(), &found); err != nil || len(found) != 1 || found[0].Records < 100 || len(found[0].SetAside) > 0 {
			t.Errorf("%s: %v: %s", file, err, out.String())
		}
	}
}

func TestASimulationIsRefusedWhereItWouldDoHarm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(mine, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--out", dir}, exitRefused, "no simulation"},
		{nil, exitUsage, "--out DIR"},
		{[]string{"--out", dir, "--rules", "5"}, exitUsage, "not between 10 and 200"},
		{[]string{"--out", dir, "--until", "2999-01-01"}, exitUsage, "yet to come"},
	} {
		code, _, errs := simulateWith(c.args...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: exit %d: %s", c.args, code, errs)
		}
	}
	if raw, _ := os.ReadFile(mine); string(raw) != "version: 1\n" {
		t.Error("a policy was written over")
	}
}

func TestTheLastMondayIsOneThatIsOver(t *testing.T) {
	t.Parallel()
	for now, want := range map[string]string{
		"2026-11-25T17:00:00Z": "2026-11-23", "2026-11-23T12:00:00Z": "2026-11-16", "2026-11-24T00:00:00Z": "2026-11-23", "2026-11-22T23:00:00Z": "2026-11-16",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := lastMonday(at).Format(time.DateOnly); got != want {
			t.Errorf("%s: %s, want %s", now, got, want)
		}
	}
}
