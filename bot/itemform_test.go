package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// trying has a desk replay what it is asked.
func trying(c *bot.Config) {
	c.Suggestions.Try = func(_ context.Context, v storage.View, before, after *policy.Policy) (bot.Tried, error) {
		if _, err := v.Head(); err != nil {
			return bot.Tried{}, err
		}
		a, b := before.Rule(before.RuleNamed("prod-by-approval")), after.Rule(after.RuleNamed("prod-by-approval"))
		return bot.Tried{Replay: "from " + jit.FormatDuration(a.MaxDuration) + " to " + jit.FormatDuration(b.MaxDuration) + " nobody refused.", Proof: "No kind of request gets more."}, nil
	}
}

// fromReview is a suggestion with the body that a review gives it.
func fromReview(g jit.Suggestion, b bot.ItemBody) jit.Suggestion {
	g.Body, _ = json.Marshal(b)
	return g
}

func cutTo2h() jit.Suggestion {
	return fromReview(shorter(), bot.ItemBody{
		Name: "Too long", Title: "max_duration of rule prod-by-approval from 4h to 2h", Finding: bot.Spoken{Sentence: "71 of 71 grants ended within 1h31."},
		Replay: bot.Spoken{Sentence: "2 grants would have been cut."}, HeldOut: bot.Spoken{Sentence: "0 of 20."}, Evidence: []string{"grt_1"},
		Patch: "--- a/p\n+++ b/p\n@@ -1 +1 @@\n-    max_duration: 4h\n+    max_duration: 2h\n",
	})
}

func TestEditOpensAFormWithTheValueAsItIsAndAsSuggested(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, cutTo2h())
	d.round()
	id := d.suggested().ID
	if m := d.item(id); m.Card.Buttons[1].Verb != "item-edit-form" || !bot.OpensForm(bot.Incoming{Action: &m.Card.Buttons[1].Action}) {
		t.Errorf("Edit is %+v", m.Card.Buttons[1])
	}
	for _, verb := range []string{"item-edit-form", "item-edit"} { // the second is on cards of before
		f := d.Press("sam", verb, id).Form
		if f == nil || f.ID != id || len(f.Fields) != 1 {
			t.Fatalf("%s: %+v", verb, f)
		}
		in := f.Fields[0]
		if in.Name != "value" || in.Value != "2h" || in.Hint != "Now: 4h. Suggested: 2h" || in.Label != "max_duration of rule prod-by-approval" || !in.Required {
			t.Errorf("%s: %+v", verb, in)
		}
	}
	if g := d.row(id); g.State != jit.SuggestionOpen {
		t.Errorf("looking at the form made it %s", g.State)
	}
}

func TestAnotherValueIsDerivedProvedReplayedShownAndAcceptedInThatName(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, cutTo2h())
	trying(&d.Service.Config)
	d.round()
	id := d.suggested().ID
	d.set([]byte("# moved on\n" + world.Policy))
	reply := d.Send("sam", "item-edit-value", id, map[string]string{"value": " 3h "})
	expect(t, reply, "Accepted with your value", "from 4h to 3h nobody refused", "it gives less", "No kind of request gets more", "Ada Agard")
	g := d.row(id)
	if g.State != jit.SuggestionAccepted || g.ProposedBy != sam || !strings.Contains(string(g.Edit), `"value":"3h"`) || !strings.Contains(string(g.Suggested), `"value":"2h"`) {
		t.Fatalf("%+v", g)
	}
	m := d.item(id)
	words := bottest.Words(m.Card)
	for _, part := range []string{"from 4h to 3h", "+     max_duration: 3h", "from 4h to 3h nobody refused", "Sam Sand put in another value than the suggested 2h", "Accepted by Sam Sand"} {
		if !strings.Contains(words, part) && !strings.Contains(strings.Join(strings.Fields(words), " "), strings.Join(strings.Fields(part), " ")) {
			t.Errorf("the card does not say %q:\n%s", part, words)
		}
	}
	if strings.Contains(words, "2 grants would have been cut") || strings.Contains(words, "0 of 20") {
		t.Errorf("the card says what was counted for 2h:\n%s", words)
	}
	d.no(id, bot.CodeSelf, "accepted that yourself", d.confirm(id, sam))
	d.Press("ada", "item-confirm", id)
	if !strings.HasPrefix(d.text(), "# moved on\n") || !strings.Contains(d.text(), "max_duration: 3h") {
		t.Errorf("the file is\n%s", d.text())
	}
	if e := d.Events(jit.EventSuggestionAccepted); len(e) != 1 || e[0].Actor != sam || !strings.Contains(string(e[0].Data), `"value":"3h"`) {
		t.Errorf("the log: %v", e)
	}
}

func TestWithdrawnAnItemIsAsItWasSuggested(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, cutTo2h())
	d.round()
	before := d.suggested()
	d.Send("sam", "item-edit-value", before.ID, map[string]string{"value": "3h"})
	d.Press("zoe", "item-withdraw", before.ID)
	if g := d.row(before.ID); string(g.Edit) != string(before.Edit) || string(g.Body) != string(before.Body) || g.Suggested != nil || g.FirstBody != nil {
		t.Errorf("%+v", g)
	}
}

