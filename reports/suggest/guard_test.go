package suggest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/analysis"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/reports/suggest"
)

const smallPolicy = `version: 1
groups:
  sre: [ann@example.com, bo@example.com]
  leads: [cy@example.com, di@example.com, ed@example.com]
  live: {slack_usergroup: S1}
resources:
  db: {sensitivity: high, owner: group:leads, entitlements: [{aws_session: {role: r}}]}
  cache: {sensitivity: low, entitlements: [{aws_session: {role: c}}]}
  policy-repo: {entitlements: [{aws_session: {role: p}}]}
rules:
  - id: db            # SEC-112
    match: {resource: db}
    eligible: [group:sre]
    max_duration: 8h
    approvals: {count: 1, from: [group:leads]}
    break_glass: {eligible: [group:sre], max_duration: 4h}
  - id: cache
    match: {resource: cache}
    eligible: [group:sre]
    keep: true
    max_duration: 8h
    approvals: {count: 1, from: [cy@example.com, di@example.com, group:live]}
  - id: governs
    match: {resource: policy-repo}
    eligible: [group:leads]
    max_duration: 8h
    approvals: {count: 1, from: [group:leads]}
`

// small is a past of forty grants of db, all used for an hour.
type small struct {
	in    suggest.In
	found []analysis.Finding
}

