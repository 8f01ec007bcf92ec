package analysis

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Rank is how much a sensitivity counts where findings are put in order.
func Rank(sensitivity string) int {
	switch sensitivity {
	case "high":
		return 3
	case "low":
		return 1
	default:
		return 2
	}
}

// Settle makes one list of what all analyses found: each thing once, without
// what another class says better, the most urgent first, and what is only
// counted down last. all is left as it is.
func Settle(all []Finding) []Finding {
	seen := map[findingKey]bool{}
	out := make([]Finding, 0, len(all))
	beaten := outdone(all)
	for _, f := range ordered(all) {
		key := findingKey{f.Class, f.Rule, f.Subject, f.Kind}
		if seen[key] || beaten[findingKey{Class: f.Class, Rule: f.Rule}] {
			continue
		}
		seen[key] = true
		out = append(out, f)
	}
	return out
}

type findingKey struct {
	Class               Class
	Rule, Subject, Kind string
}

// outdone are the classes that are silent on a rule because another speaks:
// where grants are too short nobody proposes shorter ones (A19 over A2), and a
// rule that goes needs no other change (A17).
func outdone(all []Finding) map[findingKey]bool {
	over := map[Class][]Class{"A19": {"A2"}, "A17": {"A1", "A2", "A18"}}
	out := map[findingKey]bool{}
	for i := range all {
		if f := &all[i]; f.More == 0 {
			for _, class := range over[f.Class] {
				out[findingKey{Class: class, Rule: f.Rule}] = true
			}
		}
	}
	return out
}

// Together is the kind of a session that is unusual in more than one way at
// once, which hardly comes by chance.
const Together = "together"

// alone is the kind of one that is unusual in one way only.
const alone = "alone"

// ordered are findings in the order in which they are shown: urgent first, then
// sessions that are unusual in several ways, then by what an edit takes away in hours of access a week, as sensitivity weighs
// it, less the requests a week it gets in the way of. Of findings that take away
// nothing, sessions that are unusual in one way alone come last.
func ordered(all []Finding) []Finding {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(
			after(a.More > 0, b.More > 0),
			after(!a.Urgent, !b.Urgent),
			after(a.Kind != Together, b.Kind != Together),
			cmp.Compare(gain(&b), gain(&a)),
			after(a.Kind == alone, b.Kind == alone),
			cmp.Compare(Rank(b.Sensitivity), Rank(a.Sensitivity)),
			cmp.Compare(number(a.Class), number(b.Class)),
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Kind, b.Kind),
			cmp.Compare(a.More, b.More),
		)
	})
	return out
}

func gain(f *Finding) float64 {
	return f.Exposure.Hours()*float64(Rank(f.Sensitivity)) - f.Friction
}

func number(c Class) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(string(c), "A")) // one that is no number comes first
	return n
}

func after(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

const (
	mostShown = 7
	falseRate = .1 // of the anomalies that are shown, at most so many false
)

// Week cuts what all analyses found to what is shown in one week, and leaves the
// rest for whoever asks for more. What is [Private] is in neither: it is for its
// Owner. Of anomalies, those are shown that hold together by Benjamini and
// Hochberg.
func Week(all []Finding) (shown, more []Finding) {
	settled := Settle(all)
	var ps []float64
	for i := range settled {
		if f := &settled[i]; f.P > 0 && f.More == 0 && !Private(f) {
			ps = append(ps, f.P)
		}
	}
	slices.Sort(ps)
	limit := 0.0
	if n := discoveries(ps, falseRate); n > 0 {
		limit = ps[n-1]
	}
	for i := range settled {
		f := &settled[i]
		switch {
		case Private(f):
		case f.More > 0 || f.P > limit && f.Kind != Together || len(shown) == mostShown:
			more = append(more, *f)
		default:
			shown = append(shown, *f)
		}
	}
	return shown, more
}
