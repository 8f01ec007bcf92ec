package bot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/storage"
)

const zoe = "zoe@example.com" // a second lead of security, of no group

// desk is a world with a policy file that suggestions change.
type desk struct {
	*world.World
	mu      sync.Mutex
	file    []byte
	way     jit.Direction // what is proved
	fail    error         // of the next write
	left    error         // of a write that was made all the same
	before  func()        // runs before the next write
	changes []bot.PolicyChange
	after   func() // runs when a write has been made
}

func newDesk(t *testing.T, change ...func(*bot.Config)) *desk {
	t.Helper()
	d := &desk{file: []byte(world.Policy), way: jit.Narrow}
	d.World = world.New(t, world.Setup{Change: func(c *bot.Config) {
		c.Security = append(c.Security, zoe)
		c.Suggestions = bot.SuggestConfig{
			Read: d.read, Load: loadCandidate, Prove: func(_, _ *policy.Policy) jit.Direction { return d.way }, Writer: d, File: "policies/policy.yaml",
		}
		for _, f := range change {
			f(c)
		}
	}})
	people := append(world.Cast(), bot.Person{Principal: jit.Principal{ID: zoe, Name: "Zoe Zorn"}, Accounts: []jit.Account{{Platform: "web", User: "zoe"}}})
	if err := d.People.Replace(people); err != nil {
		t.Fatal(err)
	}
	return d
}

func loadCandidate(src []byte) (*policy.Policy, error) {
	return policy.Load("policy.yaml", src, policy.Options{Kinds: world.Kinds(), WarnUnreachable: true})
}

func (d *desk) read(context.Context) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.file), nil
}

func (d *desk) set(src []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.file = bytes.Clone(src)
}

func (d *desk) text() string {
	src, _ := d.read(d.T.Context())
	return string(src)
}

// Propose swaps the file, as a writer of files does.
func (d *desk) Propose(_ context.Context, c bot.PolicyChange) (jit.Where, error) {
	if f := d.before; f != nil {
		d.before = nil
		f()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fail; err != nil {
		d.fail = nil
		return jit.Where{}, err
	}
	if !bytes.Equal(d.file, c.Before) && !bytes.Equal(d.file, c.After) {
		return jit.Where{}, bot.ErrBaseMoved
	}
	d.file = bytes.Clone(c.After)
	d.changes = append(d.changes, c)
	if d.after != nil {
		d.after()
	}
	return jit.Where{Kind: "file", Commit: fmt.Sprintf("c%d", len(d.changes))}, d.left
}

// shorter is a suggestion that cuts the longest stretch of a rule.
func shorter() jit.Suggestion {
	return suggest("A2", edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"max_duration"}, Value: "2h"})
}

func suggest(class string, e edit.Edit) jit.Suggestion {
	raw, _ := json.Marshal(e)
	return jit.Suggestion{
		Class: class, Rule: e.Rule, Subject: strings.Join(e.Path, ".") + e.Item, Direction: jit.Narrow, Edit: raw, N: 71, Bound: 0.9, Owner: "security", Week: "2026-W10",
		Body: json.RawMessage(`{"finding":{"sentence":"71 of 71 grants ended within 1h31."},"replay":{"sentence":"2 grants would have been cut."},"proof":"No request gives more."}`),
	}
}

// show shows suggestions and returns those that are seen.
func (d *desk) show(all ...jit.Suggestion) []jit.Suggestion {
	d.T.Helper()
	var shown []jit.Suggestion
	if err := d.Store.Write(d.T.Context(), func(tx storage.Tx) (err error) {
		shown, err = d.Service.ShowSuggestions(tx, all)
		return err
	}); err != nil {
		d.T.Fatal(err)
	}
	return shown
}

func (d *desk) one(g jit.Suggestion) jit.Suggestion {
	d.T.Helper()
	shown := d.show(g)
	if len(shown) != 1 {
		d.T.Fatalf("%d suggestions are shown", len(shown))
	}
	return shown[0]
}

// row is a suggestion as it is kept.
func (d *desk) row(id string) (g jit.Suggestion) {
	d.T.Helper()
	d.Is(func(v storage.View) bool {
		var err error
		if g, err = v.Suggestion(id); err != nil {
			d.T.Fatal(err)
		}
		return true
	})
	return g
}

