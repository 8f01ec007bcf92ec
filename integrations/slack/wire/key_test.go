package wire

import (
	"maps"
	"strings"
	"testing"
)

func TestAKeyIsTheSameForARedeliveryAndShowsNothing(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name := range interactions {
		one, _ := ParseInteractionJSON(file(t, name))
		two, _ := ParseInteractionJSON(file(t, name))
		if one.Key() != two.Key() {
			t.Errorf("%s: a redelivery has another key", name)
		}
		seen[one.Key()] = name
	}
	for name := range events {
		one, _ := ParseEvent(file(t, name))
		two, _ := ParseEvent(file(t, name))
		if one.Key() != two.Key() {
			t.Errorf("%s: a redelivery has another key", name)
		}
		seen[one.Key()] = name
	}
	if want := len(interactions) + len(events); len(seen) != want {
		t.Errorf("%d keys for %d payloads", len(seen), want)
	}
	for key, name := range seen {
		if len(key) != 32 || strings.Trim(key, "0123456789abcdef") != "" {
			t.Errorf("%s: %q is not 32 hex digits", name, key)
		}
	}
}

func TestAKeyOfACommandGoesByItsTrigger(t *testing.T) {
	t.Parallel()
	c := Command{Team: "T1", App: "A1", Trigger: "1.2.a", Text: "x"}
	same, other := c, c
	same.Text, other.Trigger = "y", "1.2.b"
	if c.Key() != same.Key() || c.Key() == other.Key() {
		t.Error("the trigger does not decide")
	}
	// Keys are kept for a day: a release that made others would take
	// redeliveries for new.
	if got, want := c.Key(), "77088fc7b6f4d7054057a8f275f2e537"; got != want {
		t.Errorf("the key is %s, of earlier releases %s", got, want)
	}
}

func TestPartsOfAKeyCannotRunTogether(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	lists := [][]string{{}, {""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"}, {"a\x00b"}, {"a", "b"}, {"a,b"}}
	for _, l := range lists {
		seen[deliveryKey("k", l...)] = true
	}
	if seen[deliveryKey("ka", "bc")] || len(seen) != len(lists) {
		t.Errorf("%d keys for %d lists", len(seen), len(lists))
	}
}

func TestAKeyTellsOneDeedFromAnother(t *testing.T) {
	t.Parallel()
	click := func() Interaction {
		return Interaction{
			Type: BlockActions, Team: "T1", App: "A1", User: User{ID: "U1"}, Channel: "C1", Message: "1.1",
			Actions: []Action{{ID: "approve", Block: "b", Type: "button", Value: "req_1", TS: "2.1"}},
		}
	}
	form := func() Interaction {
		return Interaction{
			Type: ViewSubmission, Team: "T1", App: "A1", User: User{ID: "U1"}, Trigger: "t",
			View: &View{ID: "V1", Hash: "h", Values: map[string]Value{"a": {Text: "1", Set: true}, "b": {Text: "2", Set: true}}},
		}
	}
	for name, c := range map[string]struct {
		from   func() Interaction
		change func(*Interaction)
		same   bool
	}{
		"another person":          {click, func(i *Interaction) { i.User.ID = "U2" }, false},
		"another message":         {click, func(i *Interaction) { i.Message = "1.2" }, false},
		"another channel":         {click, func(i *Interaction) { i.Channel = "C2" }, false},
		"another button":          {click, func(i *Interaction) { i.Actions[0].ID = "deny" }, false},
		"another moment":          {click, func(i *Interaction) { i.Actions[0].TS = "2.2" }, false},
		"a trigger":               {click, func(i *Interaction) { i.Trigger = "t" }, false},
		"another app":             {click, func(i *Interaction) { i.App = "A2" }, false},
		"another team":            {click, func(i *Interaction) { i.Team = "T2" }, false},
		"another response URL":    {click, func(i *Interaction) { i.ResponseURL = "https://x" }, true},
		"a double click":          {form, func(i *Interaction) { i.Trigger = "u" }, true},
		"a corrected value":       {form, func(i *Interaction) { i.View.Values["a"] = Value{Text: "3", Set: true} }, false},
		"values changed round":    {form, func(i *Interaction) { i.View.Values["a"], i.View.Values["b"] = i.View.Values["b"], i.View.Values["a"] }, false},
		"a value taken out":       {form, func(i *Interaction) { i.View.Values["a"] = Value{} }, false},
		"a form shown again":      {form, func(i *Interaction) { i.View.Hash = "i" }, false},
		"another form":            {form, func(i *Interaction) { i.View.ID = "V2" }, false},
		"another person's form":   {form, func(i *Interaction) { i.User.ID = "U2" }, false},
		"closed, not sent":        {form, func(i *Interaction) { i.Type = ViewClosed }, false},
		"an own copy of the same": {form, func(i *Interaction) { i.View.Values = maps.Clone(i.View.Values) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := c.from(), c.from()
			c.change(&after)
			if same := before.Key() == after.Key(); same != c.same {
				t.Errorf("the same key: %v", same)
			}
		})
	}
}
