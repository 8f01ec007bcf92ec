package policy_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/policy"
)

// A small world makes policies that use a few features, and every request and
// every fact that these can tell apart.
type small struct {
	world
	on map[string]bool // features
}

var features = []string{"hours", "expires", "reason", "ticket", "limit", "live", "duty", "behalf", "glass", "extend", "last", "deny", "escalate", "beside", "each", "when", "members"}

func newSmall(seed uint64) small {
	s := small{newWorld(seed), map[string]bool{}}
	for range 1 + s.IntN(3) {
		s.on[pick(s.world, features...)] = true
	}
	return s
}

func (s small) some(n int, of ...string) []string {
	out := slices.Clone(of)
	s.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(len(out), 1+s.IntN(n))]
}

func (s small) eligible() string {
	of := []string{"group:sre", "group:pay", "cy@example.com", "everyone"}
	if s.on["live"] {
		of = append(of, "group:live", "group:live")
	}
	if s.on["duty"] {
		of = append(of, "oncall:primary", "oncall:primary")
	}
	return "[" + strings.Join(s.some(2, of...), ", ") + "]"
}

func (s small) from() string {
	of := []string{"group:sre", "group:pay", "dee@example.com"}
	if s.on["live"] {
		of = append(of, "group:live")
	}
	if s.on["duty"] {
		of = append(of, "oncall:primary")
	}
	return "[" + strings.Join(s.some(2, of...), ", ") + "]"
}

func (s small) maybe(feature, text string) string {
	if s.on[feature] && s.IntN(2) == 0 {
		return text
	}
	return ""
}

