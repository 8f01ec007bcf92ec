package bot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// factsBudget is how long all outside sources together may take while a person
// waits. What has not answered by then is unknown, and unknown never allows.
const factsBudget = 2 * time.Second

// ErrNoTicket says that a tracker knows no ticket of that id.
var ErrNoTicket = errors.New("no such ticket")

// Tickets answers for the state of a ticket. No such ticket: an error wrapping
// [ErrNoTicket]; an outage: any other error.
type Tickets interface {
	Ticket(ctx context.Context, id string) (policy.Ticket, error)
	// Incidents lists the open incidents.
	Incidents(ctx context.Context) ([]policy.Incident, error)
}

// gather fetches what the policy could need to decide r at the given instant.
// It never fails: a source that does not answer leaves its fact unknown.
func (s *Service) gather(ctx context.Context, p *policy.Policy, r *policy.Request, at time.Time) *policy.Facts {
	return s.gatherInto(ctx, p, r, p.Needs(r), &policy.Facts{At: at, Groups: map[string][]string{}})
}

// gatherInto is gather of some needs, added to facts that are there.
func (s *Service) gatherInto(ctx context.Context, p *policy.Policy, r *policy.Request, needs policy.Needs, facts *policy.Facts) *policy.Facts {
	ctx, cancel := context.WithTimeout(ctx, factsBudget)
	defer cancel()
	g, at := &gathering{s: s, facts: facts}, facts.At
	for _, name := range needs.Groups {
		g.start(func() { g.group(ctx, p, name) })
	}
	for _, name := range needs.Schedules {
		g.start(func() { g.schedule(ctx, p, name, at) })
	}
	if needs.Ticket && r.Ticket != "" && s.Tickets != nil {
		g.start(func() { g.ticket(ctx, r.Ticket) })
	}
	if needs.Incidents && s.Tickets != nil {
		g.start(func() { g.incidents(ctx) })
	}
	if needs.LastApprovers {
		g.start(func() { g.lastApprovers(ctx, r.User) })
	}
	if needs.AutoApproved || needs.Advance {
		g.start(func() { g.history(ctx, r, at) })
	}
	return g.close(ctx)
}

// gathering collects facts that arrive side by side.
type gathering struct {
	s     *Service
	wait  sync.WaitGroup
	mu    sync.Mutex
	facts *policy.Facts
	over  bool // what arrives from now on is too late
}

func (g *gathering) start(fetch func()) {
	g.wait.Go(func() {
		defer g.s.guard("a source of facts")
		fetch()
	})
}

func (g *gathering) keep(put func(*policy.Facts)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		put(g.facts)
	}
}

