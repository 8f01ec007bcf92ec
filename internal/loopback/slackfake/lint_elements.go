package slackfake

import (
	"fmt"
	"slices"
	"strings"
)

// elementKind says where an element may stand and how it is read.
type elementKind struct {
	places string
	keys   string
	check  func(l *linter, path string, e object)
}

const selectKeys = "type action_id placeholder confirm focus_on_load "

func elements() map[string]elementKind {
	inputs := func(more string) elementKind {
		return elementKind{"input", "type action_id placeholder initial_value dispatch_action_config focus_on_load " + more, (*linter).typed}
	}
	picks := func(more string) elementKind {
		return elementKind{"section actions input", selectKeys + more, nil}
	}
	return map[string]elementKind{
		"button":          {"section actions", "type action_id text url value style confirm accessibility_label", (*linter).button},
		"image":           {"section context", "type image_url slack_file alt_text", (*linter).picture},
		"overflow":        {"section actions", "type action_id options confirm", (*linter).overflow},
		"static_select":   {"section actions input", selectKeys + "options option_groups initial_option", (*linter).static},
		"external_select": {"section actions input", selectKeys + "initial_option min_query_length", (*linter).external},
		"checkboxes":      {"section actions input", selectKeys + "options initial_options", (*linter).choices},
		"radio_buttons":   {"section actions input", selectKeys + "options initial_option", (*linter).choices},
		"datepicker":      {"section actions input", selectKeys + "initial_date", (*linter).date},
		"timepicker":      {"section actions input", selectKeys + "initial_time timezone", (*linter).timeOfDay},
		"datetimepicker":  {"actions input", "type action_id initial_date_time confirm focus_on_load", (*linter).dateTime},

		"plain_text_input": inputs("multiline min_length max_length"),
		"email_text_input": inputs(""),
		"url_text_input":   inputs(""),
		"number_input":     inputs("is_decimal_allowed min_value max_value"),
		"rich_text_input":  {"input", "type action_id placeholder initial_value dispatch_action_config focus_on_load min_lines max_lines", nil},

		"multi_static_select":        {"section actions input", selectKeys + "options option_groups initial_options max_selected_items", (*linter).static},
		"multi_external_select":      {"section actions input", selectKeys + "initial_options min_query_length max_selected_items", (*linter).external},
		"users_select":               picks("initial_user"),
		"multi_users_select":         picks("initial_users max_selected_items"),
		"channels_select":            picks("initial_channel response_url_enabled"),
		"multi_channels_select":      picks("initial_channels max_selected_items"),
		"conversations_select":       picks("initial_conversation default_to_current_conversation response_url_enabled filter"),
		"multi_conversations_select": picks("initial_conversations default_to_current_conversation filter max_selected_items"),
	}
}

var elementKinds = elements()

// element reads one interactive element. ids are the action ids that stand in
// the same block.
func (l *linter) element(path string, v any, place string, ids map[string]bool) {
	e, ok := v.(object)
	if !ok {
		l.fail(path, "must be an object")
		return
	}
	kind, _ := e["type"].(string)
	k, known := elementKinds[kind]
	if !known || !slices.Contains(strings.Fields(k.places), place) {
		l.fail(path+"/type", "unsupported type in %s: %s", place, kind)
		return
	}
	l.keys(path, e, k.keys)
	if kind != "image" {
		l.actionID(path, e, ids)
	}
	l.maybe(path, e, "placeholder", plainOnly, maxPlaceholder)
	l.number(path, e, "max_selected_items", 1, maxOptions)
	if e["focus_on_load"] == true {
		l.focused++
	}
	if c, given := e["confirm"]; given {
		l.confirm(path+"/confirm", c)
	}
	if k.check != nil {
		k.check(l, path, e)
	}
}

func (l *linter) actionID(path string, e object, ids map[string]bool) {
	id := l.str(path, e, "action_id", 1, maxID)
	if id == "" {
		id = l.newID()
		e["action_id"] = id
	}
	if ids[id] {
		l.fail(path+"/action_id", "%q is used more than once in the block", id)
	}
	ids[id] = true
}

func (l *linter) confirm(path string, v any) {
	c, ok := v.(object)
	if !ok {
		l.fail(path, "must be an object")
		return
	}
	l.keys(path, c, "title text confirm deny style")
	l.text(path, c, "title", plainOnly, maxConfirmHead)
	l.text(path, c, "text", anyText, maxConfirmText)
	l.text(path, c, "confirm", plainOnly, maxConfirmYes)
	l.text(path, c, "deny", plainOnly, maxConfirmYes)
	l.oneOf(path, c, "style", "primary", "danger")
}

