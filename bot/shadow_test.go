package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/storage"
)

const shadowWeek = 7 * 24 * time.Hour

// newShadow is a desk with a review in the channel security and shadows of a
// week.
func newShadow(t *testing.T, item jit.Suggestion, change ...func(*bot.Config)) (d *desk, id string) {
	t.Helper()
	l := &lookingBack{items: []jit.Suggestion{item}}
	d = newDesk(t, append([]func(*bot.Config){func(c *bot.Config) {
		c.Suggestions.Shadow = shadowWeek
		c.Review = bot.ReviewConfig{Reviewer: l, At: "Mon 09:00", Zone: time.UTC, Channel: "security"}
	}}, change...)...)
	d.round()
	return d, d.suggested().ID
}

// begin has sam accept and ada confirm.
func (d *desk) begin(id string) jit.Suggestion {
	d.T.Helper()
	d.must(d.accept(id, sam)())
	g := d.must(d.confirm(id, ada)())
	if g.State != jit.SuggestionShadow {
		d.T.Fatalf("confirmed, it is %s", g.State)
	}
	return g
}

// ran is what a shadow has counted.
func (d *desk) ran(id string) (t bot.ShadowTally) {
	d.T.Helper()
	d.Step()
	g := d.row(id)
	d.Is(func(v storage.View) bool {
		var err error
		if t, err = bot.ShadowOf(v, g); err != nil {
			d.T.Fatal(err)
		}
		return true
	})
	return t
}

// of is the newest message in the channel security that says something.
func (d *desk) of(part string) bottest.Message {
	d.T.Helper()
	d.Step()
	return card(d.T, d.Chat.In("security"), part)
}

// over lets a shadow run out and has everything done that follows.
func (d *desk) over(id string) jit.Suggestion {
	d.T.Helper()
	d.Step()
	d.Clock.Move(max(d.row(id).Shadow.Until.Sub(d.Clock.Now()), 0))
	d.round()
	d.round()
	return d.row(id)
}

func TestAConfirmedEditIsInShadowForItsTimeAndThenApplied(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, titled(shorter(), "max_duration of rule prod-by-approval from 4h to 2h"))
	d.Say("bo", "request prod-logs 3h of before")
	g := d.begin(id)
	if d.text() != world.Policy || len(d.changes) != 0 || g.ConfirmedBy != ada || g.Shadow.Until.Sub(g.Shadow.From) != shadowWeek {
		t.Fatalf("in shadow: %+v, %d changes", g, len(d.changes))
	}
	d.Say("ann", "request prod-db 3h replica lag")
	long := d.Request("ann").ID
	d.Say("bo", "request prod-db 1h replica lag")
	d.Say("di", "request staging 1h look")
	if m := d.item(id); !strings.Contains(m.Card.Status.Text, "in shadow until 9 Mar 10:00 CET") || !slices.Equal(labels(m.Card), []string{"Activate now", "Edit…", "Withdraw"}) {
		t.Errorf("the card says %q with %v", m.Card.Status.Text, labels(m.Card))
	}
	words := bottest.Words(d.item(id).Card)
	for _, part := range []string{"1 would be cut shorter", long} {
		if !strings.Contains(words, part) {
			t.Errorf("the card does not say %q:\n%s", part, words)
		}
	}
	if e := d.Events(jit.EventShadowDiffers); len(e) != 1 || e[0].Request != long || !strings.Contains(string(e[0].Data), `"kind":"shorter"`) {
		t.Errorf("differences in the log: %v", e)
	}
	if ran := d.ran(id); ran.Both != 3 || ran.String() != "3 requests decided by both, 1 differs: 1 would be cut shorter." {
		t.Errorf("counted %+v: %s", ran, ran)
	}
	told := false
	d.before = func() {
		told = strings.Contains(bottest.Words(d.of("After its shadow").Card), "1 would be cut shorter")
	}
	g = d.over(id)
	if g.State != jit.SuggestionApplied || g.Shadow.EndedBy != jit.ActorJitbot || !strings.Contains(d.text(), "max_duration: 2h") || len(d.changes) != 1 {
		t.Fatalf("after its time: %+v, %d changes", g, len(d.changes))
	}
	if !told {
		t.Error("the differences were not posted before it was written")
	}
	if !strings.Contains(d.changes[0].Body, "**Shadow:**") || !strings.Contains(d.changes[0].Body, "3 requests decided by both") {
		t.Errorf("the change does not say it:\n%s", d.changes[0].Body)
	}
	for _, kind := range []string{jit.EventSuggestionConfirmed, jit.EventShadowBegan, jit.EventShadowTold, jit.EventShadowEnded, jit.EventSuggestionApplied} {
		if e := d.Events(kind); len(e) != 1 || !strings.Contains(string(e[0].Data), id) {
			t.Errorf("%s: %v", kind, e)
		}
	}
}

