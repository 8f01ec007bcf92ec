package effect

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"jitbot/jit"
)

// Judge gives a row for each edit that stands, in the order of their ids:
//
//	too early          fewer than 28 days after it, or under 20 observations on a side
//	hurt               the interval of a guard lies above where it was
//	helped             what it is for went down by 20%, its interval below where it was
//	no visible effect  else
//
// What it is for must not lie above where it was either, where that is two
// figures. What stands in a file counts from when it was written; a pull request
// or a patch from when the policy in force had it: until then nothing was
// changed, and there would be more of before than of after in its 28 days.
func Judge(in In) []Row {
	l := newLook(in)
	var out []Row
	for _, g := range in.Kept {
		if g.State == jit.SuggestionApplied && !reverted(g) && !g.AppliedAt.After(in.At) {
			out = append(out, l.row(g))
		}
	}
	slices.SortFunc(out, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Since is from when an edit was in force; zero: it is not known to be yet.
func Since(g jit.Suggestion) time.Time {
	if k := g.Where.Kind; k == "pull_request" || k == "patch" {
		return g.InForceAt
	}
	return g.AppliedAt
}

func (l *look) row(g jit.Suggestion) Row {
	r := Row{ID: g.ID, Class: g.Class, Rule: g.Rule, Since: Since(g), Verdict: TooEarly, Primary: []Metric{}, Guards: []Metric{}, Appeals: []string{}}
	if r.Since.IsZero() || r.Since.After(l.At) {
		r.Sentence = "The policy in force does not have it yet."
		return r
	}
	if past := l.At.Sub(r.Since); past < window*day {
		r.Days = int(past / day)
		r.Sentence = fmt.Sprintf("It is in force for %d of 28 days.", r.Days)
		return r
	}
	s := l.scopeOf(g, r.Since)
	r.Days, r.Incident, r.Unknown = s.days.counted(), s.days.incident, s.days.unknown
	r.Requests, r.Guards, r.Beside = s.judgedBy(), s.guards(), l.beside(g, r.Since)
	if p := s.primary(); p != nil {
		r.Primary = p
	}
	if ofSize(g.Class) {
		if ids, untold := s.appeals(); ids != nil {
			r.Appeals, r.Untold = ids, untold
		} else {
			r.Untold = untold
		}
	}
	r.Verdict, r.Sentence = r.judge(tookOut(s.e.Op))
	r.Sentence += r.aside()
	return r
}

// beside are the other edits of a rule that came in force within the days.
func (l *look) beside(g jit.Suggestion, since time.Time) []string {
	var out []string
	for _, o := range l.Kept {
		at := Since(o)
		if o.ID != g.ID && o.Rule == g.Rule && !at.IsZero() && at.After(since.Add(-window*day)) && at.Before(since.Add(window*day)) {
			out = append(out, o.ID)
		}
	}
	slices.Sort(out)
	return out
}

// compared reports whether both sides of a figure have enough.
func (m *Metric) compared() bool { return m.Before.N >= enough && m.After.N >= enough }

// worse reports whether a figure went up for sure.
func (m *Metric) worse() bool { return m.compared() && m.After.Low > m.Before.High+m.least }

// better reports whether a figure went down by a fifth, and for sure.
func (m *Metric) better() bool {
	const exact = 1e-12 // decimals are not
	fell := m.Before.Value-m.After.Value >= gain*m.Before.Value-exact
	return m.compared() && fell && m.After.High < m.Before.Low
}

func (r *Row) judge(smaller bool) (Verdict, string) {
	if min(r.Requests[0], r.Requests[1]) < enough {
		return TooEarly, fmt.Sprintf("There were %d requests before and %d after it; it takes 20.", r.Requests[0], r.Requests[1])
	}
	for i := range r.Guards {
		if r.Guards[i].worse() {
			return Hurt, r.Guards[i].words()
		}
	}
	switch {
	case ofSize(r.Class):
		return r.judgeSize(smaller)
	case len(r.Primary) == 0:
		return NoEffect, "Nothing got worse; what this analysis is for is not measured."
	}
	return r.judgePrimary()
}

func (r *Row) judgePrimary() (Verdict, string) {
	compared, better, worse := -1, -1, -1
	for i := range r.Primary {
		m := &r.Primary[i]
		if m.compared() && compared < 0 {
			compared = i
		}
		if m.better() && better < 0 {
			better = i
		}
		if m.worse() && worse < 0 {
			worse = i
		}
	}
	switch {
	case compared < 0:
		m := &r.Primary[0]
		return TooEarly, fmt.Sprintf("Of %s there are %d before and %d after it that can be told; it takes 20.", m.Name, m.Before.N, m.After.N)
	case better >= 0 && worse < 0:
		return Helped, r.Primary[better].words()
	case worse >= 0:
		return NoEffect, "It went the other way: " + r.Primary[worse].words()
	default:
		return NoEffect, r.Primary[compared].words()
	}
}

func (r *Row) judgeSize(smaller bool) (Verdict, string) {
	switch {
	case !smaller:
		return NoEffect, "It took nothing out of the policy."
	case len(r.Appeals) > 0:
		return NoEffect, fmt.Sprintf("The policy is smaller, and %s it refuses were tried again within a day.", plural(len(r.Appeals), "request"))
	case r.Untold > 0:
		return NoEffect, fmt.Sprintf("The policy is smaller; of %s nobody can tell whether it refuses them.", plural(r.Untold, "request"))
	default:
		return Helped, "The policy is smaller, and nobody misses what is gone."
	}
}

// words say a figure on both sides; its intervals are in the row.
func (m *Metric) words() string {
	side := func(e Estimate) string { return fmt.Sprintf("%s of %d", m.number(e.Value), e.N) }
	if m.Unit != "" {
		side = func(e Estimate) string { return fmt.Sprintf("%s (%d observed)", m.number(e.Value), e.N) }
	}
	name := strings.ToUpper(m.Name[:1]) + m.Name[1:]
	return fmt.Sprintf("%s: %s before, %s after.", name, side(m.Before), side(m.After))
}

func (m *Metric) number(v float64) string {
	if m.share {
		return fmt.Sprintf("%.0f%%", 100*v)
	}
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if m.Unit != "" {
		s += " " + m.Unit
	}
	return s
}

// aside says what a reader has to know beside the verdict.
func (r *Row) aside() string {
	var b strings.Builder
	if r.Incident > 0 {
		fmt.Fprintf(&b, " %s with an incident, and as many on the other side, are left out.", plural(r.Incident, "day"))
	}
	if r.Unknown > 0 {
		fmt.Fprintf(&b, " The past does not reach as far as %s.", plural(r.Unknown, "day"))
	}
	if len(r.Beside) > 0 {
		b.WriteString(" Other edits of the rule came in these weeks, so what did it cannot be told apart.")
	}
	return b.String()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
