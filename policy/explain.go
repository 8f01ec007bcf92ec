package policy

import (
	"fmt"
	"slices"
	"strings"

	"jitbot/jit"
)

// Explain gives the answer of [Policy.Decide] in words: the decision, who may
// approve, and what every rule had to say.
func (p *Policy) Explain(r *Request, f *Facts) Explanation {
	d := p.Decide(r, f)
	x := Explanation{
		Outcome: d.Outcome, Approvers: []string{}, Count: d.Count,
		MaxDuration: Duration(d.MaxDuration), Reasons: []string{}, Trace: []Step{}, MendRule: -1,
	}
	if d.Rule >= 0 {
		x.Rule = p.rules[d.Rule].id
	}
	if d.Outcome == Approval {
		a := p.Approvers(d, r, f)
		x.Approvers = sortedSet(append(a.All(), a.Unknown...))
	}
	e := eval{p: p, r: r, f: f}
	if cause := e.begin(); cause != "" {
		x.Reasons = append(x.Reasons, e.refusal(cause))
		for i := range p.rules {
			x.Trace = append(x.Trace, Step{Rule: p.rules[i].id, Line: p.rules[i].line, Why: "was not asked"})
		}
		return x
	}
	w := e.witnesses(d)
	for i := range w {
		x.Trace = append(x.Trace, w[i].Step)
	}
	x.Reasons = append(append(x.Reasons, e.verdict(d)...), nearest(d, w)...)
	if d.Cause == CauseNoRule {
		x.Mend, x.MendRule = mend(w)
	}
	return x
}

// mend is what the rule lacks that is the nearest one whoever asks could make
// fit.
func mend(ws []witness) (map[Field]string, int) {
	best := witness{index: -1}
	for _, w := range ws {
		outOfReach := func(l lack) bool { return l.field == "" }
		if !w.here || !w.allow || len(w.lacks) == 0 || slices.ContainsFunc(w.lacks, outOfReach) {
			continue
		}
		if len(best.lacks) == 0 || len(w.lacks) < len(best.lacks) {
			best = w
		}
	}
	out := map[Field]string{}
	for _, l := range best.lacks {
		out[l.field] = best.Rule + " " + l.text + "."
	}
	return out, best.index
}

// witness is a step with what it takes to sort it by how near it came.
type witness struct {
	Step
	lacks []lack
	here  bool // the rule is for the resource
	allow bool
	index int
}

func (e *eval) witnesses(d Decision) []witness {
	out := make([]witness, len(e.p.rules))
	for i := range e.p.rules {
		r := &e.p.rules[i]
		w := witness{Step: Step{Rule: r.id, Line: r.line}, index: i, allow: r.outcome != Deny}
		_, w.here = slices.BinarySearch(r.resources, e.resource)
		if !w.here {
			w.Why = "is not for " + e.r.Resource
		} else {
			w.lacks = e.lacks(int32(i))
			w.Matched, w.Why = e.outcomeOf(r, d, i, w.lacks)
		}
		out[i] = w
	}
	return out
}

// outcomeOf says what became of a rule for the resource.
func (e *eval) outcomeOf(r *rule, d Decision, i int, lacks []lack) (matched bool, why string) {
	sure := slices.ContainsFunc(lacks, func(l lack) bool { return !l.doubt })
	switch {
	case r.outcome == Deny && !sure && len(lacks) > 0:
		return true, "denies, because it cannot be ruled out: it " + sentence(lacks)
	case len(lacks) > 0:
		return false, sentence(lacks)
	case i == d.Rule:
		return true, "decides: it " + e.gives(r, d)
	case d.Cause == CauseDenyRule:
		return true, "fits, but " + e.p.rules[d.Rule].id + " denies, and a deny comes before everything"
	case d.Rule >= 0 && d.Rule < i:
		return true, "fits too, but " + e.p.rules[d.Rule].id + " comes first"
	default:
		return true, "fits, but a rule before it could not be checked and might have given less"
	}
}

// gives says what a rule does with a request that fits.
func (e *eval) gives(r *rule, d Decision) string {
	switch {
	case r.outcome == Deny:
		return "denies: " + r.denial
	case e.r.Kind == BreakGlass:
		return "lets " + e.r.User + " break the glass, at most " + jit.FormatDuration(r.breakGlass.max)
	case r.outcome == AutoApprove:
		return "approves automatically, at most " + jit.FormatDuration(r.max)
	case d.Outcome == AutoApprove && d.Cause == CauseRule:
		return "approves automatically what fits its limits: " + e.limitWords(r)
	default:
		return "asks for " + e.asks(r)
	}
}

func (e *eval) asks(r *rule) string {
	s := plural(r.count, "approval") + " from " + list(e.p.spellAll(r.from), "or")
	if len(r.each) > 0 {
		s += ", one from each of " + list(e.p.spellAll(r.each), "and")
	}
	if r.stepUp {
		s += ", who sign in again before they approve"
	}
	if r.note {
		s += ", with a note"
	}
	if r.excludeLast > 0 {
		s += ", not from who approved the last " + grants(r.excludeLast) + " of the same person"
	}
	return s
}