func (l *linter) button(path string, e object) {
	l.text(path, e, "text", plainOnly, maxButtonText)
	l.str(path, e, "value", 1, maxButtonValue)
	l.str(path, e, "url", 1, maxURL)
	l.str(path, e, "accessibility_label", 1, maxButtonLabel)
	l.oneOf(path, e, "style", "primary", "danger")
}

func (l *linter) overflow(path string, e object) {
	l.options(path, e, "options", maxOverflow, plainOnly, map[string]bool{})
}

func (l *linter) choices(path string, e object) {
	l.options(path, e, "options", maxChoices, anyText, map[string]bool{})
	l.initial(path, e)
}

func (l *linter) external(path string, e object) {
	l.number(path, e, "min_query_length", 0, maxTextObject)
	if o, given := e["initial_option"]; given {
		l.option(path+"/initial_option", o, plainOnly, map[string]bool{})
	}
}

func (l *linter) static(path string, e object) {
	_, flat := e["options"]
	_, grouped := e["option_groups"]
	switch {
	case flat == grouped:
		l.fail(path, "must provide options or option_groups, not both")
	case flat:
		l.options(path, e, "options", maxOptions, plainOnly, map[string]bool{})
	default:
		l.groups(path, e)
	}
	l.initial(path, e)
}

func (l *linter) groups(path string, e object) {
	values := map[string]bool{}
	for i, v := range l.list(path, e, "option_groups", 1, maxOptions) {
		at := fmt.Sprintf("%s/option_groups/%d", path, i)
		g, ok := v.(object)
		if !ok {
			l.fail(at, "must be an object")
			continue
		}
		l.keys(at, g, "label options")
		l.text(at, g, "label", plainOnly, maxOptionText)
		l.options(at, g, "options", maxOptions, plainOnly, values)
	}
}

// options reads a list of options whose values differ.
func (l *linter) options(path string, o object, key string, most int, kind string, values map[string]bool) {
	for i, v := range l.list(path, o, key, 1, most) {
		l.option(fmt.Sprintf("%s/%s/%d", path, key, i), v, kind, values)
	}
}

func (l *linter) option(path string, v any, kind string, values map[string]bool) {
	o, ok := v.(object)
	if !ok {
		l.fail(path, "must be an object")
		return
	}
	l.keys(path, o, "text value description url")
	l.text(path, o, "text", kind, maxOptionText)
	l.maybe(path, o, "description", kind, maxOptionText)
	l.str(path, o, "url", 1, maxURL)
	if _, given := o["value"]; !given {
		l.fail(path+"/value", "must provide a string")
	}
	value := l.str(path, o, "value", 1, maxOptionValue)
	if n := len([]rune(value)); n > safeOptionSize && n <= maxOptionValue {
		l.note(path+"/value", "%d characters, and %d is what the type definitions allow", n, safeOptionSize)
	}
	if values[value] {
		l.fail(path+"/value", "%q is used more than once", value)
	}
	values[value] = true
}

// initial refuses a preset that is not among the options.
func (l *linter) initial(path string, e object) {
	presets, _ := e["initial_options"].([]any)
	if p, given := e["initial_option"]; given {
		presets = append(presets, p)
	}
	for _, p := range presets {
		o, _ := p.(object)
		value, _ := o["value"].(string)
		if got := optionOf(e, value); got == nil || string(encode(got["text"])) != string(encode(o["text"])) {
			l.fail(path+"/initial_option", "must be one of the options")
		}
	}
}

func (l *linter) typed(path string, e object) {
	l.number(path, e, "min_length", 0, maxInput)
	l.number(path, e, "max_length", 1, maxInput)
	most := maxInput
	if n, ok := e["max_length"].(float64); ok {
		most = min(most, int(n))
	}
	l.str(path, e, "initial_value", 0, most)
}

func (l *linter) date(path string, e object) {
	if v := l.str(path, e, "initial_date", 1, maxID); v != "" && !dateForm.MatchString(v) {
		l.fail(path+"/initial_date", "must be YYYY-MM-DD")
	}
}

func (l *linter) timeOfDay(path string, e object) {
	if v := l.str(path, e, "initial_time", 1, maxID); v != "" && !timeForm.MatchString(v) {
		l.fail(path+"/initial_time", "must be HH:mm")
	}
}

// dateTime takes Unix seconds of ten digits.
func (l *linter) dateTime(path string, e object) {
	l.number(path, e, "initial_date_time", 1e9, 1e10-1)
}

// optionOf finds the option of an element by its value.
func optionOf(e object, value string) object {
	lists := []any{e["options"]}
	groups, _ := e["option_groups"].([]any)
	for _, g := range groups {
		if o, ok := g.(object); ok {
			lists = append(lists, o["options"])
		}
	}
	for _, list := range lists {
		items, _ := list.([]any)
		for _, v := range items {
			if o, ok := v.(object); ok && o["value"] == value {
				return o
			}
		}
	}
	return nil
}