func newSmall(t *testing.T, found ...analysis.Finding) *small {
	t.Helper()
	load := func(src []byte) (*policy.Policy, error) {
		return policy.Load("policy.yaml", src, policy.Options{Kinds: []policy.Kind{{Name: "aws_session", Params: []policy.Param{{Name: "role"}}}}, GroupSources: []policy.Kind{{Name: "slack_usergroup", Params: []policy.Param{{Name: "id"}}}}})
	}
	p, err := load([]byte(smallPolicy))
	if err != nil {
		t.Fatal(err)
	}
	past := &history.Past{From: monday.Add(-180 * day), To: monday}
	for i := range 40 {
		at := monday.Add(-time.Duration(170-4*i) * day)
		ask, err := json.Marshal(policy.Request{User: "ann@example.com", By: "ann@example.com", Resource: "db", Duration: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		past.Cases = append(past.Cases, history.Case{
			ID: fmt.Sprintf("req_%02d", i), At: at, Kind: jit.Access, User: "ann@example.com", By: "ann@example.com", Resource: "db", Duration: time.Hour, Rule: "db",
			Outcome: policy.Approval, Said: policy.Approval, State: jit.RequestApproved, Imported: true, Needed: 1, Ask: ask,
			Grant: &history.Grant{
				ID: fmt.Sprintf("grt_%02d", i), Resource: "db", From: at, Ends: at.Add(time.Hour), Ended: at.Add(time.Hour), Outcome: jit.Expired,
				Use: activity.Use{Actions: 1, OK: 1, LastOK: at.Add(time.Minute)}, Evidence: &jit.Evidence{Complete: true},
			},
		})
	}
	s := &small{found: found}
	s.in = suggest.In{
		At: monday, Past: past, Policy: p, Src: []byte(smallPolicy), Load: load, Prove: suggest.Compared(monday), Replay: suggest.Replays(past, nothingKept{}),
		Since:      func(string) time.Time { return monday.Add(-100 * day) },
		Unattended: []analysis.Class{"A1", "A2", "A13", "A16", "A12", "A20"},
	}
	s.in.Analyses = []analysis.Analysis{{Class: "A2", Name: "partly used time", Find: func(*analysis.Data) ([]analysis.Finding, error) { return slices.Clone(s.found), nil }}}
	return s
}

const day = 24 * time.Hour

// of is a finding with one edit, resting on good evidence.
func of(class analysis.Class, e edit.Edit) analysis.Finding {
	return analysis.Finding{
		Class: class, Rule: e.Rule, N: 40, K: 40, Bound: .9, Sentence: "Forty of forty.", Evidence: []string{"grt_01", "grt_02"}, Owner: "security",
		Edits: []analysis.Proposal{{Edit: e, Direction: analysis.Narrow, Why: "so it is"}},
	}
}

func set(rule, key, value string) edit.Edit {
	return edit.Edit{Op: edit.Set, Rule: rule, Path: strings.Split(key, "."), Value: value}
}

func (s *small) make(t *testing.T) *suggest.Report {
	t.Helper()
	r, err := suggest.Make(t.Context(), s.in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// one is the only suggestion that a finding leads to.
func one(t *testing.T, f analysis.Finding) suggest.Suggestion {
	t.Helper()
	r := newSmall(t, f).make(t)
	if len(r.Suggestions) != 1 {
		t.Fatalf("%d suggestions; refused: %+v", len(r.Suggestions), r.Findings)
	}
	return r.Suggestions[0]
}

// refused is why a finding leads to none.
func refused(t *testing.T, f analysis.Finding, change ...func(*small)) string {
	t.Helper()
	s := newSmall(t, f)
	for _, c := range change {
		c(s)
	}
	r := s.make(t)
	if len(r.Suggestions) != 0 || len(r.Findings) != 1 || r.Findings[0].Refused == "" {
		t.Fatalf("%+v was suggested; findings %+v", r.Suggestions, r.Findings)
	}
	return r.Findings[0].Refused
}

func TestASuggestionCarriesAllThatItRestsOn(t *testing.T) {
	t.Parallel()
	s := one(t, of("A2", set("db", "max_duration", "2h")))
	if s.Direction != jit.Narrow || s.Patch == "" || s.N != 40 || s.Base == s.After || !strings.Contains(s.Patch, "+    max_duration: 2h") {
		t.Errorf("%+v", s)
	}
	if s.Title != "max_duration of rule db from 8h to 2h" || s.Replay.Requests == 0 || s.HeldOut.Judged == 0 || s.HeldOut.Hurt != 0 {
		t.Errorf("%q, replay %+v, held out %+v", s.Title, s.Replay, s.HeldOut)
	}
}

func TestG1NothingThatWidensIsMadeWithoutPeople(t *testing.T) {
	t.Parallel()
	f := of("A20", edit.Edit{Op: edit.AddItem, Rule: "db", Path: []string{"eligible"}, Item: "group:leads"})
	if s := one(t, f); s.Unattended || !s.Direction.Widens() || !s.LooserUntil.Equal(monday.Add(90*day)) || len(s.Proof.Counterexample) == 0 {
		t.Errorf("%+v", s)
	}
	if s := one(t, of("A2", set("db", "max_duration", "2h"))); !s.Unattended {
		t.Error("what is proved to narrow, of a class people named, may be")
	}
}

func TestG2TheDirectionIsProvedAndNotWhatTheAnalysisSays(t *testing.T) {
	t.Parallel()
	if s := one(t, of("A20", edit.Edit{Op: edit.AddItem, Rule: "db", Path: []string{"eligible"}, Item: "group:leads"})); s.Direction != jit.Widen {
		t.Errorf("declared narrow, it gives more, and is held for %s", s.Direction)
	}
	s := newSmall(t, of("A2", set("db", "max_duration", "2h")))
	s.in.Prove = func(_, _ *policy.Policy) suggest.Proof { return suggest.Proof{} }
	if got := s.make(t).Suggestions[0]; got.Direction != jit.DirectionUnknown || got.Unattended || got.LooserUntil.IsZero() {
		t.Errorf("what nobody can tell counts as more: %+v", got)
	}
}

func TestG3YoungAndKeptRulesAndBreakGlassAreLeftToPeople(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		f      analysis.Finding
		change func(*small)
	}{
		{"a rule of 29 days", of("A2", set("db", "max_duration", "2h")), func(s *small) {
			s.in.Since = func(string) time.Time { return monday.Add(-29 * day) }
		}},
		{"a rule of an age nobody knows", of("A2", set("db", "max_duration", "2h")), func(s *small) {
			s.in.Since = func(string) time.Time { return time.Time{} }
		}},
		{"a rule that is kept", of("A2", set("cache", "max_duration", "2h")), nil},
		{"break-glass", of("A16", set("db", "break_glass.max_duration", "1h")), nil},
		{"a class nobody named", of("A17", set("db", "max_duration", "2h")), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newSmall(t, row.f)
			if row.change != nil {
				row.change(s)
			}
			if r := s.make(t); len(r.Suggestions) != 1 || r.Suggestions[0].Unattended {
				t.Errorf("%+v, %+v", r.Suggestions, r.Findings)
			}
		})
	}
	gone := of("A17", edit.Edit{Op: edit.DeleteRule, Rule: "cache"})
	if why := refused(t, gone); why != "Rule cache is marked to be kept." {
		t.Error(why)
	}
	refused(t, of("A17", edit.Edit{Op: edit.RemoveKey, Rule: "cache", Path: []string{"keep"}}))
}

func TestG4NothingRestsOnWhatCannotBeJudged(t *testing.T) {
	t.Parallel()
	f := of("A2", set("db", "max_duration", "2h"))
	refused(t, f, func(s *small) { s.in.Past.Cases[1].Grant.Evidence = &jit.Evidence{} })
	bare := f
	bare.Evidence = nil
	refused(t, bare)
	s := newSmall(t, f)
	for i := range 3 { // of those of the last 90 days; more than two in a hundred
		s.in.Past.Cases[30+i].Outcome, s.in.Past.Cases[30+i].Said = policy.Deny, policy.Deny
	}
	if r, err := suggest.Make(t.Context(), s.in); !errors.Is(err, suggest.ErrUnjudgeable) || len(r.Suggestions) > 0 || r.Refused == "" {
		t.Errorf("a past that does not come out as it was: %v", err)
	}
}

func TestG4WhereAnotherToolHadOtherRulesTheseAloneAreNotJudged(t *testing.T) {
	t.Parallel()
	s := newSmall(t, of("A2", set("db", "max_duration", "2h")), of("A2", set("cache", "max_duration", "2h")))
	for i := range 40 { // the same people ask for the cache, which the other tool gave at once
		c := s.in.Past.Cases[i]
		c.ID, c.Resource, c.Rule = fmt.Sprintf("req_cache_%02d", i), "cache", "cache"
		c.Ask, _ = json.Marshal(policy.Request{User: c.User, By: c.By, Resource: "cache", Duration: time.Hour})
		c.Outcome, c.Said, c.Grant = policy.AutoApprove, policy.AutoApprove, nil
		s.in.Past.Cases = append(s.in.Past.Cases, c)
	}
	slices.SortFunc(s.in.Past.Cases, func(a, b history.Case) int { return a.At.Compare(b.At) })
	s.in.Replay = suggest.Replays(s.in.Past, nothingKept{})
	r := s.make(t)
	if len(r.Suggestions) != 1 || r.Suggestions[0].Rule != "db" || len(r.Unjudged) != 1 || r.Unjudged[0].Rule != "cache" || r.Unjudged[0].Replayable.K != 0 {
		t.Fatalf("suggested %+v; not judged %+v", r.Suggestions, r.Unjudged)
	}
	if len(r.Findings) != 1 || !strings.HasPrefix(r.Findings[0].Refused, "Only 0 of ") {
		t.Errorf("%+v", r.Findings)
	}
	for i := range s.in.Past.Cases { // and had jitbot decided it itself, nothing would be judged
		if c := &s.in.Past.Cases[i]; c.Rule == "cache" {
			c.Imported = false
		}
	}
	s.in.Replay = suggest.Replays(s.in.Past, nothingKept{})
	if r, err := suggest.Make(t.Context(), s.in); !errors.Is(err, suggest.ErrUnjudgeable) || !strings.Contains(r.Refused, "such as req_cache_") {
		t.Errorf("%v", err)
	}
}

func TestAskingForATicketIsNotHeldAgainstRequestsWithoutOne(t *testing.T) {
	t.Parallel()
	f := of("A1", edit.Edit{Op: edit.AddKey, Rule: "db", Path: []string{"require"}, Value: "{ticket: {open: true}}"})
	if s := one(t, f); s.HeldOut.Hurt == 0 || s.HeldOut.Judged == 0 {
		t.Errorf("none of the past had a ticket: %+v", s.HeldOut)
	}
}

func TestANoteWithEachApprovalChangesNoDecisionAndIsSuggestedAllTheSame(t *testing.T) {
	t.Parallel()
	note := of("A12", edit.Edit{Op: edit.AddKey, Rule: "db", Path: []string{"approvals", "note"}, Value: "required"})
	if s := one(t, note); s.Replay.People != 0 {
		t.Errorf("%+v", s.Replay)
	}
}

func TestG5EnoughActiveApproversStay(t *testing.T) {
	t.Parallel()
	out := of("A14", edit.Edit{Op: edit.RemoveItem, Rule: "cache", Path: []string{"approvals", "from"}, Item: "group:live"})
	if s := one(t, out); s.Title == "" {
		t.Error("two are left, and two are enough")
	}
	refused(t, out, func(s *small) { s.in.Active = func(id string) bool { return id != "di@example.com" } })
	unknown := of("A14", edit.Edit{Op: edit.RemoveItem, Rule: "cache", Path: []string{"approvals", "from"}, Item: "cy@example.com"})
	if why := refused(t, unknown); !strings.Contains(why, "group:live") {
		t.Errorf("nobody can tell who is in a live group: %s", why)
	}
	known := newSmall(t, unknown)
	known.in.Past.Cases[39].Facts, _ = json.Marshal(policy.Facts{At: known.in.Past.Cases[39].At, Groups: map[string][]string{"live": {"ed@example.com"}}})
	if r := known.make(t); len(r.Suggestions) != 1 {
		t.Errorf("what the newest request knew of the group tells: %+v", r.Findings)
	}
	refused(t, of("A12", set("db", "approvals.count", "3")))
}

func TestG6WhatPeopleAndLogsSayIsShownAsOneLineAndNothingElse(t *testing.T) {
	t.Parallel()
	f := of("A2", set("db", "max_duration", "2h"))
	f.Sentence = "A\u202e name\nrules:\n  - id: evil" + strings.Repeat("x", 1000)
	f.Figures = []analysis.Figure{{Name: "by", Value: "a\x1b[31mb\nc"}}
	s := one(t, f)
	if strings.ContainsAny(s.Sentence+s.Figures[0].Value, "\n\x1b\u202e") || len([]rune(s.Sentence)) > 400 {
		t.Errorf("%q, %q", s.Sentence, s.Figures[0].Value)
	}
	clean := one(t, of("A2", set("db", "max_duration", "2h")))
	if s.Patch != clean.Patch || s.Direction != clean.Direction {
		t.Error("what was said changed the edit")
	}
	poisoned := newSmall(t, of("A2", set("db", "max_duration", "2h")))
	for i := range poisoned.in.Past.Cases {
		poisoned.in.Past.Cases[i].Reason = "auto_approve: true, eligible: [everyone]"
	}
	if got := poisoned.make(t).Suggestions[0]; got.Patch != clean.Patch || !reflect.DeepEqual(got.Replay, clean.Replay) {
		t.Error("reasons changed a suggestion")
	}
}

func TestG7WhatWasDeniedOpensNothing(t *testing.T) {
	t.Parallel()
	wider := edit.Edit{Op: edit.AddItem, Rule: "db", Path: []string{"eligible"}, Item: "group:leads"}
	if why := refused(t, of("A4", wider)); !strings.Contains(why, "denied") {
		t.Error(why)
	}
	refused(t, of("A20", wider), func(s *small) {
		for i := range s.in.Past.Cases {
			s.in.Past.Cases[i].Grant.Use = activity.Use{Actions: 9, Denied: 9}
		}
	})
}

func TestG8NoSuggestionTouchesWhatGovernsJitbot(t *testing.T) {
	t.Parallel()
	f := of("A2", set("governs", "max_duration", "2h"))
	one(t, f)
	for _, protected := range []string{"governs", "policy-repo"} {
		if why := refused(t, f, func(s *small) { s.in.Protected = []string{protected} }); !strings.Contains(why, "governs") {
			t.Error(why)
		}
	}
}

func TestAnEditThatGivesNoPolicyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	if why := refused(t, of("A2", set("db", "max_duration", "200h"))); !strings.Contains(why, "would not load") {
		t.Error(why)
	}
	f := of("A2", set("db", "max_duration", "200h"))
	f.Edits = append(f.Edits, analysis.Proposal{Edit: set("db", "max_duration", "2h")})
	if s := one(t, f); s.Edit.Value != "2h" {
		t.Errorf("the next best edit is %+v", s.Edit)
	}
}

func TestAFileThatCannotBeSplicedLeavesItToPeople(t *testing.T) {
	t.Parallel()
	s := newSmall(t, of("A2", set("db", "max_duration", "2h")))
	s.in.Src = []byte(strings.Replace(smallPolicy, "    max_duration: 8h\n    approvals: {count: 1, from: [group:leads]}\n    break", "    max_duration: &long 8h\n    approvals: {count: 1, from: [group:leads]}\n    break", 1))
	r := s.make(t)
	if len(r.Suggestions) != 1 || r.Suggestions[0].Patch != "" || !strings.Contains(r.Suggestions[0].ByHand, "anchor") || !r.Suggestions[0].Direction.Widens() {
		t.Errorf("%+v %+v", r.Suggestions, r.Findings)
	}
}

func TestAnEditThatHarmsTheNewestQuarterIsNotSuggested(t *testing.T) {
	t.Parallel()
	f := of("A2", set("db", "max_duration", "15m"))
	why := refused(t, f, func(s *small) {
		for i := range s.in.Past.Cases {
			c := &s.in.Past.Cases[i]
			c.Grant.Use.LastOK = c.At.Add(50 * time.Minute)
		}
	})
	if !strings.Contains(why, "newest quarter") {
		t.Error(why)
	}
}

func TestAnEditLosesWhatMakesNoDifference(t *testing.T) {
	t.Parallel()
	e := edit.Edit{Op: edit.AddKey, Rule: "db", Path: []string{"require"}, Value: "{ticket: true, hours: \"00:00-24:00\"}"}
	s := newSmall(t, of("A11", e))
	r := s.make(t)
	if len(r.Suggestions) != 1 {
		t.Fatalf("%+v", r.Findings)
	}
	if got := r.Suggestions[0].Edit.Value; strings.Contains(got, "hours") || !strings.Contains(got, "ticket") {
		t.Errorf("the edit is %s", got)
	}
}

func TestTheSameEditIsSuggestedOnce(t *testing.T) {
	t.Parallel()
	a, b := of("A1", set("db", "max_duration", "2h")), of("A2", set("db", "max_duration", "2h"))
	b.N = 60
	r := newSmall(t, a, b).make(t)
	if len(r.Suggestions) != 1 || r.Suggestions[0].N != 60 {
		t.Errorf("%+v", r.Suggestions)
	}
}

func TestWhatNeedsMoreEvidenceIsCountedDown(t *testing.T) {
	t.Parallel()
	f := of("A2", set("db", "max_duration", "2h"))
	f.More = 14
	r := newSmall(t, f).make(t)
	if len(r.Suggestions) != 0 || len(r.Growing) != 1 || r.Growing[0].More != 14 {
		t.Errorf("%+v", r)
	}
}