func TestWhatACandidateSaysOtherwiseIsToldApart(t *testing.T) {
	t.Parallel()
	rule := "prod-by-approval"
	for _, c := range []struct {
		name string
		edit edit.Edit
		who  string
		ask  string
		kind bot.ShadowKind
	}{
		{"refused", edit.Edit{Op: edit.RemoveItem, Rule: rule, Path: []string{"eligible"}, Item: "group:platform"}, "cy", "prod-db 1h replica lag", bot.WouldRefuse},
		{"the same", edit.Edit{Op: edit.RemoveItem, Rule: rule, Path: []string{"eligible"}, Item: "group:platform"}, "ann", "prod-db 1h replica lag", ""},
		{"waits", edit.Edit{Op: edit.DeleteRule, Rule: "on-call-incident"}, "cy", "prod-db 1h INC-42 replica lag", bot.WouldWait},
		{"automatic", edit.Edit{Op: edit.Set, Rule: "on-call-incident", Path: []string{"eligible"}, Value: "[group:payments]"}, "ann", "prod-db 1h INC-42 replica lag", bot.WouldAuto},
		{"shorter", edit.Edit{Op: edit.Set, Rule: rule, Path: []string{"max_duration"}, Value: "2h"}, "ann", "prod-db 3h replica lag", bot.WouldCut},
		{"allowed", edit.Edit{Op: edit.Set, Rule: rule, Path: []string{"max_duration"}, Value: "6h"}, "ann", "prod-db 5h replica lag", bot.WouldAllow},
		{"others", edit.Edit{Op: edit.RemoveItem, Rule: rule, Path: []string{"approvals", "from"}, Item: "oncall:primary"}, "ann", "prod-db 1h replica lag", bot.WouldAsk},
		{"more", edit.Edit{Op: edit.Set, Rule: rule, Path: []string{"approvals", "count"}, Value: "2"}, "ann", "prod-db 1h replica lag", bot.WouldMore},
		{"longer", edit.Edit{Op: edit.AddKey, Rule: rule, Path: []string{"default_duration"}, Value: "2h"}, "ann", "prod-db replica lag", bot.WouldLonger},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, id := newShadow(t, suggest("A2", c.edit))
			d.begin(id)
			d.Say(c.who, "request "+c.ask)
			ran := d.ran(id)
			want := map[bot.ShadowKind]int{c.kind: 1}
			if c.kind == "" {
				want = nil
			}
			if ran.Both != 1 || fmt.Sprint(ran.Kinds) != fmt.Sprint(want) {
				t.Errorf("counted %+v, want %v", ran, want)
			}
		})
	}
}

