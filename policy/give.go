package policy

import (
	"slices"
	"strings"
	"time"
)

// give is the decision of a rule that matches.
func (e *eval) give(i int32) Decision {
	r := &e.p.rules[i]
	d := Decision{Outcome: r.outcome, Rule: int(i), Cause: CauseRule, Duration: e.duration, MaxDuration: r.max}
	if d.Duration == 0 {
		d.Duration = r.byDefault
	}
	if e.r.Kind == BreakGlass {
		return e.giveGlass(r, d)
	}
	if e.r.Kind == Extension {
		if d = e.extend(r, d); d.Outcome == Deny {
			return d
		}
	}
	if r.outcome == AutoApprove {
		return e.untilHandover(r, d)
	}
	if auto, ok := e.spared(r, d); ok {
		return auto
	}
	d.Count, d.StepUp, d.Note = r.count, r.stepUp, r.note
	if e.guess != nil {
		return d // who may approve is compared apart
	}
	if cause := e.enough(i); cause != "" {
		return Decision{Rule: int(i), Cause: cause, MaxDuration: d.MaxDuration}
	}
	return e.inAdvance(r, d)
}

func (e *eval) giveGlass(r *rule, d Decision) Decision {
	d.Outcome, d.MaxDuration = AutoApprove, r.breakGlass.max
	d.Duration = min(d.Duration, d.MaxDuration)
	return d
}

// extend holds an extension against the rule's max_total.
func (e *eval) extend(r *rule, d Decision) Decision {
	rest := max(0, r.extend-e.r.Held)
	switch {
	case r.extend == 0:
		return Decision{Rule: d.Rule, Cause: CauseNoExtension}
	case rest == 0 || e.duration > rest:
		return Decision{Rule: d.Rule, Cause: CauseOverTotal, MaxDuration: min(rest, d.MaxDuration)}
	}
	d.MaxDuration = min(d.MaxDuration, rest)
	d.Duration = min(d.Duration, rest)
	return d
}

// untilHandover cuts an auto-approval that rests on being on call.
func (e *eval) untilHandover(r *rule, d Decision) Decision {
	if len(r.onCall) > 0 {
		d = e.cutAt(e.lastShift(r.onCall), d)
	}
	var duties [remembered]int32
	n := 0
	for _, who := range r.eligible {
		if who.kind != schedule {
			if e.isOne(who, e.r.User) == yes {
				return d
			}
		} else if n < len(duties) {
			duties[n] = who.id
			n++
		}
	}
	return e.cutAt(e.lastShift(duties[:n]), d)
}

// lastShift is when the last of the holder's shifts ends, zero if there is
// none.
func (e *eval) lastShift(schedules []int32) time.Time {
	var last time.Time
	for _, s := range schedules {
		if t, until := e.shift(s); t == yes && until.After(last) {
			last = until
		}
	}
	return last
}

func (e *eval) cutAt(end time.Time, d Decision) Decision {
	if end.IsZero() {
		return d
	}
	left := end.Sub(e.f.At)
	if e.r.Kind == Extension {
		if left -= e.r.Left; left <= 0 {
			return Decision{Rule: d.Rule, Cause: CauseShiftEnds}
		}
	}
	d.Duration, d.MaxDuration = min(d.Duration, left), min(d.MaxDuration, left)
	return d
}

// inAdvance turns an approval that was given beforehand into an
// auto-approval. People who must sign in again before they approve cannot
// have done so beforehand.
func (e *eval) inAdvance(r *rule, d Decision) Decision {
	if len(e.f.Advance) == 0 || r.stepUp || e.r.Kind != Access {
		return d
	}
	var by, ids []string
	longest := d.MaxDuration
	for _, a := range e.f.Advance {
		fits := a.Resource == e.r.Resource && d.Duration <= a.Cap && !e.f.At.Add(d.Duration).After(a.Until)
		if fits && !slices.Contains(by, a.By) {
			by, ids = append(by, a.By), append(ids, a.ID)
			longest = min(longest, a.Cap, a.Until.Sub(e.f.At))
		}
	}
	if len(by) == 0 || !e.p.Approvers(d, e.r, e.f).Met(by) {
		return d
	}
	slices.Sort(ids)
	d.Outcome, d.Cause, d.Advance = AutoApprove, CauseAdvance, strings.Join(ids, ",")
	d.MaxDuration, d.Count = longest, 0
	return d
}
