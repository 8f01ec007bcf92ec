package slackfake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Option is one suggestion of an external select.
type Option struct {
	Text, Value, Description, Group string
}

// Submit fills fields of the modal in front, by block id, and sends it. Values
// are texts, option values, user or channel ids, dates, times or Unix seconds;
// several are joined with commas; what is not mentioned stays as it was typed.
// The app's answer is carried out: errors appear in [View], update and push
// show a view, clear or an empty answer close.
func (s *Server) Submit(ctx context.Context, user, viewID string, values map[string]string) (Delivery, error) {
	s.mu.Lock()
	v, p, err := s.submission(user, viewID, values)
	s.mu.Unlock()
	if err != nil {
		return Delivery{}, err
	}
	d, err := s.deliver(ctx, KindInteraction, p)
	if err != nil {
		return d, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carryOut(v, d)
	return d, nil
}

func (s *Server) submission(user, viewID string, values map[string]string) (*view, object, error) {
	v := s.front(user, viewID)
	if v == nil {
		return nil, nil, fmt.Errorf("%w: no modal %q in front of %s", ErrNotShown, viewID, user)
	}
	if v.sent["submit"] == nil {
		return nil, nil, fmt.Errorf("%w: the modal has no submit button", ErrNotShown)
	}
	where, fields := spot{view: v}, fieldsOf(v.sent["blocks"])
	for block, value := range values {
		i := slices.IndexFunc(fields, func(f field) bool { return f.block == block })
		if i < 0 {
			return nil, nil, fmt.Errorf("%w: no field in block %q", ErrNotShown, block)
		}
		state, err := s.enter(fields[i], value, v.offered)
		if err != nil {
			return nil, nil, err
		}
		s.remember(where, fields[i], state)
	}
	for _, f := range fields {
		if f.input && !f.optional && isEmpty(v.state[f.block][f.action]) {
			return nil, nil, fmt.Errorf("%w: block %q", ErrIncomplete, f.block)
		}
	}
	v.errors = nil
	p := s.interaction("view_submission", user)
	p["view"], p["trigger_id"], p["response_urls"] = s.viewJSON(v), s.newTrigger(user, v), s.responseURLs(user, v, fields)
	return v, p, nil
}

// responseURLs are what a conversation picker with response_url_enabled gives.
func (s *Server) responseURLs(user string, v *view, fields []field) []any {
	out := []any{}
	for _, f := range fields {
		kind, _ := f.element["type"].(string)
		channel, _ := v.state[f.block][f.action][valueKeys[kind]].(string)
		if f.element["response_url_enabled"] == true && channel != "" {
			out = append(out, object{
				"block_id": f.block, "action_id": f.action, "channel_id": channel,
				"response_url": s.newResponse(&response{user: user, channel: channel, via: "response_url"}),
			})
		}
	}
	return out
}

// carryOut does what the answer to a submission says.
func (s *Server) carryOut(v *view, d Delivery) {
	const where = "view_submission"
	if s.views[v.id] != v {
		return // closed meanwhile
	}
	body := strings.TrimSpace(string(d.Answer))
	if body == "" || body == "{}" {
		s.pop(v)
		return
	}
	var a struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		s.violate(where, "an answer that is neither empty nor JSON: the person sees trouble connecting")
		return
	}
	s.wantJSON(where, d)
	switch a.Action {
	case "errors":
		s.showErrors(v, a.Errors)
	case "clear":
		s.clear(v.user)
	case "update":
		if sent, err := s.lintView(where, string(a.View)); err == nil {
			s.draw(v, sent)
			v.updates++
		}
	case "push":
		if sent, err := s.lintView(where, string(a.View)); err == nil {
			_, _ = s.stack(where, v.user, sent, true) // a refusal is kept as a violation
		}
	default:
		s.violate(where, "unknown response_action %q: the person sees trouble connecting", a.Action)
	}
}

func (s *Server) showErrors(v *view, errs map[string]string) {
	if len(errs) == 0 {
		s.violate("view_submission", "errors without an error")
	}
	for block, text := range errs {
		isInput := slices.ContainsFunc(fieldsOf(v.sent["blocks"]), func(f field) bool { return f.block == block && f.input })
		if !isInput || text == "" {
			s.violate("view_submission", "an error for %q, which is no input block, or without a text: the person sees trouble connecting", block)
			return
		}
	}
	v.errors = errs
	s.touch()
}

