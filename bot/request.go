package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// Limits on what one person may have waiting, and on how far ahead a start may lie.
const (
	maxPendingPerPerson = 20
	maxStartAhead       = 30 * 24 * time.Hour
	conflictTries       = 4 // rounds of deciding again when the store moved on meanwhile
)

// wish is what somebody asks for, before anything was looked up.
type wish struct {
	kind      jit.RequestKind
	resources []string
	duration  time.Duration
	reason    string
	ticket    string
	forWhom   string
	start     string
	extends   jit.Grant     // Extension
	left      time.Duration // Extension: how much of the grant is still to come
}

func wishOf(cmd Command, kind jit.RequestKind) wish {
	return wish{
		kind: kind, resources: cmd.Resources, duration: cmd.Duration, reason: cmd.Reason,
		ticket: cmd.Ticket, forWhom: cmd.Person, start: cmd.At,
	}
}

// judged is a request the policy has spoken on.
type judged struct {
	policy    *policy.Policy
	ask       policy.Request
	facts     *policy.Facts
	decision  policy.Decision
	words     policy.Explanation
	approvers policy.Approvers
	rule      policy.RuleView // zero if no rule decided
}

// judge gathers the facts and asks the policy. It calls outside sources, so it
// runs outside any transaction.
func (s *Service) judge(ctx context.Context, p *policy.Policy, ask policy.Request, at time.Time) judged {
	j := judged{policy: p, ask: ask, facts: s.gather(ctx, p, &ask, at)}
	j.decision = p.Decide(&j.ask, j.facts)
	j.words = p.Explain(&j.ask, j.facts)
	j.approvers = p.Approvers(j.decision, &j.ask, j.facts)
	s.leaveOutInactive(&j)
	refuseStepUp(&j)
	if j.decision.Rule >= 0 {
		j.rule = p.Rule(j.decision.Rule)
	}
	return j
}

// leaveOutInactive takes people who are not active off the approvers. Where
// too few are left nobody could ever say yes, and the answer is no.
func (s *Service) leaveOutInactive(j *judged) {
	inactive := func(id string) bool { return !s.People.Active(id) }
	j.approvers.From = slices.DeleteFunc(j.approvers.From, inactive)
	for i := range j.approvers.Each {
		j.approvers.Each[i] = slices.DeleteFunc(j.approvers.Each[i], inactive)
	}
	if j.decision.Outcome == policy.Approval && !j.approvers.Met(j.approvers.All()) {
		j.decision.Outcome, j.decision.Cause = policy.Deny, policy.CauseNobody
		j.words.Outcome = policy.Deny
		j.words.Reasons = []string{"Nobody who could approve this is active any more; ask the owners of the policy."}
	}
}

// refuseStepUp says no where approvers would have to sign in a second time:
// they cannot, so the request could only wait until it lapses.
func refuseStepUp(j *judged) {
	if j.decision.Outcome != policy.Approval || !j.decision.StepUp {
		return
	}
	j.decision.Outcome, j.decision.Cause = policy.Deny, policy.CauseNobody
	j.words.Outcome = policy.Deny
	j.words.Reasons = []string{"This needs a second sign-in of its approvers, which is not set up here; ask the people who run jitbot."}
}

// request files one request for each resource of w, all of one batch.
func (s *Service) request(ctx context.Context, c call, w wish) (Reply, error) {
	for range conflictTries {
		reply, err := s.tryRequest(ctx, c, w)
		if !errors.Is(err, storage.ErrConflict) {
			return reply, err
		}
	}
	return Reply{}, fmt.Errorf("request: %w", storage.ErrConflict)
}

