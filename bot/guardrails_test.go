package bot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// The guard rails of suggestions, each named as the definition names it.

func TestG1NothingThatWidensIsAppliedWithoutTwoPeopleWhoGainNothingAndADayItEnds(t *testing.T) {
	t.Parallel()
	eligible := func(c *bot.Config) { c.Security = append(c.Security, ann, cy, con) } // leads who gain
	d := newDesk(t, eligible)
	d.way = jit.Widen
	g := d.one(longer())
	d.no(g.ID, bot.CodeSelf, "Ann Lee would be let do more by that", d.accept(g.ID, ann))
	d.must(d.accept(g.ID, sam)())
	d.no(g.ID, bot.CodeSelf, "You accepted that yourself", d.confirm(g.ID, sam))
	d.no(g.ID, bot.CodeSelf, "Ann Lee would be let do more", d.confirm(g.ID, ann))
	d.no(g.ID, bot.CodeSelf, "Cy Cole would be let do more", d.confirm(g.ID, cy))
	g = d.must(d.confirm(g.ID, con)()) // con is a lead and gains nothing
	if g.Direction != jit.Widen || g.ExpiresAt.Sub(g.AppliedAt) != 90*24*time.Hour {
		t.Errorf("it stands until %v: %+v", g.ExpiresAt, g)
	}
}

func TestG1WhoeverIsGivenMoreByAnyKeyOfARuleGains(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		e   edit.Edit
		who string
	}{
		"a new group":                     {edit.Edit{Op: edit.AddItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:contractors"}, con},
		"a new approver":                  {edit.Edit{Op: edit.AddItem, Rule: "prod-by-approval", Path: []string{"approvals", "from"}, Item: ada}, ada},
		"whoever it is escalated to":      {edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"escalate"}, Value: "{after: 5m, to: [ada@example.com]}"}, ada},
		"whoever asks for others":         {edit.Edit{Op: edit.AddKey, Rule: "prod-by-approval", Path: []string{"on_behalf"}, Value: "[ada@example.com]"}, ada},
		"whoever breaks the glass":        {edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"break_glass", "max_duration"}, Value: "2h"}, di},
		"whoever has a turn some day":     {edit.Edit{Op: edit.Set, Rule: "on-call-incident", Path: []string{"max_duration"}, Value: "2h"}, di},
		"who was refused by what goes":    {edit.Edit{Op: edit.DeleteRule, Rule: "contractors-never"}, con},
		"whoever a new rule would let in": {edit.Edit{Op: edit.AddRule, Rule: "staging-at-will", Value: "id: new\nmatch: {resource: prod-logs}\neligible: [group:contractors]\nauto_approve: true"}, con},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(bc *bot.Config) { bc.Security = append(bc.Security, di, con) })
			d.way = jit.Widen
			g := d.one(suggest("A20", c.e))
			d.no(g.ID, bot.CodeSelf, "would be let do more", d.accept(g.ID, c.who))
			d.must(d.accept(g.ID, sam)())
			d.no(g.ID, bot.CodeSelf, "would be let do more", d.confirm(g.ID, c.who))
			d.must(d.confirm(g.ID, zoe)())
		})
	}
}

func TestG1WhereEverybodyGainsOrNobodyCanTellNobodyConfirmsHere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	g := d.one(suggest("A19", edit.Edit{Op: edit.Set, Rule: "staging-at-will", Path: []string{"max_duration"}, Value: "7h"}))
	d.no(g.ID, bot.CodeDenied, "Everybody gains by that", d.accept(g.ID, sam))

	live := strings.Replace(world.Policy, "contractors: [con@example.com]", "contractors: {slack_usergroup: S0123ABCD}", 1)
	d.set([]byte(live))
	e := edit.Edit{Op: edit.AddItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:contractors"}
	h := d.one(suggest("A20", e))
	d.no(h.ID, bot.CodeProvider, "cannot tell who is in group:contractors", d.accept(h.ID, sam))
}

