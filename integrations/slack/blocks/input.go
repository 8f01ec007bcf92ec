package blocks

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// input renders one field of a form.
func input(in bot.Input, blockID string, terse bool) slack.Block {
	var hint *slack.TextBlockObject
	if strings.TrimSpace(clean(in.Hint)) != "" {
		hint = plain(in.Hint, maxHint)
	}
	b := slack.NewInputBlock(blockID, plain(in.Label, maxLabel), hint, element(in, terse))
	return b.WithOptional(!in.Required).WithDispatchAction(in.Live)
}

// element is what takes the value. Its action_id says the kind, which a select
// alone does not: a length to choose is not a choice.
func element(in bot.Input, terse bool) slack.BlockElement {
	id := inputMark + string(in.Kind)
	switch in.Kind {
	case bot.Choice:
		if in.More {
			return externalSelect(in, id, terse)
		}
		return staticSelect(in, id, terse)
	case bot.Duration:
		if !in.Live {
			return typed(in, id) // any length may be written; what is too long is said at the field
		}
		return staticSelect(in, id, terse)
	case bot.Moment:
		e := slack.NewDateTimePickerBlockElement(id)
		if at, err := time.Parse(time.RFC3339, in.Value); err == nil && pickable(at) {
			e.InitialDateTime = at.Unix()
		}
		return e
	case bot.Someone:
		e := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, nil, id)
		if m := mention.FindStringSubmatch(in.Value); m != nil {
			e.InitialUser = m[1]
		}
		return e
	default:
		return typed(in, id)
	}
}

// mention is how jitbot writes a user that was chosen.
var mention = regexp.MustCompile(`^<@([UW][A-Z0-9]{1,30})>$`)

// pickable reports whether a datetimepicker takes t: seconds of ten digits.
func pickable(t time.Time) bool { return t.Unix() >= 1e9 && t.Unix() < 1e10 }

// typed is a field to write in. A change counts once Enter is pressed: at each
// letter it would be a call to us.
func typed(in bot.Input, id string) slack.BlockElement {
	e := slack.NewPlainTextInputBlockElement(nil, id)
	e.Multiline = in.Kind == bot.Lines
	most := maxTyped
	if in.Max > 0 {
		most = min(in.Max, maxTyped)
		e.MaxLength = most
	}
	value := clean(in.Value)
	if e.Multiline {
		value = cleanLines(in.Value)
	}
	e.InitialValue = bot.Shorten(value, most)
	if in.Live {
		e.DispatchActionConfig = &slack.DispatchActionConfig{TriggerActionsOn: []string{"on_enter_pressed"}}
	}
	return e
}

// staticSelect lists the options; without any that can be listed, the field is
// one to write in. A length that is set and not among them is added.
func staticSelect(in bot.Input, id string, terse bool) slack.BlockElement {
	list := optionsOf(in.Options, terse)
	at := indexOf(list, in.Value)
	if at < 0 && in.Kind == bot.Duration && len(list) > 0 {
		set := optionsOf([]bot.Option{{Value: in.Value, Label: in.Value}}, terse)
		list = append(list[:min(len(list), maxOptions-len(set))], set...)
		at = indexOf(list, in.Value)
	}
	if len(list) == 0 {
		return typed(in, id)
	}
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, id, list...)
	if at >= 0 {
		e.InitialOption = list[at]
	}
	return e
}

// externalSelect asks us for options as the person types, and once before.
func externalSelect(in bot.Input, id string, terse bool) slack.BlockElement {
	none := 0
	e := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, nil, id)
	e.MinQueryLength = &none
	set := bot.Option{Value: in.Value, Label: in.Value}
	if i := slices.IndexFunc(in.Options, func(o bot.Option) bool { return o.Value == in.Value }); i >= 0 {
		set = in.Options[i]
	}
	if o := optionsOf([]bot.Option{set}, terse); len(o) == 1 {
		e.InitialOption = o[0]
	}
	return e
}

// Options renders the answer to a block_suggestion: at most 100, and none whose
// value cannot be carried whole. It is never nil.
func Options(found []bot.Option) []*slack.OptionBlockObject { return optionsOf(found, false) }

func optionsOf(found []bot.Option, terse bool) []*slack.OptionBlockObject {
	out := []*slack.OptionBlockObject{}
	seen := map[string]bool{}
	for _, o := range found {
		if o.Value == "" || utf8.RuneCountInString(o.Value) > maxOptionValue || seen[o.Value] {
			continue
		}
		if len(out) == maxOptions {
			break
		}
		seen[o.Value] = true
		label := o.Label
		if strings.TrimSpace(clean(label)) == "" {
			label = o.Value
		}
		var hint *slack.TextBlockObject
		if !terse && strings.TrimSpace(clean(o.Hint)) != "" {
			hint = plain(o.Hint, maxOptionText)
		}
		out = append(out, slack.NewOptionBlockObject(o.Value, plain(label, maxOptionText), hint))
	}
	return out
}

func indexOf(list []*slack.OptionBlockObject, value string) int {
	return slices.IndexFunc(list, func(o *slack.OptionBlockObject) bool { return o.Value == value })
}