func (s *Service) tryRequest(ctx context.Context, c call, w wish) (Reply, error) {
	p := s.Policy()
	names, err := s.resourcesMeant(p, c, w.resources)
	if err != nil {
		return Reply{}, err
	}
	if w.extends, err = s.extendedNow(ctx, w); err != nil {
		return Reply{}, err
	}
	w.left = leftOf(w.extends, s.Now())
	holder, err := s.holder(c, w)
	if err != nil {
		return Reply{}, err
	}
	start, err := s.startOf(p, w.start)
	if err != nil {
		return Reply{}, err
	}
	at := s.Now()
	if !start.IsZero() {
		at = start
	}
	all := make([]judged, 0, len(names))
	for _, name := range names {
		all = append(all, s.judge(ctx, p, w.ask(c, holder, name), at))
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		return s.file(tx, c, w, all, start, now)
	})
}

// extendedNow is the grant an extension is for as it stands: another extension
// may have come first.
func (s *Service) extendedNow(ctx context.Context, w wish) (g jit.Grant, err error) {
	if w.kind != jit.Extension {
		return g, nil
	}
	err = s.store.Read(ctx, func(v storage.View) error {
		g, err = v.Grant(w.extends.ID)
		return err
	})
	return g, err
}

func (w wish) ask(c call, holder, resource string) policy.Request {
	ask := policy.Request{
		User: holder, By: c.who.ID, Resource: resource, Duration: w.duration,
		Reason: w.reason, Ticket: ticketOf(w), Kind: policyKind(w.kind),
	}
	if w.kind == jit.Extension {
		ask.Held, ask.Left = w.extends.Duration, w.left
	}
	return ask
}

// leftOf is how much of a grant is still to come.
func leftOf(g jit.Grant, now time.Time) time.Duration { return max(0, g.ExpiresAt.Sub(now)) }

// ticketOf is the ticket named by --ticket or, failing that, the first one
// mentioned in the reason.
func ticketOf(w wish) string {
	if w.ticket != "" {
		return cut(w.ticket, maxTicket)
	}
	return ticketPattern.FindString(w.reason)
}

func policyKind(k jit.RequestKind) policy.RequestKind {
	switch k {
	case jit.Extension:
		return policy.Extension
	case jit.BreakGlass:
		return policy.BreakGlass
	default:
		return policy.Access
	}
}

// resourcesMeant turns names and bundles into resources, or says what was
// probably meant among what the person may see.
func (s *Service) resourcesMeant(p *policy.Policy, c call, names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		members, bundle := p.Bundle(name)
		if _, ok := p.Resource(name); ok && !bundle {
			members = []string{name}
		}
		if len(members) == 0 {
			return nil, s.unknownResource(p, c, name)
		}
		for _, m := range members {
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	if len(out) > maxBatch {
		return nil, refuse(CodeBadInput, fmt.Sprintf("That is %d resources; at most %d at once.", len(out), maxBatch), "Ask in two parts.")
	}
	return out, nil
}

func (s *Service) unknownResource(p *policy.Policy, c call, name string) *UserError {
	near := p.Near(name, p.Visible(c.who.ID, &policy.Facts{At: s.Now()}))
	hint := "`/jit resources` lists what you may ask for."
	if len(near) > 0 {
		hint = "Did you mean `" + strings.Join(near, "`, `") + "`? " + hint
	}
	return refuse(CodeUnknownThing, fmt.Sprintf("There is no resource %q that you may ask for.", cut(name, 60)), hint)
}

// holder is the principal who is to hold the access.
func (s *Service) holder(c call, w wish) (string, error) {
	if w.kind == jit.Extension {
		return w.extends.Principal, nil
	}
	if w.forWhom == "" {
		return c.who.ID, nil
	}
	p, ok := s.People.Find(c.in.From.Platform, c.in.From.Team, w.forWhom)
	if !ok {
		return "", refuse(CodeUnknownThing, fmt.Sprintf("I know nobody called %q.", cut(w.forWhom, 60)), "Use the company e-mail, such as `--for bo@example.com`.")
	}
	return p.ID, nil
}

// startOf reads --at: RFC 3339, a local date and time, or a time of day, in the
// policy's zone.
func (s *Service) startOf(p *policy.Policy, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	now := s.Now().UTC()
	at, ok := readMoment(text, now.In(p.Timezone()))
	switch {
	case !ok:
		return time.Time{}, refuse(CodeBadInput, fmt.Sprintf("I cannot read the time %q.", cut(text, 40)), "Write `--at 14:30` or `--at 2026-11-24T09:00`, in "+p.Timezone().String()+" time.")
	case !at.After(now):
		return time.Time{}, refuse(CodeBadInput, "That start has passed already.", "Leave `--at` out to start at once.")
	case at.Sub(now) > maxStartAhead:
		return time.Time{}, refuse(CodeBadInput, "That start is too far away.", "At most "+jit.FormatDuration(maxStartAhead)+" ahead.")
	}
	return at.UTC(), nil
}

func readMoment(text string, now time.Time) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	if at, err := time.ParseInLocation("2006-01-02T15:04", text, now.Location()); err == nil {
		return at, true
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, false
	}
	at := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location())
	if !at.After(now) {
		at = time.Date(now.Year(), now.Month(), now.Day()+1, clock.Hour(), clock.Minute(), 0, 0, now.Location())
	}
	return at, true
}