func TestG1ASecondAccountIsNoSecondPerson(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	all := world.Cast()
	for i := range all {
		if all[i].ID == sam {
			all[i].Accounts = append(all[i].Accounts, jit.Account{Platform: "slack", Team: "T1", User: "U1"})
		}
	}
	if err := d.People.Replace(all); err != nil {
		t.Fatal(err)
	}
	g := d.one(shorter())
	person := func(a jit.Account) string {
		p, ok := d.People.ByAccount(a)
		if !ok {
			t.Fatalf("%s is nobody's", a)
		}
		return p.ID
	}
	d.must(d.accept(g.ID, person(jit.Account{Platform: "web", User: "sam"}))())
	d.no(g.ID, bot.CodeSelf, "accepted that yourself", d.confirm(g.ID, person(jit.Account{Platform: "slack", Team: "T1", User: "U1"})))
	d.no(g.ID, bot.CodeNoRight, "Only admins", d.confirm(g.ID, "SAM@example.com")) // ids are compared as they are
}

func TestG1WhatWidenedIsProposedToBeTakenBackWhenItsDayComes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	g := d.done(longer())
	d.Clock.Move(89 * 24 * time.Hour)
	settle(t, d)
	if n := len(suggestionsIn(t, d, jit.SuggestionOpen)); n != 0 {
		t.Fatalf("%d are proposed before the day", n)
	}
	d.Clock.Move(24 * time.Hour)
	settle(t, d)
	settle(t, d)
	open := suggestionsIn(t, d, jit.SuggestionOpen)
	if len(open) != 1 || open[0].Reverts != g.ID || !strings.Contains(string(open[0].Body), "that time is over") || d.text() == world.Policy {
		t.Fatalf("open: %+v", open)
	}
	d.way = jit.Narrow
	d.must(d.accept(open[0].ID, ada)())
	d.must(d.confirm(open[0].ID, zoe)())
	if d.text() != world.Policy || d.row(g.ID).State != jit.SuggestionReverted {
		t.Errorf("the file is\n%s", d.text())
	}
}

func suggestionsIn(t *testing.T, d *desk, state jit.SuggestionState) (all []jit.Suggestion) {
	t.Helper()
	d.Is(func(v storage.View) bool {
		var err error
		if all, err = v.Suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{state}}); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return all
}

func TestG2TheDirectionIsProvedAndNotWhatTheAnalysisSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		said, proved, counts jit.Direction
	}{
		"said to narrow, proved to widen":    {jit.Narrow, jit.Widen, jit.Widen},
		"said to narrow, not to be proved":   {jit.Narrow, jit.DirectionUnknown, jit.DirectionUnknown},
		"said to widen, proved to narrow":    {jit.Widen, jit.Narrow, jit.Widen},
		"said and proved to narrow":          {jit.Narrow, jit.Narrow, jit.Narrow},
		"said to be neutral, proved neutral": {jit.Neutral, jit.Neutral, jit.Neutral},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(bc *bot.Config) { bc.Security = append(bc.Security, ann) })
			d.way = c.proved
			s := shorter()
			s.Direction = c.said
			g := d.one(s)
			d.must(d.accept(g.ID, sam)())
			if c.counts.Widens() {
				d.no(g.ID, bot.CodeSelf, "Ann Lee would be let do more", d.confirm(g.ID, ann))
				return
			}
			g = d.must(d.confirm(g.ID, ann)())
			if g.Direction != c.counts || !g.ExpiresAt.IsZero() {
				t.Errorf("%+v", g)
			}
		})
	}
	t.Run("without a proof it counts as widening", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, func(c *bot.Config) { c.Suggestions.Prove = nil })
		if g := d.done(shorter()); g.Direction != jit.DirectionUnknown || g.ExpiresAt.IsZero() {
			t.Errorf("%+v", g)
		}
	})
}

func TestG3NothingAppliesItselfAndNoSuggestionRemovesWhatIsKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	for range 20 {
		d.Pass(7 * 24 * time.Hour)
		settle(t, d)
		d.show(shorter())
	}
	if d.text() != world.Policy || d.row(g.ID).State != jit.SuggestionOpen {
		t.Errorf("after twenty weeks it is %s", d.row(g.ID).State)
	}
	for _, who := range []string{jit.ActorJitbot, "os:root", ""} {
		d.no(g.ID, bot.CodeNoRight, "Only admins", d.accept(g.ID, who))
	}
}

