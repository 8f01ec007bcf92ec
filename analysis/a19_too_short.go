package analysis

import (
	"fmt"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// tooShort is A19, too short.
//
// Of a rule's grants of the last 90 days that ended, those that were extended,
// or whose holder wanted the same again within 30 minutes of the end: n >= 20,
// and a lower bound of the share over 0.2. Break-glass is left out.
//
// It leads to the default_duration, within max_duration, that would have been
// enough for all but 20%; where the default is the most already, to a longer
// max_duration. A19 wins over A2, see [Settle].
func tooShort(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Approval
	all := make([]shorts, len(g.rules))
	for i, c := range d.recent(g, lim.ShortWindow) {
		if gave(c, d.now()) && c.Kind == jit.Access && !c.Grant.Ended.IsZero() {
			all[g.rule[i]].see(c, g.again[i])
		}
	}
	var out []Finding
	for r := range all {
		if f, ok := all[r].finding(d, &g.rules[r], lim); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// shorts are what A19 knows of a rule.
type shorts struct {
	tally

	extended int
	needed   []time.Duration
	evidence []string
}

func (x *shorts) see(c *history.Case, again bool) {
	gr := c.Grant
	x.add(gr.Extensions > 0 || again)
	length := later(gr.Ends, gr.Ended).Sub(gr.From)
	if gr.Extensions > 0 {
		x.extended++
	} else if again {
		length *= 2 // as much again
	}
	x.needed = append(x.needed, length)
	if gr.Extensions > 0 || again {
		x.evidence = cite(x.evidence, gr.ID)
	}
}

func (x *shorts) finding(d *Data, r *ruleNow, lim ApprovalLimits) (Finding, bool) {
	if 2*x.n < lim.ShortGrants || low(x.k, x.n, lim.Plain) <= lim.ShortShare {
		return Finding{}, false
	}
	f := d.ruleFinding("A19", r)
	f.N, f.K, f.Bound, f.Evidence, f.More = x.n, x.k, lower(x.k, x.n), x.evidence, max(0, lim.ShortGrants-x.n)
	f.Sentence = fmt.Sprintf("%d of %d grants of %s were extended, or wanted again within half an hour of their end.", x.k, x.n, r.id)
	f.Figures = []Figure{figure("extended", "%d", x.extended), figure("wanted again", "%d", x.k-x.extended)}
	if f.More == 0 {
		f.Edits = x.edits(d, r, lim)
	}
	return f, true
}

func (x *shorts) edits(d *Data, r *ruleNow, lim ApprovalLimits) []Proposal {
	slices.Sort(x.needed)
	need := nearestRank(x.needed, 1-lim.ShortShare)
	step := gridAbove(max(need, r.Default+1))
	if step == 0 || step > r.MaxDuration {
		step = r.MaxDuration
	}
	why := fmt.Sprintf("four of five needed at most %s", shorten(need))
	if step > r.Default {
		p := setLength(d.Policy, r, "default_duration", step, why)
		p.Direction = Neutral
		return []Proposal{p}
	}
	if step = min(gridAbove(max(need, r.MaxDuration+1)), d.Policy.MaxDuration()); step <= r.MaxDuration {
		return nil
	}
	p := setLength(d.Policy, r, "max_duration", step, why)
	p.Direction = Widen
	return []Proposal{p}
}
