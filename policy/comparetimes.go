package policy

import (
	"fmt"
	"slices"
	"time"
)

// instants is one instant for every combination of hours, days and dates that
// the rules tell apart. Between two boundaries nothing changes, so the
// boundaries are enough.
func (s *space) instants() []time.Time {
	clocks := s.clocks()
	var dates []time.Time
	for _, k := range clocks {
		if !k.expires.IsZero() {
			dates = append(dates, k.expires)
		}
	}
	slices.SortFunc(dates, time.Time.Compare)
	seen := map[string]bool{}
	var out []time.Time
	for _, at := range s.candidates(dates) {
		if at.Before(s.c.o.Since) {
			continue
		}
		sign := ""
		for _, k := range clocks {
			sign += fmt.Sprint(k.holds(at))
		}
		if !seen[sign] {
			seen[sign] = true
			out = append(out, at)
		}
	}
	return out
}

// clock is something of a rule that depends on the time alone.
type clockOf struct {
	loc     *time.Location
	times   hotRule
	expires time.Time
}

func (k clockOf) holds(at time.Time) bool {
	if !k.expires.IsZero() {
		return at.Before(k.expires)
	}
	local := at.In(k.loc)
	e := eval{clock: true, minute: uint16(local.Hour()*60 + local.Minute()), day: uint8(local.Weekday())}
	return e.inHours(&k.times)
}

func (s *space) clocks() []clockOf {
	var out []clockOf
	s.rules(func(side int, r *rule, h *hotRule) {
		loc := s.c.p[side].defaults.loc
		for _, times := range []hotRule{*h, r.auto.times} {
			if times.asks&asksHours != 0 {
				out = append(out, clockOf{loc: loc, times: times})
			}
		}
		if !r.auto.expires.IsZero() {
			out = append(out, clockOf{expires: r.auto.expires})
		}
	})
	return out
}

// noonOf is a Wednesday, when nothing is special.
var noonOf = time.Date(2026, time.January, 7, 12, 0, 0, 0, time.UTC)

// candidates is the boundaries of a week at ordinary times, and on either side
// of every date; of a year, where the sides keep different clocks. A second week
// has what the first one skips when clocks are put forward.
func (s *space) candidates(dates []time.Time) []time.Time {
	first := noonOf
	if !s.c.o.Since.IsZero() {
		first = s.c.o.Since
	}
	const week = 7 * 24 * time.Hour
	later := []int{0, 2}
	if a, b := s.c.p[0].defaults.loc, s.c.p[1].defaults.loc; a.String() != b.String() {
		later = nil
		for k := range 53 {
			later = append(later, k)
		}
	}
	out, starts := []time.Time{first}, []time.Time{}
	for _, d := range dates {
		starts = append(starts, d.Add(-3*week), d.Add(-week))
		out = append(out, d)
	}
	for _, d := range append([]time.Time{first}, dates...) {
		for _, k := range later {
			starts = append(starts, d.Add(time.Duration(k)*week))
		}
	}
	for _, start := range starts {
		out = append(out, s.boundaries(start, start.Add(week))...)
	}
	return out
}

// boundaries is the instants within a stretch at which hours or days begin or
// end on the clocks of either side.
func (s *space) boundaries(from, to time.Time) []time.Time {
	var out []time.Time
	for side, p := range s.c.p {
		minutes := s.minutes(side)
		local := from.In(p.defaults.loc)
		day := time.Date(local.Year(), local.Month(), local.Day()-1, 0, 0, 0, 0, time.UTC)
		for range 10 {
			for _, m := range minutes {
				if at := instant(day.Add(time.Duration(m)*time.Minute), p.defaults.loc); !at.Before(from) && at.Before(to) {
					out = append(out, at)
				}
			}
			day = day.AddDate(0, 0, 1)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

func (s *space) minutes(side int) []uint16 {
	out := []uint16{0}
	s.rules(func(on int, r *rule, h *hotRule) {
		if on != side {
			return
		}
		for _, times := range []hotRule{*h, r.auto.times} {
			if times.asks&asksHours != 0 {
				out = append(out, times.from%(24*60), times.to%(24*60))
			}
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}