// file writes the requests. It returns UserErrors before it saves anything.
func (s *Service) file(tx storage.Tx, c call, w wish, all []judged, start, now time.Time) (Reply, error) {
	if err := s.mayGive(tx); err != nil {
		return Reply{}, err
	}
	if err := s.roomFor(tx, c, w, all); err != nil {
		return Reply{}, err
	}
	for _, j := range all {
		if err := s.stillTrue(tx, j); err != nil {
			return Reply{}, err
		}
		if err := s.canGive(j); err != nil {
			return Reply{}, err
		}
	}
	batch := ""
	if len(all) > 1 {
		batch = s.NewID(idBatch, now)
	}
	var filed []jit.Request
	for _, j := range all {
		r := s.newRequest(c, w, j, now)
		r.Batch, r.StartAt = batch, start
		saved, err := s.settle(tx, c.event(jit.EventRequested, now), r, j)
		if err != nil {
			return Reply{}, err
		}
		filed = append(filed, saved)
	}
	return s.filedReply(filed, all), nil
}

// roomFor refuses a second request for what already waits, and too many at once.
func (s *Service) roomFor(tx storage.Tx, c call, w wish, all []judged) error {
	waiting, err := tx.Requests(storage.RequestFilter{By: c.who.ID, States: []jit.RequestState{jit.RequestPending, jit.RequestScheduled}, Limit: maxPendingPerPerson + 1})
	if err != nil {
		return err
	}
	if len(waiting)+len(all) > maxPendingPerPerson {
		return refuse(CodeLimit, fmt.Sprintf("You have %s waiting; the most is %d.", plural(len(waiting), "request"), maxPendingPerPerson), "`/jit mine` lists them; `/jit cancel <id>` withdraws one.")
	}
	for _, r := range waiting {
		same := func(j judged) bool {
			return j.ask.Resource == r.Resource && j.ask.User == r.For && policyKind(r.Kind) == j.ask.Kind && r.Extends == w.extends.ID
		}
		if slices.ContainsFunc(all, same) && r.State == jit.RequestPending {
			return refuse(CodeChanged, fmt.Sprintf("A request for %s waits already: %s.", r.Resource, r.ID), fmt.Sprintf("`/jit show %s` says who it waits for; `/jit cancel %s` withdraws it.", r.ID, r.ID))
		}
	}
	return nil
}

func (s *Service) newRequest(c call, w wish, j judged, now time.Time) jit.Request {
	return jit.Request{
		ID: s.NewID(idRequest, now), Kind: w.kind, By: c.who.ID, For: j.ask.User, ByAccount: c.in.From,
		Resource: j.ask.Resource, Duration: orDefault(j.decision.Duration, j.ask.Duration), Reason: j.ask.Reason, Ticket: j.ask.Ticket,
		Extends: w.extends.ID, CreatedAt: now,
	}
}

