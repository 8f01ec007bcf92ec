package policy

import (
	"strings"
	"time"
)

// Rotation is a static on-call rotation: the members take turns, one shift
// after the other, handing over at the same local time of day all year. The
// zero Rotation has nobody on call.
type Rotation struct {
	schedule string
	loc      *time.Location
	start    time.Time // wall clock, written as if it were UTC
	every    time.Duration
	members  []string
}

// Every is the length of a shift on the wall clock.
func (r Rotation) Every() time.Duration { return r.every }

// Members is who takes turns, in order. Do not change it.
func (r Rotation) Members() []string { return r.members }

// At is the shift that t falls in. Before the start of the rotation it has no
// people, and ends when the rotation starts.
func (r Rotation) At(t time.Time) Shift {
	s := Shift{Schedule: r.schedule, Level: 1, Source: "rotation", Fetched: t}
	if len(r.members) == 0 || r.every <= 0 {
		return s
	}
	if first := instant(r.start, r.loc); t.Before(first) {
		s.Until = first
		return s
	}
	// Wall clocks can jump, so the turn they suggest may be one off.
	turn := int64(wall(t.In(r.loc)).Sub(r.start) / r.every)
	for turn > 0 && t.Before(r.handover(turn)) {
		turn--
	}
	for !t.Before(r.handover(turn + 1)) {
		turn++
	}
	i := int(turn % int64(len(r.members)))
	s.People, s.Since, s.Until = r.members[i:i+1:i+1], r.handover(turn), r.handover(turn+1)
	return s
}

func (r Rotation) handover(turn int64) time.Time {
	return instant(r.start.Add(time.Duration(turn)*r.every), r.loc)
}

// wall is what the clock on the wall shows at t, written as if it were UTC.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instant is when the clocks of loc show w: the first time if they show it
// twice, and if they skip it, as much later as the skip is long.
func instant(w time.Time, loc *time.Location) time.Time {
	const apart = 36 * time.Hour // longer than any offset, shorter than between two changes
	_, before := w.Add(-apart).In(loc).Zone()
	_, after := w.Add(apart).In(loc).Zone()
	early := w.Add(-time.Duration(max(before, after)) * time.Second)
	late := w.Add(-time.Duration(min(before, after)) * time.Second)
	if wall(early.In(loc)).Equal(w) {
		return early
	}
	return late
}

// parseClock reads a time of day such as 07:00 or 24:00 as minutes since
// midnight.
func parseClock(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	hour, okHour := twoDigits(h)
	minute, okMinute := twoDigits(m)
	at := hour*60 + minute
	return at, ok && okHour && okMinute && minute < 60 && at <= 24*60
}

func twoDigits(s string) (int, bool) {
	if len(s) != 2 || s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}
