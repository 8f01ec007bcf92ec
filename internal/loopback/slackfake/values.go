package slackfake

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// field is one element that holds a value, in its block.
type field struct {
	block, action string
	element       object
	input         bool // stands in an input block
	optional      bool
}

// fieldsOf lists the elements of blocks that hold a value.
func fieldsOf(blocks any) []field {
	return slices.DeleteFunc(elementsOf(blocks), func(f field) bool {
		kind := f.element["type"]
		return kind == "button" || kind == "overflow" || kind == "image"
	})
}

// elementsOf lists all interactive elements of blocks, in their order.
func elementsOf(blocks any) []field {
	var out []field
	items, _ := blocks.([]any)
	for _, v := range items {
		b, _ := v.(object)
		id, _ := b["block_id"].(string)
		list, _ := b["elements"].([]any)
		if b["type"] != "actions" {
			list = nil
		}
		for _, one := range append(list, b["element"], b["accessory"]) {
			e, ok := one.(object)
			if !ok {
				continue
			}
			action, _ := e["action_id"].(string)
			out = append(out, field{id, action, e, b["type"] == "input", b["optional"] == true})
		}
	}
	return out
}

// Families of elements, by what their value looks like.
var valueKeys = map[string]string{
	"plain_text_input": "value", "email_text_input": "value", "url_text_input": "value", "number_input": "value",
	"static_select": "selected_option", "external_select": "selected_option", "radio_buttons": "selected_option",
	"overflow": "selected_option", "checkboxes": "selected_options",
	"multi_static_select": "selected_options", "multi_external_select": "selected_options",
	"users_select": "selected_user", "multi_users_select": "selected_users",
	"channels_select": "selected_channel", "multi_channels_select": "selected_channels",
	"conversations_select": "selected_conversation", "multi_conversations_select": "selected_conversations",
	"datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time",
	"rich_text_input": "rich_text_value",
}

// presets names where an element keeps what it begins with.
var presets = map[string]string{
	"value": "initial_value", "selected_option": "initial_option", "selected_options": "initial_options",
	"selected_user": "initial_user", "selected_users": "initial_users", "selected_channel": "initial_channel",
	"selected_channels": "initial_channels", "selected_conversation": "initial_conversation",
	"selected_conversations": "initial_conversations", "selected_date": "initial_date", "selected_time": "initial_time",
	"selected_date_time": "initial_date_time", "rich_text_value": "initial_value",
}

// emptyValue is what the state holds before anybody touched an element.
func emptyValue(e object) object {
	kind, _ := e["type"].(string)
	key := valueKeys[kind]
	value := object{"type": kind, key: e[presets[key]]}
	if strings.HasSuffix(key, "s") && value[key] == nil {
		value[key] = []any{}
	}
	if options, ok := value[key].([]any); ok && key == "selected_options" {
		value[key] = rewriteTexts(deepCopy(options))
	} else if key == "selected_option" && value[key] != nil {
		value[key] = rewriteTexts(deepCopy(value[key]))
	}
	return value
}

func deepCopy(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k := range v {
			out[k] = deepCopy(v[k])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = deepCopy(v[i])
		}
		return out
	}
	return v
}

var unixSeconds = regexp.MustCompile(`^\d{10}$`)

// enter makes what a person picks or types the state of an element, and says
// when the person could not have done that. offered has the options that an
// external select was given.
func (s *Server) enter(f field, text string, offered map[string]object) (object, error) {
	kind, _ := f.element["type"].(string)
	key := valueKeys[kind]
	value := object{"type": kind, key: nil}
	multi := key == "selected_options" || strings.HasPrefix(kind, "multi_")
	if multi {
		value[key] = []any{}
	}
	if text == "" {
		return value, nil
	}
	parts := []string{text}
	if multi {
		parts = strings.Split(text, ",")
	}
	var picked []any
	for _, p := range parts {
		one, err := s.pick(f, kind, p, offered)
		if err != nil {
			return nil, err
		}
		picked = append(picked, one)
	}
	value[key] = picked[0]
	if multi {
		value[key] = picked
	}
	if kind == "timepicker" && f.element["timezone"] != nil {
		value["timezone"] = f.element["timezone"]
	}
	return value, nil
}

// pick checks one value.
func (s *Server) pick(f field, kind, text string, offered map[string]object) (any, error) {
	wrong := fmt.Errorf("%w: %s %q of block %q cannot hold %q", ErrNotShown, kind, f.action, f.block, text)
	switch strings.TrimPrefix(kind, "multi_") {
	case "static_select", "radio_buttons", "checkboxes", "overflow":
		if o := optionOf(f.element, text); o != nil {
			return rewriteTexts(deepCopy(o)), nil
		}
		return nil, wrong
	case "external_select":
		if o := offered[f.block+" "+f.action+" "+text]; o != nil {
			return rewriteTexts(deepCopy(o)), nil
		}
		if o, ok := f.element["initial_option"].(object); ok && o["value"] == text {
			return rewriteTexts(deepCopy(o)), nil
		}
		return nil, wrong
	case "users_select":
		if _, known := s.users[text]; !known {
			return nil, wrong
		}
	case "channels_select", "conversations_select":
		if _, dm := s.dms[text]; s.channels[text] == nil && !dm {
			return nil, wrong
		}
	case "datepicker":
		if !dateForm.MatchString(text) {
			return nil, wrong
		}
	case "timepicker":
		if !timeForm.MatchString(text) {
			return nil, wrong
		}
	case "datetimepicker":
		if !unixSeconds.MatchString(text) {
			return nil, wrong
		}
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err
	case "rich_text_input":
		return object{"type": "rich_text", "elements": []any{object{
			"type": "rich_text_section", "elements": []any{object{"type": "text", "text": text}},
		}}}, nil
	default:
		return typedText(f.element, text, wrong)
	}
	return text, nil
}

// typedText checks the lengths that Slack's own form enforces.
func typedText(e object, text string, wrong error) (any, error) {
	n := float64(utf8.RuneCountInString(text))
	least, _ := e["min_length"].(float64)
	most, given := e["max_length"].(float64)
	if n < least || given && n > most || n > maxInput {
		return nil, wrong
	}
	return text, nil
}

// isEmpty says whether a state holds nothing.
func isEmpty(value object) bool {
	for k, v := range value {
		if list, ok := v.([]any); k != "type" && k != "timezone" && v != nil && (!ok || len(list) > 0) {
			return false
		}
	}
	return true
}