// settle writes r as the decision on it demands: denied, pending, scheduled, or
// approved with all that follows. e is the event to record it with.
func (s *Service) settle(tx storage.Tx, e jit.Event, r jit.Request, j judged) (jit.Request, error) {
	facts, err := json.Marshal(j.facts)
	if err != nil {
		return r, fmt.Errorf("freeze the facts: %w", err)
	}
	r.Facts, r.Decision, r.NextAt = facts, frozenDecision(j), time.Time{}
	s.metrics.requests.WithLabelValues(r.Decision.Outcome).Inc()
	e.Request, e.Resource, e.PolicySHA256 = r.ID, r.Resource, r.Decision.PolicySHA256
	switch {
	case j.decision.Outcome == policy.Deny:
		return s.settleDenied(tx, e, r, j)
	case r.StartAt.After(e.At):
		r.NextAt = r.StartAt
		return s.saveRequest(tx, e, r, jit.RequestScheduled)
	case j.decision.Outcome == policy.Approval:
		r = s.withDeadlines(r, j, e.At)
		return s.saveRequest(tx, e, r, jit.RequestPending)
	default:
		r.DecidedAt, r.DecidedBy = e.At, "policy"
		return r, s.carryOut(tx, e, r, j)
	}
}

func frozenDecision(j judged) jit.Decision {
	return jit.Decision{
		PolicySHA256: j.policy.SHA256(), Outcome: j.decision.Outcome.String(), Rule: j.rule.ID, Line: j.rule.Line,
		Count: j.approvers.Count, Approvers: j.approvers.From, Each: j.approvers.Each,
		MaxDuration: j.decision.MaxDuration, StepUp: j.decision.StepUp, Reasons: j.words.Reasons,
		Content: contentOf(j),
	}
}

