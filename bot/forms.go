package bot

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// The names of forms.
const (
	formRequest    = "request"
	formBreakGlass = "break-glass"
	formDeny       = "deny"
	formShorten    = "shorten"
	formApprove    = "approve"
	formExtend     = "extend"
	formReview     = "review"

	formDriftAccept = "drift-accept" // also its verb: people only press it
	formDriftFix    = "drift-fix"
)

// The fields of forms.
const (
	fieldResource = "resource"
	fieldDuration = "duration"
	fieldReason   = "reason"
	fieldTicket   = "ticket"
	fieldStart    = "start"
	fieldFor      = "for"
)

// maxFormOptions is how many choices a form lists; more are found by typing.
const maxFormOptions = 100

// terms says on which terms a person may ask for a resource, by the first rule
// about the two: what the wish will lack or bring is not known yet.
func (s *Service) terms(p *policy.Policy, facts *policy.Facts, user string, r policy.Resource) string {
	j := judged{policy: p, facts: facts, ask: policy.Request{User: user, Resource: r.Name}}
	for i := range p.Rules() {
		rule := p.Rule(i)
		if rule.Outcome == policy.Deny || !covers(j, rule) {
			continue
		}
		most := "up to " + jit.FormatDuration(rule.MaxDuration)
		if rule.Outcome == policy.AutoApprove {
			return most + ", at once. " + r.Description
		}
		approvers := strings.Join(append(slices.Clone(rule.Approvers), rule.Each...), ", ")
		return most + ", " + plural(max(rule.Count, len(rule.Each)), "approval") + " by " + approvers + ". " + r.Description
	}
	return r.Description
}

// visible lists the resources the caller may ask for, with live groups and
// schedules looked up within the budget.
func (s *Service) visible(ctx context.Context, c call) []policy.Resource {
	return s.Policy().Visible(c.who.ID, s.widely(ctx, c))
}

// widely gathers the live groups and schedules that any resource's rules name.
func (s *Service) widely(ctx context.Context, c call) *policy.Facts {
	p := s.Policy()
	facts := &policy.Facts{At: s.Now(), Groups: map[string][]string{}}
	seen := map[string]bool{}
	for _, r := range p.Resources() {
		ask := policy.Request{User: c.who.ID, By: c.who.ID, Resource: r.Name}
		needs := p.Needs(&ask)
		if len(needs.Groups)+len(needs.Schedules) == 0 || seen[fmtNeeds(needs)] {
			continue
		}
		seen[fmtNeeds(needs)] = true
		mergeFacts(facts, s.gather(ctx, p, &ask, facts.At))
	}
	return facts
}

func breakGlassForm(cmd Command, j judged) *Form {
	reason := cmd.Reason
	length := cmd.Duration
	if length == 0 {
		length = j.decision.MaxDuration
	}
	return &Form{
		Name: formBreakGlass, ID: cmd.Resources[0], Title: "Break the glass for " + cmd.Resources[0], Submit: "Break the glass",
		Intro: []Text{
			{{Text: "You get access at once, without anybody's approval.", Strong: true}},
			{{Text: "Approvers and security are told now. Somebody of security has to review it within " + jit.FormatDuration(j.rule.BreakGlass.ReviewWithin) + "; until then you cannot do it again."}},
		},
		Fields: []Input{
			{Name: "duration", Label: "For how long", Kind: Duration, Value: jit.FormatDuration(length), Required: true, Options: durationOptions(j.decision.MaxDuration), Hint: "At most " + jit.FormatDuration(j.decision.MaxDuration)},
			{Name: "reason", Label: "What is the emergency?", Kind: Lines, Value: reason, Required: true, Max: maxReason},
		},
	}
}

// openForm answers a button that needs a few words first. The right is checked
// before the form opens, and again when it is sent.
func (s *Service) openForm(ctx context.Context, c call, a Action) (Reply, error) {
	switch a.Verb {
	case pressExtendForm:
		return s.extendForm(ctx, c, a.ID)
	case pressReviewForm:
		return Reply{Form: &Form{
			Name: formReview, ID: a.ID, Title: "Review a break-glass", Submit: "Close the review",
			Fields: []Input{{Name: "reason", Label: "What did you find?", Kind: Lines, Required: true, Max: maxReason, Hint: "Begin with \"waived\" to close it without a look; that is logged"}},
		}}, nil
	}
	ask, err := s.askAgain(ctx, a.ID)
	if err != nil {
		return Reply{}, err
	}
	j := s.judge(ctx, s.Policy(), ask, s.Now())
	var r jit.Request
	err = s.store.Read(ctx, func(v storage.View) error {
		var err error
		if r, err = v.Request(a.ID); err != nil {
			return orUnknown(err, a.ID)
		}
		return s.mayDecide(c, r, j)
	})
	if err != nil {
		return Reply{}, err
	}
	who := s.People.Name(r.For)
	switch a.Verb {
	case pressDenyForm:
		return Reply{Form: denyForm(r, who)}, nil
	case pressApproveForm:
		return Reply{Form: approveForm(r, who)}, nil
	default:
		return Reply{Form: shortenForm(r, who, needsNote(r, j))}, nil
	}
}

func approveForm(r jit.Request, who string) *Form {
	return &Form{
		Name: formApprove, ID: r.ID, Title: "Approve " + r.Resource + " for " + who, Submit: "Approve",
		Intro:  []Text{{{Text: who + " gets " + r.Resource + " for " + jit.FormatDuration(r.Duration) + ", by rule " + r.Decision.Rule + "."}}},
		Fields: []Input{noteInput()},
	}
}

