package policy

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Direction says whether a policy gives more than another.
type Direction string

// The directions. Whoever acts on one takes Unknown for Widen.
const (
	Same    Direction = "same"    // every request gets what it got
	Narrow  Direction = "narrow"  // no request gets more, some get less; without an example, perhaps none does
	Widen   Direction = "widen"   // some requests get more, none was seen to get less
	Mixed   Direction = "mixed"   // some get more, some less
	Unknown Direction = "unknown" // neither could be shown
)

// CompareOptions says how far [Compare] looks. The zero value looks at
// requests of any time.
type CompareOptions struct {
	Since time.Time // requests before it are not looked at
	Most  int       // bound of the work, in situations; 0: two million
}

const mostSituations = 2_000_000

// Comparison is what a new policy gives against an old one.
type Comparison struct {
	Direction Direction `json:"direction"`
	Changes   []Change  `json:"changes"` // by rule, as the new file has them, then what is gone
	// Situations is how many kinds of request were decided by both policies.
	Situations int `json:"-"`
}

// Change is what became of one rule, resource or default.
type Change struct {
	Rule      string    `json:"rule"` // id; empty: it is of none
	Direction Direction `json:"direction"`
	Sentence  string    `json:"sentence"`
	// Counterexample is a request that gets more under the new policy or, in
	// a change that narrows, less. Nil: the direction is the same, or unknown.
	Counterexample *Example `json:"counterexample,omitempty"`
}

// Example is a request, and what the two policies say of it.
type Example struct {
	User     string      `json:"user"`
	By       string      `json:"by,omitempty"` // who asks, where it is somebody else
	Kind     RequestKind `json:"kind,omitempty"`
	Resource string      `json:"resource"`
	Duration Duration    `json:"duration"` // 0: it does not say
	Held     Duration    `json:"held,omitempty"`
	Reason   string      `json:"reason"`
	Ticket   string      `json:"ticket,omitempty"`
	At       time.Time   `json:"at"`
	OnCall   []string    `json:"on_call"` // schedules the user is on call for
	Groups   []string    `json:"groups,omitempty"`
	Incident bool        `json:"incident,omitempty"` // one of somebody else is open
	// Old and New are what the policies say: deny, auto_approve or approval, for
	// how long, and by whom.
	Old string `json:"old_outcome"`
	New string `json:"new_outcome"`

	// Request and Facts are the same for a program, and Approvals is who would
	// have to say yes to see the difference, where it is in who may.
	Request   *Request `json:"-"`
	Facts     *Facts   `json:"-"`
	Approvals []string `json:"approvals,omitempty"`
}

// Compare says whether a policy gives anybody more than the one before. The
// requests that could be made fall into finitely many classes that neither
// policy tells apart; one of each is decided by both. "More" is a better
// outcome, an approval that fewer or other people can give, or a longer
// grant. A wider direction comes with a request that was decided by both
// policies as it says; a narrower one holds for every class. It is a matter
// of known facts: what the policies say while a source is down is not
// compared, nor is what is told, when, and to whom. An approval that was given in
// advance is one.
func Compare(before, after *Policy, o CompareOptions) Comparison {
	c := newComparing(before, after, o)
	for _, name := range c.resourceNames() {
		c.resource(name)
	}
	return c.result()
}

// verdict collects what is known of the direction of one rule.
type verdictOf struct {
	wider, narrower bool // in some class
	shownWider      bool // by a request that was decided
	shownNarrower   bool
	unknown         bool // not every class could be looked at
	widerExample    *Example
	narrowerExample *Example
	tries           int
}

func (v *verdictOf) direction() Direction {
	switch {
	case v.shownWider && v.shownNarrower:
		return Mixed
	case v.shownWider:
		return Widen
	case v.unknown || v.wider:
		return Unknown
	case v.narrower:
		return Narrow
	default:
		return Same
	}
}

func (v *verdictOf) add(w verdictOf) {
	v.wider, v.narrower = v.wider || w.wider, v.narrower || w.narrower
	v.shownWider, v.shownNarrower = v.shownWider || w.shownWider, v.shownNarrower || w.shownNarrower
	v.unknown = v.unknown || w.unknown
	if v.wider && !v.shownWider || w.wider && !w.shownWider {
		v.unknown = true
	}
}

func (v *verdictOf) example() *Example {
	switch v.direction() {
	case Widen, Mixed:
		return v.widerExample
	case Narrow:
		return v.narrowerExample
	default:
		return nil
	}
}

// result puts the verdicts of the rules in order.
func (c *comparing) result() Comparison {
	var all verdictOf
	out := Comparison{Changes: []Change{}, Situations: c.done}
	add := func(id, sentence string, v verdictOf) {
		all.add(v)
		out.Changes = append(out.Changes, Change{Rule: id, Direction: v.direction(), Sentence: visible(sentence), Counterexample: v.example()})
	}
	for _, id := range c.ruleIDs() {
		v, judged := c.verdicts[id]
		if sentence := c.sentence(id); sentence != "" || judged && v.direction() != Same {
			if v == nil {
				v = &verdictOf{}
			}
			add(id, cmp.Or(sentence, fmt.Sprintf("Rule %s answers other requests than before.", id)), *v)
		}
	}
	for _, change := range c.besides() {
		add("", change.sentence, change.verdict)
	}
	out.Direction = all.direction()
	return out
}

// visible is a sentence with what a policy says in it, without anything that
// could steer the terminal it is read on.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// ruleIDs is the rules of the new policy in order, then those that are gone.
func (c *comparing) ruleIDs() []string {
	var out []string
	for i := range c.p[1].rules {
		out = append(out, c.p[1].rules[i].id)
	}
	for i := range c.p[0].rules {
		if id := c.p[0].rules[i].id; c.byID[1][id] < 0 {
			out = append(out, id)
		}
	}
	return out
}
