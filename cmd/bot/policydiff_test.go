package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"jitbot/policy"
)

const diffBase = `version: 1
defaults: {timezone: Europe/Berlin}
groups: {sre: [ann@example.com, bo@example.com], leads: [gus@example.com, hal@example.com], live: {slack_usergroup: S0123ABCD}}
on_call: {platform: {rotation: {start: "2026-01-05T09:00", every: 7d, members: [ann@example.com, bo@example.com]}}}
resources: {prod-admin: {sensitivity: high, entitlements: [{aws_iam_group: {account: "111122223333", group: admins}}]}}
rules:
  - {id: admin, match: {resource: prod-admin}, eligible: [group:sre], max_duration: 4h, approvals: {from: [group:leads]}, notify: {channel: here}}
`

func diffOf(t *testing.T, change []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	before, after := filepath.Join(dir, "old.yaml"), filepath.Join(dir, "new.yaml")
	next := strings.NewReplacer(change...).Replace(diffBase)
	for file, text := range map[string]string{before: diffBase, after: next} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return policyRun(t, append([]string{"diff", before, after}, args...)...)
}

func TestPolicyDiffTellsPeopleWhoGetsMoreOrLess(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change []string
		code   int // with --fail-on widen
		want   string
	}{
		"nothing": {nil, 0, "same: every request gets what it got\n"},
		"who is told": {[]string{"channel: here", "channel: there"}, 0, `same: every request gets what it got
  same    Rule admin: notify.channel is there, it was here.
`},
		"shorter": {[]string{"max_duration: 4h", "max_duration: 2h"}, 0, `narrow: nobody gets more, some get less
  narrow  Rule admin: max_duration is 2h, it was 4h.
          ann@example.com can no longer get prod-admin for 4h on Wed 2026-01-07 13:00 CET, with approval for 4h by 1 of group:leads (gus@example.com, hal@example.com); now: no.
`},
		"somebody more": {[]string{"eligible: [group:sre]", "eligible: [group:sre, zed@example.com]"}, 3, `widen: some get more
  widen   Rule admin: eligible has zed@example.com too.
          zed@example.com could now get prod-admin for 4h on Wed 2026-01-07 13:00 CET, with approval for 4h by 1 of group:leads (gus@example.com, hal@example.com); before: no.
`},
		"no approval in office hours": {[]string{"approvals:", "auto_approve: {max_duration: 1h, hours: \"08:00-18:00\"}, approvals:"}, 3, `widen: some get more
  widen   Rule admin: auto_approve is new: at most 1h, from 08:00 to 18:00 (Europe/Berlin).
          ann@example.com could now get prod-admin for 1h on Wed 2026-01-07 13:00 CET, with no approval, for 1h; before: with approval for 1h by 1 of group:leads (gus@example.com, hal@example.com).
`},
		"one more who approves": {[]string{"from: [group:leads]", "from: [group:leads, eve@example.com]"}, 3, `widen: some get more
  widen   Rule admin: approvals.from has eve@example.com too.
          ann@example.com could now get prod-admin for 4h on Wed 2026-01-07 13:00 CET, with approval for 4h by 1 of group:leads or eve@example.com (eve@example.com, gus@example.com, hal@example.com); before: with approval for 4h by 1 of group:leads (gus@example.com, hal@example.com). For one, eve@example.com would be enough.
`},
		"a live group": {[]string{"eligible: [group:sre]", "eligible: [group:live]"}, 3, ""},
		"what it gives": {[]string{"group: admins", "group: owners"}, 3, `unknown: whether somebody gets more could not be shown; take it that somebody does
  unknown Resource prod-admin gives something else than before.
`},
	} {
		code, out, errs := diffOf(t, row.change, "--fail-on", "widen")
		if code != row.code || errs != "" || row.want != "" && out != row.want {
			t.Errorf("%s: exit %d, want %d\n%s%s\nwant\n%s", name, code, row.code, out, errs, row.want)
		}
		if code, _, _ := diffOf(t, row.change); code != 0 {
			t.Errorf("%s: exit %d without --fail-on", name, code)
		}
	}
}