// CloseView closes the modal in front with its close button, or the whole stack
// with the cross. The app is told when it asked for that with notify_on_close;
// otherwise the Delivery is empty.
func (s *Server) CloseView(ctx context.Context, user string, all bool) (Delivery, error) {
	s.mu.Lock()
	v := s.front(user, "")
	if v == nil {
		s.mu.Unlock()
		return Delivery{}, fmt.Errorf("%w: no modal in front of %s", ErrNotShown, user)
	}
	all = all || v.sent["clear_on_close"] == true
	closing := []*view{v}
	if all {
		closing = slices.Clone(s.stacks[user])
	}
	var told []object
	for _, v := range slices.Backward(closing) {
		if v.sent["notify_on_close"] == true {
			p := s.interaction("view_closed", user)
			p["view"], p["is_cleared"] = s.viewJSON(v), all
			told = append(told, p)
		}
		s.pop(v)
	}
	s.mu.Unlock()
	var d Delivery
	var err error
	for _, p := range told {
		if d, err = s.deliver(ctx, KindInteraction, p); err != nil {
			return d, err
		}
	}
	return d, nil
}

// Suggest types into an external select of the modal in front and returns the
// options the app offers. Fewer characters than min_query_length, 3 by default,
// ask nothing and offer nothing.
func (s *Server) Suggest(ctx context.Context, user, viewID, blockID, actionID, text string) ([]Option, error) {
	s.mu.Lock()
	v := s.front(user, viewID)
	if v == nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: no modal %q in front of %s", ErrNotShown, viewID, user)
	}
	f, err := pickElement(spot{blocks: v.sent["blocks"].([]any)}, actionID, blockID, "")
	kind, _ := f.element["type"].(string)
	if err == nil && !strings.HasSuffix(kind, "external_select") {
		err = fmt.Errorf("%w: %q asks nobody for options", ErrNotShown, actionID)
	}
	least, given := f.element["min_query_length"].(float64)
	if !given {
		least = 3
	}
	if err != nil || len([]rune(text)) < int(least) {
		s.mu.Unlock()
		return nil, err
	}
	p := s.interaction("block_suggestion", user)
	p["action_id"], p["block_id"], p["value"] = f.action, f.block, text
	p["container"], p["view"] = object{"type": "view", "view_id": v.id}, s.viewJSON(v)
	s.mu.Unlock()
	d, err := s.deliver(ctx, KindInteraction, p)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offer(v, f, d)
}

// offer reads the options of an answer and lets the person pick them.
func (s *Server) offer(v *view, f field, d Delivery) ([]Option, error) {
	var o object
	if err := json.Unmarshal(d.Answer, &o); err != nil {
		s.violate("block_suggestion", "the answer is no object")
		return nil, fmt.Errorf("%w: no options", ErrRefused)
	}
	s.wantJSON("block_suggestion", d)
	l := s.linter("modal")
	if _, grouped := o["option_groups"]; grouped {
		l.groups("", o)
	} else if list, ok := o["options"].([]any); !ok || len(list) > 0 {
		l.options("", o, "options", maxOptions, plainOnly, map[string]bool{})
	}
	if err := s.judge("block_suggestion", l, "invalid_options"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	out := optionsIn("", o["options"])
	groups, _ := o["option_groups"].([]any)
	for _, g := range groups {
		out = append(out, optionsIn(textOf(g, "label"), g.(object)["options"])...)
	}
	for _, one := range out {
		v.offered[f.block+" "+f.action+" "+one.Value] = optionOf(o, one.Value)
	}
	return out, nil
}

func optionsIn(group string, list any) []Option {
	var out []Option
	items, _ := list.([]any)
	for _, v := range items {
		value, _ := v.(object)["value"].(string)
		out = append(out, Option{Text: textOf(v, "text"), Value: value, Description: textOf(v, "description"), Group: group})
	}
	return out
}

// textOf reads the text of a text object under a key.
func textOf(v any, key string) string {
	o, _ := v.(object)
	t, _ := o[key].(object)
	text, _ := t["text"].(string)
	return text
}
