package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// story is everything the messages about one request are made from.
type story struct {
	request  jit.Request
	grant    jit.Grant // zero: none
	holdings []jit.Holding
	review   jit.Review // zero: none
}

func plain(text string) Text           { return Text{{Text: text}} }
func moment(at time.Time) Text         { return Text{{Time: at}} }
func code(text string) Text            { return Text{{Text: text, Code: true}} }
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

// statusOf says where a story stands, in words and tone.
func (s *Service) statusOf(st story) Status {
	r, g := st.request, st.grant
	switch r.State {
	case jit.RequestScheduled:
		return Status{"Scheduled", Waiting}
	case jit.RequestPending:
		if r.Escalated {
			return Status{"Waiting for approval, escalated", Warning}
		}
		return Status{"Waiting for approval", Waiting}
	case jit.RequestDenied:
		return Status{"Denied by " + s.byWhom(r.DecidedBy), Bad}
	case jit.RequestCancelled:
		return Status{"Withdrawn by " + s.byWhom(r.DecidedBy), Neutral}
	case jit.RequestLapsed:
		return Status{"Lapsed: nobody answered in time", Neutral}
	}
	if r.Kind == jit.Extension {
		return Status{"Extended", Good}
	}
	return s.grantStatus(g, st.holdings)
}

func (s *Service) grantStatus(g jit.Grant, holdings []jit.Holding) Status {
	switch g.State {
	case jit.GrantProvisioning:
		if tries := mostAttempts(holdings); tries > 0 {
			return Status{fmt.Sprintf("Taking longer than usual: %s failed, trying again", plural(tries, "attempt")), Warning}
		}
		return Status{"Approved, opening access", Waiting}
	case jit.GrantActive:
		return Status{"Active", Good}
	case jit.GrantRevoking:
		if tries := mostAttempts(holdings); tries > 0 {
			return Status{fmt.Sprintf("Still being taken back: %s failed, trying again", plural(tries, "attempt")), Bad}
		}
		return Status{"Ending", Waiting}
	case jit.GrantEnded:
		return Status{s.endedHow(g), Neutral}
	default:
		return Status{"Approved", Good} // its grant was not looked up
	}
}

func (s *Service) endedHow(g jit.Grant) string {
	switch g.Outcome {
	case jit.Revoked:
		return "Ended early by " + s.byWhom(g.EndBy)
	case jit.Failed:
		return "Could not be given"
	default:
		return "Ended on time"
	}
}

func (s *Service) byWhom(id string) string {
	switch id {
	case "policy":
		return "the policy"
	case jit.ActorJitbot:
		return "jitbot"
	default:
		return s.People.Name(id)
	}
}

func mostAttempts(holdings []jit.Holding) int {
	n := 0
	for _, h := range holdings {
		n = max(n, h.Attempts)
	}
	return n
}