func TestPolicyDiffAnswersProgramsInJSON(t *testing.T) {
	t.Parallel()
	code, out, errs := diffOf(t, []string{"count: 1, ", "", "approvals: {", "auto_approve: {max_duration: 1h}, approvals: {"}, "--json")
	var got struct {
		Direction string
		Changes   []struct {
			Rule, Direction, Sentence string
			Counterexample            map[string]any
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 || errs != "" {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, errs)
	}
	if got.Direction != string(policy.Widen) || len(got.Changes) != 1 {
		t.Fatalf("got %+v", got)
	}
	c := got.Changes[0]
	if c.Rule != "admin" || c.Direction != "widen" || c.Sentence != "Rule admin: auto_approve is new: at most 1h." {
		t.Errorf("got %+v", c)
	}
	for key, want := range map[string]any{
		"user": "ann@example.com", "resource": "prod-admin", "duration": "1h0m0s", "reason": "", "at": "2026-01-07T13:00:00+01:00",
		"old_outcome": "approval for 1h by 1 of group:leads (gus@example.com, hal@example.com)", "new_outcome": "auto_approve for 1h",
	} {
		if c.Counterexample[key] != want {
			t.Errorf("%s is %v, want %v", key, c.Counterexample[key], want)
		}
	}
	if duties, ok := c.Counterexample["on_call"].([]any); !ok || len(duties) != 0 {
		t.Errorf("on_call is %v", c.Counterexample["on_call"])
	}
	if _, again, _ := diffOf(t, []string{"approvals: {", "auto_approve: {max_duration: 1h}, approvals: {"}, "--json"); again != out {
		t.Errorf("the same question has another answer:\n%s", again)
	}
}

func TestPolicyDiffRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	code, out, errs := diffOf(t, []string{"max_duration: 4h", "max_duration: 4x"}, "--json")
	if code != 1 || out != "" || !strings.Contains(errs, "new.yaml:7:") {
		t.Errorf("a broken file: exit %d\n%s%s", code, out, errs)
	}
	for _, args := range [][]string{{"diff"}, {"diff", examplePolicy}, {"diff", examplePolicy, examplePolicy, examplePolicy}, {"diff", examplePolicy, examplePolicy, "--fail-on", "narrow"}, {"diff", examplePolicy, examplePolicy, "--since", "now"}} {
		if code, out, errs := policyRun(t, args...); code != 2 || out != "" || !strings.Contains(errs, "usage:") {
			t.Errorf("%v: exit %d\n%s%s", args, code, out, errs)
		}
	}
}

func TestPolicyDiffDoesNotLookBack(t *testing.T) {
	t.Parallel()
	change := []string{"approvals:", "auto_approve: {expires: 2026-03-01}, approvals:"}
	if code, out, _ := diffOf(t, change, "--fail-on", "widen", "--since", "2026-02-28T00:00:00Z"); code != 3 {
		t.Errorf("the day before it expires: exit %d\n%s", code, out)
	}
	if code, out, _ := diffOf(t, change, "--fail-on", "widen", "--since", "2026-03-01T00:00:00Z"); code != 0 || !strings.HasPrefix(out, "same") {
		t.Errorf("after it expired: exit %d\n%s", code, out)
	}
}

func TestPolicyDiffReadsLinksAndPipesAndSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	real, link, pipe := filepath.Join(dir, "real.yaml"), filepath.Join(other, "link.yaml"), filepath.Join(other, "pipe")
	if err := errors.Join(os.WriteFile(real, []byte(diffBase), 0o600), os.Symlink(real, link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	go func() {
		if f, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil {
			_, err = f.WriteString(diffBase)
			_ = errors.Join(err, f.Close()) // what reads it then says so
		}
	}()
	if code, out, problem := policyRun(t, "diff", link, pipe, "--fail-on", "widen"); code != 0 || !strings.HasPrefix(out, "same: ") {
		t.Errorf("a link and a pipe: %d %s%s", code, out, problem)
	}
	for name, want := range map[string]string{dir: "is a directory", filepath.Join(dir, "none.yaml"): "no such file"} {
		if code, out, problem := policyRun(t, "diff", real, name, "--json", "--fail-on", "widen"); code != 1 || out != "" || !strings.Contains(problem, want) || !strings.Contains(problem, name) {
			t.Errorf("%s: %d %q %q", name, code, out, problem)
		}
	}
}