// close waits for all sources or the end of ctx, also for those that do not
// look at it, and returns what has arrived.
func (g *gathering) close(ctx context.Context) *policy.Facts {
	all := make(chan struct{})
	go func() {
		g.wait.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	g.settle()
	return g.facts
}

// settle puts what arrived in any order into a fixed one, so that frozen facts
// compare.
func (g *gathering) settle() {
	slices.SortFunc(g.facts.OnCall, func(a, b policy.Shift) int {
		if a.Schedule != b.Schedule {
			if a.Schedule < b.Schedule {
				return -1
			}
			return 1
		}
		return a.Level - b.Level
	})
}

func (g *gathering) missing(what, name string, err error) {
	g.s.metrics.factsUnknown.WithLabelValues(what).Inc()
	g.s.log.Warn("a fact is unknown", "what", what, "name", name, "cause", err)
}

func (g *gathering) group(ctx context.Context, p *policy.Policy, name string) {
	kind, params := p.GroupSource(name)
	source := g.s.Groups[kind]
	if source == nil {
		g.missing("group", name, errNoSource(kind))
		return
	}
	members, err := source.Members(ctx, name, params)
	if err != nil {
		g.missing("group", name, err)
		return
	}
	slices.Sort(members)
	g.keep(func(f *policy.Facts) { f.Groups[name] = members })
}

func (g *gathering) schedule(ctx context.Context, p *policy.Policy, name string, at time.Time) {
	kind, params := p.Source(name)
	source := g.s.OnCall[kind]
	if source == nil {
		g.missing("on_call", name, errNoSource(kind))
		return
	}
	shift, err := source.OnCall(ctx, name, params, at)
	if err != nil {
		g.missing("on_call", name, err)
		return
	}
	g.keep(func(f *policy.Facts) { f.OnCall = append(f.OnCall, shift) })
}

func (g *gathering) ticket(ctx context.Context, id string) {
	t, err := g.s.Tickets.Ticket(ctx, id)
	if err != nil {
		g.missing("ticket", id, err)
		return
	}
	g.keep(func(f *policy.Facts) { f.Ticket = &t })
}

func (g *gathering) incidents(ctx context.Context) {
	open, err := g.s.Tickets.Incidents(ctx)
	if err != nil {
		g.missing("incidents", "", err)
		return
	}
	g.keep(func(f *policy.Facts) { f.Incidents, f.IncidentsKnown = open, true })
}

// history reads jitbot's own past: auto-approvals of this person on this
// resource, and approvals given in advance.
func (g *gathering) history(ctx context.Context, r *policy.Request, at time.Time) {
	err := g.s.store.Read(ctx, func(v storage.View) error {
		used, known, err := g.s.autoApproved(v, r.User, r.Resource, at)
		if err != nil {
			return err
		}
		given, err := v.Advances(storage.AdvanceFilter{Principal: r.User, Resource: r.Resource, LiveAt: at, Limit: 50})
		if err != nil {
			return err
		}
		given = slices.DeleteFunc(given, func(a jit.Advance) bool { return !g.s.People.Active(a.By) })
		g.keep(func(f *policy.Facts) {
			f.AutoApproved, f.AutoApprovedKnown = used, known
			for _, a := range given {
				f.Advance = append(f.Advance, policy.Advance{ID: a.ID, By: a.By, Resource: a.Resource, Until: a.Until, Cap: a.Cap})
			}
		})
		return nil
	})
	if err != nil {
		g.missing("history", r.User, err)
	}
}

// What is counted of the past: policies limit auto-approvals over 30 days at
// most, and a start may lie that far from its filing.
const (
	maxHistory   = 31 * 24 * time.Hour
	maxPastCount = 1000
)

// autoApproved is when earlier auto-approvals of a person on a resource took
// or take effect, up to the given instant; with more of them than are counted,
// known is false. For a start that is still to come, others that wait for
// theirs count as well.
func (s *Service) autoApproved(v storage.View, person, resource string, at time.Time) (used []time.Time, known bool, err error) {
	states := []jit.RequestState{jit.RequestApproved}
	if at.After(s.Now()) {
		states = append(states, jit.RequestScheduled)
	}
	past, err := v.Requests(storage.RequestFilter{
		For: person, Resource: resource, Outcome: policy.AutoApprove.String(),
		States: states, Since: at.Add(-maxHistory - maxStartAhead), Limit: maxPastCount,
	})
	if err != nil {
		return nil, false, err
	}
	for _, r := range past {
		took := later(r.CreatedAt, r.StartAt)
		if r.Imported == "" && r.Kind != jit.BreakGlass && took.After(at.Add(-maxHistory)) && (r.State == jit.RequestApproved || !took.After(at)) {
			used = append(used, took)
		}
	}
	return used, len(past) < maxPastCount, nil
}

// lastApprovers reads who approved the last grants of a person, among the
// newest thousand that people approved.
func (g *gathering) lastApprovers(ctx context.Context, person string) {
	var past []jit.Request
	err := g.s.store.Read(ctx, func(v storage.View) (err error) {
		past, err = v.Requests(storage.RequestFilter{
			For: person, Outcome: policy.Approval.String(), States: []jit.RequestState{jit.RequestApproved}, Limit: maxPastCount,
		})
		return err
	})
	if err != nil {
		g.missing("last_approvers", person, err)
		return
	}
	slices.SortStableFunc(past, func(a, b jit.Request) int { return b.DecidedAt.Compare(a.DecidedAt) })
	g.keep(func(f *policy.Facts) {
		f.LastApprovers, f.LastApproversKnown = lastApprovals(past), true
	})
}

// lastApprovals is who approved what, as far as the policy looks back.
func lastApprovals(past []jit.Request) []policy.PastApproval {
	var out []policy.PastApproval
	seen := map[string]int{}
	for _, r := range past {
		if r.Imported != "" || r.Kind != jit.Access || len(r.Approvals) == 0 || seen[r.Decision.Rule] == policy.MaxExcluded {
			continue
		}
		seen[r.Decision.Rule]++
		by := make([]string, len(r.Approvals))
		for i, a := range r.Approvals {
			by[i] = a.By
		}
		out = append(out, policy.PastApproval{Rule: r.Decision.Rule, By: by})
	}
	return out
}

type errNoSource string

func (e errNoSource) Error() string {
	return "no source of kind " + string(e) + " is configured"
}

// fmtNeeds names a set of needed facts, to fetch each set once.
func fmtNeeds(n policy.Needs) string {
	return strings.Join(n.Groups, ",") + "|" + strings.Join(n.Schedules, ",")
}

// mergeFacts adds what more knows of groups and schedules to into.
func mergeFacts(into, more *policy.Facts) {
	maps.Copy(into.Groups, more.Groups)
	for _, shift := range more.OnCall {
		known := func(s policy.Shift) bool { return s.Schedule == shift.Schedule && s.Level == shift.Level }
		if !slices.ContainsFunc(into.OnCall, known) {
			into.OnCall = append(into.OnCall, shift)
		}
	}
}