// must is a step that works.
func (d *desk) must(g jit.Suggestion, err error) jit.Suggestion {
	d.T.Helper()
	if err != nil {
		d.T.Fatalf("%v\n%v", err, g.Problem)
	}
	if kept := d.row(g.ID); kept.State != g.State || kept.Version != g.Version {
		d.T.Fatalf("it says %s version %d, and %s version %d is kept", g.State, g.Version, kept.State, kept.Version)
	}
	return g
}

// no checks that a step was refused with a code and words, and that nothing
// was written.
func (d *desk) no(id string, code bot.Code, words string, step func() (jit.Suggestion, error)) {
	d.T.Helper()
	state, text := d.row(id).State, d.text()
	_, err := step()
	u := new(bot.UserError)
	if !errors.As(err, &u) || u.Code != code || !strings.Contains(u.Say+" "+u.Hint, words) {
		d.T.Fatalf("the answer is %v, not %s with %q", err, code, words)
	}
	if d.text() != text {
		d.T.Fatal("the policy was changed all the same")
	}
	if now := d.row(id).State; now != state && now != jit.SuggestionStale {
		d.T.Fatalf("it went from %s to %s", state, now)
	}
}

func (d *desk) accept(id, who string) func() (jit.Suggestion, error) {
	return func() (jit.Suggestion, error) { return d.Service.AcceptSuggestion(d.T.Context(), id, who) }
}

func (d *desk) confirm(id, who string) func() (jit.Suggestion, error) {
	return func() (jit.Suggestion, error) { return d.Service.ConfirmSuggestion(d.T.Context(), id, who) }
}

func (d *desk) revert(id, who string) func() (jit.Suggestion, error) {
	return func() (jit.Suggestion, error) { return d.Service.RevertSuggestion(d.T.Context(), id, who) }
}

// done is a suggestion that sam accepted and ada confirmed.
func (d *desk) done(g jit.Suggestion) jit.Suggestion {
	d.T.Helper()
	id := d.one(g).ID
	d.must(d.accept(id, sam)())
	return d.must(d.confirm(id, ada)())
}

func TestASuggestionIsAcceptedByOneConfirmedByAnotherAndWritten(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	if g.State != jit.SuggestionOpen || g.Week != "2026-W10" || g.FirstShown.IsZero() {
		t.Fatalf("shown: %+v", g)
	}
	g = d.must(d.accept(g.ID, sam)())
	if g.State != jit.SuggestionAccepted || g.ProposedBy != sam || d.text() != world.Policy {
		t.Fatalf("accepted: %+v", g)
	}
	g = d.must(d.confirm(g.ID, ada)())
	want := strings.Replace(world.Policy, "max_duration: 4h", "max_duration: 2h", 1)
	if d.text() != want {
		t.Errorf("the file is\n%s", d.text())
	}
	if g.State != jit.SuggestionApplied || g.ConfirmedBy != ada || g.Where.Commit != "c1" || g.AppliedAt.IsZero() || !g.ExpiresAt.IsZero() {
		t.Errorf("applied: %+v", g)
	}
	for _, kind := range []string{jit.EventSuggestionShown, jit.EventSuggestionAccepted, jit.EventSuggestionConfirmed, jit.EventSuggestionApplied} {
		e := d.Events(kind)
		if len(e) != 1 || !strings.Contains(string(e[0].Data), g.ID) || !strings.Contains(string(e[0].Data), `"value":"2h"`) {
			t.Errorf("%s: %v", kind, e)
		}
	}
	if e := d.Events(jit.EventSuggestionConfirmed)[0]; e.Actor != ada {
		t.Errorf("confirmed by %s", e.Actor)
	}
}

func TestAChangeSaysWhatItRestsOnAndWhoWantsIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := shorter()
	s.Body = json.RawMessage(`{"finding":{"sentence":"see @all [x](http://evil) <b>71</b>\nof 71"},"replay":"2 would be cut","proof":{"sentence":"nothing more"},"evidence":["grt_1","grt_2"]}`)
	g := d.done(s)
	c := d.changes[0]
	if c.Title != "Policy: max_duration of rule prod-by-approval from 4h to 2h" || c.Suggestion != g.ID || len(c.Base) != 64 {
		t.Errorf("title %q of %q on %q", c.Title, c.Suggestion, c.Base)
	}
	trailers := fmt.Sprint(c.Trailers)
	if trailers != "[Suggestion-Id: "+g.ID+" Proposed-by: "+sam+" Confirmed-by: "+ada+"]" {
		t.Errorf("trailers %s", trailers)
	}
	for _, part := range []string{"2 would be cut", "nothing more", "71 observations: grt\\_1", "-    max_duration: 4h\n+    max_duration: 2h", "--- a/policies/policy.yaml", "it gives less"} {
		if !strings.Contains(c.Body, part) {
			t.Errorf("the body does not say %q:\n%s", part, c.Body)
		}
	}
	for _, part := range []string{"@all", "](", "<b>", "://"} {
		if strings.Contains(strings.ReplaceAll(c.Body, "\\", "§"), part) {
			t.Errorf("the body has %q as it came:\n%s", part, c.Body)
		}
	}
}