func TestWhatWouldHaveRefusedAUsedGrantIsForPeopleToDecideAgain(t *testing.T) {
	t.Parallel()
	gone := suggest("A18", edit.Edit{Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:platform"})
	d, id := newShadow(t, titled(gone, "remove group:platform from eligible of rule prod-by-approval"))
	d.begin(id)
	d.Say("cy", "request prod-logs 1h replica lag")
	r := d.Request("cy")
	d.Press("bo", "approve", r.ID)
	d.UntilGrant("cy", jit.GrantActive)
	if _, _, err := d.Service.Collect(t.Context(), pickup(t, d.World, "cy"), "cy@example.com"); err != nil {
		t.Fatal(err)
	}
	d.Pass(2 * time.Hour)
	g := d.over(id)
	if g.State != jit.SuggestionOpen || g.ProposedBy != "" || g.ConfirmedBy != "" || d.text() != world.Policy || len(d.changes) != 0 {
		t.Fatalf("it was not stopped: %+v", g)
	}
	words := bottest.Words(d.item(id).Card)
	for _, part := range []string{r.ID, "would have refused 1 request", "Decide again", "1 would be refused", "Accept"} {
		if !strings.Contains(words, part) {
			t.Errorf("the card does not say %q:\n%s", part, words)
		}
	}
	d.of("Not applied")
	if e := d.Events(jit.EventShadowEnded); len(e) != 1 || !strings.Contains(string(e[0].Data), `"refused":1`) {
		t.Errorf("events: %v", e)
	}
	d.must(d.accept(id, zoe)())
	d.no(id, bot.CodeSelf, "accepted that yourself", d.confirm(id, zoe))
	g = d.must(d.confirm(id, sam)())
	if g.State != jit.SuggestionApplied {
		t.Errorf("people who saw the differences confirmed it, and it is %s", g.State)
	}
}

func TestWhatItWouldHaveRefusedAndNobodyUsedDoesNotStopIt(t *testing.T) {
	t.Parallel()
	gone := suggest("A18", edit.Edit{Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:platform"})
	d, id := newShadow(t, gone)
	d.begin(id)
	d.Say("cy", "request prod-logs 1h replica lag")
	d.Press("bo", "approve", d.Request("cy").ID)
	d.UntilGrant("cy", jit.GrantActive)
	d.Pass(2 * time.Hour)
	d.Say("di", "request prod-db 1h and nobody answers")
	if g := d.over(id); g.State != jit.SuggestionApplied || d.ran(id).Kinds[bot.WouldRefuse] != 2 {
		t.Errorf("it is %s: %s, %+v", g.State, g.Problem, d.ran(id))
	}
}

func TestAShadowGoesOnAfterACrashAndCountsNothingTwice(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, shorter())
	d.begin(id)
	d.Say("ann", "request prod-db 3h replica lag")
	d.Step()
	d.Say("bo", "request prod-db 3h replica lag")
	d.Crash() // before the second was asked about
	d.Boot()
	d.Say("di", "request staging 1h look")
	if ran := d.ran(id); ran.Both != 3 || ran.Kinds[bot.WouldCut] != 2 || len(d.Events(jit.EventShadowDiffers)) != 2 {
		t.Errorf("counted %+v, %d events", ran, len(d.Events(jit.EventShadowDiffers)))
	}
	d.Crash()
	d.Boot()
	if g := d.over(id); g.State != jit.SuggestionApplied || d.ran(id).Both != 3 || len(d.changes) != 1 {
		t.Errorf("it is %s, %+v", g.State, d.ran(id))
	}
}

func TestSeveralReplicasCountOnceAndActivateOnce(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, shorter())
	d.begin(id)
	var all []*bot.Service
	for range 4 {
		other, err := bot.New(d.Service.Config)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, other)
	}
	each := func(do func(*bot.Service) error) {
		var wait sync.WaitGroup
		for _, s := range all {
			wait.Go(func() {
				if err := do(s); err != nil && !errors.Is(err, storage.ErrConflict) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	for i := range 6 {
		d.Say("ann", fmt.Sprintf("request %s 3h replica lag", []string{"prod-db", "prod-logs"}[i%2]))
		d.Say("ann", "cancel "+d.Request("ann").ID)
		each(func(s *bot.Service) error {
			_, err := s.Step(context.WithoutCancel(t.Context()))
			return err
		})
	}
	if ran := d.ran(id); ran.Both != 6 || ran.Kinds[bot.WouldCut] != 6 || len(d.Events(jit.EventShadowDiffers)) != 6 {
		t.Errorf("counted %+v, %d events", ran, len(d.Events(jit.EventShadowDiffers)))
	}
	d.Clock.Move(shadowWeek)
	for range 3 {
		each(func(s *bot.Service) error { return s.SettleSuggestions(t.Context()) })
		d.Step()
	}
	if g := d.row(id); g.State != jit.SuggestionApplied || len(d.changes) != 1 || len(d.Events(jit.EventShadowEnded)) != 1 || len(d.Events(jit.EventShadowTold)) != 1 {
		t.Errorf("it is %s after %d changes", g.State, len(d.changes))
	}
}

func TestAShadowFollowsThePolicyFile(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, shorter())
	first := d.begin(id)
	moved := strings.Replace(world.Policy, "eligible: [group:payments, group:platform]", "eligible: [group:payments]", 1)
	d.set([]byte(moved))
	p, err := loadCandidate([]byte(moved))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Service.SetPolicy(t.Context(), p, "os:root"); err != nil {
		t.Fatal(err)
	}
	d.Say("cy", "request prod-db 1h replica lag") // refused by both now
	d.Say("ann", "request prod-db 3h replica lag")
	ran := d.ran(id)
	if g := d.row(id); g.Base == first.Base || g.After == first.After || len(d.Events(jit.EventShadowDerived)) != 1 || !g.Shadow.Until.Equal(first.Shadow.Until) {
		t.Errorf("it was not derived anew: %+v", g)
	}
	if ran.Both != 2 || ran.Kinds[bot.WouldCut] != 1 || ran.Kinds[bot.WouldRefuse] != 0 {
		t.Errorf("counted %+v", ran)
	}
	if g := d.over(id); g.State != jit.SuggestionApplied || d.text() != strings.Replace(moved, "max_duration: 4h", "max_duration: 2h", 1) {
		t.Errorf("it is %s:\n%s", g.State, d.text())
	}
}

func TestAShadowWhoseEditCannotBeMadeAnyMoreIsOutOfDate(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, titled(shorter(), "max_duration of rule prod-by-approval from 4h to 2h"))
	d.begin(id)
	text := strings.Replace(world.Policy, "max_duration: 4h", "max_duration: 2h", 1)
	d.set([]byte(text))
	d.round()
	if g := d.row(id); g.State != jit.SuggestionStale || !strings.Contains(g.Problem, "is 2h already") || g.ConfirmedBy != "" || d.text() != text {
		t.Errorf("it is %s: %s", g.State, g.Problem)
	}
	d.of("Not applied")
	if again := d.one(shorter()); again.ID != id || again.State != jit.SuggestionOpen {
		t.Errorf("shown again: %+v", again)
	}
}

func TestAShadowIsBrokenOffWhenItIsNotForThoseTwoAnyMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks func(*testing.T, *desk)
		why    string
	}{
		"who accepted it left": {func(t *testing.T, d *desk) {
			t.Helper()
			cast := append(world.Cast(), bot.Person{Principal: jit.Principal{ID: zoe, Name: "Zoe Zorn"}, Accounts: []jit.Account{{Platform: "web", User: "zoe"}}})
			disable(sam)(cast)
			if err := d.People.Replace(cast); err != nil {
				t.Fatal(err)
			}
		}, "Sam Sand does not decide on the policy any more"},
		"who confirmed it is no admin now": {func(t *testing.T, d *desk) {
			t.Helper()
			if err := d.Service.SetOverseers(t.Context(), nil, []string{sam, zoe}, "os:root", nil); err != nil {
				t.Fatal(err)
			}
		}, "Ada Agard does not decide on the policy any more"},
		"the rule governs jitbot now": {func(_ *testing.T, d *desk) { d.Service.Suggestions.Protected = []string{"prod-by-approval"} }, "governs jitbot itself"},
		"it gives more by now": {func(_ *testing.T, d *desk) {
			d.way = jit.Widen
			d.set([]byte("# one\n" + world.Policy))
		}, "it would give more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, id := newShadow(t, shorter())
			d.begin(id)
			c.breaks(t, d)
			d.no(id, bot.CodeDenied, c.why, func() (jit.Suggestion, error) {
				return jit.Suggestion{}, d.activated(id, zoe)
			})
			d.round()
			g := d.row(id)
			if g.State != jit.SuggestionOpen || !strings.Contains(g.Problem, c.why) || len(d.changes) != 0 || g.ProposedBy != "" {
				t.Fatalf("it is %s: %s", g.State, g.Problem)
			}
			if !g.Shadow.EndedAt.IsZero() {
				t.Error("a shadow that was broken off counts as one that ran")
			}
		})
	}
}

