package history

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// Replayed is what an edited policy would have done with the requests of the
// past, beside what the policy in force does with them. It is the mechanical
// effect: people who know the new policy may ask for something else.
type Replayed struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`

	Requests   int      `json:"requests"`   // of the window that a policy decided
	Replayable int      `json:"replayable"` // of these, decided again as they were
	Rebuilt    int      `json:"rebuilt"`    // of those, from the facts that the record of another tool implies
	Left       []Reason `json:"left,omitempty"`
	// Own and Rules are both by themselves: what jitbot decided, and what another
	// tool did, by the rules in force.
	Own   Tally            `json:"-"`
	Rules map[string]Tally `json:"-"`
	Share float64          `json:"share"` // replayable of requests; 1 where there are none
	// Refused says why nothing may be concluded; empty: it may. The figures
	// below are of the replayable part either way.
	Refused string `json:"refused,omitempty"`

	Compared int      `json:"compared"`        // by both policies
	Retried  int      `json:"retried"`         // not compared: the same person asked for the same again within half an hour
	Lacking  int      `json:"lacking"`         // requests of which the candidate needs a fact that was not asked for then
	Lacks    []string `json:"lacks,omitempty"` // these facts; they count as unknown
	Matrix   []Cell   `json:"matrix"`          // sorted
	Denied   Group    `json:"denied"`          // refused by the candidate alone
	Used     Group    `json:"denied_used"`     // of these, given then and used: the cost
	Unused   Group    `json:"denied_unused"`   // given then and known not to be used: the gain
	Auto     Group    `json:"auto"`            // given at once by the candidate alone
	Waiting  Group    `json:"waiting"`         // given at once now, and waiting for approval then
	Admitted Group    `json:"admitted"`        // refused now, and not by the candidate
	Asked    Group    `json:"approvers"`       // other people are asked
	Nobody   Group    `json:"nobody"`          // none of those asked was told, or awake
	Clipped  Group    `json:"clipped"`         // given for a shorter time
	Cuts     []Cut    `json:"cuts,omitempty"`  // of these, while they were at work
	Wider    Group    `json:"wider"`           // given more, longer, sooner, or by more people
	Hours    float64  `json:"exposure_hours"`  // of access, more or less
	People   int      `json:"people"`          // for whom anything is different
	Sentence string   `json:"sentence"`        // for people
	cut      int      // how many
	people   map[string]bool
}

// Reason is why requests were left out, with one of them.
type Reason struct {
	Why     string `json:"why"`
	N       int    `json:"n"`
	Example string `json:"example"`
}

// Cell is how many requests one policy decided one way and the other another.
// The ways are deny, approval by K, auto_approve and break_glass.
type Cell struct {
	Now  string `json:"now"`
	Then string `json:"then"` // by the candidate
	N    int    `json:"n"`
}

// Group are requests of one effect.
type Group struct {
	N        int      `json:"n"`
	People   int      `json:"people"`
	Requests []string `json:"requests,omitempty"` // ids, the first hundred
	who      map[string]bool
}

// Cut is a grant that would have ended while it was used.
type Cut struct {
	Request string `json:"request"`
	Person  string `json:"person"`
	Minute  int    `json:"minute"` // of the end, from the start
	Of      int    `json:"of"`     // the minute of the last use
}

const (
	enough    = 0.98 // replayable, for anything to be concluded
	flapping  = 30 * time.Minute
	listedIDs = 100
	awake     = 2 * time.Hour // around something that a person did
)

// Same reports whether both policies do the same with every request.
func (r *Replayed) Same() bool {
	for _, c := range r.Matrix {
		if c.Now != c.Then {
			return false
		}
	}
	return r.Asked.N+r.Clipped.N+r.Wider.N+r.Nobody.N == 0
}

// Replay decides the requests of the past again: first each by the policy and
// the facts of then, which has to give what was decided, or it is left out;
// then by current and by candidate, on the same facts. Requests need their facts
// ([Options].Facts); of imported ones without any, the facts are those that the
// decision implies. It is deterministic, and changes nothing in past.
func Replay(past *Past, policies Policies, current, candidate *policy.Policy) *Replayed {
	return NewBase(past, policies, current).Replay(candidate)
}

// Base is a past and the policy in force, against which many candidates are
// replayed: what is the same for all of them is made once. It is for one
// goroutine.
type Base struct {
	past    *Past
	current *knownPolicy
	of      map[string]*knownPolicy // those of then, by digest
	why     map[string]string       // why one of them is not there
	retried []bool                  // by case
	seen    *presence
	self    *Replayed // the policy in force against itself, once it was asked for
}

// NewBase makes one. The past must not change while it is used.
func NewBase(past *Past, policies Policies, current *policy.Policy) *Base {
	b := &Base{past: past, current: known(current), of: map[string]*knownPolicy{}, why: map[string]string{}, seen: presenceOf(past)}
	b.load(policies)
	b.flaps()
	return b
}

// Replay is [Replay] of a candidate.
func (b *Base) Replay(candidate *policy.Policy) *Replayed {
	if candidate != b.current.Policy {
		return b.replay(candidate, nil)
	}
	if b.self == nil {
		b.self = b.replay(candidate, nil)
	}
	return b.self
}

// ReplayOf is Replay of a candidate that decides all cases but some as the policy
// in force does. Only those are decided again: at are their places in the past, in
// order.
func (b *Base) ReplayOf(candidate *policy.Policy, at []int32) *Replayed {
	whole := b.Replay(b.current.Policy)
	if len(at) == 0 {
		return whole
	}
	r := b.replay(candidate, at)
	r.rest(whole)
	return r
}

func (b *Base) replay(candidate *policy.Policy, at []int32) *Replayed {
	r := &Replayed{From: b.past.From, To: b.past.To, people: map[string]bool{}}
	run := &replaying{Base: b, candidate: b.current, at: at}
	if candidate != b.current.Policy {
		run.candidate = known(candidate)
	}
	r.sum(run)
	return r
}

// replaying is one candidate that is replayed.
type replaying struct {
	*Base
	candidate *knownPolicy
	at        []int32 // the cases that are decided again; nil: all
}

// knownPolicy is a policy with what is asked of it again and again.
type knownPolicy struct {
	*policy.Policy
	ids   []string // of its rules
	rules []policy.RuleView
	index map[string]int
}

func known(p *policy.Policy) *knownPolicy {
	k := &knownPolicy{Policy: p, index: map[string]int{}}
	for i := range p.Rules() {
		rule := p.Rule(i)
		k.ids, k.rules, k.index[rule.ID] = append(k.ids, rule.ID), append(k.rules, rule), i
	}
	return k
}

// rule is the id of the rule that decided; empty: none did.
func (k *knownPolicy) rule(d policy.Decision) string {
	if d.Rule < 0 {
		return ""
	}
	return k.ids[d.Rule]
}

// load finds the policies of then.
func (b *Base) load(policies Policies) {
	b.of[b.current.SHA256()] = b.current
	for i := range b.past.Cases {
		sha256 := b.past.Cases[i].PolicySHA256
		if _, tried := b.why[sha256]; tried || b.of[sha256] != nil {
			continue
		}
		p, err := policies.Policy(sha256)
		if err != nil {
			b.why[sha256] = "the policy of then was not kept, or does not load any more"
			continue
		}
		b.of[sha256] = known(p)
	}
}

// flaps finds the requests that came to nothing and were made again soon. Who
// breaks the glass, or asks for more time, does not make the same one again.
func (b *Base) flaps() {
	type key struct {
		user, resource string
		kind           jit.RequestKind
	}
	next := map[key]time.Time{}
	b.retried = make([]bool, len(b.past.Cases))
	for i := len(b.past.Cases) - 1; i >= 0; i-- {
		c := &b.past.Cases[i]
		k := key{c.User, c.Resource, c.Kind}
		nothing := c.Grant == nil && (c.Kind != jit.Extension || c.State != jit.RequestApproved) // an extension has no grant of its own
		if again, ok := next[k]; ok && nothing && again.Sub(c.At) <= flapping {
			b.retried[i] = true
		}
		next[k] = c.At
	}
}

// each replays the cases on all processors, and has their replays taken down in
// order, some thousand at a time: a past may have a million.
func (r *replaying) each(take func(i int, p *replay)) {
	n, place := len(r.past.Cases), func(k int) int { return k }
	if r.at != nil {
		n, place = len(r.at), func(k int) int { return int(r.at[k]) }
	}
	const part, parts = 512, 32
	workers := make([]worker, runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i] = worker{replaying: r, same: map[[2]int]bool{}}
	}
	replays := make([]replay, min(n, part*parts))
	for from := 0; from < n; from += len(replays) {
		some := replays[:min(len(replays), n-from)]
		var next atomic.Int64
		var all sync.WaitGroup
		for i := range workers {
			all.Go(func() {
				for at := int(next.Add(part)) - part; at < len(some); at = int(next.Add(part)) - part {
					for k := at; k < min(at+part, len(some)); k++ {
						some[k] = workers[i].one(&r.past.Cases[place(from+k)])
					}
				}
			})
		}
		all.Wait()
		for k := range some {
			take(place(from+k), &some[k])
		}
	}
}

// sum adds the cases up, in their order.
func (r *Replayed) sum(run *replaying) {
	cells, left, lacks := map[Cell]int{}, map[string]Reason{}, map[string]bool{}
	r.Rules = map[string]Tally{}
	run.each(func(i int, p *replay) {
		c := &run.past.Cases[i]
		r.Requests++
		r.tally(run.current, c, p.why == "")
		if p.why != "" {
			why := left[p.why]
			left[p.why] = Reason{p.why, why.N + 1, cmp.Or(why.Example, c.ID)}
			return
		}
		r.Replayable++
		if p.rebuilt {
			r.Rebuilt++
		}
		if run.retried[i] {
			r.Retried++
			return
		}
		r.Compared++
		if len(p.lacks) > 0 {
			r.Lacking++
			for _, name := range p.lacks {
				lacks[name] = true
			}
		}
		cells[Cell{Now: p.label(p.now, c), Then: p.label(p.then, c)}]++
		r.effects(p, c)
	})
	r.finish(cells, left, lacks)
}

// rest adds the cases that were not decided again, as nothing is different for
// them: whole is the policy in force against itself.
func (r *Replayed) rest(whole *Replayed) {
	n := map[string]int{} // by what is decided now, of those that were
	for _, c := range r.Matrix {
		n[c.Now] += c.N
	}
	for _, c := range whole.Matrix {
		if c.N -= n[c.Now]; c.N > 0 {
			r.Matrix = append(r.Matrix, c)
		}
	}
	cells := map[Cell]int{}
	for _, c := range r.Matrix {
		cells[Cell{Now: c.Now, Then: c.Then}] += c.N
	}
	r.Requests, r.Replayable, r.Rebuilt, r.Compared, r.Retried = whole.Requests, whole.Replayable, whole.Rebuilt, whole.Compared, whole.Retried
	r.Left, r.Own, r.Rules, r.Matrix, r.Refused = whole.Left, whole.Own, whole.Rules, nil, ""
	r.finish(cells, nil, nil)
}

func (r *Replayed) finish(cells map[Cell]int, left map[string]Reason, lacks map[string]bool) {
	for cell, n := range cells {
		cell.N = n
		r.Matrix = append(r.Matrix, cell)
	}
	slices.SortFunc(r.Matrix, func(a, b Cell) int { return cmp.Or(cmp.Compare(a.Now, b.Now), cmp.Compare(a.Then, b.Then)) })
	for _, why := range left {
		r.Left = append(r.Left, why)
	}
	slices.SortFunc(r.Left, func(a, b Reason) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Why, b.Why)) })
	for name := range lacks {
		r.Lacks = append(r.Lacks, name)
	}
	slices.Sort(r.Lacks)
	r.Share = 1
	if r.Requests > 0 {
		r.Share = float64(r.Replayable) / float64(r.Requests)
	}
	if r.Share < enough {
		r.Refused = fmt.Sprintf("only %.1f%% of the %d requests can be decided again as they were; nothing is concluded below %.0f%%", 100*r.Share, r.Requests, 100*enough)
	}
	r.People = len(r.people)
	r.Sentence = r.words()
}
