package effect

import (
	"cmp"
	"slices"
	"time"

	"jitbot/jit"
)

// Score is how often people took what a class suggests.
type Score struct {
	Class string `json:"class"`
	Taken int    `json:"taken"` // accepted, and not taken back within 60 days
	Shown int    `json:"shown"` // of these; what waits for less than 14 days is not among them
	// Behind says that the class's items come behind "more": of ten or more that
	// were shown, less than 70% were taken. It stays so: a class that is behind
	// "more" comes to the front by people alone.
	Behind bool `json:"behind"`
}

const (
	judgedFrom  = 10 // shown
	takenBack   = 60 * day
	undecidedBy = 14 * day // a suggestion may be acted on for as long
)

// Scores are those of the classes that suggestions were kept of, by name. trusted
// are classes that people have put to the front again.
func Scores(kept []jit.Suggestion, at time.Time, trusted []string) []Score {
	var all []outcome
	for _, g := range kept {
		if o, ok := outcomeOf(g, at); ok {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b outcome) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	by := map[string]*Score{}
	for _, o := range all {
		s := by[o.class]
		if s == nil {
			s = &Score{Class: o.class}
			by[o.class] = s
		}
		s.Shown++
		if o.taken {
			s.Taken++
		}
		low := s.Shown >= judgedFrom && 10*s.Taken < 7*s.Shown
		s.Behind = (s.Behind || low) && !slices.Contains(trusted, o.class)
	}
	out := make([]Score, 0, len(by))
	for _, s := range by {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Score) int { return cmp.Compare(a.Class, b.Class) })
	return out
}

// outcome is what people made of a suggestion, and when.
type outcome struct {
	class, id string
	at        time.Time
	taken     bool
}

// outcomeOf says what became of a suggestion. One that nobody has decided on
// counts once its time is over; one that the policy overtook counts neither way;
// one that was taken back counts as such only if it was soon.
func outcomeOf(g jit.Suggestion, at time.Time) (o outcome, ok bool) {
	o = outcome{class: g.Class, id: g.ID}
	switch g.State {
	case jit.SuggestionDismissed:
		o.at = g.DismissedAt
	case jit.SuggestionOpen:
		o.at = g.FirstShown.Add(undecidedBy)
	case jit.SuggestionReverted:
		o.taken = g.RevertedAt.Sub(g.AppliedAt) > takenBack
		if o.at = g.RevertedAt; o.taken {
			o.at = g.ProposedAt
		}
	case jit.SuggestionNew, jit.SuggestionStale:
		return o, false
	default:
		o.at, o.taken = g.ProposedAt, true
	}
	return o, !reverted(g) && len(g.Edit) > 0 && !o.at.After(at)
}