func TestABadValueIsSaidAtItsFieldAndChangesNothing(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, cutTo2h())
	d.round()
	id := d.suggested().ID
	for value, want := range map[string]string{
		"": "A value, please", "   ": "A value, please", "soon": "would not load", "9h": "would not load", "4h": "is 4h already", "3h # later": "more around it",
		"*x": "is no YAML", "[2h, 3h]": "would not load", "3h, auto_approve: true": "has to stand in brackets", strings.Repeat("x", 301): "at most 300 characters",
	} {
		reply := d.Send("sam", "item-edit-value", id, map[string]string{"value": value})
		if !strings.Contains(reply.Bad["value"], want) || reply.Card != nil {
			t.Errorf("%.20q: %+v", value, reply)
		}
	}
	if g := d.row(id); g.State != jit.SuggestionOpen || d.text() != world.Policy {
		t.Errorf("it is %s", g.State)
	}
}

func TestTheFormSaysWhatAValueWouldComeTo(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, cutTo2h())
	d.round()
	id := d.suggested().ID
	fill := func(who, value string) (bot.Form, error) {
		in := d.Incoming(who)
		in.Form = &bot.Submission{Name: "item-edit-value", ID: id, Values: map[string]string{"value": value}}
		return d.Service.Refill(t.Context(), in)
	}
	f, err := fill("sam", "3h")
	if err != nil || len(f.Outlook) != 2 || f.Outlook[0][0].Text != "max_duration of rule prod-by-approval from 4h to 3h." || f.Outlook[1][0].Text != "Direction: it gives less." || f.Fields[0].Value != "3h" {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err = fill("sam", "9h"); err != nil || !strings.Contains(f.Outlook[0][0].Text, "would not load") {
		t.Errorf("%+v, %v", f.Outlook, err)
	}
	if _, err := fill("ann", "3h"); err == nil {
		t.Error("ann may fill it in")
	}
}

func TestAnotherValueGoesThroughTheSameRails(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, cutTo2h())
	d.Service.Admins = append(d.Service.Admins, ann)
	if err := d.Service.SetOverseers(t.Context(), []string{ada, ann}, []string{sam, zoe}, "os:root", nil); err != nil {
		t.Fatal(err)
	}
	d.round()
	id := d.suggested().ID
	d.way = jit.Widen
	expect(t, d.Send("ann", "item-edit-value", id, map[string]string{"value": "6h"}), "would be let do more")
	d.way = jit.Narrow
	expect(t, d.Send("cy", "item-edit-value", id, map[string]string{"value": "3h"}), "Only admins and security")
	d.Service.Suggestions.Protected = []string{"prod-by-approval"}
	expect(t, d.Send("sam", "item-edit-value", id, map[string]string{"value": "3h"}), "governs jitbot itself")
	d.Service.Suggestions.Protected = nil
	d.way = jit.Widen
	expect(t, d.Send("sam", "item-edit-value", id, map[string]string{"value": "6h"}), "Accepted with your value", "it gives more")
	d.no(id, bot.CodeSelf, "would be let do more", d.confirm(id, ann))
	if g := d.must(d.confirm(id, ada)()); g.ExpiresAt.IsZero() {
		t.Error("what widens has no day to be taken back")
	}
}

func TestAnItemThatIsAddedMayBeAnother(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, suggest("A20", edit.Edit{Op: edit.AddItem, Rule: "prod-by-approval", Path: []string{"approvals", "from"}, Item: "group:platform"}))
	d.round()
	id := d.suggested().ID
	if f := d.Press("sam", "item-edit-form", id).Form; f == nil || f.Fields[0].Value != "group:platform" || f.Fields[0].Hint != "Suggested: group:platform" {
		t.Fatalf("%+v", f)
	}
	reply := d.Send("sam", "item-edit-value", id, map[string]string{"value": "group:nobody"})
	if !strings.Contains(reply.Bad["value"], "would not load") {
		t.Errorf("%+v", reply)
	}
	expect(t, d.Send("sam", "item-edit-value", id, map[string]string{"value": "group:contractors"}), "add group:contractors to approvals.from")
	d.Press("ada", "item-confirm", id)
	if !strings.Contains(d.text(), "from: [group:payments, oncall:primary, group:contractors]") {
		t.Errorf("the file is\n%s", d.text())
	}
}

func TestAReplayThatFailsIsSaidAndDoesNotHoldTheValueUp(t *testing.T) {
	t.Parallel()
	d, _ := newWeekly(t, cutTo2h())
	d.Service.Suggestions.Try = func(context.Context, storage.View, *policy.Policy, *policy.Policy) (bot.Tried, error) {
		return bot.Tried{}, errors.New("the past cannot be read")
	}
	d.round()
	expect(t, d.Send("sam", "item-edit-value", d.suggested().ID, map[string]string{"value": "3h"}), "not replayed: the past cannot be read")
}