// noteInput asks an approver why.
func noteInput() Input {
	return Input{Name: fieldReason, Label: "Why is this right?", Kind: Lines, Required: true, Max: maxReason, Hint: "It is kept with the approval, and shown on the card."}
}

func denyForm(r jit.Request, who string) *Form {
	return &Form{
		Name: formDeny, ID: r.ID, Title: "Deny " + r.Resource + " for " + who, Submit: "Deny",
		Fields: []Input{{Name: "reason", Label: "Why?", Kind: Lines, Required: true, Max: maxReason, Hint: who + " will read this."}},
	}
}

func shortenForm(r jit.Request, who string, note bool) *Form {
	f := &Form{
		Name: formShorten, ID: r.ID, Title: "Approve for a shorter time", Submit: "Approve",
		Intro:  []Text{{{Text: who + " asked for " + r.Resource + " for " + jit.FormatDuration(r.Duration) + "."}}},
		Fields: []Input{{Name: "duration", Label: "Approve for", Kind: Duration, Value: jit.FormatDuration(max(r.Duration/2, time.Minute).Truncate(time.Minute)), Required: true, Options: durationOptions(r.Duration), Hint: "At most " + jit.FormatDuration(r.Duration)}},
	}
	if note {
		f.Fields = append(f.Fields, noteInput())
	}
	return f
}

func (s *Service) extendForm(ctx context.Context, c call, id string) (Reply, error) {
	var g jit.Grant
	err := s.store.Read(ctx, func(v storage.View) error {
		var err error
		g, err = s.grantOf(v, c, id)
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	if g.State != jit.GrantActive {
		return Reply{}, s.notActive(g)
	}
	return Reply{Form: &Form{
		Name: formExtend, ID: g.ID, Title: "More time on " + g.Resource, Submit: "Ask",
		Fields: []Input{
			{Name: "duration", Label: "How much longer", Kind: Duration, Value: "30m", Required: true, Options: durationOptions(s.Policy().MaxDuration()), Hint: "Such as 15m, 30m or 1h30m"},
			{Name: "reason", Label: "Why", Kind: Lines, Max: maxReason, Hint: "Empty: the reason of the request"},
		},
	}}, nil
}

// submit takes a filled-in form. What is wrong with a field is said at the
// field; the form stays open.
func (s *Service) submit(ctx context.Context, c call, f Submission) (Reply, error) {
	cmd, bad := commandOfForm(f)
	if len(bad) > 0 {
		return Reply{Bad: bad}, nil
	}
	reply, err := s.command(ctx, c, cmd)
	u, ok := asUserError(err)
	if !ok {
		return reply, err
	}
	if c.asks(u.Field) {
		return Reply{Bad: map[string]string{u.Field: strings.TrimSpace(u.Say + " " + u.Hint)}}, nil
	}
	if u.Code == CodeBadInput && len(f.Values) == 1 {
		for field := range f.Values {
			return Reply{Bad: map[string]string{field: u.Say}}, nil
		}
	}
	return reply, err
}

// commandOfForm is the command a form stands for.
func commandOfForm(f Submission) (Command, map[string]string) {
	verbs := map[string]string{
		formRequest: verbRequest, formBreakGlass: verbBreakGlass, formDeny: verbDeny,
		formShorten: verbApprove, formApprove: verbApprove, formExtend: verbExtend, formReview: verbReview,
		formDriftAccept: formDriftAccept, formDriftFix: formDriftFix, formItemEdit: formItemEdit,
	}
	cmd, bad := Command{Verb: verbs[f.Name], ID: Shorten(f.ID, maxWord), Yes: true}, map[string]string{}
	if cmd.Verb == "" {
		cmd.Verb = verbHelp
		return cmd, nil
	}
	value := func(name string) string { return clean(f.Values[name]) }
	if text := value("duration"); text != "" {
		d, err := duration(cmd.Verb, text)
		if u, ok := asUserError(err); ok {
			bad["duration"] = u.Say + " " + u.Hint
		}
		cmd.Duration = d
	}
	if err := cmd.reason([]string{value("reason")}); err != nil {
		bad["reason"] = "At most 1000 characters."
	}
	if cmd.Reason == "" && slices.Contains([]string{formDeny, formApprove, formReview, formBreakGlass, formDriftAccept, formDriftFix}, f.Name) {
		bad["reason"] = "A few words, please."
	}
	cmd.Ticket, cmd.Person, cmd.At = Shorten(value("ticket"), maxTicket), Shorten(value("for"), maxWord), Shorten(value("start"), maxWord)
	switch f.Name {
	case formItemEdit:
		if cmd.Value = value(fieldValue); cmd.Value == "" || utf8.RuneCountInString(cmd.Value) > maxItemValue {
			bad[fieldValue] = "A value, please, of at most " + itoa(maxItemValue) + " characters."
		}
	case formRequest:
		cmd.Resources = []string{Shorten(value("resource"), maxWord)}
	case formBreakGlass:
		cmd.Resources = []string{cmd.ID}
	}
	return cmd, bad
}

// Suggest implements [Inbox]: resources whose name or description holds what
// was typed.
func (s *Service) Suggest(ctx context.Context, in Incoming) ([]Option, error) {
	st, err := s.lookUp(ctx, in.From)
	if err != nil || !st.known || st.doubt != nil || reasonToHold(st) != "" {
		return nil, err
	}
	var out []Option
	for _, r := range s.visible(ctx, call{in: in, who: st.who}) {
		if holds(r.Name, in.Text) || holds(r.Description, in.Text) {
			out = append(out, Option{Value: r.Name, Label: r.Name, Hint: Shorten(r.Description, 75)})
		}
		if len(out) == maxFormOptions {
			break
		}
	}
	return out, nil
}