func TestWithoutAWriterTheChangeIsAPatchToCopy(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *bot.Config) { c.Suggestions.Writer = nil })
	g := d.done(shorter())
	if g.Where.Kind != "patch" || !strings.Contains(g.Where.Patch, "+    max_duration: 2h\n") || d.text() != world.Policy {
		t.Errorf("it was put at %+v", g.Where)
	}
}

func TestOnlyWhoMayDecidesAndEachStepOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	d.no(g.ID, bot.CodeNoRight, "Only admins and security", d.accept(g.ID, ann))
	d.no(g.ID, bot.CodeNoRight, "Only admins and security", d.accept(g.ID, jit.ActorJitbot))
	d.no(g.ID, bot.CodeNoRight, "Only admins and security", d.accept(g.ID, "os:root"))
	d.no(g.ID, bot.CodeChanged, "is open", d.confirm(g.ID, ada))
	d.must(d.accept(g.ID, sam)())
	d.no(g.ID, bot.CodeChanged, "was accepted by "+sam, d.accept(g.ID, ada))
	d.no(g.ID, bot.CodeNoRight, "Only admins", d.confirm(g.ID, bo))
	d.no(g.ID, bot.CodeSelf, "You accepted that yourself", d.confirm(g.ID, sam))
	d.must(d.confirm(g.ID, ada)())
	d.no(g.ID, bot.CodeChanged, "was applied", d.confirm(g.ID, zoe))
	if _, err := d.Service.AcceptSuggestion(t.Context(), "sug_x", sam); err == nil {
		t.Error("a suggestion that is not there was accepted")
	}
	all := world.Cast()
	disable(sam)(all)
	if err := d.People.Replace(all); err != nil {
		t.Fatal(err)
	}
	next := d.one(suggest("A18", edit.Edit{Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:platform"}))
	d.no(next.ID, bot.CodeNoRight, "Only admins", d.accept(next.ID, sam))
}

func TestTwoWhoConfirmAtOnceWriteItOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	d.must(d.accept(g.ID, sam)())
	var wait sync.WaitGroup
	errs := make([]error, 2)
	for i, who := range []string{ada, zoe} {
		wait.Go(func() { _, errs[i] = d.confirm(g.ID, who)() })
	}
	wait.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || len(d.changes) != 1 {
		t.Errorf("errors %v, %d changes", errs, len(d.changes))
	}
}

func TestADismissedSuggestionIsSilentUnlessThereIsMuchMoreEvidence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		class string
		n     int
		bound float64
		after time.Duration
		seen  bool
	}{
		{"the same a week later", "A2", 71, 0.9, 7 * 24 * time.Hour, false},
		{"a little more", "A2", 141, 0.949, 24 * time.Hour, false},
		{"twice as much", "A2", 142, 0.9, 24 * time.Hour, true},
		{"a bound that gained", "A2", 72, 0.95, 24 * time.Hour, true},
		{"an upper bound that fell", "A13", 72, 0.85, 24 * time.Hour, true},
		{"an upper bound that rose", "A13", 72, 0.95, 24 * time.Hour, false},
		{"the same after its time", "A2", 71, 0.9, 90 * 24 * time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			s := shorter()
			s.Class = c.class
			g := d.one(s)
			if _, err := d.Service.DismissSuggestion(t.Context(), g.ID, ann, jit.Wrong); err == nil {
				t.Error("ann dismissed it")
			}
			if _, err := d.Service.DismissSuggestion(t.Context(), g.ID, sam, "maybe"); err == nil {
				t.Error("it was dismissed somehow")
			}
			g = d.must(d.Service.DismissSuggestion(t.Context(), g.ID, sam, jit.Wrong))
			if g.How != jit.Wrong || g.DismissedBy != sam || g.SilentUntil.Sub(g.DismissedAt) != 90*24*time.Hour {
				t.Errorf("dismissed: %+v", g)
			}
			d.Clock.Move(c.after)
			s.N, s.Bound = c.n, c.bound
			shown := d.show(s)
			if (len(shown) == 1) != c.seen {
				t.Fatalf("shown: %v", shown)
			}
			if c.seen && (shown[0].ID != g.ID || shown[0].State != jit.SuggestionOpen || shown[0].N != c.n) {
				t.Errorf("shown again: %+v", shown[0])
			}
		})
	}
}

