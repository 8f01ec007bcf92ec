package policy

import (
	"strings"
	"time"

	"jitbot/jit"
)

// Decide answers a request. It reads nothing but its arguments, changes
// nothing, allocates nothing in the ordinary case, and may be called by any
// number of goroutines.
func (p *Policy) Decide(r *Request, f *Facts) Decision {
	e := eval{p: p, r: r, f: f}
	if cause := e.begin(); cause != "" {
		return Decision{Rule: -1, Cause: cause}
	}
	if r.Kind == Access && (r.By == "" || r.By == r.User) {
		if d, settled := e.quick(); settled {
			return d
		}
	}
	return e.ordered()
}

// begin checks the request itself. A request that leaves the length to the
// rules counts, for deny rules, as long as the longest default.
func (e *eval) begin() Cause {
	r := e.r
	id, ok := e.p.resID[r.Resource]
	e.resource, e.duration, e.total = id, r.Duration, r.Duration
	switch {
	case r.User == "" || e.f.At.IsZero():
		return CauseIncomplete
	case !ok:
		return CauseNoResource
	case r.Duration < 0 || r.Duration > jit.MaxDuration || r.Held < 0 || r.Held > jit.MaxDuration:
		return CauseBadDuration
	case r.Kind == BreakGlass && r.asker() != r.User:
		return CauseForSomebody
	case r.Kind == BreakGlass && strings.TrimSpace(r.Reason) == "":
		return CauseNoReason
	}
	if r.Duration == 0 {
		e.total = e.p.index.longest[id]
	}
	if r.Kind == Extension {
		e.total += r.Held
	}
	return ""
}

// quick answers an ordinary request from the index. It gives up, settled false, as soon as a fact is in doubt: then the order of the
// rules matters, and ordered takes over.
func (e *eval) quick() (d Decision, settled bool) {
	x := &e.p.index
	deny, allow := int32(-1), int32(-1)
	for _, term := range x.fixedTerms(e.r.User) {
		if !e.scan(x.list(term, e.resource), &deny, &allow) {
			return d, false
		}
	}
	for _, live := range x.live[e.resource] {
		switch e.isOne(live.ref, e.r.User) {
		case doubt:
			return d, false
		case yes:
			if !e.scan(x.list(live.term, e.resource), &deny, &allow) {
				return d, false
			}
		case no:
		}
	}
	switch {
	case deny >= 0:
		return Decision{Rule: int(deny), Cause: CauseDenyRule}, true
	case allow >= 0:
		return e.give(allow), true
	default:
		return Decision{Rule: -1, Cause: CauseNoRule}, true
	}
}

// scan lowers deny and allow to the first rules of a list that match. It
// reports false when a fact is in doubt.
func (e *eval) scan(list []int32, deny, allow *int32) bool {
	for _, i := range list {
		best := allow
		if e.p.hot[i].deny {
			best = deny
		} else if *deny >= 0 {
			return true
		}
		if *best >= 0 && *best <= i {
			if best == allow {
				return true
			}
			continue
		}
		switch e.conditions(i) {
		case doubt:
			return false
		case yes:
			*best = i
		case no:
		}
	}
	return true
}

// ordered looks at the rules one by one. It is the meaning of the language;
// quick is only a faster way to the same answer.
//
// A rule in doubt does not match, but it still limits the ones behind it:
// they cannot give more than it would have given, or else breaking a source
// of facts could open a door that the facts would have kept shut.
func (e *eval) ordered() Decision { return e.among(e.p.index.rules[e.resource]) }

// among is ordered for some of the rules of the resource, ascending.
func (e *eval) among(rules []int32) Decision {
	for _, i := range rules {
		if e.p.hot[i].deny && e.applies(i) != no {
			return Decision{Rule: int(i), Cause: CauseDenyRule}
		}
	}
	limit := noCeiling
	for _, i := range rules {
		if e.p.hot[i].deny {
			continue
		}
		switch e.applies(i) {
		case doubt:
			limit = limit.under(e.would(i))
		case yes:
			if d, ok := e.within(i, limit); ok {
				return d
			}
		case no:
		}
	}
	return Decision{Rule: -1, Cause: CauseNoRule}
}

// within is the most a rule that matches gives under a limit: what needs no
// approval, given in advance or by auto_approve, needs certainty, but to ask
// for approvals may still be left.
func (e *eval) within(i int32, limit ceiling) (Decision, bool) {
	if d := e.give(i); d.Outcome <= limit.outcome {
		return limit.cut(d, e.duration == 0), true
	}
	if d := e.would(i); d.Outcome <= limit.outcome {
		return d, true
	}
	sure := *e
	sure.asking = true
	d := sure.would(i)
	return d, d.Outcome <= limit.outcome
}

// ceiling is what rules in doubt leave to those behind them.
type ceiling struct {
	outcome  Outcome
	duration time.Duration
	most     time.Duration
}

var noCeiling = ceiling{AutoApprove, jit.MaxDuration, jit.MaxDuration}

func (c ceiling) under(d Decision) ceiling {
	c.outcome = min(c.outcome, d.Outcome)
	if d.Outcome != Deny {
		c.duration, c.most = min(c.duration, d.Duration), min(c.most, d.MaxDuration)
	}
	return c
}

func (c ceiling) cut(d Decision, byDefault bool) Decision {
	if d.Outcome == AutoApprove {
		d.MaxDuration = min(d.MaxDuration, c.most)
		d.Duration = min(d.Duration, d.MaxDuration)
		if byDefault {
			d.Duration = min(d.Duration, c.duration)
		}
	}
	return d
}

// would is what a rule gives if it matches, advance approvals left out.
func (e *eval) would(i int32) Decision {
	f := *e.f
	f.Advance = nil
	sure := *e
	sure.f = &f
	return sure.give(i)
}

// applies judges whether a rule of the resource matches. For a deny rule it
// is enough that it fits the holder or the asker.
func (e *eval) applies(i int32) truth {
	r := &e.p.rules[i]
	if e.r.Kind == BreakGlass && r.outcome != Deny {
		return e.glassFits(r)
	}
	who := e.names(r.eligible, e.r.User)
	if asker := e.r.asker(); asker != e.r.User {
		if r.outcome == Deny {
			who = max(who, e.names(r.eligible, asker)) // in doubt or yes: both deny
		} else {
			who = both(who, e.names(r.onBehalf, asker))
		}
	}
	if who == no {
		return no
	}
	return both(who, e.conditions(i))
}

// glassFits judges a rule's break_glass: who and how long, nothing else, so
// that it works when other sources are down.
func (e *eval) glassFits(r *rule) truth {
	if len(r.breakGlass.eligible) == 0 || e.duration > r.breakGlass.max {
		return no
	}
	return e.names(r.breakGlass.eligible, e.r.User)
}
