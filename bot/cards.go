package bot

import (
	"fmt"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/policy"
)

// story is everything the messages about one request are made from.
type story struct {
	request  jit.Request
	grant    jit.Grant // zero: none
	holdings []jit.Holding
	review   jit.Review // zero: none
	receipt  activity.Receipt
}

func plain(text string) Text { return Text{{Text: text}} }

func moment(at time.Time) Text { return Text{{Time: at}} }

func code(text string) Text { return Text{{Text: text, Code: true}} }

func field(label string, v Text) Field { return Field{label, v} }

func (s *Service) person(id string) Span { return Span{Person: id, Text: s.People.Name(id)} }

// who lists people by name: "Ann, Bo or Cy".
func (s *Service) who(ids []string) string {
	if len(ids) == 0 {
		return "Nobody"
	}
	var names []string
	for _, id := range ids[:min(len(ids), 6)] {
		names = append(names, s.People.Name(id))
	}
	if more := len(ids) - len(names); more > 0 {
		names = append(names, itoa(more)+" more")
	}
	return listed(names, "or")
}

// approvalCard is the card approvers decide on; it stays as the record.
func (s *Service) approvalCard(st story) Card {
	r := st.request
	card := Card{Title: s.titleOf(r), Status: s.statusOf(st), Quote: r.Reason, Fields: s.recordFields(st)}
	if r.Decision.Outcome == policy.AutoApprove.String() {
		for _, reason := range r.Decision.Reasons {
			card.Body = append(card.Body, plain(reason)) // nobody was asked: say what it rests on
		}
	}
	if r.State == jit.RequestPending {
		card.Buttons = []Button{
			s.approveButton(r),
			{Action: Action{pressShortenForm, r.ID}, Label: "Shorter…"},
			{Action: Action{pressDenyForm, r.ID}, Label: "Deny…", Style: Danger},
		}
	}
	if st.grant.State == jit.GrantProvisioning && mostAttempts(st.holdings) > 0 {
		card.Buttons = []Button{
			{Action: Action{verbRetry, st.grant.ID}, Label: "Try now"},
			{Action: Action{verbAbandon, st.grant.ID}, Label: "Give up", Style: Danger},
		}
	}
	if st.grant.State == jit.GrantActive && r.Kind != jit.Extension {
		card.Buttons = []Button{{Action: Action{verbEnd, st.grant.ID}, Label: "End now", Confirm: &Confirm{
			"End this access?", s.People.Name(r.For) + " loses " + r.Resource + " at once.", "End now",
		}}}
	}
	card.Notice = card.Title + ". " + card.Status.Text + "."
	return card
}

// approveButton opens a form where a note is needed: it makes one look twice
// as well.
func (s *Service) approveButton(r jit.Request) Button {
	if r.Decision.Note {
		return Button{Action: Action{pressApproveForm, r.ID}, Label: "Approve…", Style: Primary}
	}
	return Button{Action: Action{verbApprove, r.ID}, Label: "Approve", Style: Primary, Confirm: s.confirmApproval(r)}
}

// confirmApproval makes an approver of something sensitive look twice: a tap
// on a lock screen is not a decision.
func (s *Service) confirmApproval(r jit.Request) *Confirm {
	resource, ok := s.Policy().Resource(r.Resource)
	if ok && resource.Sensitivity != "high" {
		return nil
	}
	return &Confirm{
		"Approve " + r.Resource + "?",
		fmt.Sprintf("%s gets %s for %s, by rule %s.", s.People.Name(r.For), r.Resource, jit.FormatDuration(r.Duration), r.Decision.Rule),
		"Approve",
	}
}

