// Package effect says whether edits of the policy helped: for each one that was
// applied, the 28 days after it beside the 28 days before. It is pure: the same
// past, edits and instant give the same bytes.
//
// A figure is compared only where both sides have enough of it, and differs only
// where its two 90% intervals do not touch. Shares have Wilson's interval (1927,
// JASA 22) with z = 1.645, counts the exact one of Garwood (1936, Biometrika 28),
// medians the exact one by order statistics (David and Nagaraja, Order
// Statistics, 7.1), means and concentrations Efron's percentile bootstrap (1979,
// Annals of Statistics 7) with 2000 draws of a fixed seed.
package effect

import (
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// In is what verdicts are made of.
type In struct {
	At   time.Time     // the instant they are made for; nothing after it counts
	Past *history.Past // with facts, else no incident is known of
	Kept []jit.Suggestion
	// Policies finds the policy that was in force before an edit, to tell who is
	// refused because of it; nil: that cannot be told.
	Policies history.Policies
	// Clicks are when people said that an edit hurt them; nil: nobody did.
	Clicks func(id string) []time.Time
}

// Verdict is what became of an edit, in a word.
type Verdict string

// The verdicts.
const (
	Helped   Verdict = "helped"
	Hurt     Verdict = "hurt"
	NoEffect Verdict = "no visible effect"
	TooEarly Verdict = "too early"
)

const (
	day = 24 * time.Hour
	// window is how many days are looked at on either side: four weeks, so that
	// both have each day of the week as often.
	window = 28
	// enough is how many observations a figure takes on either side.
	enough = 20
	// gain is the part of a figure that has to go for an edit to have helped.
	gain = .2
)

// Row is the ledger's row of one edit. It is kept with the suggestion.
type Row struct {
	ID       string    `json:"id"`
	Class    string    `json:"class"`
	Rule     string    `json:"rule,omitempty"`
	Since    time.Time `json:"since,omitzero"`   // the edit is in force; zero: it is not yet
	Days     int       `json:"days"`             // that count, on either side
	Incident int       `json:"incident_days"`    // left out on both sides, as there was one on either
	Unknown  int       `json:"unknown_days"`     // left out on both sides, as the past does not reach as far
	Requests [2]int    `json:"requests"`         // for what the rule gives, before and after
	Primary  []Metric  `json:"primary"`          // what the edit was for; the less the better
	Guards   []Metric  `json:"guards"`           // what it must not make worse
	Appeals  []string  `json:"appeals"`          // requests that are refused because of it, and were not left at that
	Untold   int       `json:"untold,omitempty"` // refused requests of which that cannot be told
	Beside   []string  `json:"beside,omitempty"` // other edits of the rule in those days
	Verdict  Verdict   `json:"verdict"`
	Sentence string    `json:"sentence"` // for people, with the figures it rests on
}

// Metric is one figure on both sides. Less is better.
type Metric struct {
	Name   string   `json:"name"`
	Unit   string   `json:"unit,omitempty"`
	Before Estimate `json:"before"`
	After  Estimate `json:"after"`
	Left   int      `json:"left,omitempty"` // observations left out, as nobody can tell

	share bool    // of all observations
	least float64 // that it has to get worse by, for people to notice
}

// Estimate is a figure with its 90% interval.
type Estimate struct {
	N     int     `json:"n"` // observations
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}
