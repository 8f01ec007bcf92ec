package bot

import (
	"context"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// requestForm offers what the caller may ask for.
func (s *Service) requestForm(ctx context.Context, c call) (Reply, error) {
	form, err := s.fillRequest(ctx, c, map[string]string{})
	if err != nil {
		return Reply{}, err
	}
	return Reply{Form: &form}, nil
}

// Refill implements [Inbox]. Only the form of a request and that of an edit of
// the policy change with what is chosen; anybody who may not ask is told so by
// the form they send.
func (s *Service) Refill(ctx context.Context, in Incoming) (Form, error) {
	st, err := s.lookUp(ctx, in.From)
	if err != nil {
		return Form{}, err
	}
	if in.Form == nil || !st.known || st.doubt != nil || reasonToHold(st) != "" {
		return Form{}, refuse(CodeUnknownThing, "There is nothing to fill in anew.", "")
	}
	switch in.Form.Name {
	case formItemEdit:
		return s.refillItem(ctx, call{in: in, who: st.who})
	case formRequest:
	default:
		return Form{}, refuse(CodeUnknownThing, "There is nothing to fill in anew.", "")
	}
	return s.fillRequest(ctx, call{in: in, who: st.who}, in.Form.Values)
}

// fillRequest is the form of a request as it should stand with some values in
// it: lengths that could be given, and what would become of it.
func (s *Service) fillRequest(ctx context.Context, c call, values map[string]string) (Form, error) {
	options, more := s.visibleOptions(ctx, c)
	if len(options) == 0 {
		return Form{}, refuse(CodeNoRule, "The policy gives you nothing to ask for.", "Ask your security team which group you should be in.")
	}
	value := func(name string) string { return Shorten(clean(values[name]), maxReason) }
	resource := value(fieldResource)
	if resource == "" && len(options) == 1 {
		resource = options[0].Value
	}
	form := Form{
		Name: formRequest, Title: "Request access", Submit: "Request",
		Intro: []Text{{{Text: "Access ends by itself. The policy decides whether somebody has to approve."}}},
		Fields: []Input{
			{Name: fieldResource, Label: "Resource", Kind: Choice, Value: resource, Required: true, Options: options, More: more, Live: true},
			{Name: fieldDuration, Label: "For how long", Kind: Duration, Value: orDefault(value(fieldDuration), "1h"), Required: true, Live: true, Options: durationOptions(s.Policy().MaxDuration()), Hint: "30m, 1h30m, 2d"},
			{Name: fieldReason, Label: "Reason", Kind: Lines, Value: value(fieldReason), Required: true, Max: maxReason, Hint: "Approvers read this. Name the ticket or incident."},
			{Name: fieldTicket, Label: "Ticket", Kind: OneLine, Value: value(fieldTicket), Max: maxTicket, Live: true, Hint: "Found in the reason too"},
			{Name: fieldStart, Label: "Start", Kind: Moment, Value: value(fieldStart), Live: true, Hint: "Empty: at once"},
			{Name: fieldFor, Label: "For somebody else", Kind: Someone, Value: value(fieldFor), Live: true, Hint: "Empty: for you"},
		},
	}
	if resource == "" {
		form.Outlook = []Text{plain("Choose a resource to see who decides.")}
		return form, nil
	}
	s.foresee(ctx, c, &form)
	return form, nil
}

// foresee says what would become of a request as it is filled in, and offers
// the lengths its rules could give.
func (s *Service) foresee(ctx context.Context, c call, form *Form) {
	p := s.Policy()
	cmd, _ := commandOfForm(Submission{Name: formRequest, Values: form.values()})
	w := wishOf(cmd, jit.Access)
	resource := cmd.Resources[0]
	holder, err := s.holder(c, w)
	if u, ok := asUserError(err); ok {
		form.Outlook = []Text{plain(u.Say)}
		return
	}
	start, err := s.startOf(p, w.start)
	if u, ok := asUserError(err); ok {
		form.Outlook = []Text{plain(u.Say)}
		return
	}
	j := s.judge(ctx, p, w.ask(c, holder, resource), later(s.Now(), start))
	form.Outlook = s.outlook(j)
	if longest := longestOf(j); longest > 0 {
		length := form.field(fieldDuration)
		length.Options, length.Hint = durationOptions(longest), "At most "+jit.FormatDuration(longest)
		if w.duration > longest {
			length.Value = jit.FormatDuration(longest)
			form.Outlook = append([]Text{plain("Shortened: " + resource + " is given for at most " + jit.FormatDuration(longest) + ".")}, form.Outlook...)
		}
	}
}

// longestOf is the most that any rule for this person and resource gives.
func longestOf(j judged) time.Duration {
	longest := j.decision.MaxDuration
	for i := range j.policy.Rules() {
		if rule := j.policy.Rule(i); rule.Outcome != policy.Deny && covers(j, rule) {
			longest = max(longest, rule.MaxDuration)
		}
	}
	return longest
}

// outlook is what would become of a request, in words.
func (s *Service) outlook(j judged) []Text {
	switch {
	case j.decision.Outcome == policy.AutoApprove:
		return []Text{{{Text: "Will be approved at once", Strong: true}, {Text: ", by rule "}, {Text: j.rule.ID, Code: true}, {Text: "."}}}
	case j.decision.Outcome == policy.Approval:
		return []Text{{{Text: "Will need " + plural(max(j.approvers.Count, len(j.approvers.Each), 1), "approval"), Strong: true}, {Text: ", by rule "}, {Text: j.rule.ID, Code: true}, {Text: ". " + s.who(j.approvers.All()) + " can approve."}}}
	case j.words.MendRule >= 0:
		return append([]Text{s.oncefilled(j)}, lackWords(j)...)
	}
	out := []Text{{{Text: "Will be refused", Strong: true}, {Text: " as it stands."}}}
	for _, reason := range j.words.Reasons[:min(len(j.words.Reasons), 3)] {
		out = append(out, plain(reason))
	}
	return out
}

// oncefilled says what the nearest rule would do with a request that has what
// is lacking yet.
func (s *Service) oncefilled(j judged) Text {
	rule := j.policy.Rule(j.words.MendRule)
	if rule.Outcome == policy.AutoApprove {
		return Text{{Text: "Can be approved at once", Strong: true}, {Text: ", by rule "}, {Text: rule.ID, Code: true}, {Text: ". What is lacking yet:"}}
	}
	d := policy.Decision{Outcome: policy.Approval, Rule: j.words.MendRule, Count: rule.Count}
	could := j.policy.Approvers(d, &j.ask, j.facts).All()
	could = slices.DeleteFunc(could, func(id string) bool { return !s.People.Active(id) })
	return Text{
		{Text: "Will need " + plural(max(rule.Count, len(rule.Each), 1), "approval"), Strong: true},
		{Text: ", by rule "},
		{Text: rule.ID, Code: true},
		{Text: ". " + s.who(could) + " can approve. What is lacking yet:"},
	}
}

func lackWords(j judged) []Text {
	var out []Text
	for _, f := range []policy.Field{policy.FieldDuration, policy.FieldReason, policy.FieldTicket, policy.FieldStart} {
		if say, ok := j.words.Mend[f]; ok {
			out = append(out, plain(say))
		}
	}
	return out
}

// mends is what to change, by field of the form, where every request that was
// filled in could still be made to fit.
func mends(all []judged) map[string]string {
	bad := map[string]string{}
	for _, j := range all {
		if j.decision.Outcome != policy.Deny {
			continue
		}
		if len(j.words.Mend) == 0 {
			return nil
		}
		for f, say := range j.words.Mend {
			bad[string(f)] = say
		}
	}
	return bad
}

// durations are the lengths a form offers.
func durations() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{
		5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 40 * time.Minute, 45 * time.Minute,
		time.Hour, 90 * time.Minute, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour,
		day, 2 * day, 3 * day, 7 * day, 14 * day, 30 * day,
	}
}

// durationOptions are the lengths up to the longest, which is one of them.
func durationOptions(longest time.Duration) []Option {
	var out []Option
	for _, d := range append(durations(), longest) {
		text := jit.FormatDuration(d)
		known := slices.ContainsFunc(out, func(o Option) bool { return o.Value == text })
		if d > 0 && d <= longest && !known {
			out = append(out, Option{Value: text, Label: text})
		}
	}
	return out
}

// values are what stands in a form's fields.
func (f *Form) values() map[string]string {
	out := map[string]string{}
	for _, in := range f.Fields {
		out[in.Name] = in.Value
	}
	return out
}

func (f *Form) field(name string) *Input {
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			return &f.Fields[i]
		}
	}
	return &Input{}
}

// visibleOptions are the resources the caller may ask for, and whether there
// are more than a form lists.
func (s *Service) visibleOptions(ctx context.Context, c call) (out []Option, more bool) {
	p, facts := s.Policy(), s.widely(ctx, c)
	for _, r := range p.Visible(c.who.ID, facts) {
		if len(out) == maxFormOptions {
			return out, true
		}
		out = append(out, Option{Value: r.Name, Label: r.Name, Hint: Shorten(s.terms(p, facts, c.who.ID, r), 75)})
	}
	return out, false
}