func TestAnOpenSuggestionCarriesOverAndAnAcceptedOneStaysAsPeopleSawIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.one(shorter())
	d.Clock.Move(7 * 24 * time.Hour)
	s := shorter()
	s.N, s.Week = 80, "2026-W11"
	again := d.one(s)
	if again.ID != first.ID || again.N != 80 || again.Week != "2026-W10" || !again.FirstShown.Equal(first.FirstShown) || !again.LastShown.After(first.LastShown) {
		t.Errorf("carried over: %+v", again)
	}
	d.must(d.accept(first.ID, sam)())
	s.N = 99
	if kept := d.one(s); kept.State != jit.SuggestionAccepted || kept.N != 80 {
		t.Errorf("accepted, and shown again: %+v", kept)
	}
	g := d.must(d.Service.WithdrawSuggestion(t.Context(), first.ID, zoe))
	if g.State != jit.SuggestionOpen || g.ProposedBy != "" {
		t.Errorf("withdrawn: %+v", g)
	}
	if got := d.Events(jit.EventSuggestionWithdrawn); len(got) != 1 || got[0].Actor != zoe {
		t.Errorf("withdrawn by %v", got)
	}
}

func TestAStaleBaseIsDerivedAnewAndNeverForced(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	d.must(d.accept(g.ID, sam)())
	moved := "# a new first line\n" + strings.Replace(world.Policy, "[group:payments, group:platform]", "[group:platform]", 1)
	d.set([]byte(moved))
	d.before = func() { d.set([]byte("# and another\n" + moved)) } // just as it is written
	g = d.must(d.confirm(g.ID, ada)())
	if want := "# and another\n" + strings.Replace(moved, "max_duration: 4h", "max_duration: 2h", 1); d.text() != want {
		t.Errorf("the file is\n%s", d.text())
	}
	if g.State != jit.SuggestionApplied || len(d.changes) != 1 {
		t.Errorf("%+v, %d changes", g, len(d.changes))
	}
}

func TestWhatCannotBeMadeAnyMoreIsStaleAndComesBackWithTheNextReview(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(string) string{
		"there is no rule prod-by-approval any more": func(s string) string { return strings.Replace(s, "id: prod-by-approval", "id: other", 1) },
		"is 2h already": func(s string) string { return strings.Replace(s, "max_duration: 4h", "max_duration: 2h", 1) },
		"the policy would not load": func(s string) string {
			return strings.Replace(s, "max_duration: 4h", "max_duration: 4h\n    default_duration: 3h", 1)
		},
		"has no max_duration any more": func(s string) string { return strings.Replace(s, "    max_duration: 4h\n", "", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			g := d.one(shorter())
			d.must(d.accept(g.ID, sam)())
			d.set([]byte(change(world.Policy)))
			d.no(g.ID, bot.CodeChanged, name, d.confirm(g.ID, ada))
			if got := d.row(g.ID); got.State != jit.SuggestionStale || !strings.Contains(got.Problem, name) {
				t.Errorf("%s: %s", got.State, got.Problem)
			}
			d.set([]byte(world.Policy))
			if again := d.one(shorter()); again.ID != g.ID || again.State != jit.SuggestionOpen || again.Problem != "" {
				t.Errorf("shown again: %+v", again)
			}
		})
	}
}

func TestAFileThatDoesNotLoadIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	d.set([]byte("version: 1\nrules: [\n"))
	d.no(g.ID, bot.CodeChanged, "does not load as it is", d.accept(g.ID, sam))
	if got := d.row(g.ID).State; got != jit.SuggestionOpen {
		t.Errorf("it is %s", got)
	}
}

func TestAWriteThatFailsLeavesItAcceptedAndSaysWhy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	d.must(d.accept(g.ID, sam)())
	d.fail = errors.New("GitHub answers 403: the token may not write")
	d.no(g.ID, bot.CodeProvider, "the token may not write", d.confirm(g.ID, ada))
	got := d.row(g.ID)
	if got.State != jit.SuggestionAccepted || !strings.Contains(got.Problem, "403") || got.ConfirmedBy != "" || got.ProposedBy != sam {
		t.Errorf("%+v", got)
	}
	d.must(d.confirm(g.ID, zoe)())
}