func (s small) rule(id int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - {id: r%d, match: {resource: %s}, eligible: %s", id, pick(s.world, `"*"`, "db", "web"), s.eligible())
	require := s.maybe("reason", pick(s.world, "reason: INC", "reason: '.{10,}'", "reason: '.{14,}'", "reason: look")) + ";" +
		s.maybe("ticket", pick(s.world, "ticket: true", "ticket: {open: true}", "ticket: {assignee: self}", "ticket: {open: true, assignee: self}")) + ";" +
		s.maybe("hours", pick(s.world, `hours: "08:00-18:00"`, `hours: "20:00-10:00"`, "days: [mon-fri]", "days: [sat]")) + ";" +
		s.maybe("duty", "on_call: primary")
	if parts := strings.FieldsFunc(require, func(r rune) bool { return r == ';' }); len(parts) > 0 {
		fmt.Fprintf(&b, ", require: {%s}", strings.Join(parts, ", "))
	}
	if w := s.maybe("when", pick(s.world, "request.duration <= duration('1h')", "request.user == 'ann@example.com'", "request.kind == 'access' && request.duration <= duration('1h')", "'sre' in principal.groups")); w != "" {
		fmt.Fprintf(&b, ", when: %q", w)
	}
	if s.on["deny"] && s.IntN(3) == 0 {
		fmt.Fprintf(&b, "%s, deny: No.}\n", pick(s.world, "", ", min_duration: 1h"))
		return b.String()
	}
	least, most := pick(s.world, "", "", ", min_duration: 30m"), pick(s.world, "30m", "1h", "2h", "8h")
	fmt.Fprintf(&b, "%s, max_duration: %s%s", least, most, map[bool]string{true: ", default_duration: 30m"}[s.IntN(3) == 0])
	b.WriteString(s.gives())
	b.WriteString(s.maybe("behalf", ", on_behalf: "+s.eligible()))
	b.WriteString(s.maybe("glass", ", break_glass: {eligible: "+strings.ReplaceAll(s.eligible(), "everyone", "group:pay")+", max_duration: "+pick(s.world, "30m", "1h")+"}"))
	b.WriteString(s.maybe("extend", ", extend: {max_total: "+pick(s.world, "1h", "2h", "4h")+"}"))
	b.WriteString("}\n")
	return b.String()
}

func (s small) gives() string {
	if s.IntN(3) == 0 {
		var limits []string
		if l := s.maybe("limit", "per_person: "+pick(s.world, "1/24h", "2/24h", "1/2h")); l != "" {
			limits = append(limits, l)
		}
		if l := s.maybe("expires", "expires: "+pick(s.world, "2026-02-01", "2026-02-04")); l != "" {
			limits = append(limits, l)
		}
		return ", auto_approve: {" + strings.Join(limits, ", ") + "}"
	}
	last := s.maybe("last", fmt.Sprintf(", exclude_last: %d", 1+s.IntN(2)))
	each := s.maybe("each", ", each: "+s.from())
	strict := pick(s.world, "", "", "", ", note: required", ", step_up: true")
	out := fmt.Sprintf(", approvals: {count: %d, from: %s%s%s%s}", 1+s.IntN(2), s.from(), each, last, strict)
	if s.on["beside"] && s.IntN(2) == 0 {
		limits := []string{"max_duration: " + pick(s.world, "30m", "1h")}
		if l := s.maybe("limit", "per_person: 1/24h"); l != "" {
			limits = append(limits, l)
		}
		if l := s.maybe("hours", `hours: "08:00-18:00"`); l != "" {
			limits = append(limits, l)
		}
		if l := s.maybe("expires", "expires: 2026-02-01"); l != "" {
			limits = append(limits, l)
		}
		out += ", auto_approve: {" + strings.Join(limits, ", ") + "}"
	}
	return out + s.maybe("escalate", ", escalate: {after: 10m, to: "+s.from()+"}")
}

func (s small) head() string {
	pay := "[bo@example.com, cy@example.com]"
	if s.on["members"] && s.IntN(2) == 0 {
		pay = pick(s.world, "[bo@example.com]", "[bo@example.com, cy@example.com, dee@example.com]")
	}
	return `version: 1
defaults: {max_duration: 8h, default_duration: 1h}
groups: {sre: [ann@example.com, bo@example.com], pay: ` + pay + `, live: {slack_usergroup: S0123ABCD}}
on_call: {primary: {pagerduty: {schedule: PABC123}}}
resources: {db: {entitlements: [{thing: {}}]}, web: {sensitivity: high, entitlements: [{thing: {}}]}}
rules:
`
}

// pairOf is two policies: the second is the first with some rules made anew,
// left out, added or moved.
func (s small) pairOf(t testing.TB) (before, after *policy.Policy, text string) {
	t.Helper()
	for {
		var rules []string
		for i := range 1 + s.IntN(3) {
			rules = append(rules, s.rule(i))
		}
		next := slices.Clone(rules)
		for range 1 + s.IntN(2) {
			k := s.IntN(len(next))
			switch s.IntN(5) {
			case 0:
				next = slices.Delete(next, k, k+1)
			case 1:
				next = slices.Insert(next, k, s.rule(7+s.IntN(90)))
			case 2:
				s.Shuffle(len(next), func(i, j int) { next[i], next[j] = next[j], next[i] })
			default:
				next[k] = s.rule(k)
			}
			if len(next) == 0 {
				break
			}
		}
		a, b := s.head()+strings.Join(rules, ""), s.head()+strings.Join(next, "")
		o := options()
		o.WarnUnreachable = true
		p, err := policy.Load("old.yaml", []byte(a), o)
		q, err2 := policy.Load("new.yaml", []byte(b), o)
		if err == nil && err2 == nil {
			return p, q, a + "---\n" + b
		}
	}
}

// situations gives every one that the features can tell apart.
func (s small) situations(looking []string, fn func(r policy.Request, f *policy.Facts)) {
	people := []string{"ann@example.com", "bo@example.com", "cy@example.com", "dee@example.com", "zoe@example.com"}
	kinds := []policy.RequestKind{policy.Access}
	if s.on["glass"] {
		kinds = append(kinds, policy.BreakGlass)
	}
	if s.on["extend"] {
		kinds = append(kinds, policy.Extension)
	}
	reasons := []string{"x"}
	if s.on["reason"] {
		reasons = []string{"x", "INC", "look", "INC look", "INC aaaaaaa", "aaaaaaaaaaa", "look aaaaaa", "INC look aa", "INC aaaaaaaaaaa", "aaaaaaaaaaaaaaa", "look aaaaaaaaaa", "INC look aaaaaaaa"}
	}
	tickets := []*policy.Ticket{nil}
	if s.on["ticket"] {
		for _, open := range []bool{false, true} {
			for _, who := range []string{"", "USER", "other@example.com"} {
				tickets = append(tickets, &policy.Ticket{ID: "OPS-1", Open: open, Assignee: who})
			}
		}
	}
	days := []int{7}
	if s.on["hours"] {
		days = []int{7, 10, 11} // Wednesday, Saturday, Sunday
	}
	hours := []int{12}
	if s.on["hours"] {
		hours = []int{3, 9, 12, 19, 22}
	}
	var ats []time.Time
	for _, d := range days {
		for _, h := range hours {
			for _, weeks := range map[bool][]int{false: {0}, true: {0, 4, 5}}[s.on["expires"]] {
				ats = append(ats, time.Date(2026, 1, d-4+7*weeks, h, 0, 0, 0, time.UTC).AddDate(0, 0, 4))
			}
			if s.on["expires"] {
				ats = append(ats, time.Date(2026, 2, 2+(d-7)/3*5, h, 0, 0, 0, time.UTC)) // between the two dates, if not at the weekend
			}
		}
	}
	pasts := [][]time.Duration{nil}
	if s.on["limit"] {
		pasts = [][]time.Duration{nil, {time.Hour}, {5 * time.Hour}, {time.Hour, 5 * time.Hour}, {5 * time.Hour, 6 * time.Hour}, {time.Hour, time.Hour}}
	}
	lives, duties := [][]string{nil}, []policy.Shift{{Schedule: "primary", People: []string{}}}
	others := [][]string{nil, {"p1@example.com"}, {"p1@example.com", "p2@example.com"}, {"dee@example.com"}, {"dee@example.com", "p1@example.com"}}
	if s.on["live"] {
		lives = nil
		for _, o := range others {
			lives = append(lives, o, append([]string{"USER"}, o...))
			if s.on["behalf"] {
				lives = append(lives, append([]string{"BY"}, o...), append([]string{"USER", "BY"}, o...))
			}
		}
	}
	if s.on["duty"] {
		duties = nil
		for _, o := range others {
			for _, who := range [][]string{nil, {"USER"}, {"BY"}, {"USER", "BY"}} {
				if !s.on["behalf"] && len(who) > 0 && who[len(who)-1] == "BY" {
					continue
				}
				for _, left := range []time.Duration{5 * time.Minute, 1000 * time.Hour} {
					duties = append(duties, policy.Shift{Schedule: "primary", People: slices.Concat(who, o), Until: noon.Add(left)})
				}
			}
		}
	}
	type past struct {
		rule string // empty: every one
		by   []string
	}
	lasts := []past{{}}
	if s.on["last"] {
		for _, by := range pastBy() {
			for _, rule := range append(looking, "") {
				lasts = append(lasts, past{rule, by})
			}
		}
	}
	for _, user := range people {
		askers := []string{user}
		if s.on["behalf"] {
			askers = people
		}
		for _, by := range askers {
			for _, kind := range kinds {
				if kind == policy.BreakGlass && by != user {
					continue
				}
				for _, res := range []string{"db", "web"} {
					for _, reason := range reasons {
						for _, ticket := range tickets {
							for _, at := range ats {
								for _, past := range pasts {
									for _, live := range lives {
										for _, duty := range duties {
											for _, last := range lasts {
												f := &policy.Facts{At: at, Groups: map[string][]string{"live": named(live, user, by)}, IncidentsKnown: true, AutoApprovedKnown: true, LastApproversKnown: true}
												shift := duty
												shift.People = named(duty.People, user, by)
												shift.Until = at.Add(duty.Until.Sub(noon))
												f.OnCall = []policy.Shift{shift}
												for _, ago := range past {
													f.AutoApproved = append(f.AutoApproved, at.Add(-ago))
												}
												for _, rule := range looking {
													for _, who := range last.by {
														if last.rule == "" || last.rule == rule {
															f.LastApprovers = append(f.LastApprovers, policy.PastApproval{Rule: rule, By: strings.Split(who, "+")})
														}
													}
												}
												r := policy.Request{User: user, By: by, Resource: res, Reason: reason, Kind: kind}
												if ticket != nil {
													r.Ticket, f.Ticket = "OPS-1", &policy.Ticket{ID: "OPS-1", Open: ticket.Open, Assignee: named([]string{ticket.Assignee}, user, by)[0]}
												}
												fn(r, f)
											}
										}
									}
								}
							}
						}
					}
				}
			}
		}
	}
}

// pastBy is who may have approved the last grant, or the one before.
func pastBy() [][]string {
	var out [][]string
	for bits := 1; bits < 16; bits++ {
		var by []string
		for k, who := range crowd[:4] {
			if bits&(1<<k) != 0 {
				by = append(by, who)
			}
		}
		out = append(out, []string{strings.Join(by, "+")}, []string{"zed@example.com", strings.Join(by, "+")})
	}
	return out
}

func named(all []string, user, by string) []string {
	out := []string{}
	for _, who := range all {
		switch who {
		case "USER":
			who = user
		case "BY":
			who = by
		}
		if !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return out
}

// size is how many situations there are, without making them.
func (s small) tooMany() bool {
	n := 10
	for f, k := range map[string]int{"reason": 12, "ticket": 7, "hours": 10, "expires": 4, "limit": 6, "live": 10, "duty": 20, "last": 60, "behalf": 5} {
		if s.on[f] {
			n *= k
		}
	}
	if s.on["behalf"] && (s.on["live"] || s.on["duty"]) {
		n *= 2
	}
	return n > 4000
}

var crowd = []string{"ann@example.com", "bo@example.com", "cy@example.com", "dee@example.com", "zoe@example.com", "p1@example.com", "p2@example.com", "zed@example.com"}

// answered is a decision with everything that says how easy it is to get.
type answered struct {
	policy.Decision
	enough [2][]bool // for each set of people of the crowd, as a number; plainly, and by escalation
}

func answersOf(p *policy.Policy, r *policy.Request, f *policy.Facts) answered {
	a := answered{Decision: p.Decide(r, f)}
	if a.Outcome != policy.Approval {
		return a
	}
	ask := p.Approvers(a.Decision, r, f)
	a.enough[0] = setsThat(ask)
	for _, to := range p.Rule(a.Rule).Escalate.To {
		who, _ := p.Members(to, f)
		for _, w := range who {
			if w != r.User && w != r.By && !slices.Contains(ask.LastOnes, w) && !slices.Contains(ask.From, w) {
				ask.From = append(ask.From, w)
			}
		}
	}
	a.enough[1] = setsThat(ask)
	return a
}

func setsThat(ask policy.Approvers) []bool {
	key := fmt.Sprint(ask.Count, ask.From, ask.Each)
	if known, ok := setsKnown.Load(key); ok {
		return known.([]bool)
	}
	out := setsOf(ask)
	setsKnown.Store(key, out)
	return out
}

var setsKnown sync.Map

func setsOf(ask policy.Approvers) []bool {
	out := make([]bool, 1<<len(crowd))
	for bits := range out {
		var who []string
		for k, name := range crowd {
			if bits&(1<<k) != 0 {
				who = append(who, name)
			}
		}
		if len(who) <= 4 {
			out[bits] = ask.Met(who)
		}
	}
	return out
}

// gets reports whether a gives more than b.
func (a answered) gets(b answered) bool {
	if a.Outcome != b.Outcome {
		return a.Outcome > b.Outcome
	}
	if a.Outcome == policy.Deny {
		return false
	}
	if a.Duration > b.Duration {
		return true
	}
	if a.Outcome != policy.Approval {
		return false
	}
	if b.StepUp && !a.StepUp || b.Note && !a.Note {
		return true
	}
	for k := range a.enough {
		for bits := range a.enough[k] {
			if a.enough[k][bits] && !b.enough[k][bits] {
				return true
			}
		}
	}
	return false
}

// brute says by looking at every request whether the new policy gives more,
// and whether it gives less.
func (s small) brute(before, after *policy.Policy) (more, less bool) {
	lengths := []time.Duration{0, 10 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour, 90 * time.Minute, 2 * time.Hour, 3 * time.Hour, 8 * time.Hour}
	var looking []string
	for _, p := range []*policy.Policy{before, after} {
		for i := range p.Rules() {
			if v := p.Rule(i); v.ExcludeLast > 0 && !slices.Contains(looking, v.ID) {
				looking = append(looking, v.ID)
			}
		}
	}
	s.situations(looking, func(r policy.Request, f *policy.Facts) {
		if more && less {
			return
		}
		for _, d := range lengths {
			helds, lefts := []time.Duration{0}, []time.Duration{0}
			if r.Kind == policy.Extension {
				if d == 0 {
					continue
				}
				helds = []time.Duration{10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour, 90 * time.Minute, 2 * time.Hour, 3 * time.Hour}
				if s.on["duty"] {
					lefts = []time.Duration{0, 10 * time.Minute}
				}
			}
			for _, r.Held = range helds {
				for _, r.Left = range lefts {
					r.Duration = d
					a, b := answersOf(before, &r, f), answersOf(after, &r, f)
					m, l := b.gets(a), a.gets(b)
					more, less = more || m, less || l
				}
			}
		}
	})
	return more, less
}

func TestTheDirectionIsWhatLookingAtEveryRequestSays(t *testing.T) {
	t.Parallel()
	n, first := 300, uint64(1)
	if text := os.Getenv("JIT_TEST_PAIRS"); text != "" { // such as 100000, and where to begin: 100000,500
		many, from, _ := strings.Cut(text, ",")
		n, _ = strconv.Atoi(many)
		if k, err := strconv.Atoi(from); err == nil {
			first = uint64(k)
		}
	}
	seen := map[policy.Direction]int{}
	wrong, perhaps := 0, 0
	for seed := first; seed < first+uint64(n); seed++ {
		s := newSmall(seed)
		if s.tooMany() {
			continue
		}
		before, after, text := s.pairOf(t)
		got := policy.Compare(before, after, policy.CompareOptions{})
		seen[got.Direction]++
		checkExamples(t, before, after, got)
		if got.Direction == policy.Unknown {
			continue
		}
		more, less := s.brute(before, after)
		want := map[[2]bool]policy.Direction{{false, false}: policy.Same, {true, false}: policy.Widen, {false, true}: policy.Narrow, {true, true}: policy.Mixed}[[2]bool{more, less}]
		if got.Direction == policy.Narrow && want == policy.Same && !slices.ContainsFunc(got.Changes, func(c policy.Change) bool { return c.Counterexample != nil }) {
			perhaps++
			continue // no request gets more is all it says without an example
		}
		if got.Direction != want {
			wrong++
			if wrong <= 5 {
				t.Errorf("seed %d %v: says %s, it is %s\n%s\n%s", seed, s.on, got.Direction, want, text, changesText(got))
			}
		}
	}
	t.Logf("%v, %d wrong, %d perhaps narrower", seen, wrong, perhaps)
}

// checkExamples asks both policies what a counterexample says they answer.
func checkExamples(t testing.TB, before, after *policy.Policy, c policy.Comparison) {
	t.Helper()
	for _, ch := range c.Changes {
		x := ch.Counterexample
		if x == nil {
			if ch.Direction == policy.Widen || ch.Direction == policy.Mixed {
				t.Errorf("%s is %s without an example", ch.Rule, ch.Direction)
			}
			continue
		}
		a, b := answersOf(before, x.Request, x.Facts), answersOf(after, x.Request, x.Facts)
		if ch.Direction == policy.Narrow {
			a, b = b, a
		}
		yes := b.Outcome > a.Outcome || a.Outcome == b.Outcome && b.Duration > a.Duration || a.StepUp && !b.StepUp || a.Note && !b.Note
		if yes = yes || enoughOnlyFor(before, after, ch.Direction, x); !yes {
			t.Errorf("%s is %s, but not by its example: %+v and %+v\n%s", ch.Rule, ch.Direction, a.Decision, b.Decision, changesText(c))
		}
	}
}

// enoughOnlyFor reports whether the approvals of an example are enough for the
// policy that gives more, and not for the other.
func enoughOnlyFor(before, after *policy.Policy, dir policy.Direction, x *policy.Example) bool {
	more, less := after, before
	if dir == policy.Narrow {
		more, less = before, after
	}
	met := func(p *policy.Policy, escalated bool) bool {
		d := p.Decide(x.Request, x.Facts)
		a := p.Approvers(d, x.Request, x.Facts)
		if escalated {
			for _, to := range p.Rule(d.Rule).Escalate.To {
				who, _ := p.Members(to, x.Facts)
				a.From = append(a.From, slices.DeleteFunc(slices.Clone(who), func(w string) bool { return slices.Contains(a.LastOnes, w) || slices.Contains(a.From, w) })...)
			}
		}
		return a.Met(x.Approvals)
	}
	return met(more, false) && !met(less, false) || met(more, true) && !met(less, true)
}

func changesText(c policy.Comparison) string {
	var b strings.Builder
	for _, ch := range c.Changes {
		fmt.Fprintf(&b, "%s %s: %s", ch.Rule, ch.Direction, ch.Sentence)
		if x := ch.Counterexample; x != nil {
			fmt.Fprintf(&b, " | %s by %s %v %s for %v held %v, %q %s at %v on call %v in %v: %s -> %s (%v)", x.User, x.By, x.Kind, x.Resource, time.Duration(x.Duration), time.Duration(x.Held), x.Reason, x.Ticket, x.At, x.OnCall, x.Groups, x.Old, x.New, x.Approvals)
		}
		b.WriteString("\n")
	}
	return b.String()
}
