package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// The verbs in this file read and change nothing.

const maxListed = 15

func helpReply() Reply {
	card := Card{Title: "What I can do", Notice: "The list of commands."}
	for _, u := range grammar() {
		card.Fields = append(card.Fields, field(u.does, code(strings.TrimSpace("/jit "+u.verb+" "+u.takes))))
	}
	card.Body = []Text{plain("/jit alone opens a form. Without an id, extend, end and creds mean the one grant you hold.")}
	return Reply{Card: &card}
}

// mine lists what the caller holds and waits for, then what is over.
func (s *Service) mine(ctx context.Context, c call) (Reply, error) {
	var requests []jit.Request
	var grants map[string]jit.Grant
	err := s.store.Read(ctx, func(v storage.View) error {
		var err error
		if requests, err = v.Requests(storage.RequestFilter{By: c.who.ID, For: c.who.ID, Limit: maxListed + 1}); err != nil {
			return err
		}
		grants, err = grantsFrom(v, requests)
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	card := Card{Title: "Your requests and grants", Notice: "Your requests and grants."}
	if len(requests) == 0 {
		card.Body = []Text{marked("None yet. `/jit request <resource> <duration> <reason>` asks for access.")}
	}
	for _, r := range requests[:min(len(requests), maxListed)] {
		card.Fields = append(card.Fields, s.mineLine(r, grants[r.ID]))
	}
	if len(requests) > maxListed {
		card.Body = append(card.Body, marked("Older ones are not listed; `/jit show <id>` finds them."))
	}
	card.Buttons = []Button{{Action: Action{pressRequestForm, ""}, Label: "Request access…", Style: Primary}}
	return Reply{Card: &card}, nil
}

// grantsFrom finds the grants that came of requests, by the requests' ids.
func grantsFrom(v storage.View, requests []jit.Request) (map[string]jit.Grant, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(requests))
	for _, r := range requests {
		ids = append(ids, r.ID)
	}
	all, err := v.Grants(storage.GrantFilter{Requests: ids, Limit: len(ids)})
	grants := make(map[string]jit.Grant, len(all))
	for _, g := range all {
		grants[g.Request] = g
	}
	return grants, err
}

func (s *Service) mineLine(r jit.Request, g jit.Grant) Field {
	line := Text{{Text: s.statusOf(story{request: r, grant: g}).Text, Strong: true}}
	id := r.ID
	if g.ID != "" {
		id = g.ID
	}
	if g.State == jit.GrantActive {
		line = append(line, Span{Text: " until "}, Span{Time: g.ExpiresAt})
	}
	return field(r.Resource+", "+jit.FormatDuration(r.Duration), append(line, Span{Text: " · "}, Span{Text: id, Code: true}))
}

// show explains one request or grant to somebody it concerns.
func (s *Service) show(ctx context.Context, c call, id string) (Reply, error) {
	var st story
	err := s.store.Read(ctx, func(v storage.View) error {
		var err error
		st, err = s.storyOf(v, id)
		if err != nil {
			return orUnknown(err, id)
		}
		if ok := s.concerns(c, st); !ok {
			return unknownThing(id)
		}
		return nil
	})
	if err != nil {
		return Reply{}, err
	}
	card := s.holderCard(st)
	card.Title = s.titleOf(st.request)
	card.Fields = append([]Field{field("Person", Text{s.person(st.request.For)})}, card.Fields...)
	for _, h := range st.holdings {
		card.Fields = append(card.Fields, field(h.Entitlement.Kind, holdingWords(h, s.overseer(c.who.ID))))
	}
	for _, reason := range st.request.Decision.Reasons {
		card.Body = append(card.Body, plain(reason))
	}
	if c.who.ID != st.request.For {
		card.Buttons = nil
	}
	if st.grant.ID != "" && !slices.ContainsFunc(card.Buttons, func(b Button) bool { return b.Verb == verbTimeline }) {
		card.Buttons = append(card.Buttons, Button{Action: Action{verbTimeline, st.grant.ID}, Label: "Timeline…"})
	}
	return Reply{Card: &card}, nil
}

// holdingWords says where a holding stands; only overseers get the provider's
// own words.
func holdingWords(h jit.Holding, inFull bool) Text {
	t := Text{{Text: string(h.State)}}
	if h.Target != "" {
		t = append(t, Span{Text: " · "}, Span{Text: h.Target, Code: true})
	}
	if h.Standing == jit.StoodBefore {
		t = append(t, Span{Text: " · stood before, will be left in place"})
	}
	if h.LastError != "" && h.State != jit.HoldingAbsent {
		why := failureWords(h.LastError)
		if inFull {
			why = h.LastError
		}
		t = append(t, Span{Text: fmt.Sprintf(" · %s failed: %s", plural(h.Attempts, "attempt"), why)})
	}
	return t
}

// storyOf loads what a request's or a grant's id stands for.
func (s *Service) storyOf(v storage.View, id string) (story, error) {
	if strings.HasPrefix(id, idGrant+"_") {
		g, err := v.Grant(id)
		if err != nil {
			return story{}, err
		}
		id = g.Request
	}
	r, err := v.Request(id)
	if errors.Is(err, storage.ErrNotFound) { // a grant that another tool gave has that tool's id
		if g, gerr := v.Grant(id); gerr == nil {
			r, err = v.Request(g.Request)
		}
	}
	if err != nil {
		return story{}, err
	}
	return s.tell(v, r)
}

// tell gathers everything about a request.
func (s *Service) tell(v storage.View, r jit.Request) (story, error) {
	st := story{request: r}
	if r.State != jit.RequestApproved {
		return st, nil
	}
	var err error
	if st.grant, err = grantBehind(v, r); err != nil || st.grant.ID == "" {
		return st, err
	}
	if st.holdings, err = v.Holdings(storage.HoldingFilter{Grants: []string{st.grant.ID}}); err != nil {
		return st, err
	}
	if st.receipt, _, err = activity.ReceiptOf(v, st.grant.ID); err != nil {
		return st, err
	}
	if r.Kind == jit.BreakGlass {
		found, err := v.Reviews(storage.ReviewFilter{Grant: st.grant.ID, Limit: 1})
		if err != nil || len(found) == 0 {
			return st, err
		}
		st.review = found[0]
	}
	return st, nil
}

// grantNamed finds a grant by its own id or by that of the request it came of,
// which an extension shares with the grant it lengthened.
func grantNamed(v storage.View, id string) (jit.Grant, error) {
	if !strings.HasPrefix(id, idRequest+"_") {
		return v.Grant(id)
	}
	r, err := v.Request(id)
	if err != nil {
		return jit.Grant{}, err
	}
	g, err := grantBehind(v, r)
	if err == nil && g.ID == "" {
		err = storage.ErrNotFound
	}
	return g, err
}

func grantBehind(v storage.View, r jit.Request) (jit.Grant, error) {
	if r.Kind == jit.Extension {
		g, err := v.Grant(r.Extends)
		if r.Imported != "" && errors.Is(err, storage.ErrNotFound) {
			err = nil // the other tool did not tell of it
		}
		return g, err
	}
	found, err := v.Grants(storage.GrantFilter{Request: r.ID, Limit: 1})
	if err != nil || len(found) == 0 {
		return jit.Grant{}, err
	}
	return found[0], nil
}

// concerns reports whether a person may see a story in full.
func (s *Service) concerns(c call, st story) bool {
	r, id := st.request, c.who.ID
	return id == r.By || id == r.For || asked(r, id) || s.overseer(id)
}

// pending lists what waits for the caller's yes or no.
func (s *Service) pending(ctx context.Context, c call) (Reply, error) {
	var waiting []jit.Request
	err := s.store.Read(ctx, func(v storage.View) error {
		var err error
		waiting, err = s.waitingFor(v, c.who.ID)
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	card := Card{Title: "Requests that wait for you", Notice: plural(len(waiting), "request") + " waiting for you."}
	if len(waiting) == 0 {
		card.Body = []Text{plain("None. Enjoy the quiet.")}
	}
	for _, r := range waiting[:min(len(waiting), maxListed)] {
		card.Fields = append(card.Fields, field(s.titleOf(r), Text{{Text: Shorten(r.Reason, 120)}, {Text: " · "}, {Text: r.ID, Code: true}}))
	}
	if more := len(waiting) - maxListed; more > 0 {
		card.Body = []Text{marked("And " + itoa(more) + " older ones: decide on some of these and ask for `/jit pending` again.")}
	}
	return Reply{Card: &card}, nil
}

// waitingFor is what waits for a person's yes or no, newest first.
func (s *Service) waitingFor(v storage.View, id string) (waiting []jit.Request, err error) {
	all, err := v.Requests(storage.RequestFilter{States: []jit.RequestState{jit.RequestPending}, Limit: 1000})
	for _, r := range all {
		approvedIt := slices.ContainsFunc(r.Approvals, func(a jit.Approval) bool { return a.By == id })
		if asked(r, id) && !approvedIt && id != r.By && id != r.For {
			waiting = append(waiting, r)
		}
	}
	return waiting, err
}

// resources lists what the caller may ask for.
func (s *Service) resources(ctx context.Context, c call) (Reply, error) {
	card := Card{Title: "What you may ask for", Notice: "The resources you may ask for."}
	all := s.visible(ctx, c)
	for _, r := range all[:min(len(all), 40)] {
		card.Fields = append(card.Fields, field(r.Name, Text{{Text: orDefault(r.Description, "no description")}, {Text: " · sensitivity " + r.Sensitivity}}))
	}
	if len(all) > 40 {
		card.Body = append(card.Body, marked("And "+itoa(len(all)-40)+" more: the form of `/jit` searches them."))
	}
	if len(all) == 0 {
		card.Body = []Text{plain("Nothing yet: no rule of the policy names you or a group of yours.")}
	}
	card.Buttons = []Button{{Action: Action{pressRequestForm, ""}, Label: "Request access…", Style: Primary}}
	return Reply{Card: &card}, nil
}

// why shows what the policy says, rule by rule: of a request as it was filed,
// or of one that might be.
func (s *Service) why(ctx context.Context, c call, cmd Command) (Reply, error) {
	ask := wishOf(cmd, jit.Access).ask(c, c.who.ID, first(cmd.Resources, ""))
	if cmd.ID != "" {
		var err error
		if ask, err = s.whyOf(ctx, c, cmd.ID); err != nil {
			return Reply{}, err
		}
	} else if _, err := s.resourcesMeant(s.Policy(), c, cmd.Resources); err != nil {
		return Reply{}, err
	}
	j := s.judge(ctx, s.Policy(), ask, s.Now())
	card := Card{
		Title:  "What the policy says now",
		Status: outcomeStatus(j),
		Notice: "What the policy says: " + j.decision.Outcome.String() + ".",
	}
	for _, reason := range j.words.Reasons {
		card.Body = append(card.Body, plain(reason))
	}
	for _, step := range whySteps(j.words) {
		card.Fields = append(card.Fields, field(fmt.Sprintf("%s, line %d", step.Rule, step.Line), plain(step.Why)))
	}
	if more := len(j.words.Trace) - len(card.Fields); more > 0 {
		card.Body = append(card.Body, plain("And "+plural(more, "rule")+" more that did not decide; `bot policy explain` shows them all."))
	}
	return Reply{Card: &card}, nil
}

func (s *Service) whyOf(ctx context.Context, c call, id string) (policy.Request, error) {
	var ask policy.Request
	err := s.store.Read(ctx, func(v storage.View) error {
		st, err := s.storyOf(v, id)
		if err != nil {
			return orUnknown(err, id)
		}
		if !s.concerns(c, st) {
			return unknownThing(id)
		}
		ask, err = askOf(v, st.request)
		return err
	})
	return ask, err
}

func outcomeStatus(j judged) Status {
	switch j.decision.Outcome {
	case policy.AutoApprove:
		return Status{"Would be approved at once, by " + j.rule.ID, Good}
	case policy.Approval:
		return Status{"Would need " + plural(max(j.approvers.Count, 1), "approval") + ", by " + j.rule.ID, Waiting}
	default:
		return Status{"Would be refused", Bad}
	}
}

// whySteps is the trace, matches first, cut to what a message can hold.
func whySteps(e policy.Explanation) []policy.Step {
	steps := slices.Clone(e.Trace)
	slices.SortStableFunc(steps, func(a, b policy.Step) int {
		switch {
		case a.Matched == b.Matched:
			return 0
		case a.Matched:
			return -1
		default:
			return 1
		}
	})
	return steps[:min(len(steps), 20)]
}

// advances lists approvals in advance that the caller gave or may use.
func (s *Service) advances(ctx context.Context, c call) (Reply, error) {
	card := Card{Title: "Approvals in advance", Notice: "Approvals given in advance."}
	more := 0
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		all, err := v.Advances(storage.AdvanceFilter{LiveAt: now, Limit: 1000})
		for _, a := range all {
			if a.By != c.who.ID && a.Principal != c.who.ID && !s.overseer(c.who.ID) {
				continue
			}
			if len(card.Fields) == maxListed {
				more++
				continue
			}
			card.Fields = append(card.Fields, field(s.People.Name(a.Principal)+", "+a.Resource, Text{
				{Text: "up to " + jit.FormatDuration(a.Cap) + " a time until "},
				{Time: a.Until},
				{Text: ", by "},
				s.person(a.By),
				{Text: " · "},
				{Text: a.ID, Code: true},
			}))
		}
		return err
	})
	if more > 0 {
		card.Body = []Text{marked("And " + itoa(more) + " older ones: `/jit revoke-advance <id>` those listed that are not needed, and ask again.")}
	}
	if len(card.Fields) == 0 {
		card.Body = []Text{marked("None. `/jit advance <person> <resource> <until> <cap>` gives one.")}
	}
	return Reply{Card: &card}, err
}

// again files the same request once more, as new.
func (s *Service) again(ctx context.Context, c call, id string) (Reply, error) {
	var old jit.Request
	err := s.store.Read(ctx, func(v storage.View) error {
		st, err := s.storyOf(v, id)
		if err != nil {
			return orUnknown(err, id)
		}
		if st.request.By != c.who.ID && st.request.For != c.who.ID {
			return unknownThing(id)
		}
		old = st.request
		return nil
	})
	if err != nil {
		return Reply{}, err
	}
	w := wish{kind: jit.Access, resources: []string{old.Resource}, duration: old.Duration, reason: old.Reason, ticket: old.Ticket}
	if old.For != c.who.ID {
		w.forWhom = old.For
	}
	switch old.Kind {
	case jit.BreakGlass:
		return Reply{}, refuse(CodeBadInput, "Break-glass is not repeated by a button.", "`/jit break-glass "+old.Resource+" <reason>` if it has to be.")
	case jit.Extension:
		return Reply{}, refuse(CodeBadInput, "That was an extension.", "`/jit extend <grant> <duration>` asks for more time.")
	}
	return s.request(ctx, c, w)
}
