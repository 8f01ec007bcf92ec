// Package review looks back on one week of access: how much was given and used,
// what came of the edits of last time, which edits the past now speaks for, and
// what people have to look at. It makes one thread of it that a security lead
// reads in five minutes, as text, Markdown, a page, JSON and cards for chats.
//
// A thread is pure: the same past, suggestions and week give the same bytes.
package review

import (
	"time"

	"jitbot/bot"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/reports/suggest"
)

// In is what a thread is made of.
type In struct {
	Week   bot.Week
	Past   *history.Past   // at least the week and the weeks it is compared with
	Report *suggest.Report // made for the end of the week
	// Kept are the suggestions that were shown before, whatever became of them.
	Kept []jit.Suggestion
	// Trusted are analyses whose items people want at the front, whatever became
	// of them before.
	Trusted []string
	// Name is what a person is called; nil: as they are known.
	Name func(id string) string
}

const (
	// MostItems is how many items a thread has; the rest is behind "more".
	MostItems = 7
	mostMore  = 43 // items that are named behind it
	mostRows  = 5  // of a list
	mostOdd   = 3  // sessions that stand out, as many as may be false alarms in a week
	before    = 4  // weeks that a week is compared with
	charted   = 12 // weeks of the chart
)

// Thread is the review of one week.
type Thread struct {
	Week string    `json:"week"` // 2026-W47
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Zone string    `json:"zone"`
	// Line is the whole in one sentence; where Quiet is set it is all there is.
	Line    string   `json:"line"`
	Quiet   bool     `json:"quiet"`
	Refused string   `json:"refused,omitempty"` // why nothing is suggested
	Figures []Figure `json:"figures"`
	Chart   Chart    `json:"chart"`

	Edits   []Edited `json:"last_edits"` // what became of those that were applied
	Items   []Item   `json:"items"`      // worst first, at most MostItems
	More    []Item   `json:"more"`
	Unnamed int      `json:"more_unnamed,omitempty"` // behind those

	Unused   []Folded  `json:"unused"` // by rule
	Long     []Long    `json:"long"`
	Glass    []Glass   `json:"break_glass"`
	Debt     []Glass   `json:"break_glass_debt"` // whose review is not done
	Odd      []Folded  `json:"odd_sessions"`     // by class, none of them sure enough to be an item
	Failed   []Folded  `json:"failed"`           // by resource
	Denied   []Folded  `json:"denied"`           // by rule
	Slow     []Slow    `json:"slow"`
	Doors    int       `json:"side_doors"` // actions by no grant
	Drifts   int       `json:"drifts"`     // open
	Growing  []Growing `json:"growing"`
	Requests int       `json:"requests"`

	zone *time.Location
}

// Figure is one number of the week, beside those before.
type Figure struct {
	Name   string  `json:"name"`
	Value  string  `json:"value"`
	Number float64 `json:"number"`
	Trend  string  `json:"trend"`  // in words: up 12% on the four weeks before
	Before float64 `json:"before"` // mean of those
}

// Edited is an edit that was applied.
type Edited struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	At      time.Time `json:"at"`
	By      []string  `json:"by"`      // who accepted and who confirmed
	Verdict string    `json:"verdict"` // helped, hurt, no visible effect, too early
	Said    string    `json:"said,omitempty"`
}

// Item is something to decide on, or to look at.
type Item struct {
	Row      jit.Suggestion `json:"-"`    // as it is kept, or is to be
	Body     bot.ItemBody   `json:"body"` // what is shown of it
	Class    string         `json:"class"`
	Rule     string         `json:"rule,omitempty"`
	Subject  string         `json:"subject,omitempty"`
	State    string         `json:"state"`           // new, open, accepted, ...
	Since    string         `json:"since,omitempty"` // the week it was first shown in
	Carried  bool           `json:"carried,omitempty"`
	Owner    string         `json:"owner"`
	Editable bool           `json:"editable"`         // it has an edit
	Behind   bool           `json:"behind,omitempty"` // people do not follow its analysis, so it comes behind "more"
	Urgent   bool           `json:"urgent,omitempty"`

	together bool // a session that is unusual in several ways
}

// Folded is k of n of one rule or resource.
type Folded struct {
	Name   string `json:"name"`
	K      int    `json:"k"`
	N      int    `json:"n"`
	People int    `json:"people"`
}

// Long is a grant that was held for long.
type Long struct {
	Grant    string        `json:"grant"`
	Person   string        `json:"person"`
	Resource string        `json:"resource"`
	Held     time.Duration `json:"held"`
	Extended int           `json:"extended,omitempty"`
	Running  bool          `json:"running,omitempty"`
}

// Glass is a use of break-glass.
type Glass struct {
	Grant    string    `json:"grant"`
	Person   string    `json:"person"`
	Resource string    `json:"resource"`
	At       time.Time `json:"at"`
	Due      time.Time `json:"due,omitzero"`
	Late     bool      `json:"late,omitempty"`
	Reviewed bool      `json:"reviewed"`
}

// Slow is a request that waited.
type Slow struct {
	Request  string        `json:"request"`
	Person   string        `json:"person"`
	Resource string        `json:"resource"`
	Waited   time.Duration `json:"waited"`
	Lapsed   bool          `json:"lapsed,omitempty"` // nobody ever answered
}

// Growing is what needs more evidence before it is said.
type Growing struct {
	Class    string `json:"class"`
	Rule     string `json:"rule,omitempty"`
	Sentence string `json:"sentence"`
	More     int    `json:"more"`
}