func TestWhoMayDecideActivatesItAtOnceOrWithdrawsIt(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, titled(shorter(), "max_duration of rule prod-by-approval from 4h to 2h"))
	d.begin(id)
	for _, who := range []string{"ann", "sam"} {
		if reply := d.Press(who, "item-activate", id); reply.Card == nil || reply.Card.Status.Text != "Nothing was changed" {
			t.Errorf("%s: %+v", who, reply.Card)
		}
	}
	d.Press("zoe", "item-withdraw", id)
	if g := d.row(id); g.State != jit.SuggestionOpen || !g.Shadow.EndedAt.IsZero() || g.ConfirmedBy != "" {
		t.Fatalf("withdrawn: %+v", g)
	}
	d.begin(id)
	d.Say("ann", "request prod-db 3h replica lag")
	d.Step()
	reply := d.Press("zoe", "item-activate", id)
	g := d.row(id)
	if g.State != jit.SuggestionApplied || g.ProposedBy != sam || g.ConfirmedBy != ada || g.Shadow.EndedBy != zoe || !strings.Contains(d.text(), "max_duration: 2h") {
		t.Fatalf("activated: %+v\n%+v", g, reply.Card)
	}
	if e := d.Events(jit.EventShadowEnded); len(e) != 1 || e[0].Actor != zoe {
		t.Errorf("events: %v", e)
	}
	if m := d.of("After its shadow"); !strings.Contains(m.Card.Status.Text, "Activated by Zoe Zorn") || !strings.Contains(bottest.Words(m.Card), "1 would be cut shorter") {
		t.Errorf("posted: %s", bottest.Words(m.Card))
	}
}