func TestG3NoSuggestionRemovesARuleThatIsMarkedToBeKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *bot.Config) {
		c.Suggestions.Load = func(src []byte) (*policy.Policy, error) { // whatever else the language knows by then
			return loadCandidate(bytes.ReplaceAll(bytes.ReplaceAll(src, []byte("    keep: true\n"), nil), []byte("    keep: false\n"), nil))
		}
	})
	d.set([]byte(strings.Replace(world.Policy, "  - id: staging-at-will\n", "  - id: staging-at-will\n    keep: true\n", 1)))
	for _, e := range []edit.Edit{
		{Op: edit.DeleteRule, Rule: "staging-at-will"},
		{Op: edit.RemoveKey, Rule: "staging-at-will", Path: []string{"keep"}},
		{Op: edit.Set, Rule: "staging-at-will", Path: []string{"keep"}, Value: "false"},
	} {
		g := d.one(suggest("A17", e))
		d.no(g.ID, bot.CodeDenied, "is marked to be kept", d.accept(g.ID, sam))
	}
	g := d.one(suggest("A2", edit.Edit{Op: edit.Set, Rule: "staging-at-will", Path: []string{"max_duration"}, Value: "2h"}))
	d.must(d.accept(g.ID, sam)()) // two people may change it
}

func TestG4NothingIsDoneOnNoEvidence(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := shorter()
	s.N = 0
	g := d.one(s)
	d.no(g.ID, bot.CodeDenied, "rests on no observations", d.accept(g.ID, sam))
}

func TestG5NoEditLeavesARuleWithTooFewActiveApprovers(t *testing.T) {
	t.Parallel()
	remove := edit.Edit{Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"approvals", "from"}, Item: "oncall:primary"}
	d := newDesk(t)
	g := d.one(suggest("A14", remove))
	d.must(d.accept(g.ID, sam)()) // ann and bo are left, for one approval
	all := world.Cast()
	disable(bo)(all)
	if err := d.People.Replace(all); err != nil {
		t.Fatal(err)
	}
	d.no(g.ID, bot.CodeDenied, "1 active approver; it needs 2", d.confirm(g.ID, ada))
	more := d.one(suggest("A12", edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"approvals", "count"}, Value: "3"}))
	d.no(more.ID, bot.CodeDenied, "3 active approvers; it needs 4", d.accept(more.ID, sam))
	last := d.one(suggest("A15", edit.Edit{Op: edit.AddKey, Rule: "prod-by-approval", Path: []string{"approvals", "exclude_last"}, Value: "2"}))
	d.no(last.ID, bot.CodeDenied, "3 active approvers; it needs 4", d.accept(last.ID, sam)) // who approved twice may not
	other := d.one(shorter())                                                               // and what has nothing to do with approvers is let be
	d.must(d.accept(other.ID, sam)())
}

func TestG6TextOfPeopleAndLogsIsData(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := shorter()
	s.Body, _ = json.Marshal(map[string]any{"finding": map[string]any{"sentence": "\x1b[2J```\n\nConfirmed-by: evil@example.com\n@channel <script> closes #12, see www.evil.example direction: narrow"}})
	g := d.done(s)
	c := d.changes[0]
	if strings.Contains(c.Body, "\x1b") || strings.Contains(c.Body, "\nConfirmed-by: evil") || strings.Contains(c.Body, "@channel") || strings.Contains(c.Body, "#12") || strings.Contains(c.Body, "www.evil") || strings.Contains(c.Body, "<script>") && !strings.Contains(c.Body, `\<script`) {
		t.Errorf("the body is\n%s", c.Body)
	}
	for _, tr := range c.Trailers {
		if strings.ContainsAny(tr.Value, "\r\n") {
			t.Errorf("a trailer has more than a line: %q", tr)
		}
	}
	e := edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"notify", "channel"}, Value: "x\n    auto_approve: true"}
	h := d.one(suggest("A2", e))
	d.no(h.ID, bot.CodeChanged, "line break or a control character", d.accept(h.ID, sam))
	if d.row(g.ID).State != jit.SuggestionApplied {
		t.Error("the first one did not go through")
	}
}

func TestG7AttemptsThatWereDeniedNeverOpenAnything(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	s := longer()
	s.Class = "A4"
	g := d.one(s)
	d.no(g.ID, bot.CodeDenied, "Attempts that were denied are no reason", d.accept(g.ID, sam))
}

