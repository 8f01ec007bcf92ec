package policy

import (
	"slices"
	"time"
)

// anyDuty judges whether the holder is on call for one of the schedules.
func (e *eval) anyDuty(schedules []int32) truth {
	t := no
	for _, s := range schedules {
		switch e.onDuty(s) {
		case yes:
			return yes
		case doubt:
			t = doubt
		case no:
		}
	}
	return t
}

func (e *eval) onDuty(s int32) truth {
	if s >= remembered {
		t, _ := e.shift(s)
		return t
	}
	if e.duty[s] == 0 {
		t, _ := e.shift(s)
		e.duty[s] = 1 + uint8(t)
	}
	return truth(e.duty[s] - 1)
}

// shift judges whether the holder is on call for a schedule now, and until
// when.
func (e *eval) shift(s int32) (t truth, until time.Time) {
	sched := &e.p.schedules[s]
	told, t := false, no
	for i := range e.f.OnCall {
		shift := &e.f.OnCall[i]
		if shift.Schedule != sched.name || !shift.covers(e.f.At) {
			continue
		}
		told = true
		switch e.counts(shift) {
		case yes:
			if t != yes || shift.Until.After(until) {
				until = shift.Until
			}
			t = yes
		case doubt:
			if t == no {
				t = doubt
			}
		case no:
		}
	}
	if told {
		return t, until
	}
	if !sched.static {
		return doubt, until
	}
	now := sched.rotation.At(e.f.At)
	return e.counts(&now), now.Until
}

// covers reports whether t lies in the shift.
func (s *Shift) covers(t time.Time) bool {
	return !t.Before(s.Since) && (s.Until.IsZero() || t.Before(s.Until))
}

// fresh reports whether the source answered lately.
func (s *Shift) fresh(at time.Time) bool {
	return s.Fetched.IsZero() || at.Sub(s.Fetched) <= MaxFactAge
}

// counts judges whether a shift that covers now puts the holder on call.
func (e *eval) counts(s *Shift) truth {
	switch {
	case !s.fresh(e.f.At):
		return doubt
	case !slices.Contains(s.People, e.r.User):
		return no
	case s.Until.IsZero():
		return doubt
	case s.Override && (s.OverrideBy == "" || s.OverrideBy == e.r.User || s.OverrideBy == e.r.asker()):
		return doubt
	default:
		return yes
	}
}

// names judges whether one of the refs names a person.
func (e *eval) names(refs []ref, who string) truth {
	t := no
	for _, r := range refs {
		switch e.isOne(r, who) {
		case yes:
			return yes
		case doubt:
			t = doubt
		case no:
		}
	}
	return t
}

func (e *eval) isOne(r ref, who string) truth {
	switch r.kind {
	case everyone:
		return yes
	case person:
		return is(e.p.people[r.id] == who)
	case schedule:
		return e.dutyOf(r.id, who)
	default:
		g := &e.p.groups[r.id]
		if !g.live {
			return is(slices.Contains(g.members, who))
		}
		members, known := e.f.Groups[g.name]
		if !known {
			return doubt
		}
		return is(slices.Contains(members, who))
	}
}

func (e *eval) dutyOf(s int32, who string) truth {
	if who == e.r.User {
		return e.onDuty(s)
	}
	asker := Request{User: who, By: e.r.User}
	other := eval{p: e.p, r: &asker, f: e.f}
	t, _ := other.shift(s)
	return t
}
