// Package analysis finds what the past says of a policy: who is never given
// what they ask for, what is granted and not used, who is asked and never
// answers, and twenty more. Each analysis stands in a file of its own, named
// after its class, with its definition in the doc comment.
//
// An analysis counts; it never guesses. What cannot be judged is left out and
// counted apart, below a minimum of evidence nothing is said, and a share is
// held against the lower or upper end of its 95% Wilson interval, whichever is
// the careful one. Texts from people and logs are data here: none decides.
package analysis

import (
	"time"

	"jitbot/history"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// Class names an analysis: A1 to A21.
type Class string

// Direction says whether an edit gives less, the same or more.
type Direction string

// The directions.
const (
	Narrow  Direction = "narrow"
	Neutral Direction = "neutral"
	Widen   Direction = "widen"
)

// Finding is what an analysis says of a rule, a grant or a person.
type Finding struct {
	Class   Class  `json:"class"`
	Rule    string `json:"rule,omitempty"`    // id; empty: it is of no rule
	Subject string `json:"subject,omitempty"` // of the rule: group:x, person:mail, an action, a grant; empty: all of it
	Kind    string `json:"kind,omitempty"`    // one word, where a class finds several things: side_door, after_end, shadowed

	N     int     `json:"n"`               // observations that count
	K     int     `json:"k"`               // of them, with what the class looks for
	Left  int     `json:"left,omitempty"`  // left out, as nobody can tell
	Bound float64 `json:"bound,omitempty"` // of the share, held against the class's threshold
	P     float64 `json:"p,omitempty"`     // of anomalies: how likely by chance; 0: the class has none

	Sentence string   `json:"sentence"` // one sentence for people, with its figures
	Evidence []string `json:"evidence"` // ids of requests and grants, the first hundred
	Figures  []Figure `json:"figures,omitempty"`

	// Edits would each settle it, the best first. None: it is for people to act.
	Edits []Proposal `json:"edits,omitempty"`
	// Owner is whose it is to look at: the rule's resource owner as the policy
	// spells it, or security.
	Owner string `json:"owner,omitempty"`

	// More is how many more observations it takes; over zero it is no finding
	// yet, and only counted down.
	More int `json:"more,omitempty"`

	Sensitivity string        `json:"sensitivity,omitempty"` // the highest of what it concerns
	Exposure    time.Duration `json:"exposure,omitempty"`    // of access a week that its edit would take away
	Friction    float64       `json:"friction,omitempty"`    // requests a week that would wait or be refused because of it
	Urgent      bool          `json:"urgent,omitempty"`      // it is said first: used after the end, a side door
}

// Figure is a number worth showing beside the sentence.
type Figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Proposal is an edit that a finding leads to, and the direction it is meant
// to have. Whether it has is proved elsewhere.
type Proposal struct {
	Edit      edit.Edit `json:"edit"`
	Direction Direction `json:"direction"`
	Why       string    `json:"why"` // a few words: "no grant ran longer than 1h31"
}

// Data is what analyses look at. They change nothing in it, and may run
// concurrently.
type Data struct {
	At      time.Time // the instant it is for; nothing after it counts
	Past    *history.Past
	Actions history.Actions
	Policy  *policy.Policy
	// Since says how long a rule has stood, as it is; zero: it is not known.
	Since func(rule string) time.Time
	// Zone is a person's own time zone; nil: the policy's.
	Zone func(person string) *time.Location
	// Away reports whether a person was on leave at an instant; nil: nobody was.
	Away func(person string, at time.Time) bool
	// Shadowed gives the ids of rules that an earlier rule always answers for;
	// nil: none is known to be.
	Shadowed func() []string
	// Alerts is how many false alerts a week are accepted; 0: 3.
	Alerts int
	// Older is the same as of an earlier instant: its cases are the first of these,
	// and its actions the same. What both look at is read once for both. nil: there
	// is none.
	Older *Data
	// Limits are the minimums of evidence and the thresholds; nil: [Standard].
	// They are replaced only to show what each is worth.
	Limits *Limits

	shared shared // what several classes need, made once; so do not copy a Data that was used
}

// Analysis is one of the classes.
type Analysis struct {
	Class Class
	Name  string // for people: unused grants
	Find  func(*Data) ([]Finding, error)
}
