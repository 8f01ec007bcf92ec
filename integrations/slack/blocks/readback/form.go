package readback

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"jitbot/bot"
)

// view is a modal or a home.
type view struct {
	Type     string          `json:"type"`
	Title    *text           `json:"title"`
	Submit   *text           `json:"submit"`
	Close    *text           `json:"close"`
	Name     string          `json:"callback_id"`
	Metadata string          `json:"private_metadata"`
	Blocks   json.RawMessage `json:"blocks"`
}

// element is what takes an input's value.
type element struct {
	Type           string   `json:"type"`
	ActionID       string   `json:"action_id"`
	InitialValue   string   `json:"initial_value"`
	InitialOption  *option  `json:"initial_option"`
	InitialUser    string   `json:"initial_user"`
	InitialSeconds int64    `json:"initial_date_time"`
	MaxLength      int      `json:"max_length"`
	Multiline      bool     `json:"multiline"`
	Options        []option `json:"options"`
	MinQuery       *int     `json:"min_query_length"`
}

type option struct {
	Text        text   `json:"text"`
	Value       string `json:"value"`
	Description *text  `json:"description"`
}

// Form reads a modal that asks for something. A modal without anything to
// submit is none; its blocks are a [Card].
func Form(raw json.RawMessage) (bot.Form, error) {
	v, all, err := viewOf(raw, "modal")
	if err != nil {
		return bot.Form{}, err
	}
	if v.Submit == nil {
		return bot.Form{}, errors.New("a modal without submit is no form")
	}
	f := bot.Form{Name: v.Name, ID: v.Metadata, Title: v.Title.Text, Submit: v.Submit.Text}
	for i, b := range all {
		if err := partOf(&f, b, i == 0); err != nil {
			return f, fmt.Errorf("block %d: %w", i, err)
		}
	}
	return f, nil
}

func viewOf(raw json.RawMessage, kind string) (view, []block, error) {
	var v view
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, nil, err
	}
	if v.Type != kind {
		return v, nil, fmt.Errorf("a %s is no %s", v.Type, kind)
	}
	if err := v.check(len(raw)); err != nil {
		return v, nil, err
	}
	all, err := blocksOf(v.Blocks, viewBlocks)
	return v, all, err
}

// partOf reads one block of a form into it.
func partOf(f *bot.Form, b block, first bool) error {
	switch {
	case b.Type == "header" && first && b.Text != nil:
		f.Title = b.Text.Text // whole, where the bar has no room for it
		return nil
	case b.Type == "input":
		in, err := inputOf(b)
		f.Fields = append(f.Fields, in)
		return err
	case b.Type == "section" && b.Text != nil:
		said, err := words(*b.Text)
		if strings.HasPrefix(b.BlockID, "outlook") {
			f.Outlook = append(f.Outlook, said)
		} else {
			f.Intro = append(f.Intro, said)
		}
		return err
	case b.Type == "context":
		var c bot.Card
		err := contextOf(&c, b, false)
		f.Outlook = append(f.Outlook, c.Body...)
		return err
	default:
		return fmt.Errorf("a %s block is no part of a form", b.Type)
	}
}

// elements are the types of element a kind of input may be.
var elements = map[bot.InputKind]string{
	bot.OneLine: "plain_text_input", bot.Lines: "plain_text_input",
	bot.Choice: "static_select external_select plain_text_input", bot.Duration: "static_select plain_text_input",
	bot.Moment: "datetimepicker", bot.Someone: "users_select",
}

var versioned = regexp.MustCompile(`#v[0-9]+$`)

func inputOf(b block) (bot.Input, error) {
	e := b.Element
	kind := bot.InputKind(strings.TrimPrefix(e.ActionID, "v:"))
	if b.Label == nil || !strings.Contains(" "+elements[kind]+" ", " "+e.Type+" ") {
		return bot.Input{}, fmt.Errorf("%q of type %s is no input", e.ActionID, e.Type)
	}
	in := bot.Input{
		Name: versioned.ReplaceAllString(b.BlockID, ""), Label: b.Label.Text, Kind: kind, Value: e.value(),
		Required: !b.Optional, Max: e.MaxLength, Live: b.Dispatch, More: e.Type == "external_select",
	}
	if b.Hint != nil {
		in.Hint = b.Hint.Text
	}
	for _, o := range e.Options {
		read := bot.Option{Value: o.Value, Label: o.Text.Text}
		if o.Description != nil {
			read.Hint = o.Description.Text
		}
		in.Options = append(in.Options, read)
	}
	return in, nil
}

// value is what the input holds at first.
func (e element) value() string {
	switch {
	case e.InitialOption != nil:
		return e.InitialOption.Value
	case e.InitialUser != "":
		return "<@" + e.InitialUser + ">"
	case e.InitialSeconds != 0:
		return time.Unix(e.InitialSeconds, 0).UTC().Format(time.RFC3339)
	default:
		return e.InitialValue
	}
}
