package readback

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// How many blocks Slack takes, by its Block Kit reference.
const (
	messageBlocks = 50
	viewBlocks    = 100
)

// Check says what Slack would refuse of blocks, of which there may be most: the
// lengths of its Block Kit reference in characters, empty texts, ids that stand
// twice. Nil means Slack would show them.
func Check(raw json.RawMessage, most int) error {
	var all []block
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	if len(all) == 0 || len(all) > most {
		return fmt.Errorf("%d blocks; there may be 1 to %d", len(all), most)
	}
	ids, actions := map[string]bool{}, map[string]bool{}
	for i, b := range all {
		if b.BlockID != "" && ids[b.BlockID] {
			return fmt.Errorf("block_id %q stands twice", b.BlockID)
		}
		ids[b.BlockID] = true
		if err := errors.Join(long("block_id", b.BlockID, 0, 255), b.check(actions)); err != nil {
			return fmt.Errorf("block %d, %s: %w", i, b.Type, err)
		}
	}
	return nil
}

func (b block) check(actions map[string]bool) error {
	switch b.Type {
	case "header":
		return object("text", b.Text, 150, true)
	case "divider":
		return nil
	case "section":
		return b.checkSection()
	case "context":
		return b.checkContext()
	case "actions":
		return b.checkActions(actions)
	case "input":
		return b.checkInput()
	default:
		return errors.New("not one of the blocks jitbot uses")
	}
}

func (b block) checkSection() error {
	if b.Text == nil && len(b.Fields) == 0 {
		return errors.New("neither text nor fields")
	}
	var errs []error
	if b.Text != nil {
		errs = append(errs, object("text", b.Text, 3000, false))
	}
	if len(b.Fields) > 10 {
		errs = append(errs, fmt.Errorf("%d fields", len(b.Fields)))
	}
	for i := range b.Fields {
		errs = append(errs, object("field", &b.Fields[i], 2000, false))
	}
	return errors.Join(errs...)
}

func (b block) checkContext() error {
	if len(b.Elements) == 0 || len(b.Elements) > 10 {
		return fmt.Errorf("%d elements", len(b.Elements))
	}
	for _, raw := range b.Elements {
		var t text
		if err := json.Unmarshal(raw, &t); err != nil {
			return err
		}
		if err := object("element", &t, 3000, false); err != nil {
			return err
		}
	}
	return nil
}

func (b block) checkActions(seen map[string]bool) error {
	if len(b.Elements) == 0 || len(b.Elements) > 25 {
		return fmt.Errorf("%d elements", len(b.Elements))
	}
	for _, raw := range b.Elements {
		var e button
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		if e.ActionID == "" || seen[e.ActionID] {
			return fmt.Errorf("action_id %q is empty or stands twice", e.ActionID)
		}
		seen[e.ActionID] = true
		if err := e.check(); err != nil {
			return err
		}
	}
	return nil
}

func (e button) check() error {
	errs := []error{
		object("label", &e.Text, 75, true), long("action_id", e.ActionID, 1, 255),
		long("value", e.Value, 0, 2000), long("url", e.URL, 0, 3000),
	}
	if e.Style != "" && e.Style != "primary" && e.Style != "danger" {
		errs = append(errs, fmt.Errorf("style %q", e.Style))
	}
	if q := e.Confirm; q != nil {
		errs = append(errs, object("title", &q.Title, 100, true), object("text", &q.Text, 300, false),
			object("confirm", &q.Confirm, 30, true), object("deny", &q.Deny, 30, true))
	}
	return errors.Join(errs...)
}

func (b block) checkInput() error {
	errs := []error{object("label", b.Label, 2000, true), long("block_id", b.BlockID, 1, 255)}
	if b.Hint != nil {
		errs = append(errs, object("hint", b.Hint, 2000, true))
	}
	return errors.Join(append(errs, b.Element.check())...)
}

func (e element) check() error {
	errs := []error{long("action_id", e.ActionID, 1, 255)}
	switch e.Type {
	case "plain_text_input":
		most := 3000
		if e.MaxLength != 0 {
			most = e.MaxLength
		}
		errs = append(errs, long("initial_value", e.InitialValue, 0, min(most, 3000)))
		if e.MaxLength < 0 || e.MaxLength > 3000 {
			errs = append(errs, fmt.Errorf("max_length %d", e.MaxLength))
		}
	case "static_select":
		if len(e.Options) == 0 || len(e.Options) > 100 {
			errs = append(errs, fmt.Errorf("%d options", len(e.Options)))
		}
		errs = append(errs, e.checkInitial())
	}
	for i := range e.Options {
		errs = append(errs, e.Options[i].check())
	}
	return errors.Join(errs...)
}

// checkInitial wants the initial option to be one of the options, in full.
func (e element) checkInitial() error {
	if e.InitialOption == nil {
		return nil
	}
	want, err := json.Marshal(e.InitialOption)
	for _, o := range e.Options {
		if got, err := json.Marshal(o); err == nil && string(got) == string(want) {
			return nil
		}
	}
	return errors.Join(err, fmt.Errorf("the initial option %q is none of the options", e.InitialOption.Value))
}

func (o option) check() error {
	err := errors.Join(object("option", &o.Text, 75, true), long("value", o.Value, 1, 75))
	if o.Description != nil {
		err = errors.Join(err, object("description", o.Description, 75, true))
	}
	return err
}

// maxView is how large a view may be, in bytes.
const maxView = 250_000

func (v view) check(size int) error {
	if size > maxView {
		return fmt.Errorf("a view of %d bytes", size)
	}
	errs := []error{long("private_metadata", v.Metadata, 0, 3000), long("callback_id", v.Name, 0, 255)}
	if v.Type == "modal" {
		errs = append(errs, object("title", v.Title, 24, true))
	}
	if v.Submit != nil {
		errs = append(errs, object("submit", v.Submit, 24, true))
	}
	if v.Close != nil {
		errs = append(errs, object("close", v.Close, 24, true))
	}
	return errors.Join(errs...)
}

// object checks a text object; plain says that it must not be mrkdwn.
func object(what string, t *text, most int, plain bool) error {
	if t == nil {
		return fmt.Errorf("no %s", what)
	}
	if t.Type != "plain_text" && (plain || t.Type != "mrkdwn") {
		return fmt.Errorf("%s is %q", what, t.Type)
	}
	return long(what, t.Text, 1, most)
}

func long(what, s string, least, most int) error {
	if n := utf8.RuneCountInString(s); n < least || n > most {
		return fmt.Errorf("%s of %d characters; there may be %d to %d", what, n, least, most)
	}
	return nil
}