func TestAChangeThatIsThereIsAppliedWhateverIsLeftToBeDone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	g := d.one(longer())
	d.must(d.accept(g.ID, sam)())
	d.left = errors.New("it is not committed; commit the file by hand")
	got := d.must(d.confirm(g.ID, zoe)())
	if got.State != jit.SuggestionApplied || got.ExpiresAt.IsZero() || !strings.Contains(got.Problem, "commit the file by hand") || !strings.Contains(d.text(), "max_duration: 6h") {
		t.Errorf("%+v", got)
	}
}

func TestWhatACrashLeftHalfWrittenIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	for _, written := range []bool{false, true} {
		t.Run(fmt.Sprintf("written %v", written), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			g := d.one(shorter())
			d.must(d.accept(g.ID, sam)())
			ctx, crash := context.WithCancel(t.Context())
			if written {
				d.after = crash
			} else {
				d.before, d.fail = crash, context.Canceled
			}
			if _, err := d.Service.ConfirmSuggestion(ctx, g.ID, ada); err == nil {
				t.Fatal("the crash did not happen")
			}
			if got := d.row(g.ID).State; got != jit.SuggestionConfirmed {
				t.Fatalf("it is %s", got)
			}
			settle(t, d)
			if got := d.row(g.ID).State; got != jit.SuggestionConfirmed {
				t.Fatal("it was taken from whoever may be writing it")
			}
			d.after = nil
			d.Clock.Move(3 * time.Minute)
			settle(t, d)
			got := d.row(g.ID)
			if got.State != jit.SuggestionApplied || got.ConfirmedBy != ada || !strings.Contains(d.text(), "max_duration: 2h") || strings.Count(d.text(), "2h") != 1 {
				t.Errorf("%+v\n%s", got, d.text())
			}
		})
	}
}

func TestWhatWasWrittenBeforeACrashAndChangedFurtherSinceIsApplied(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	d.must(d.accept(g.ID, sam)())
	ctx, crash := context.WithCancel(t.Context())
	d.after = crash
	if _, err := d.Service.ConfirmSuggestion(ctx, g.ID, ada); err == nil {
		t.Fatal("the crash did not happen")
	}
	text := "# by hand\n" + d.text()
	d.set([]byte(text))
	d.Clock.Move(3 * time.Minute)
	settle(t, d)
	if got := d.row(g.ID); got.State != jit.SuggestionApplied || d.text() != text {
		t.Errorf("%+v\n%s", got, d.text())
	}
}

func TestAFindingWithoutAnEditIsOnlyDismissed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := shorter()
	s.Edit = nil
	g := d.one(s)
	d.no(g.ID, bot.CodeBadInput, "no edit that would settle that", d.accept(g.ID, sam))
	d.must(d.Service.DismissSuggestion(t.Context(), g.ID, sam, jit.NotNow))
}

func settle(t *testing.T, d *desk) {
	t.Helper()
	if err := d.Service.SettleSuggestions(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAChangeIsNotedOnceThePolicyInForceHasIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.done(shorter())
	settle(t, d)
	if !d.row(g.ID).InForceAt.IsZero() {
		t.Fatal("it is said to be in force before the policy was loaded")
	}
	p, err := loadCandidate([]byte(d.text()))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Service.SetPolicy(t.Context(), p, "os:root"); err != nil {
		t.Fatal(err)
	}
	settle(t, d)
	settle(t, d)
	if d.row(g.ID).InForceAt.IsZero() || len(d.Events(jit.EventSuggestionInForce)) != 1 {
		t.Errorf("%+v", d.row(g.ID))
	}
}

func TestRevertRestoresTheBytes(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]edit.Edit{
		"a value":       {Op: edit.Set, Rule: "prod-by-approval", Path: []string{"max_duration"}, Value: "2h"},
		"an item":       {Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:platform"},
		"a rule":        {Op: edit.DeleteRule, Rule: "staging-at-will"},
		"the last rule": {Op: edit.DeleteRule, Rule: "contractors-never"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			g := d.done(suggest("A17", e))
			if d.text() == world.Policy {
				t.Fatal("nothing was changed")
			}
			d.way = jit.Widen
			r := d.must(d.revert(g.ID, zoe)())
			if r.State != jit.SuggestionAccepted || r.Reverts != g.ID {
				t.Fatalf("what widens was taken back by one person: %+v", r)
			}
			if again := d.must(d.revert(g.ID, ada)()); again.ID != r.ID || again.ProposedBy != zoe {
				t.Errorf("a second press made %+v", again)
			}
			d.no(r.ID, bot.CodeSelf, "accepted that yourself", d.confirm(r.ID, zoe))
			d.must(d.confirm(r.ID, ada)())
			if d.text() != world.Policy {
				t.Errorf("the file is not what it was:\n%s", edit.Patch("p", []byte(world.Policy), []byte(d.text())))
			}
			if old := d.row(g.ID); old.State != jit.SuggestionReverted || old.RevertedBy != zoe {
				t.Errorf("%+v", old)
			}
			if got := d.changes[1]; !strings.HasPrefix(got.Title, "Policy: take back "+g.ID) || !slices.Contains(got.Trailers, bot.Trailer{Name: "Reverts", Value: g.ID}) {
				t.Errorf("%q %v", got.Title, got.Trailers)
			}
		})
	}
}