func (s *Service) recordFields(st story) []Field {
	r, g := st.request, st.grant
	fields := []Field{field("Person", Text{s.person(r.For)})}
	if r.By != r.For {
		fields = append(fields, field("Asked by", Text{s.person(r.By)}))
	}
	fields = append(fields, field("Resource", code(r.Resource)), field("Length", plain(jit.FormatDuration(r.Duration))))
	if r.Ticket != "" {
		fields = append(fields, field("Ticket", plain(r.Ticket)))
	}
	if r.Decision.Rule != "" {
		fields = append(fields, field("Rule", Text{{Text: r.Decision.Rule, Code: true}, {Text: fmt.Sprintf(", line %d", r.Decision.Line)}}))
	}
	if r.State == jit.RequestScheduled {
		fields = append(fields, field("Starts", moment(r.StartAt)))
	}
	if r.State == jit.RequestPending {
		fields = append(fields, field("Can approve", plain(s.who(r.Decision.Approvers))), field("Lapses", moment(r.LapseAt)))
	}
	if len(r.Approvals) > 0 {
		fields = append(fields, field("Approved by", s.approvedBy(r)))
	}
	for _, a := range r.Approvals {
		if a.Note != "" {
			fields = append(fields, field("Note by "+s.People.Name(a.By), plain(a.Note)))
		}
	}
	if r.Answer != "" && (r.State == jit.RequestDenied || r.State == jit.RequestCancelled) {
		fields = append(fields, field("Because", plain(r.Answer)))
	}
	return append(fields, s.grantFields(g)...)
}

func (s *Service) approvedBy(r jit.Request) Text {
	var t Text
	for i, a := range r.Approvals {
		if i > 0 {
			t = append(t, Span{Text: ", "})
		}
		t = append(t, s.person(a.By))
	}
	if r.State == jit.RequestPending && r.Decision.Count > 1 {
		t = append(t, Span{Text: fmt.Sprintf(" (%d of %d)", len(r.Approvals), r.Decision.Count)})
	}
	return t
}

func (s *Service) grantFields(g jit.Grant) []Field {
	switch g.State {
	case jit.GrantActive:
		return []Field{field("Ends", moment(g.ExpiresAt)), field("Grant", code(g.ID))}
	case jit.GrantRevoking:
		return []Field{field("Was due", moment(g.ExpiresAt)), field("Grant", code(g.ID))}
	case jit.GrantEnded:
		return []Field{field("Ended", moment(g.EndedAt)), field("Grant", code(g.ID))}
	case jit.GrantProvisioning:
		return []Field{field("Grant", code(g.ID))}
	default:
		return nil
	}
}

// glassCard announces a break-glass to approvers and security.
func (s *Service) glassCard(st story) Card {
	r, v := st.request, st.review
	card := Card{
		Title: s.titleOf(r), Status: Status{"Review open", Bad}, Quote: r.Reason,
		Fields:  append(s.recordFields(st), field("Access", plain(s.statusOf(st).Text)), field("Review by", moment(v.DueAt))),
		Body:    []Text{plain("Nobody was asked. Look at what was done and close the review; until then no second use is possible.")},
		Buttons: []Button{{Action: Action{pressReviewForm, v.Grant}, Label: "Review…", Style: Primary}},
	}
	if st.grant.State == jit.GrantActive {
		card.Buttons = append(card.Buttons, Button{Action: Action{verbEnd, v.Grant}, Label: "End now", Style: Danger})
	}
	if !v.DoneAt.IsZero() {
		card.Status, card.Body, card.Buttons = Status{"Reviewed by " + s.byWhom(v.DoneBy), Good}, nil, nil
		if v.Waived {
			card.Status = Status{"Waived by " + s.byWhom(v.DoneBy), Neutral}
		}
		card.Fields = append(card.Fields, field("Note", plain(v.Note)))
	}
	card.Notice = card.Title + ". " + card.Status.Text + "."
	return card
}

func (s *Service) nudgeCard(r jit.Request, escalated bool) Card {
	if r.State != jit.RequestPending {
		return Card{Title: s.titleOf(r), Status: Status{"Nothing to decide any more", Neutral}, Notice: s.titleOf(r) + ". Nothing to decide any more."}
	}
	card := Card{Title: "Still waiting: " + s.titleOf(r), Status: Status{"Waiting for approval", Waiting}}
	card.Fields = []Field{field("Can approve", plain(s.who(r.Decision.Approvers))), field("Waiting since", moment(submitted(r)))}
	if escalated {
		card.Title, card.Status = "Escalated: "+s.titleOf(r), Status{"Waiting for approval, escalated", Warning}
	}
	card.Notice = card.Title
	return card
}