// verdict is the reason for the decision itself.
func (e *eval) verdict(d Decision) []string {
	if d.Rule < 0 {
		if len(e.p.index.rules[e.resource]) == 0 {
			return []string{"No rule is for " + e.r.Resource + "."}
		}
		return nil
	}
	r := &e.p.rules[d.Rule]
	switch d.Cause {
	case CauseDenyRule:
		out := []string{r.id + ": " + r.denial}
		if doubts := e.lacks(int32(d.Rule)); len(doubts) > 0 {
			out = append(out, "That this concerns you cannot be ruled out: "+r.id+" "+sentence(doubts)+".")
		}
		return out
	case CauseNobody:
		return []string{"Nobody can approve this: " + r.id + " asks for " + e.asks(r) + ", and without the people behind the request too few are left."}
	case CauseLastApprovers:
		return []string{"Nobody can approve this: " + r.id + " asks for " + e.asks(r) + ", and without " + list(lastOnes(r, e.f), "and") + ", who did, too few are left."}
	case CauseUnknownMember:
		if r.excludeLast > 0 && !e.f.LastApproversKnown {
			return []string{"Nobody can approve this: " + r.id + " asks for " + e.asks(r) + ", and who those are could not be checked."}
		}
		a := e.p.Approvers(d, e.r, e.f)
		return []string{"Nobody can approve this: " + r.id + " asks for " + e.asks(r) + ", and who is in " + list(a.Unknown, "and") + " could not be checked."}
	case CauseNoExtension:
		return []string{r.id + " gives no extensions."}
	case CauseOverTotal:
		return []string{e.overTotal(r, d)}
	case CauseShiftEnds:
		return []string{r.id + " gives access for the length of a shift, and the grant lasts until its end already."}
	case CauseAdvance:
		return []string{r.id + " asks for " + e.asks(r) + ", which was given in advance (" + d.Advance + ")."}
	}
	out := []string{r.id + " " + e.gives(r, d) + "."}
	if lacks := e.lacksSpared(r, d); d.Outcome == Approval && len(lacks) > 0 {
		out = append(out, "Without approvals it gives only what fits its limits, and this "+list(lacks, "and")+".")
	}
	return append(out, e.evidence(r, d)...)
}

func (e *eval) overTotal(r *rule, d Decision) string {
	s := fmt.Sprintf("%s lets a grant last %s in all, and %s are promised", r.id, jit.FormatDuration(r.extend), jit.FormatDuration(e.r.Held))
	if d.MaxDuration > 0 {
		return s + "; " + jit.FormatDuration(d.MaxDuration) + " more are possible."
	}
	return s + "; no more is possible."
}

// evidence says what on-call duty an auto-approval rests on.
func (e *eval) evidence(r *rule, d Decision) []string {
	var out []string
	if d.Outcome != AutoApprove || e.r.Kind == BreakGlass {
		return out
	}
	for _, s := range dutiesOf(r) {
		t, until := e.shift(s)
		if t != yes {
			continue
		}
		text := e.r.User + " is on call for " + e.p.schedules[s].name
		if until.Sub(e.f.At) < jit.MaxDuration { // Offline knows no end
			text += " until " + e.stamp(until)
		}
		out = append(out, text+".")
	}
	if d.MaxDuration < r.max && len(out) > 0 {
		out = append(out, "Access ends with the shift, in "+jit.FormatDuration(d.MaxDuration)+".")
	}
	return out
}

func dutiesOf(r *rule) []int32 {
	out := slices.Clone(r.onCall)
	for _, who := range r.eligible {
		if who.kind == schedule && !slices.Contains(out, who.id) {
			out = append(out, who.id)
		}
	}
	return out
}

// maxMisses is how many near misses are told.
const maxMisses = 3

// nearest tells the allow rules that nearly fit, nearest first. Beside a
// decision only those that come before it matter, and only to people who are
// among their eligible.
func nearest(d Decision, ws []witness) []string {
	var misses []witness
	for _, w := range ws {
		passed := d.Outcome == Approval && w.index < d.Rule && !lacksPerson(w.lacks)
		if w.here && w.allow && len(w.lacks) > 0 && (d.Cause == CauseNoRule || passed) {
			misses = append(misses, w)
		}
	}
	slices.SortStableFunc(misses, func(a, b witness) int { return distance(a.lacks) - distance(b.lacks) })
	var out []string
	for _, w := range misses[:min(len(misses), maxMisses)] {
		out = append(out, w.Rule+" "+w.Why+".")
	}
	if len(out) == 0 && d.Cause == CauseNoRule && slices.ContainsFunc(ws, func(w witness) bool { return w.here && w.Matched }) {
		out = append(out, "A rule could not be checked, and without it nothing can be given.")
	}
	return out
}

// distance is larger the farther a rule is: not being the right person is
// farther than anything one could change.
func distance(lacks []lack) int {
	if lacksPerson(lacks) {
		return 100 + len(lacks)
	}
	return len(lacks)
}

func lacksPerson(lacks []lack) bool {
	return slices.ContainsFunc(lacks, func(l lack) bool { return l.person && !l.doubt })
}

func (e *eval) refusal(c Cause) string {
	switch c {
	case CauseNoResource:
		return "There is no resource called " + e.r.Resource + "."
	case CauseBadDuration:
		return "The duration must be more than zero and at most " + jit.FormatDuration(jit.MaxDuration) + "."
	case CauseForSomebody:
		return "Break-glass is asked for by the person who will hold it."
	case CauseNoReason:
		return "Break-glass needs a reason."
	default:
		return "The request names no person, or the facts no time."
	}
}

func sentence(lacks []lack) string {
	parts := make([]string, len(lacks))
	for i, l := range lacks {
		parts[i] = l.text
	}
	return list(parts, "and")
}

// list joins words: a, b and c.
func list(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
