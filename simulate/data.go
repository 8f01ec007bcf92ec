package simulate

import (
	"fmt"
	"time"

	"jitbot/activity"
	"jitbot/analysis"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// deeds are the actions of grants, in memory.
type deeds map[string][]jit.Activity

// Of implements [history.Actions].
func (d deeds) Of(grant string, fn func(n int, a jit.Activity) error) error {
	for n, a := range d[grant] {
		if err := fn(n, a); err != nil {
			return err
		}
	}
	return nil
}

// Data is what analyses would see of an organisation after its files were
// imported, without a store.
func Data(g *Org) (*analysis.Data, error) {
	acts, doors := g.log()
	past := &history.Past{From: g.From, To: g.Until, Doors: doors}
	evidence := map[account]*jit.Evidence{}
	for _, a := range g.accounts {
		evidence[a] = g.evidence(a)
	}
	for _, k := range g.asked {
		c, err := k.asCase()
		if err != nil {
			return nil, err
		}
		if c.Grant != nil {
			g.weigh(k, c.Grant, acts, evidence[k.area.account])
		}
		past.Cases = append(past.Cases, c)
	}
	zones := map[string]*time.Location{}
	for _, t := range g.teams {
		for _, people := range [][]*person{t.members, t.leads} {
			for _, p := range people {
				zones[p.email] = p.loc
			}
		}
	}
	return &analysis.Data{
		At: g.Until, Past: past, Actions: acts, Policy: g.Policy,
		Since: g.since,
		Zone:  func(person string) *time.Location { return zones[person] },
	}, nil
}

// since is when a rule came to be as it is.
func (g *Org) since(rule string) time.Time {
	for _, a := range g.areas {
		if a.id == rule && a.young {
			return g.Until.AddDate(0, 0, -21)
		}
	}
	return g.From
}

// source is what tells of an account.
func (a account) source() string {
	if a.trail {
		return "trail-" + a.id
	}
	return "plain"
}

// evidence is that of every grant in an account: it was told all, but what is
// done with data where that is not logged.
func (g *Org) evidence(a account) *jit.Evidence {
	e := &jit.Evidence{Complete: true, Until: g.toldUntil(), Sources: []string{a.source()}}
	if a.trail && !g.Clean {
		e.Unlogged = []string{"dynamodb", "ebs", "kinesis", "lambda", "rds-data", "s3", "sns", "sqs"}
	}
	return e
}

// log is what was done by grants, each once, and by nobody's.
func (g *Org) log() (deeds, []history.Door) {
	acts, seen := deeds{}, make(map[string]bool, len(g.Deeds))
	var doors []history.Door
	for i := range g.Deeds {
		d := &g.Deeds[i]
		if seen[d.ID] {
			continue
		}
		seen[d.ID] = true
		if d.Grant == "" {
			doors = append(doors, history.Door{
				At: d.At, Actor: d.Actor, Scope: d.Scope, Action: d.Action, Resource: d.Resource,
				Denied: d.Outcome == jit.ActivityDenied, ReadOnly: d.ReadOnly, Sources: d.area.account.source(),
			})
			continue
		}
		acts[d.Grant] = append(acts[d.Grant], d.activity())
	}
	return acts, doors
}

func (d *Deed) activity() jit.Activity {
	a := jit.Activity{
		ID: d.ID, Source: d.area.account.source(), At: d.At, Grant: d.Grant, Method: jit.BySessionName, Sure: jit.BySessionName.Confidence(),
		Actor: d.Actor, Action: d.Action, Resource: d.Resource, Outcome: d.Outcome, Origin: d.Origin, Account: d.area.account.id, Scope: d.Scope, ReadOnly: d.ReadOnly,
	}
	if d.Hearsay {
		a.Method, a.Sure = jit.ByStatement, jit.ByStatement.Confidence()
	}
	if d.area.account.trail { // the plain format names no layer
		a.Method, a.Sure = jit.BySourceIdentity, jit.BySourceIdentity.Confidence()
		a.Layer = d.Layer
		a.At = a.At.Truncate(time.Second)
	}
	return a
}

// asCase is a request as the past has it.
func (k *ask) asCase() (history.Case, error) {
	l := k.line
	c := history.Case{
		ID: l.ID, At: l.At, Kind: jit.Access, User: l.User, By: l.User, Resource: l.Resource, Asked: k.long, Duration: k.long,
		Reason: l.Reason, Ticket: l.Ticket, PolicySHA256: l.Policy, Rule: l.Rule, Imported: true, Approvers: l.Approver, Needed: l.Needed,
		Facts: l.Facts, State: jit.RequestState(l.State), DecidedAt: l.DecidedAt, DecidedBy: l.DecidedBy, Answer: l.Answer,
	}
	if k.kind == policy.BreakGlass {
		c.Kind = jit.BreakGlass
	}
	if err := c.Outcome.UnmarshalText([]byte(l.Outcome)); err != nil {
		return c, fmt.Errorf("request %s: %w", l.ID, err)
	}
	c.Said = c.Outcome
	for _, a := range l.Approvals {
		c.Approvals = append(c.Approvals, history.Answer{By: a.By, At: a.At, Duration: k.decided, Note: a.Note})
	}
	for _, n := range l.Told {
		c.Told = append(c.Told, history.Notice(n))
	}
	if gr := l.Grant; gr != nil {
		c.Duration = k.decided
		c.Grant = &history.Grant{
			ID: gr.ID, Resource: l.Resource, Sensitivity: gr.Sensitivity, From: gr.From, Promised: gr.Promised, Ends: gr.Ends, Ended: gr.Ended,
			EndedBy: gr.EndedBy, Outcome: jit.Outcome(gr.Outcome), Extensions: gr.Extensions, Opened: gr.OpenedTimes(), Unopened: gr.Opened != nil && *gr.Opened == 0, Reviewed: gr.Reviewed, ReviewBy: gr.ReviewBy,
		}
	}
	return c, nil
}

// weigh sums up what was done with a grant, and judges it.
func (g *Org) weigh(k *ask, gr *history.Grant, acts deeds, e *jit.Evidence) {
	r, _ := g.Policy.Resource(k.area.resource)
	gr.Use = activity.Sum(acts[gr.ID], gr.Ended, r.Scope)
	gr.Evidence = e
	gr.Verdict = activity.Judge(jit.Grant{ConfirmedAt: gr.From, EndedAt: gr.Ended}, gr.Use, *e)
}