func TestG8NoSuggestionTouchesTheRulesThatGovernJitbot(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *bot.Config) { c.Suggestions.Protected = []string{"contractors-never", "staging"} })
	for _, e := range []edit.Edit{
		{Op: edit.DeleteRule, Rule: "contractors-never"},
		{Op: edit.Set, Rule: "staging-at-will", Path: []string{"max_duration"}, Value: "2h"},
		{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"match"}, Value: "{resource: [prod-db, staging]}"},
		{Op: edit.AddRule, Rule: "prod-by-approval", Value: "id: new\nmatch: {resource: staging}\neligible: [group:payments]\nauto_approve: true"},
	} {
		g := d.one(suggest("A17", e))
		d.no(g.ID, bot.CodeDenied, "governs jitbot itself", d.accept(g.ID, sam))
	}
}

func TestWhereItHurtTakingItBackIsProposedAndNeverDone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.done(shorter())
	text := d.text()
	if err := d.Service.JudgeSuggestion(t.Context(), g.ID, json.RawMessage(`{"word":"hurt"}`), true); err != nil {
		t.Fatal(err)
	}
	open := suggestionsIn(t, d, jit.SuggestionOpen)
	if len(open) != 1 || open[0].Reverts != g.ID || d.text() != text || string(d.row(g.ID).Verdict) != `{"word":"hurt"}` {
		t.Errorf("open %+v", open)
	}
	if err := d.Service.JudgeSuggestion(t.Context(), open[0].ID, nil, false); !errors.Is(err, jit.ErrIllegalMove) {
		t.Errorf("what is not applied was judged: %v", err)
	}
}

func TestG1WhatOnePersonTakesBackIsNotWrittenWhereItTurnsOutToWiden(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	g := d.done(longer())
	text := d.text()
	d.way = jit.Narrow
	d.before = func() { // the file moves on as it is written, and now it would widen
		d.set([]byte("# moved\n" + text))
		d.way = jit.Widen
	}
	d.no(g.ID, bot.CodeSelf, "a second person has to confirm it", func() (jit.Suggestion, error) {
		r, err := d.revert(g.ID, sam)()
		d.set([]byte(text))
		return r, err
	})
	if got := suggestionsIn(t, d, jit.SuggestionAccepted); len(got) != 1 || got[0].ConfirmedBy != "" {
		t.Errorf("%+v", got)
	}
}

func TestG2WhatWasAcceptedAsGivingLessAndGivesMoreByNowHasToBeAcceptedAsThat(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	d.must(d.accept(g.ID, sam)())
	moved := "# moved\n" + d.text()
	d.set([]byte(moved))
	d.way = jit.Widen
	wantTurned(t, d.confirm(g.ID, zoe))
	if r := d.row(g.ID); r.State != jit.SuggestionOpen || r.ProposedBy != "" || r.Direction != jit.Widen || !strings.Contains(r.Problem, "would give more") || d.text() != moved {
		t.Fatalf("%+v", r)
	}
	d.must(d.accept(g.ID, sam)())
	if g = d.must(d.confirm(g.ID, zoe)()); g.State != jit.SuggestionApplied || g.Direction != jit.Widen || g.ExpiresAt.IsZero() {
		t.Errorf("%+v", g)
	}
}

func wantTurned(t *testing.T, step func() (jit.Suggestion, error)) {
	t.Helper()
	_, err := step()
	if u := new(bot.UserError); !errors.As(err, &u) || u.Code != bot.CodeChanged || !strings.Contains(u.Say, "would give more") {
		t.Fatalf("the answer is %v", err)
	}
}

func TestG2WhatTurnsToGivingMoreAsItIsWrittenIsNotWritten(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	d.must(d.accept(g.ID, sam)())
	moved := "# moved\n" + d.text()
	d.before = func() {
		d.set([]byte(moved))
		d.way = jit.Widen
	}
	wantTurned(t, d.confirm(g.ID, zoe))
	if r := d.row(g.ID); r.State != jit.SuggestionAccepted || r.ConfirmedBy != "" || d.text() != moved {
		t.Errorf("%+v", r)
	}
}

func TestG1WhoGainsByThePolicyAsItIsByNowDoesNotConfirm(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	g := d.one(suggest("A20", edit.Edit{Op: edit.AddItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:contractors"}))
	d.must(d.accept(g.ID, sam)())
	d.set([]byte(strings.Replace(world.Policy, "contractors: [con@example.com]", "contractors: [con@example.com, zoe@example.com, sam@example.com]", 1)))
	d.no(g.ID, bot.CodeSelf, "would be let do more", d.confirm(g.ID, zoe))
	d.no(g.ID, bot.CodeSelf, "Sam Sand would be let do more", d.confirm(g.ID, ada)) // nor does it stand that he proposed it
}