func TestRevertOfWhatWidenedIsOneButton(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	g := d.done(longer())
	d.way = jit.Narrow
	r := d.must(d.revert(g.ID, sam)())
	if r.State != jit.SuggestionApplied || d.text() != world.Policy || d.row(g.ID).State != jit.SuggestionReverted {
		t.Errorf("%+v\n%s", r, d.text())
	}
}

// longer is a suggestion that gives payments and platform more.
func longer() jit.Suggestion {
	s := suggest("A19", edit.Edit{Op: edit.Set, Rule: "prod-by-approval", Path: []string{"max_duration"}, Value: "6h"})
	s.Direction = jit.Widen
	return s
}

func TestRevertWorksInAFileThatMovedOnAndRefusesWhereItCannot(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.way = jit.Widen
	g := d.done(longer())
	d.way = jit.Narrow
	d.set([]byte("# one\n" + d.text()))
	d.must(d.revert(g.ID, sam)())
	if d.text() != "# one\n"+world.Policy {
		t.Errorf("the file is\n%s", d.text())
	}
	d.way = jit.Widen
	h := d.done(longer())
	d.set([]byte(world.Policy))
	d.no(h.ID, bot.CodeChanged, "is 4h already", d.revert(h.ID, sam))
}

func TestAPersonMayPutInAnotherValue(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.one(shorter())
	as := func(who, value string) func() (jit.Suggestion, error) {
		return func() (jit.Suggestion, error) { return d.Service.AcceptSuggestionAs(t.Context(), g.ID, who, value) }
	}
	d.no(g.ID, bot.CodeNoRight, "Only admins", as(ann, "3h"))
	for value, words := range map[string]string{"": "is no YAML", "3h # x": "more around it", "3h\n    urgent: true": "line break", "9h": "would not load", "4h": "is 4h already", "*x": "is no YAML"} {
		d.no(g.ID, bot.CodeBadInput, words, as(sam, value))
	}
	if got := d.row(g.ID); got.State != jit.SuggestionOpen {
		t.Fatalf("a wrong value made it %s", got.State)
	}
	first := g.Edit
	g = d.must(as(sam, " 3h ")())
	if string(g.Suggested) != string(first) || !strings.Contains(string(g.Edit), `"3h"`) {
		t.Errorf("accepted: %+v", g)
	}
	g = d.must(d.Service.WithdrawSuggestion(t.Context(), g.ID, sam))
	if string(g.Edit) != string(first) || g.Suggested != nil {
		t.Errorf("withdrawn: %s", g.Edit)
	}
	d.must(as(sam, "3h")())
	d.must(d.confirm(g.ID, ada)())
	if !strings.Contains(d.text(), "max_duration: 3h") || !strings.Contains(d.changes[0].Body, "suggested was 2h; what it rests on was counted for that, and the replay is of this") {
		t.Errorf("%s\n%s", d.changes[0].Body, d.text())
	}
	other := d.one(suggest("A18", edit.Edit{Op: edit.RemoveItem, Rule: "prod-by-approval", Path: []string{"eligible"}, Item: "group:platform"}))
	d.no(other.ID, bot.CodeBadInput, "no value to be changed", func() (jit.Suggestion, error) {
		return d.Service.AcceptSuggestionAs(t.Context(), other.ID, sam, "x")
	})
}
