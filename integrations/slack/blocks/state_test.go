package blocks_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/slack/blocks"
	"jitbot/integrations/slack/wire"
)

func TestWhatIsFilledInIsReadByTheNamesOfTheFields(t *testing.T) {
	t.Parallel()
	got := blocks.Values(map[string]wire.Value{
		"reason#v12": {Type: "plain_text_input", Text: " as typed\n", Set: true},
		"resource":   {Type: "static_select", Text: "prod-db", Set: true},
		"other":      {Type: "external_select", Text: "prod-logs", Set: true},
		"nothing":    {Type: "static_select"},
		"start":      {Type: "datetimepicker", Text: "1772445660", Set: true},
		"never":      {Type: "datetimepicker"},
		"unclear":    {Type: "datetimepicker", Text: "soon", Set: true},
		"for":        {Type: "users_select", Text: "U0123", Set: true},
		"nobody":     {Type: "users_select"},
		"odd":        {Type: "users_select", Text: "U1>  <!here", Set: true},
	})
	want := map[string]string{
		"reason": " as typed\n", "resource": "prod-db", "other": "prod-logs", "nothing": "", "start": "2026-03-02T10:01:00Z",
		"never": "", "unclear": "", "for": "<@U0123>", "nobody": "", "odd": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := blocks.Values(nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestAProblemStandsAtTheBlockItsFieldHasNow(t *testing.T) {
	t.Parallel()
	state := stateOf(bot.Form{Fields: []bot.Input{{Name: "duration#v3"}, {Name: "reason"}}}, nil)
	got := blocks.Errors(map[string]string{"duration": "Too\nlong.", "reason": "", "elsewhere": "x"}, state)
	if diff := cmp.Diff(map[string]string{"duration#v3": "Too long.", "reason": "–"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := blocks.Errors(map[string]string{"elsewhere": "x"}, state); len(got) != 0 {
		t.Errorf("of another form: %v", got)
	}
}

func TestARefilledFieldIsReplacedOnlyWhereItsValueChanges(t *testing.T) {
	t.Parallel()
	f := bot.Form{Name: "f", Title: "t", Submit: "s", Fields: []bot.Input{
		{Name: "same", Label: "l", Kind: bot.Lines, Value: "a b"},
		{Name: "changed", Label: "l", Kind: bot.OneLine, Value: "new"},
		{Name: "again", Label: "l", Kind: bot.OneLine, Value: "new"},
		{Name: "added", Label: "l", Kind: bot.OneLine, Value: "x"},
		{Name: "kept", Label: "l", Kind: bot.OneLine, Value: "z"},
	}}
	state := stateOf(bot.Form{Fields: []bot.Input{{Name: "same"}, {Name: "changed"}, {Name: "again#v9"}, {Name: "kept#v2"}}},
		map[string]string{"same": " a \nb", "changed": "old", "again#v9": "old", "kept#v2": "z"})
	var ids []string
	for _, b := range blocks.Refilled(f, state).Blocks.BlockSet {
		ids = append(ids, b.ID())
	}
	if diff := cmp.Diff([]string{"same", "changed#v2", "again#v10", "added", "kept#v2"}, ids); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAnInstantIsTheSameHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	state := map[string]wire.Value{"start": {Type: "datetimepicker", Text: "1772445660", Set: true}}
	for value, want := range map[string]string{"2026-03-02T11:01:00+01:00": "start", "2026-03-02T11:01:00Z": "start#v2", "": "start#v2"} {
		f := bot.Form{Fields: []bot.Input{{Name: "start", Label: "l", Kind: bot.Moment, Value: value}}}
		if got := blocks.Refilled(f, state).Blocks.BlockSet[0].ID(); got != want {
			t.Errorf("%q is in block %q, not %q", value, got, want)
		}
	}
}

func TestAButtonIsAVerbAndAnIDAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		actionID string
		want     bot.Action
		ok       bool
	}{
		{"approve", bot.Action{Verb: "approve", ID: "req_1"}, true},
		{blocks.ActionID("approve", 2), bot.Action{Verb: "approve", ID: "req_1"}, true},
		{blocks.ActionID("link", 1), bot.Action{}, false},
		{"v:choice", bot.Action{}, false},
		{"", bot.Action{}, false},
		{"#2", bot.Action{}, false},
	} {
		if got, ok := blocks.ParseAction(c.actionID, "req_1"); got != c.want || ok != c.ok {
			t.Errorf("%q does %+v, %v", c.actionID, got, ok)
		}
	}
	if !blocks.IsLink("link#1") || blocks.IsLink("link") || blocks.IsLink("approve#1") || !blocks.IsInput("v:line") || blocks.IsInput("approve") {
		t.Error("links and inputs are not told from buttons")
	}
}

func TestALengthThatIsSetCanBeChosen(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"30m": 2, "45m": 3, "": 2} {
		in := bot.Input{Name: "n", Label: "l", Kind: bot.Duration, Value: value, Live: true, Options: []bot.Option{{Value: "30m", Label: "30m"}, {Value: "1h", Label: "1h"}}}
		got := readForm(t, bot.Form{Name: "f", Title: "t", Submit: "s", Fields: []bot.Input{in}}).Fields[0]
		if len(got.Options) != want || got.Value != value {
			t.Errorf("%q: %+v", value, got)
		}
	}
}

func TestAChoiceWithNothingToOfferIsTyped(t *testing.T) {
	t.Parallel()
	in := bot.Input{Name: "n", Label: "l", Kind: bot.Choice, Value: "x"}
	if got := readForm(t, bot.Form{Name: "f", Title: "t", Submit: "s", Fields: []bot.Input{in}}).Fields[0]; got.Kind != bot.Choice || got.Value != "x" {
		t.Errorf("read %+v", got)
	}
}