// contentOf is a digest of what saying yes would mean: the rule that asks and
// everything the resource gives. An approval binds to it.
func contentOf(j judged) string {
	resource, _ := j.policy.Resource(j.ask.Resource)
	raw, err := json.Marshal([]any{j.rule.ID, resource.Entitlements})
	if err != nil {
		return "" // text always marshals; an empty digest equals no other
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func (s *Service) settleDenied(tx storage.Tx, e jit.Event, r jit.Request, j judged) (jit.Request, error) {
	e.Kind, e.Outcome = jit.EventRequestDenied, "refused"
	r.DecidedAt, r.DecidedBy, r.Answer = e.At, "policy", strings.Join(j.words.Reasons, " ")
	return s.saveRequest(tx, e, r, jit.RequestDenied)
}

// withDeadlines sets when a pending request is looked at next and when it lapses.
func (s *Service) withDeadlines(r jit.Request, j judged, now time.Time) jit.Request {
	r.LapseAt = now.Add(j.rule.PendingTTL)
	r.NextAt = s.nextNudge(r, j.policy, j.rule, now)
	return r
}

// saveRequest writes r in its next state with its event, and has its messages
// brought up to date.
func (s *Service) saveRequest(tx storage.Tx, e jit.Event, r jit.Request, to jit.RequestState) (jit.Request, error) {
	c := jit.Record(e)
	requestDetails(c, r)
	if err := c.Request(r, to); err != nil {
		return r, err
	}
	if err := tx.Save(c); err != nil {
		return r, err
	}
	r.State = to
	r.Version++
	return r, s.refresh(tx, r.ID, e.At)
}

func requestDetails(c *jit.Change, r jit.Request) {
	c.Detail("for", r.For).Detail("duration", jit.FormatDuration(r.Duration)).Detail("reason", r.Reason).
		Detail("ticket", r.Ticket).Detail("rule", r.Decision.Rule).Detail("outcome", r.Decision.Outcome).
		Detail("kind", string(r.Kind)).Detail("extends", r.Extends)
	if r.Decision.Line > 0 {
		c.Detail("line", r.Decision.Line)
	}
	if len(r.Decision.Approvers) > 0 {
		c.Detail("approvers", r.Decision.Approvers)
	}
	if len(r.Facts) > 0 {
		c.Detail("facts", r.Facts)
	}
}

// carryOut approves r and does what it asks for: a new grant, or a longer one.
// It returns UserErrors before it saves anything.
func (s *Service) carryOut(tx storage.Tx, e jit.Event, r jit.Request, j judged) error {
	for _, id := range []string{r.For, r.By} {
		if !s.People.Active(id) {
			return refuse(CodeDenied, s.People.Name(id)+" is not active any more, so nothing can be given.", "")
		}
	}
	if r.Kind == jit.Extension {
		return s.lengthen(tx, e, r, j)
	}
	return s.give(tx, e, r, j)
}

// give writes r as approved together with its grant, whose end and holdings
// are committed here, before anything outside is called.
func (s *Service) give(tx storage.Tx, e jit.Event, r jit.Request, j judged) error {
	g, holdings, err := s.newGrant(r, j, e.At)
	if err != nil {
		return err
	}
	e.Kind, e.Grant = jit.EventRequestApproved, g.ID
	c := jit.Record(e)
	requestDetails(c, r)
	c.Detail("not_after", g.NotAfter)
	if j.decision.Advance != "" {
		c.Detail("advance", j.decision.Advance)
	}
	if err := errors.Join(c.Request(r, jit.RequestApproved), c.Grant(g, jit.GrantProvisioning)); err != nil {
		return err
	}
	for _, h := range holdings {
		if err := c.Holding(h, jit.HoldingWanted); err != nil {
			return err
		}
	}
	if r.Kind == jit.BreakGlass {
		c.Review(jit.Review{Grant: g.ID, Principal: g.Principal, Resource: g.Resource, DueAt: e.At.Add(j.rule.BreakGlass.ReviewWithin)})
	}
	if err := tx.Save(c); err != nil {
		return err
	}
	return s.refresh(tx, r.ID, e.At)
}

func (s *Service) newGrant(r jit.Request, j judged, now time.Time) (jit.Grant, []jit.Holding, error) {
	resource, ok := j.policy.Resource(r.Resource)
	if !ok {
		return jit.Grant{}, nil, refuse(CodeUnknownThing, "The resource "+r.Resource+" is not in the policy any more.", "Ask the owners of the policy.")
	}
	notAfter := now.Add(r.Duration + jit.ProvisioningBudget)
	g := jit.Grant{
		ID: s.NewID(idGrant, now), Request: r.ID, Kind: r.Kind, Principal: r.For, Resource: r.Resource, Rule: j.rule.ID,
		Duration: r.Duration, Holdings: len(resource.Entitlements), CreatedAt: now,
		NotAfter: notAfter, ExpiresAt: notAfter, NextAt: notAfter, WarnBefore: j.rule.WarnBefore,
	}
	var holdings []jit.Holding
	for _, e := range resource.Entitlements {
		h := jit.Holding{
			ID: s.NewID(idHolding, now), Grant: g.ID, Request: r.ID, Principal: g.Principal, Resource: g.Resource,
			Entitlement: e, NotAfter: notAfter, NextAt: now,
		}
		target, err := s.targetOf(h)
		if err != nil {
			return jit.Grant{}, nil, err
		}
		h.Target = target
		holdings = append(holdings, h)
	}
	return g, holdings, nil
}

func (s *Service) targetOf(h jit.Holding) (string, error) {
	p := s.Provisioners[h.Entitlement.Kind]
	if p == nil {
		return "", refuse(CodeProvider, "This installation cannot give "+h.Entitlement.Kind+", which "+h.Resource+" needs.", "Tell the people who run jitbot; `bot doctor` names what is missing.")
	}
	target, err := p.Target(h)
	if err != nil {
		return "", &UserError{
			Code: CodeProvider, Say: h.Resource + " cannot be given to " + s.People.Name(h.Principal) + ".",
			Hint: "Tell the people who run jitbot: " + cut(clean(err.Error()), 200), Cause: err,
		}
	}
	return target, nil
}
