package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

const pendingTTL = 8 * time.Hour

// decide has the policy decide a request, and people do what follows.
func (g *Org) decide(c chance, k *ask) error {
	a := k.area
	l := &history.Line{At: k.at, User: k.who.email, Resource: a.resource, Reason: a.reason(c, k)}
	k.line = l
	if k.kind != policy.Access {
		l.Kind = k.kind.String()
	}
	if k.long > 0 {
		l.Duration = jit.FormatDuration(k.long)
	}
	f := g.facts(c, k)
	r := policy.Request{User: l.User, Resource: l.Resource, Duration: k.long, Reason: l.Reason, Ticket: l.Ticket, Kind: k.kind}
	f.AutoApprovedKnown = g.Policy.Needs(&r).AutoApproved
	d := g.Policy.Decide(&r, &f)
	l.Outcome, k.decided = d.Outcome.String(), d.Duration
	if d.Rule >= 0 {
		l.Rule = g.Policy.Rule(d.Rule).ID
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("facts of %s: %w", l.User, err)
	}
	l.Facts = raw
	l.Policy = g.Policy.SHA256()
	switch d.Outcome {
	case policy.Deny:
		l.State, l.DecidedAt, l.DecidedBy, l.Answer = string(jit.RequestDenied), k.at, "policy", "no rule gives it"
	case policy.AutoApprove:
		l.State, l.DecidedAt, l.DecidedBy = string(jit.RequestApproved), k.at, "policy"
		g.give(c, k, d.Duration)
	default:
		l.Approver, l.Needed = g.Policy.Approvers(d, &r, &f).All(), d.Count
		g.answer(c, k, d.Duration)
	}
	return nil
}

func (g *Org) facts(c chance, k *ask) policy.Facts {
	f := policy.Facts{At: k.at}
	if k.area.ticket && k.kind == policy.Access {
		k.line.Ticket = fmt.Sprintf("OPS-%d", 1000+c.IntN(900000))
		f.Ticket = &policy.Ticket{ID: k.line.Ticket, Open: true, Assignee: k.who.email}
	}
	if k.incident {
		f.IncidentsKnown = true
		f.Incidents = []policy.Incident{{ID: fmt.Sprintf("INC-%d", c.IntN(900)), OpenedBy: k.who.email, Since: k.at.Add(-20 * time.Minute)}}
	}
	return f
}

var (
	workReasons = []string{"restart the stuck job of %s", "deploy the fix for %s", "migrate the tables of %s", "rotate what expired in %s", "resize %s before the sale", "repair failed imports in %s", "roll %s back"}
	lookReasons = []string{"check a customer's case in %s", "look at errors of %s", "investigate slow answers of %s", "debug a timeout in %s"}
)

func (a *area) reason(c chance, k *ask) string {
	if k.incident || a.urgent || k.kind == policy.BreakGlass {
		return fmt.Sprintf("incident: %s is down, number %d", a.resource, c.IntN(10000))
	}
	from := workReasons
	if c.yes(a.lookOnly) {
		from, k.use.look = lookReasons, true
	}
	return fmt.Sprintf(pick(c, from), a.resource) + fmt.Sprintf(", case %d", c.IntN(100000))
}

// answer is what approvers do with a request that waits for them.
func (g *Org) answer(c chance, k *ask, long time.Duration) {
	l, a := k.line, k.area
	told := k.at.Add(time.Second)
	l.Told = append(l.Told, history.LineNotice{Who: cmp.Or(a.asks, g.teams[a.owner].leadGroup()), At: told})
	if a.extra != nil && slices.Contains(l.Approver, a.extra.email) {
		l.Told = append(l.Told, history.LineNotice{Who: a.extra.email, At: told})
	}
	took := min(c.length(a.answer, a.answerSigma), 14*time.Minute)
	if c.yes(a.slow) {
		took = c.between(16*time.Minute, 4*time.Hour)
	}
	switch {
	case k.quick:
	case k.fate == ignored:
		l.State, l.DecidedAt, l.DecidedBy = string(jit.RequestLapsed), k.at.Add(pendingTTL), "policy"
		return
	case k.fate == withdrawn:
		l.State, l.DecidedAt, l.DecidedBy = string(jit.RequestCancelled), k.at.Add(took/2), l.User
		return
	}
	at, by := k.at.Add(took).Truncate(time.Second), g.who(c, a, l)
	l.DecidedAt, l.DecidedBy = at, by
	if !k.quick && c.yes(a.grantees[k.from].refuse) {
		l.State, l.Answer = string(jit.RequestDenied), pick(c, []string{"Use staging for that.", "Not without a ticket.", "Ask your own team."})
		return
	}
	l.State = string(jit.RequestApproved)
	l.Approvals = []history.LineApproval{{By: by, At: at}}
	g.give(c, k, long)
}

// who answers: the extra approver or the favourite as often as they do, else
// anybody of the owner's leads.
func (g *Org) who(c chance, a *area, l *history.Line) string {
	if a.asks != "" {
		return pick(c, l.Approver)
	}
	leads := g.teams[a.owner].leads
	there := !a.leaves || l.At.Before(g.Until.AddDate(0, 0, -63))
	if a.extra != nil && there && c.yes(a.extraAt) && slices.Contains(l.Approver, a.extra.email) {
		return a.extra.email
	}
	if a.favourite > 0 || a.lone {
		if a.lone || c.yes(a.favourite) {
			return leads[a.n%len(leads)].email
		}
	}
	return pick(c, leads).email
}

// give opens a grant, and says what it is used for.
func (g *Org) give(c chance, k *ask, long time.Duration) {
	l, a := k.line, k.area
	from := l.DecidedAt.Add(c.between(2*time.Second, 20*time.Second))
	gr := &history.LineGrant{From: from, Promised: from.Add(long), Ends: from.Add(long), Sensitivity: a.sensitivity}
	l.Grant = gr
	g.spend(c, k, long)
	if !k.use.none {
		gr.Opened = new(1)
	}
	gr.Ended, gr.Outcome = gr.Ends, string(jit.Expired)
	if left := long - k.use.span; !k.use.none && !k.use.wall && gr.Extensions == 0 && left > 20*time.Minute && c.yes(.3) {
		gr.Ended = from.Add(max(k.use.span, 12*time.Minute) + c.between(time.Minute, 5*time.Minute))
		gr.EndedBy, gr.Outcome = l.User, string(jit.Revoked)
	}
	if k.kind == policy.BreakGlass {
		gr.ReviewBy = gr.Ended.Add(72 * time.Hour)
		gr.Reviewed = gr.Ended.Add(c.between(2*time.Hour, 60*time.Hour))
		if !gr.Reviewed.Before(g.Until) {
			gr.Reviewed = time.Time{}
		}
	}
}

// number gives requests and grants their ids, in the order of their time.
func (g *Org) number(all []*ask) {
	g.Lines = make([]history.Line, 0, len(all))
	for i, k := range all {
		k.line.ID = fmt.Sprintf("sim-%d-%07d", g.Seed, i+1)
		if k.line.Grant != nil {
			k.line.Grant.ID = fmt.Sprintf("grt-%d-%07d", g.Seed, i+1)
		}
		g.Lines = append(g.Lines, *k.line)
	}
}