func TestNobodyWhoGainsCutsAShadowShort(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, longer(), func(c *bot.Config) { c.Admins = append(c.Admins, ann) })
	d.way = jit.Widen
	d.must(d.accept(id, sam)())
	d.no(id, bot.CodeSelf, "would be let do more", d.confirm(id, ann))
	d.must(d.confirm(id, ada)())
	d.no(id, bot.CodeSelf, "would be let do more", func() (jit.Suggestion, error) { return jit.Suggestion{}, d.activated(id, ann) })
	if g := d.over(id); g.State != jit.SuggestionApplied || g.ExpiresAt.IsZero() {
		t.Errorf("it is %s, until %s", g.State, g.ExpiresAt)
	}
}

func (d *desk) activated(id, who string) error {
	_, err := d.Service.ActivateSuggestion(d.T.Context(), id, who)
	return err
}

// slowGroup answers once it is let.
type slowGroup struct {
	asked atomic.Int64
	open  chan struct{}
}

func (s *slowGroup) Members(ctx context.Context, _ string, _ map[string]string) ([]string, error) {
	s.asked.Add(1)
	select {
	case <-s.open:
		return []string{"di@example.com"}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestNobodyWaitsForWhatOnlyACandidateLooksAt(t *testing.T) {
	t.Parallel()
	live := strings.Replace(world.Policy, "  contractors: [", "  leads: {elsewhere: S1}\n  contractors: [", 1)
	group := &slowGroup{open: make(chan struct{})}
	d, id := newShadow(t, suggest("A20", edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"eligible"}, Value: "[group:payments, group:leads]"}),
		func(c *bot.Config) { c.Groups = map[string]bot.Groups{"elsewhere": group} })
	p, err := loadCandidate([]byte(live))
	if err != nil {
		t.Fatal(err)
	}
	d.set([]byte(live))
	if err := d.Service.SetPolicy(t.Context(), p, "os:root"); err != nil {
		t.Fatal(err)
	}
	d.begin(id)
	before := group.asked.Load()
	d.Say("di", "request prod-db 1h replica lag")
	if group.asked.Load() != before || d.Request("di").State != jit.RequestPending {
		t.Error("a request waited for what the policy in force does not ask")
	}
	close(group.open)
	d.Say("cy", "request prod-db 1h replica lag")
	if ran := d.ran(id); group.asked.Load() == before || ran.Both != 2 || ran.Kinds[bot.WouldRefuse] != 1 || ran.Requests[0].Request != d.Request("cy").ID {
		t.Errorf("counted %+v after asking %d times", ran, group.asked.Load())
	}
}

func TestACandidateThatFailsLeavesRequestsAlone(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	var reads atomic.Int64
	d, id := newShadow(t, shorter(), func(c *bot.Config) {
		read := c.Suggestions.Read
		c.Suggestions.Read = func(ctx context.Context) ([]byte, error) {
			if reads.Add(1); broken.Load() {
				return nil, errors.New("the disk is gone")
			}
			return read(ctx)
		}
	})
	d.begin(id)
	d.Crash()
	d.Boot() // nothing is derived yet
	broken.Store(true)
	expect(t, d.Say("ann", "request prod-db 3h replica lag"), "Waiting for approval")
	expect(t, d.Press("bo", "approve", d.Request("ann").ID), "Approved")
	d.UntilGrant("ann", jit.GrantActive)
	if got := d.ran(id); got.Both != 0 {
		t.Fatalf("counted %+v", got)
	}
	asked := reads.Load()
	d.Say("bo", "request prod-db 1h replica lag")
	if d.Step(); reads.Load() != asked {
		t.Error("a file that cannot be read is read again at every request")
	}
	broken.Store(false)
	d.Clock.Move(time.Minute)
	if got := d.ran(id); got.Both != 2 || got.Kinds[bot.WouldCut] != 1 {
		t.Errorf("afterwards counted %+v", got)
	}
}