// titleOf is what the request is, in one line.
func (s *Service) titleOf(r jit.Request) string {
	who, length := s.People.Name(r.For), jit.FormatDuration(r.Duration)
	switch {
	case r.Kind == jit.Extension:
		return fmt.Sprintf("%s asks for %s more on %s", who, length, r.Resource)
	case r.Kind == jit.BreakGlass:
		return fmt.Sprintf("%s broke the glass for %s, %s", who, r.Resource, length)
	case r.By != r.For:
		return fmt.Sprintf("%s asks for %s for %s, %s", s.People.Name(r.By), r.Resource, who, length)
	case r.Duration == 0: // refused before a length was settled
		return fmt.Sprintf("%s asks for %s", who, r.Resource)
	default:
		return fmt.Sprintf("%s asks for %s for %s", who, r.Resource, length)
	}
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
			{Action: Action{verbApprove, r.ID}, Label: "Approve", Style: Primary, Confirm: s.confirmApproval(r)},
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

// holderCard is the holder's own living card, in a direct message.
func (s *Service) holderCard(st story) Card {
	r := st.request
	card := Card{Title: r.Resource + " for " + jit.FormatDuration(r.Duration), Status: s.statusOf(st), Quote: r.Reason}
	if r.Kind == jit.Extension {
		card.Title = jit.FormatDuration(r.Duration) + " more on " + r.Resource
	}
	card.Fields = append(s.recordFields(st)[1:], field("Request", code(r.ID)))
	card.Body = s.holderWords(st)
	card.Buttons = s.holderButtons(st)
	card.Notice = card.Title + ": " + card.Status.Text + "."
	return card
}

func (s *Service) holderWords(st story) []Text {
	r, g := st.request, st.grant
	switch {
	case r.State == jit.RequestDenied && r.DecidedBy != "policy":
		return []Text{plain("Talk to " + s.People.Name(r.DecidedBy) + " if you see it differently.")}
	case g.State == jit.GrantActive && s.gives(st) && r.Kind != jit.Extension:
		return []Text{plain("Get your credentials when you need them: the page shows them once, to you alone.")}
	case g.State == jit.GrantActive && r.Kind != jit.Extension:
		return []Text{plain("Your own account has the access now. Nothing else to do.")}
	case g.State == jit.GrantEnded && r.Kind != jit.Extension:
		return s.receiptWords(st)
	default:
		return nil
	}
}

func (s *Service) holderButtons(st story) []Button {
	r, g := st.request, st.grant
	switch {
	case r.State == jit.RequestPending || r.State == jit.RequestScheduled:
		return []Button{{Action: Action{verbCancel, r.ID}, Label: "Withdraw"}}
	case r.Kind == jit.Extension:
		return nil
	case g.State == jit.GrantActive:
		var out []Button
		if s.gives(st) {
			out = append(out, Button{Action: Action{verbCreds, g.ID}, Label: "Get credentials", Style: Primary})
		}
		if g.Kind != jit.BreakGlass {
			out = append(out, Button{Action: Action{pressExtendForm, g.ID}, Label: "Extend…"})
		}
		return append(out, Button{Action: Action{verbEnd, g.ID}, Label: "I'm done"})
	case g.State == jit.GrantEnded || r.State == jit.RequestLapsed || r.State == jit.RequestCancelled:
		return []Button{{Action: Action{verbAgain, r.ID}, Label: "Ask again"}}
	default:
		return nil
	}
}

// gives reports whether the story's grant has credentials to pick up.
func (s *Service) gives(st story) bool {
	return slices.ContainsFunc(st.holdings, func(h jit.Holding) bool { _, ok := s.minter(h); return ok })
}

// receiptWords is what is left to say of a grant that ended.
func (s *Service) receiptWords(st story) []Text {
	g := st.grant
	if g.Outcome == jit.Failed {
		return []Text{plain("It could not be given: " + endedBecause(g) + ". Everything that was opened was taken back.")}
	}
	out := []Text{{
		{Text: "Held from "},
		{Time: g.ConfirmedAt},
		{Text: " to "},
		{Time: g.EndedAt},
		{Text: fmt.Sprintf(" (%s). It was seen to be gone %s after its end was due.", jit.FormatDuration(g.EndedAt.Sub(g.ConfirmedAt).Truncate(time.Second)), lag(g))},
	}}
	if slices.ContainsFunc(st.holdings, func(h jit.Holding) bool { return !h.ExposedUntil.IsZero() }) {
		out = append(out, plain("Credentials were handed out; they do not work any more."))
	} else if s.gives(st) {
		out = append(out, plain("No credentials were ever asked for."))
	}
	for _, h := range st.holdings {
		if h.Kept != "" {
			out = append(out, plain(h.Target+" was left in place: "+h.Kept+"."))
		}
	}
	return out
}

// endedBecause is why a grant ended, without a provider's own words: those
// stand as the reason where jitbot itself gave up.
func endedBecause(g jit.Grant) string {
	if g.Outcome == jit.Failed && g.EndBy == jit.ActorJitbot {
		return failureWords(g.EndReason)
	}
	return g.EndReason
}

func lag(g jit.Grant) string {
	d := max(g.EndedAt.Sub(g.ExpiresAt), 0)
	if d < time.Second {
		return "less than a second"
	}
	return jit.FormatDuration(d.Truncate(time.Second))
}

func lastError(holdings []jit.Holding) string {
	for _, h := range holdings {
		if h.LastError != "" {
			return h.LastError
		}
	}
	return ""
}

func (s *Service) receiptCard(st story) Card {
	r, g := st.request, st.grant
	card := Card{
		Title: "Receipt: " + s.People.Name(g.Principal) + ", " + g.Resource, Status: Status{s.endedHow(g), Neutral},
		Body: s.receiptWords(st), Quote: r.Reason,
	}
	card.Fields = []Field{field("Asked for", plain(jit.FormatDuration(r.Duration))), field("Promised", plain(jit.FormatDuration(g.Duration)))}
	if why := endedBecause(g); why != "" {
		card.Fields = append(card.Fields, field("Ended because", plain(why)))
	}
	card.Notice = card.Title + ". " + card.Status.Text + "."
	return card
}

func (s *Service) warnCard(g jit.Grant) Card {
	return Card{
		Title: "Your access to " + g.Resource + " ends soon", Status: Status{"Ends soon", Warning},
		Body: []Text{{{Text: "It ends at "}, {Time: g.ExpiresAt}, {Text: ". Nothing to do if that suits you."}}},
		Buttons: []Button{
			{Action: Action{pressExtendForm, g.ID}, Label: "Extend…", Style: Primary},
			{Action: Action{verbEnd, g.ID}, Label: "End now"},
		},
		Notice: "Your access to " + g.Resource + " ends soon.",
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

func said(title, body string, tone Tone) Reply {
	card := Card{Title: title, Notice: strings.TrimSpace(title + " " + body)}
	if tone != Neutral {
		card.Status = Status{map[Tone]string{Good: "Done", Waiting: "Under way", Warning: "Look out", Bad: "Not done"}[tone], tone}
	}
	if body != "" {
		card.Body = []Text{marked(body)}
	}
	return Reply{Card: &card}
}

func approvalReply(r jit.Request, still string) Reply {
	if still != "" {
		return said("Your approval counts.", still, Good)
	}
	if r.Kind == jit.Extension {
		return said("Approved for "+jit.FormatDuration(r.Duration)+" more.", "Access goes on unbroken; the holder is told.", Good)
	}
	return said("Approved for "+jit.FormatDuration(r.Duration)+".", "Access is being opened; the holder is told when it is there.", Good)
}

func pickupReply(g jit.Grant, url string) Reply {
	return Reply{Card: &Card{
		Title:  "Your credentials for " + g.Resource,
		Status: Status{"For you alone", Good},
		Body:   []Text{{{Text: "The link works once and for five minutes. The credentials end with your access at "}, {Time: g.ExpiresAt}, {Text: "."}}},
		Links:  []Link{{Label: "Open the page", URL: url, Once: true}},
		Notice: "A one-use link to your credentials for " + g.Resource + ".",
	}}
}

func reuseCard(who, grant string) Card {
	return Card{
		Title:  "A used credential link was opened again",
		Status: Status{"Refused", Bad},
		Body:   []Text{{{Text: "The link of " + who + " for "}, {Text: grant, Code: true}, {Text: " was opened a second time; nothing was shown. If that was not " + who + ", end the grant."}}},
		Notice: "A used credential link was opened again; nothing was shown.",
	}
}

// filedReply answers who asked: what became of each request.
func (s *Service) filedReply(filed []jit.Request, all []judged) Reply {
	if len(filed) > 1 {
		return s.batchReply(filed)
	}
	r, j := filed[0], all[0]
	card := Card{Title: s.titleOf(r), Fields: []Field{field("Request", code(r.ID))}}
	switch {
	case r.State == jit.RequestDenied:
		return s.deniedReply(r, j)
	case r.State == jit.RequestScheduled:
		card.Status = Status{"Scheduled", Waiting}
		card.Body = []Text{{{Text: "It starts at "}, {Time: r.StartAt}, {Text: "; the policy is asked again then."}}}
	case r.State == jit.RequestPending:
		card.Status = Status{"Waiting for approval", Waiting}
		card.Body = []Text{plain(s.who(r.Decision.Approvers) + " can approve. You are told here in a direct message.")}
		for _, why := range j.words.Reasons[min(1, len(j.words.Reasons)):] {
			card.Body = append(card.Body, plain(why)) // such as a source that could not be asked
		}
	default:
		card.Status = Status{"Approved by the policy", Good}
		card.Body = []Text{plain(approvedWords(j) + " Access is being opened; you are told in a direct message.")}
	}
	if r.Kind == jit.Extension && r.DecidedBy == "policy" {
		card.Body = []Text{plain("Your access goes on unbroken.")}
	}
	card.Notice = card.Title + ". " + card.Status.Text + "."
	return Reply{Card: &card}
}

func approvedWords(j judged) string {
	return strings.Join(j.words.Reasons, " ")
}

// deniedReply explains a no: what was lacking, and what might do.
func (s *Service) deniedReply(r jit.Request, j judged) Reply {
	card := Card{Title: s.titleOf(r), Status: Status{"Refused by the policy", Bad}, Fields: []Field{field("Request", code(r.ID))}}
	for _, reason := range j.words.Reasons {
		card.Body = append(card.Body, plain(reason))
	}
	if j.decision.Cause == policy.CauseNoRule {
		card.Body = append(card.Body, marked("`/jit why "+r.ID+"` shows every rule."))
	}
	card.Notice = card.Title + ". Refused by the policy."
	return Reply{Card: &card}
}

func (s *Service) batchReply(filed []jit.Request) Reply {
	card := Card{Title: plural(len(filed), "request"), Notice: plural(len(filed), "request") + " filed."}
	for _, r := range filed {
		card.Fields = append(card.Fields, field(r.Resource, Text{{Text: s.statusOf(story{request: r, grant: jit.Grant{State: jit.GrantProvisioning}}).Text + " · "}, {Text: r.ID, Code: true}}))
	}
	return Reply{Card: &card}
}

func (s *Service) endManyReply(key string, hit []jit.Grant) Reply {
	if len(hit) == 0 {
		return said("Nothing to end.", "No grant matches "+key+".", Neutral)
	}
	card := Card{
		Title: "End " + plural(len(hit), "grant") + "?", Status: Status{"Nothing was ended yet", Warning},
		Buttons: []Button{{Action: Action{pressEndMany, key}, Label: "End " + plural(len(hit), "grant"), Style: Danger}},
		Notice:  "This would end " + plural(len(hit), "grant") + ".",
	}
	for _, g := range hit[:min(len(hit), 15)] {
		card.Fields = append(card.Fields, field(s.People.Name(g.Principal), Text{{Text: g.Resource + " · "}, {Text: g.ID, Code: true}}))
	}
	if more := len(hit) - 15; more > 0 {
		card.Body = []Text{plain("And " + itoa(more) + " more, which would end too.")}
	}
	return Reply{Card: &card}
}
