package policy

import (
	"time"
)

// truth is the answer to one condition.
type truth uint8

// The truths. In doubt means that a fact is missing or not to be trusted.
const (
	no truth = iota
	yes
	doubt
)

func is(b bool) truth {
	if b {
		return yes
	}
	return no
}

// both is the truth of a and b together.
func both(a, b truth) truth {
	switch {
	case a == no || b == no:
		return no
	case a == doubt || b == doubt:
		return doubt
	default:
		return yes
	}
}

const (
	remembered    = 32  // schedules whose answer is kept during a decision
	rememberedExp = 256 // the same for reason expressions
)

// eval is one request being judged. It lives on the stack and remembers what
// several rules may ask.
type eval struct {
	p        *Policy
	r        *Request
	f        *Facts
	resource int32
	duration time.Duration // asked for; 0: the rule's default
	total    time.Duration // what the grant would be in all
	asking   bool          // approvals are asked for, whatever auto_approve spares
	guess    *guess        // only while policies are compared
	clock    bool          // minute and day are set
	minute   uint16
	day      uint8
	duty     [remembered]uint8 // 1 + truth for the holder; 0: not yet asked
	tried    [rememberedExp / 64]uint64
	matched  [rememberedExp / 64]uint64
}

// conditions judges everything a rule asks for except who may ask. Cheap
// questions come first, and a no ends it.
func (e *eval) conditions(i int32) truth {
	h := &e.p.hot[i]
	if !e.lengthFits(h) {
		return no
	}
	if h.asks == 0 {
		return yes
	}
	if h.asks&asksHours != 0 && !e.inHours(h) || h.asks&asksDate != 0 && e.expired(i) {
		return no
	}
	t := yes
	if h.asks&asksOnCall != 0 {
		if t = e.anyDuty(h.onCall); t == no {
			return no
		}
	}
	if h.asks&(asksTicket|asksLimit) != 0 {
		if t = both(t, e.ticketAndLimit(&e.p.rules[i], h.asks)); t == no {
			return no
		}
	}
	if h.asks&asksReason != 0 && !e.reasonFits(h.expr) {
		return no
	}
	if h.asks&asksWhen != 0 {
		t = both(t, e.whenHolds(&e.p.rules[i]))
	}
	return t
}

// lengthFits compares durations. A deny rule looks at how long the grant
// would be in all, so that extensions cannot creep under it.
func (e *eval) lengthFits(h *hotRule) bool {
	if h.deny {
		return e.total >= h.min
	}
	return e.duration == 0 || e.duration >= h.min && e.duration <= h.max
}

func (e *eval) inHours(h *hotRule) bool {
	if !e.clock {
		at := e.f.At.In(e.p.defaults.loc)
		e.minute, e.day, e.clock = uint16(at.Hour()*60+at.Minute()), uint8(at.Weekday()), true
	}
	if h.days&(1<<e.day) == 0 {
		return false
	}
	if h.from <= h.to {
		return e.minute >= h.from && e.minute < h.to
	}
	return e.minute >= h.from || e.minute < h.to
}

// expired judges whether the auto_approve of a rule is over.
func (e *eval) expired(i int32) bool { return !e.p.rules[i].auto.holdsAt(e.f.At) }

func (e *eval) whenHolds(r *rule) truth {
	if e.guess != nil {
		return e.guess.holds(e, r)
	}
	return r.when.holds(e, r)
}

func (e *eval) reasonFits(id int32) bool {
	if e.guess != nil {
		return e.guess.exprs[id]
	}
	if id >= rememberedExp {
		return e.p.exprs[id].match(e.r.Reason)
	}
	word, bit := id/64, uint64(1)<<(id%64)
	if e.tried[word]&bit == 0 {
		e.tried[word] |= bit
		if e.p.exprs[id].match(e.r.Reason) {
			e.matched[word] |= bit
		}
	}
	return e.matched[word]&bit != 0
}

func (e *eval) ticketAndLimit(r *rule, asks uint8) truth {
	t := yes
	if asks&asksTicket != 0 {
		t = e.ticketFits(r.ticket)
	}
	if t != no && asks&asksLimit != 0 {
		t = both(t, e.underLimit(r.perPerson))
	}
	return t
}

func (e *eval) ticketFits(want ticketRule) truth {
	t := e.f.Ticket
	switch {
	case e.r.Ticket == "":
		return no
	case t == nil || t.ID != e.r.Ticket:
		return doubt
	case want.open && !t.Open:
		return no
	case want.assignee && t.Assignee == "":
		return doubt
	default:
		return is(!want.assignee || t.Assignee == e.r.User)
	}
}

func (e *eval) underLimit(l Limit) truth {
	if !e.f.AutoApprovedKnown {
		return doubt
	}
	return is(e.usedOf(l) < l.N)
}

// usedOf counts the earlier auto-approvals that weigh on a limit. One that
// seems to lie in the future weighs too.
func (e *eval) usedOf(l Limit) int {
	n := 0
	for _, at := range e.f.AutoApproved {
		if e.f.At.Sub(at) < l.Per {
			n++
		}
	}
	return n
}