func TestARequestWhoseRecordIsGoneIsSaidNotToBeCounted(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, shorter())
	d.begin(id)
	d.Say("ann", "request prod-db 3h replica lag")
	if err := d.Store.Write(t.Context(), func(tx storage.Tx) error { return tx.BlankData(d.Request("ann").ID) }); err != nil {
		t.Fatal(err)
	}
	d.Say("di", "request staging 1h look")
	if ran := d.ran(id); ran.Both != 1 || ran.Left != 1 {
		t.Errorf("counted %+v", ran)
	}
}

func TestTakingBackHasNoShadow(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, longer())
	d.way = jit.Widen
	d.begin(id)
	d.over(id)
	d.way = jit.Narrow
	if r := d.must(d.revert(id, sam)()); r.State != jit.SuggestionApplied || d.text() != world.Policy {
		t.Errorf("it is %s", r.State)
	}
}

func TestWhatCouldNotBeWrittenAfterItsShadowIsConfirmedAgainWithoutAnother(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, shorter())
	d.begin(id)
	d.fail = errors.New("GitHub answers 403")
	if g := d.over(id); g.State != jit.SuggestionAccepted || !strings.Contains(g.Problem, "403") {
		t.Fatalf("it is %s: %s", g.State, g.Problem)
	}
	if g := d.must(d.confirm(id, zoe)()); g.State != jit.SuggestionApplied || g.ConfirmedBy != zoe {
		t.Errorf("it is %s", g.State)
	}
}

func TestAnotherEditOfTheSameItemGetsAShadowOfItsOwn(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, shorter())
	d.begin(id)
	d.fail = errors.New("GitHub answers 403")
	d.over(id)
	d.must(d.Service.WithdrawSuggestion(t.Context(), id, sam))
	d.must(d.Service.AcceptSuggestionAs(t.Context(), id, sam, "3h"))
	if g := d.must(d.confirm(id, ada)()); g.State != jit.SuggestionShadow {
		t.Errorf("it is %s", g.State)
	}
}

func TestBreakGlassExtensionsAndStartsToComeAreAskedAboutToo(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, suggest("A2", edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"extend", "max_total"}, Value: "2h"}))
	d.begin(id)
	d.Say("ann", "request prod-logs 1h replica lag")
	d.Press("bo", "approve", d.Request("ann").ID)
	g := d.UntilGrant("ann", jit.GrantActive)
	d.Say("ann", "extend "+g.ID+" 2h more of it")
	longer := d.Request("ann").ID
	d.Say("bo", "request prod-db 1h later --at 2026-03-03T09:00")
	d.Say("cy", "break-glass prod-db 30m nobody answers --yes")
	ran := d.ran(id)
	if ran.Both != 4 || ran.Kinds[bot.WouldRefuse] != 1 || len(ran.Requests) != 1 || ran.Requests[0].Request != longer {
		t.Fatalf("counted %+v", ran)
	}
	d.Clock.Move(24 * time.Hour) // the start comes, and is no second request
	if ran := d.ran(id); ran.Both != 4 {
		t.Errorf("a start that came was counted again: %+v", ran)
	}
}

func TestWhatIsToldAfterAShadowCanStillBeWithdrawn(t *testing.T) {
	t.Parallel()
	d, id := newShadow(t, titled(shorter(), "max_duration of rule prod-by-approval from 4h to 2h"))
	d.begin(id)
	d.Clock.Move(shadowWeek)
	settle(t, d) // tells
	d.Step()
	if m := d.of("After its shadow"); m.Card.Status.Text != "Its time is over; it is applied next" || !slices.Equal(labels(m.Card), []string{"Withdraw"}) {
		t.Fatalf("it says %q with %v", m.Card.Status.Text, labels(m.Card))
	}
	d.Press("zoe", "item-withdraw", id)
	if m := d.of("After its shadow"); m.Card.Status.Text != "Not applied" || len(m.Card.Buttons) > 0 {
		t.Errorf("withdrawn, it says %q with %v", m.Card.Status.Text, labels(m.Card))
	}
	settle(t, d)
	if g := d.row(id); g.State != jit.SuggestionOpen || len(d.changes) != 0 {
		t.Errorf("it is %s", g.State)
	}
}
