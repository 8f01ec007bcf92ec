package review

import (
	"fmt"
	"strings"
	"time"
)

// Chart is the last weeks in bars: grants that were used, that were not, and of
// which nobody can tell.
type Chart struct {
	Alt   string `json:"alt"`  // the whole in words
	Line  string `json:"line"` // grants a week as blocks, the oldest first
	Weeks []Bar  `json:"weeks"`
}

// Bar is one week of a chart.
type Bar struct {
	From    time.Time `json:"from"`
	Used    int       `json:"used"`
	Unused  int       `json:"unused"`
	Unknown int       `json:"unknown"`
}

func (b Bar) all() int { return b.Used + b.Unused + b.Unknown }

func chartOf(all []tally) Chart {
	var c Chart
	most := 0
	for i := range all {
		b := Bar{all[i].from, all[i].used, all[i].unused, all[i].unknown}
		c.Weeks = append(c.Weeks, b)
		most = max(most, b.all())
	}
	c.Line = blocks(c.Weeks, most)
	c.Alt = alt(c.Weeks)
	return c
}

// blocks draws the weeks in one line of text.
func blocks(weeks []Bar, most int) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, w := range weeks {
		n := 0
		if most > 0 {
			n = (w.all()*(len(levels)-1) + most/2) / most
		}
		b.WriteRune(levels[n])
	}
	return b.String()
}

// alt says in words what the chart shows.
func alt(weeks []Bar) string {
	last := weeks[len(weeks)-1]
	low, high := weeks[0].all(), weeks[0].all()
	for _, w := range weeks {
		low, high = min(low, w.all()), max(high, w.all())
	}
	return fmt.Sprintf("Grants that ended, by week, over %d weeks: between %d and %d. In the last week %d: %d used, %d not used, and of %d nobody can tell.",
		len(weeks), low, high, last.all(), last.Used, last.Unused, last.Unknown)
}
