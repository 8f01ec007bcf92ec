package bot

import (
	"fmt"
	"time"
)

// Week is a week from Monday to Monday in a time zone, by ISO 8601.
type Week struct {
	Name     string    // 2026-W47
	From, To time.Time // To is not in it
	Zone     *time.Location
}

// WeekOf is the week that an instant is in.
func WeekOf(at time.Time, zone *time.Location) Week {
	local := at.In(zone)
	monday := time.Date(local.Year(), local.Month(), local.Day()-(int(local.Weekday())+6)%7, 0, 0, 0, 0, zone)
	year, n := monday.AddDate(0, 0, 3).ISOWeek()
	return Week{fmt.Sprintf("%04d-W%02d", year, n), monday.UTC(), monday.AddDate(0, 0, 7).UTC(), zone}
}

// ParseWeek reads the name of a week.
func ParseWeek(name string, zone *time.Location) (Week, error) {
	var year, n int
	if _, err := fmt.Sscanf(name, "%04d-W%02d", &year, &n); err == nil {
		fourth := time.Date(year, 1, 4, 12, 0, 0, 0, zone) // is in the first week
		if w := WeekOf(fourth.AddDate(0, 0, 7*(n-1)), zone); w.Name == name {
			return w, nil
		}
	}
	return Week{}, fmt.Errorf("%q is no week; write it like 2026-W47", name)
}

// Has reports whether an instant is in the week.
func (w Week) Has(at time.Time) bool { return !at.Before(w.From) && at.Before(w.To) }

// Before is the week n weeks earlier.
func (w Week) Before(n int) Week {
	return WeekOf(w.From.In(w.Zone).AddDate(0, 0, -7*n).Add(12*time.Hour), w.Zone)
}

// Starts are the starts of the last n weeks up to this one, and its end.
func (w Week) Starts(n int) []time.Time {
	var out []time.Time
	for i := n - 1; i >= 0; i-- {
		out = append(out, w.Before(i).From)
	}
	return append(out, w.To)
}
