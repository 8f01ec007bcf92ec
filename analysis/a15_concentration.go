package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"jitbot/history"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// concentration is A15, few approve all.
//
// Of a rule, the answers of people of the last 90 days, to requests that at
// least three people could have answered who were not on leave: n >= 30, and a
// lower bound of one person's share over 0.6, or a sum of the squared shares
// over 0.5. And a pair: each of two people approved the other at least five
// times, and that is at least half of what was approved for either.
//
// Left out are rules with approvals.each, where some have no choice but to
// answer all.
//
// It leads to exclude_last, so that the same person does not approve the same
// one twice in a row, where enough others are left.
func concentration(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Approval
	all := make([]answers, len(g.rules))
	now := d.now()
	for i, c := range d.recent(g, lim.TopWindow) {
		r := &g.rules[g.rule[i]]
		if s := saidTo(c, now); s != nothing && len(r.Each) == 0 && d.choice(r, c) >= lim.TopChoice {
			all[g.rule[i]].see(c, s)
		}
	}
	var out []Finding
	for r := range all {
		if all[r].n == 0 {
			continue
		}
		if f, ok := all[r].finding(d, &g.rules[r], lim); ok {
			out = append(out, f)
		}
		out = append(out, all[r].pairs(d, &g.rules[r], lim)...)
	}
	citePairs(d, g, lim, out)
	return out, nil
}

// choice is how many people could have answered a case. Where another tool does
// not tell, it is those whom the rule names now.
func (d *Data) choice(r *ruleNow, c *history.Case) int {
	could := c.Approvers
	if len(could) == 0 {
		for _, from := range r.Approvers {
			members, _ := d.Policy.Members(from, &policy.Facts{})
			could = append(could, members...)
		}
		could = slices.DeleteFunc(could, func(who string) bool { return who == c.User })
		slices.Sort(could)
		could = slices.Compact(could)
	}
	n := 0
	for _, who := range could {
		if strings.HasPrefix(who, "group:") {
			return 1 << 20 // all of a group that is not listed
		}
		if !d.away(who, c.At) {
			n++
		}
	}
	return n
}

// answers are what A15 knows of a rule.
type answers struct {
	n        int // answers
	by       names
	count    []int // by who answered
	evidence []string

	approved map[string]int    // requests, by whose they were
	between  map[[2]string]int // by whose they were and who approved
}

func (x *answers) see(c *history.Case, s said) {
	for who := range answered(c) {
		x.n++
		id := x.by.of(who)
		if int(id) == len(x.count) {
			x.count = append(x.count, 0)
		}
		x.count[id]++
	}
	x.evidence = cite(x.evidence, c.ID)
	if s == no {
		return
	}
	if x.approved == nil {
		x.approved, x.between = map[string]int{}, map[[2]string]int{}
	}
	x.approved[c.User]++
	for who := range answered(c) {
		x.between[[2]string{c.User, who}]++
	}
}

func (x *answers) finding(d *Data, r *ruleNow, lim ApprovalLimits) (Finding, bool) {
	top, index := 0, 0.0
	for id, n := range x.count {
		if n > x.count[top] {
			top = id
		}
		share := float64(n) / float64(x.n)
		index += share * share
	}
	most := x.count[top]
	more := max(0, lim.TopAnswers-x.n)
	bound := low(most, x.n, lim.Plain)
	if bound <= lim.TopShare && index <= lim.TopIndex || 2*x.n < lim.TopAnswers {
		return Finding{}, false
	}
	f := d.ruleFinding("A15", r)
	f.N, f.K, f.Bound, f.Evidence, f.More = x.n, most, bound, x.evidence, more
	f.Sentence = fmt.Sprintf("One person gave %d of %d answers to requests under %s.", most, x.n, r.id)
	if more > 0 {
		return f, true
	}
	f.Figures = []Figure{
		figure("most answers", "%s", x.by.all[top]),
		figure("people who answered", "%d", len(x.count)), figure("sum of squared shares", "%.2f", index),
	}
	f.Edits = rotate(r, len(x.count))
	f.Friction = float64(most) / d.weeksOf(lim.TopWindow)
	return f, true
}

// rotate has others approve what the same person holds next, if as many answer
// as that takes.
func rotate(r *ruleNow, answering int) []Proposal {
	if r.ExcludeLast > 0 || answering < max(2, r.Count+1) {
		return nil
	}
	e := edit.Edit{Op: edit.AddKey, Rule: r.id, Path: []string{"approvals", "exclude_last"}, Value: "1"}
	return []Proposal{{e, Narrow, "somebody else approves the next one"}}
}

// pairs are the people who approve each other.
func (x *answers) pairs(d *Data, r *ruleNow, lim ApprovalLimits) []Finding {
	var keys [][2]string
	half := func(key [2]string) bool {
		n := x.between[key]
		return n >= lim.PairApproved && float64(n) >= lim.PairShare*float64(x.approved[key[0]])
	}
	for key := range x.between {
		if key[0] < key[1] && half(key) && half([2]string{key[1], key[0]}) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) })
	var out []Finding
	for _, key := range keys {
		back := [2]string{key[1], key[0]}
		f := d.ruleFinding("A15", r)
		f.Kind, f.Subject, f.Owner = "pair", pairOf(key[0], key[1]), key[0]
		f.N, f.K = x.approved[key[0]]+x.approved[key[1]], x.between[key]+x.between[back]
		f.Bound = lower(f.K, f.N)
		f.Sentence = fmt.Sprintf("%s and %s approved %d of %d requests of each other under %s.", key[0], key[1], f.K, f.N, r.id)
		f.Edits = rotate(r, len(x.count))
		out = append(out, f)
	}
	return out
}

func pairOf(a, b string) string { return "pair:" + min(a, b) + "," + max(a, b) }

// citePairs names the requests that two people of a pair approved for each
// other.
func citePairs(d *Data, g *ground, lim ApprovalLimits, found []Finding) {
	of := map[[2]string]*Finding{} // by rule and pair
	for i := range found {
		if f := &found[i]; f.Kind == "pair" {
			of[[2]string{f.Rule, f.Subject}] = f
		}
	}
	if len(of) == 0 {
		return
	}
	for _, c := range d.recent(g, lim.TopWindow) {
		for who := range answered(c) {
			if f := of[[2]string{c.Rule, pairOf(c.User, who)}]; f != nil && saidTo(c, d.now()) == yes {
				f.Evidence = cite(f.Evidence, c.ID)
			}
		}
	}
}
