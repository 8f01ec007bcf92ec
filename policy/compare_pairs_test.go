package policy_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"jitbot/policy"
)

// wording is a policy as text to be: one struct a rule, so that one thing of it
// can be changed as a suggestion would.
type wording struct {
	tz, most, std   string
	sre, pay, turns string // members
	sensitivity     string // of db
	rules           []ruleWording
}

// ruleWording is the text behind each key of a rule; empty: the key is not there.
type ruleWording struct {
	id, match, eligible, behalf         string
	reason, ticket, onCall, hours, days string
	when, least, most, std              string
	deny                                bool
	count                               int // 0: auto_approve alone
	from, each, note, stepUp, last      string
	auto, autoMost, autoHours, autoDays string // auto: true beside approvals
	perPerson, expires                  string
	extend, glass, glassMost, escalate  string
}

func (w *wording) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\ndefaults: {timezone: %s, max_duration: %s, default_duration: %s}\n", w.tz, w.most, w.std)
	pay := "[" + w.pay + "]"
	if w.pay == "far" {
		pay = "{okta: {group: pay}}"
	}
	fmt.Fprintf(&b, "groups: {sre: [%s], pay: %s, live: {slack_usergroup: S0123ABCD}, far: {okta: {group: x}}}\n", w.sre, pay)
	fmt.Fprintf(&b, "on_call: {primary: {pagerduty: {schedule: PABC123}}, turns: {rotation: {start: \"2026-01-05T09:00\", every: 7d, members: [%s]}}}\n", w.turns)
	fmt.Fprintf(&b, "resources:\n  prod-db: {sensitivity: %s, labels: {env: prod, team: pay}, owner: group:pay, entitlements: [{thing: {}}]}\n", w.sensitivity)
	b.WriteString("  prod-web: {labels: {env: prod}, entitlements: [{thing: {}}]}\n  wiki: {sensitivity: low, labels: {env: office}, entitlements: [{thing: {}}]}\nrules:\n")
	for i := range w.rules {
		b.WriteString(w.rules[i].text())
	}
	return b.String()
}

func (r *ruleWording) text() string {
	var keys, require, approvals, auto []string
	add := func(to *[]string, key, value string) {
		if value != "" {
			*to = append(*to, key+": "+value)
		}
	}
	add(&require, "reason", r.reason)
	add(&require, "ticket", r.ticket)
	add(&require, "on_call", r.onCall)
	add(&require, "hours", r.hours)
	add(&require, "days", r.days)
	add(&keys, "id", r.id)
	add(&keys, "match", r.match)
	add(&keys, "eligible", r.eligible)
	if len(require) > 0 {
		add(&keys, "require", "{"+strings.Join(require, ", ")+"}")
	}
	add(&keys, "when", r.when)
	add(&keys, "min_duration", r.least)
	if r.deny {
		return "  - {" + strings.Join(append(keys, "deny: No."), ", ") + "}\n"
	}
	add(&keys, "on_behalf", r.behalf)
	add(&keys, "max_duration", r.most)
	add(&keys, "default_duration", r.std)
	if r.extend != "" {
		add(&keys, "extend", "{max_total: "+r.extend+"}")
	}
	if r.glass != "" {
		add(&keys, "break_glass", "{eligible: "+r.glass+", max_duration: "+r.glassMost+"}")
	}
	add(&auto, "per_person", r.perPerson)
	add(&auto, "expires", r.expires)
	if r.count > 0 {
		add(&approvals, "count", strconv.Itoa(r.count))
		add(&approvals, "from", r.from)
		add(&approvals, "each", r.each)
		add(&approvals, "note", r.note)
		add(&approvals, "step_up", r.stepUp)
		add(&approvals, "exclude_last", r.last)
		add(&keys, "approvals", "{"+strings.Join(approvals, ", ")+"}")
		if r.escalate != "" {
			add(&keys, "escalate", "{after: 10m, to: "+r.escalate+"}")
		}
		add(&auto, "max_duration", r.autoMost)
		add(&auto, "hours", r.autoHours)
		add(&auto, "days", r.autoDays)
		if r.auto == "" {
			auto = nil
		} else if len(auto) == 0 {
			auto = []string{"max_duration: 30m"}
		}
	}
	if r.count == 0 || r.auto != "" {
		add(&keys, "auto_approve", "{"+strings.Join(auto, ", ")+"}")
	}
	return "  - {" + strings.Join(keys, ", ") + "}\n"
}

// pairs makes wordings and changes of them. Few things are looked at in one
// policy, so that all that can come of them can be tried.
type pairs struct {
	*rand.Rand
	few []string // what this pair is about
}

var themes = []string{"behalf", "reason", "ticket", "duty", "hours", "when", "deny", "each", "strict", "last", "beside", "limit", "expires", "extend", "glass", "escalate", "live", "turns", "match", "zone", "plain"}

func (p *pairs) one(of ...string) string { return of[p.IntN(len(of))] }
func (p *pairs) about(theme string) bool { return slices.Contains(p.few, theme) }

// may is one of the values, or none, where the pair is about the theme.
func (p *pairs) may(theme string, of ...string) string {
	if p.about(theme) && p.IntN(5) > 1 {
		return p.one(of...)
	}
	return ""
}

func (p *pairs) people(most int, open bool) string {
	of := []string{"group:sre", "group:pay", "ann@example.com", "cy@example.com"}
	if open {
		of = append(of, "everyone")
	}
	if p.about("live") {
		of = append(of, "group:live", "group:live", "group:far")
	}
	if p.about("duty") {
		of = append(of, "oncall:primary", "oncall:primary")
	}
	if p.about("turns") {
		of = append(of, "oncall:turns", "oncall:turns")
	}
	p.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return "[" + strings.Join(slices.Compact(slices.Sorted(slices.Values(of[:1+p.IntN(most)]))), ", ") + "]"
}

func (p *pairs) schedule() string {
	if p.about("turns") && (p.IntN(2) == 0 || !p.about("duty")) {
		return p.one("turns", "turns", "[turns, primary]")
	}
	return "primary"
}

var lengthsOf = []string{"15m", "30m", "45m", "1h", "90m", "2h", "4h"}

func (p *pairs) rule(id string) ruleWording {
	r := ruleWording{id: id, match: p.one(`{resource: "*"}`, `{resource: prod-db}`, `{resource: "prod-*"}`), eligible: p.people(2, true), count: 1 + p.IntN(2)}
	if p.about("match") {
		r.match = p.one(r.match, "{labels: {env: prod}}", "{labels: {team: pay}}", "{sensitivity: [high, medium]}", "{sensitivity: low}", `{resource: "*db*"}`, `{resource: ["prod-w*", wiki]}`, `{resource: "*-db", sensitivity: high}`)
	}
	r.reason = p.may("reason", "INC", "'.{8,}'", "'.{12,}'", `'(?i)\binc-\d+'`, "look|INC")
	r.ticket = p.may("ticket", "true", "{open: true}", "{assignee: self}", "{open: true, assignee: self}")
	if p.about("duty") || p.about("turns") {
		r.onCall = p.one("", p.schedule())
	}
	r.hours = p.may("hours", `"08:00-18:00"`, `"20:00-10:00"`, `"02:10-02:50"`, `"00:00-24:00"`)
	r.days = p.may("hours", "[mon-fri]", "[sat]", "[sun]", "[wed, sun]")
	r.when = p.may("when", `'request.duration <= duration("1h")'`, `'request.duration <= duration("1h") && request.user != "ann@example.com"'`,
		`'request.user != "ann@example.com"'`, `'"sre" in principal.groups'`, `'incident.open'`, `'incident.open && request.kind == "access"'`, `'resource.labels["team"] == "pay"'`, `'ticket.open'`, `'now.getHours("UTC") < 12'`, `'!incident.mine'`)
	r.least, r.most, r.std = p.one("", "", "30m", "15m"), p.one(append(lengthsOf, "")...), p.one("", "", "", "30m", "1h")
	if p.about("deny") && p.IntN(3) == 0 {
		r.deny, r.least = true, p.one("", "", "30m", "1h", "2h")
		return r
	}
	r.behalf = p.may("behalf", p.people(2, true))
	r.extend = p.may("extend", "1h", "2h", "4h")
	if r.glass = p.may("glass", p.people(2, false)); r.glass != "" {
		r.glassMost = p.one("30m", "1h", "2h")
	}
	p.gives(&r)
	return r
}

func (p *pairs) gives(r *ruleWording) {
	r.perPerson = p.may("limit", "1/24h", "2/24h", "1/2h", "3/7d")
	r.expires = p.may("expires", "2026-02-01", "2026-02-04", "2026-01-01")
	if p.IntN(3) == 0 {
		r.count = 0
		return
	}
	r.from = p.people(2, false)
	r.each = p.may("each", p.people(2, false))
	if p.about("each") && p.IntN(4) == 0 && r.each != "" {
		r.from = ""
	}
	if p.about("strict") {
		r.note, r.stepUp = p.one("", "required"), p.one("", "true")
	}
	r.last = p.may("last", "1", "2")
	r.escalate = p.may("escalate", p.people(2, false))
	if r.auto = p.may("beside", "true"); r.auto != "" {
		r.autoMost = p.one("", "30m", "1h", "2h")
		r.autoHours = p.may("hours", `"08:00-18:00"`, `"09:00-17:00"`)
		r.autoDays = p.may("hours", "[mon-fri]", "[sat, sun]")
	}
}

func (p *pairs) wording() *wording {
	w := &wording{tz: "Europe/Berlin", most: "4h", std: p.one("1h", "1h", "30m"), sre: "ann@example.com, bo@example.com", pay: "bo@example.com, cy@example.com", turns: "bo@example.com, zed@example.com", sensitivity: "high"}
	if p.about("zone") {
		w.tz = p.one("Europe/Berlin", "America/New_York", "UTC")
	}
	if p.about("turns") && p.IntN(2) == 0 {
		w.turns = p.one("bo@example.com", "cy@example.com, ann@example.com", "zed@example.com")
	}
	for i := range 1 + p.IntN(3) {
		w.rules = append(w.rules, p.rule(fmt.Sprintf("r%d", i)))
	}
	return w
}

// atomic changes one thing, as a suggestion does; elsewhere changes what is no
// rule's own.
func (p *pairs) atomic(w *wording) {
	i := p.IntN(len(w.rules))
	r := &w.rules[i]
	fresh := p.rule(r.id)
	switch p.IntN(30) {
	case 0, 1:
		r.most = p.one(lengthsOf...)
	case 2, 3:
		r.std = p.one(lengthsOf...)
	case 4:
		r.least = p.one(lengthsOf...)
	case 5, 6:
		r.eligible = p.list(r.eligible, true)
	case 7, 8:
		if r.from != "" {
			r.from = p.list(r.from, false)
		}
	case 9:
		r.count = 1 + p.IntN(3)
		if r.from == "" {
			r.from = p.people(2, false)
		}
	case 10:
		r.reason = p.one("", "INC", "'.{8,}'", "'.{20,}'", "'.{12,}'")
	case 11:
		r.ticket = p.one("", "true", "{open: true}", "{open: true, assignee: self}")
	case 12:
		r.note = p.one("", "required")
	case 13:
		r.last = p.one("", "1", "2")
	case 14:
		r.auto, r.autoMost, r.expires = "true", p.one("30m", "1h", "2h"), p.one("", "2026-02-01")
	case 15:
		r.hours, r.autoHours = p.one("", `"08:00-18:00"`, `"09:00-17:00"`), ""
	case 16, 17:
		if len(w.rules) > 1 {
			w.rules = slices.Delete(w.rules, i, i+1)
		}
	case 18:
		w.rules = slices.Insert(w.rules, i, p.rule("new"))
	case 19:
		r.extend = p.one("", "1h", "2h", "4h")
	case 20:
		r.escalate = p.one("", p.people(2, false))
	case 21:
		r.glass, r.glassMost = fresh.glass, fresh.glassMost
	case 22:
		r.when = fresh.when
	case 23:
		r.onCall = p.one("", p.schedule())
	case 24:
		r.days, r.autoDays = fresh.days, fresh.autoDays
	case 25:
		r.match = fresh.match
	case 26:
		r.behalf = fresh.behalf
	case 27:
		r.perPerson, r.expires = fresh.perPerson, fresh.expires
	case 28:
		r.each, r.stepUp = fresh.each, fresh.stepUp
		if r.from == "" && r.each == "" && r.count > 0 {
			r.from = p.people(2, false)
		}
	default:
		p.elsewhere(w)
	}
}

func (p *pairs) elsewhere(w *wording) {
	switch p.IntN(8) {
	case 0:
		w.most = p.one("2h", "4h", "8h")
	case 1:
		w.std = p.one("15m", "30m", "1h", "2h")
	case 2:
		w.sre = p.one("ann@example.com", "ann@example.com, bo@example.com, dee@example.com")
	case 3:
		w.pay = p.one("bo@example.com", "bo@example.com, cy@example.com, dee@example.com", "", "far")
	case 4:
		w.turns = p.one("bo@example.com", "cy@example.com, ann@example.com")
	case 5:
		w.tz = p.one("Europe/Berlin", "America/New_York", "UTC", "Europe/Paris")
	case 6:
		w.sensitivity = p.one("low", "medium")
	default:
		p.Shuffle(len(w.rules), func(i, j int) { w.rules[i], w.rules[j] = w.rules[j], w.rules[i] })
	}
}

// list adds an item to a list in brackets, or takes one out.
func (p *pairs) list(text string, open bool) string {
	items := strings.Split(strings.Trim(text, "[]"), ", ")
	if p.IntN(2) == 0 && len(items) > 1 {
		k := p.IntN(len(items))
		items = slices.Delete(items, k, k+1)
	} else {
		items = append(items, strings.Trim(p.people(1, open), "[]"))
	}
	slices.Sort(items)
	return "[" + strings.Join(slices.Compact(items), ", ") + "]"
}

// pair is two policies of one seed: most differ in one thing, some in two or
// three, and some have nothing to do with one another.
func pairOf(seed uint64) (before, after *policy.Policy, text string, kind string) {
	o := options()
	o.WarnUnreachable = true
	for try := uint64(0); ; try++ {
		p := &pairs{Rand: rand.New(rand.NewPCG(seed, try))}
		for range 1 + p.IntN(3) {
			p.few = append(p.few, p.one(themes...))
		}
		w := p.wording()
		old := w.text()
		switch n := p.IntN(10); {
		case n < 7:
			kind = "one"
			p.atomic(w)
		case n < 9:
			kind = "some"
			for range 2 + p.IntN(2) {
				p.atomic(w)
			}
		default:
			kind = "other"
			w = p.wording()
		}
		now := w.text()
		if old == now {
			continue
		}
		a, errA := policy.Load("old.yaml", []byte(old), o)
		b, errB := policy.Load("new.yaml", []byte(now), o)
		if errA == nil && errB == nil {
			return a, b, old + "--- new\n" + now, kind
		}
	}
}

// world is everything that a pair could be asked, value by value.
type worldOf struct {
	users, askers, resources, reasons []string
	kinds                             []policy.RequestKind
	lengths, helds, lefts             []time.Duration
	tickets                           []*policy.Ticket
	ats                               []time.Time
	pasts                             [][]time.Duration
	live, far                         [][]string
	shifts                            []policy.Shift
	incidents                         [][]policy.Incident
	lasts                             [][]policy.PastApproval
	advance                           [][]policy.Advance
}

func has(text string, any ...string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(text, s) })
}

func mail(names ...string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		if out[i] = n; n != "USER" && n != "BY" {
			out[i] = n + "@example.com"
		}
	}
	return out
}

// worldFor reads from the text what a pair is about.
func worldFor(text string) *worldOf {
	w := &worldOf{
		users: mail("ann", "bo", "cy", "dee", "zed", "zoe"), askers: []string{""}, resources: []string{"prod-db", "prod-web", "wiki"},
		reasons: []string{"x"}, kinds: []policy.RequestKind{policy.Access}, tickets: []*policy.Ticket{nil}, pasts: [][]time.Duration{nil},
		live: [][]string{{}}, far: [][]string{{}}, shifts: []policy.Shift{{Schedule: "primary"}}, incidents: [][]policy.Incident{nil},
		lasts: [][]policy.PastApproval{nil}, helds: []time.Duration{0}, lefts: []time.Duration{0}, advance: [][]policy.Advance{nil},
	}
	duty := has(text, "oncall:primary", "on_call: primary", "primary]")
	if has(text, "on_behalf:") {
		w.askers = append(w.askers, w.users...)
	}
	if has(text, "reason:") {
		w.reasons = []string{"x", "INC", "INC-4", "look", "a longer one", "a longer INC", "INC-42 no", "look at it", "inc-7 and a longer one", "look at this one please", "a reason without any word in it"}
	}
	if has(text, "extend:") {
		w.kinds, w.helds = append(w.kinds, policy.Extension), []time.Duration{0, 29 * time.Minute, 31 * time.Minute, time.Hour, 90 * time.Minute, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour}
		if duty || has(text, "turns]", "oncall:turns", "on_call: turns") {
			w.lefts = []time.Duration{0, 10 * time.Minute}
		}
	}
	if has(text, "break_glass:") {
		w.kinds = append(w.kinds, policy.BreakGlass)
	}
	w.when(text)
	w.instants(text)
	if has(text, "ticket:", "ticket.open") {
		for _, open := range []bool{false, true} {
			for _, who := range []string{"", "USER", "other@example.com"} {
				w.tickets = append(w.tickets, &policy.Ticket{ID: "OPS-1", Open: open, Assignee: who})
			}
		}
	}
	if has(text, "per_person:") {
		h := time.Hour
		w.pasts = [][]time.Duration{nil, {h}, {5 * h}, {h, 5 * h}, {h, h}, {5 * h, 6 * h}, {30 * h}, {30 * h, 31 * h, 32 * h}, {5 * h, 31 * h, 32 * h}, {h, 31 * h, 32 * h}}
	}
	others := [][]string{nil, mail("p1"), mail("p1", "p2", "dee")}
	in := func(others [][]string) (out [][]string) {
		for _, o := range others {
			for _, who := range [][]string{nil, {"USER"}, {"BY"}, {"USER", "BY"}} {
				if len(w.askers) > 1 || !slices.Contains(who, "BY") {
					out = append(out, slices.Concat(who, o))
				}
			}
		}
		return out
	}
	if has(text, "group:live", "principal.groups") {
		w.live = in(others)
	}
	if has(text, "group:far", "principal.groups", "{okta: {group: pay}}") {
		w.far = in(others[:2])
	}
	if duty {
		w.shifts = nil
		for _, who := range in(others) {
			for _, left := range []time.Duration{20 * time.Minute, 100 * time.Hour} {
				w.shifts = append(w.shifts, policy.Shift{Schedule: "primary", People: who, Until: noon.Add(left)})
			}
		}
	}
	if has(text, "incident.") {
		w.incidents = [][]policy.Incident{nil, {{ID: "I", OpenedBy: "other@example.com"}}, {{ID: "I", OpenedBy: "USER"}}, {{ID: "I", OpenedBy: "USER"}, {ID: "J", OpenedBy: "other@example.com"}}}
	}
	if has(text, "exclude_last:") {
		for _, by := range [][]string{mail("bo"), mail("cy"), mail("ann"), mail("bo", "cy"), mail("p1"), mail("ann", "bo")} {
			for _, rule := range []string{"r0", "r1", "r2", "new"} {
				w.lasts = append(w.lasts, []policy.PastApproval{{Rule: rule, By: by}}, []policy.PastApproval{{Rule: rule, By: mail("zoe")}, {Rule: rule, By: by}})
			}
		}
	}
	return w
}

// when collects the lengths on each side of every bound, and none.
func (w *worldOf) when(text string) {
	w.lengths = []time.Duration{0}
	seen := []time.Duration{5 * time.Minute, 25 * time.Hour}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,{}()\"'\n", r) }) {
		if d, err := time.ParseDuration(word); err == nil && d > 0 {
			seen = append(seen, d-time.Minute, d, d+time.Minute)
		}
	}
	slices.Sort(seen)
	w.lengths = append(w.lengths, slices.Compact(seen)...)
}

// instants is Wednesday noon, and what hours, days, dates and turns tell apart.
func (w *worldOf) instants(text string) {
	w.ats = []time.Time{noon}
	if has(text, "oncall:turns", "on_call: turns", "[turns") {
		for k := 1; k < 3; k++ {
			w.ats = append(w.ats, noon.AddDate(0, 0, 7*k))
		}
		w.ats = append(w.ats, time.Date(2026, 1, 12, 7, 40, 0, 0, time.UTC)) // soon before a handover in Berlin
	}
	if has(text, "expires:") {
		for _, day := range []string{"2025-12-31", "2026-01-31", "2026-02-01", "2026-02-03", "2026-02-04"} {
			d, _ := time.Parse(time.DateOnly, day)
			w.ats = append(w.ats, d.Add(12*time.Hour), d, d.Add(4*time.Hour+30*time.Minute))
		}
	}
	if !has(text, "hours:", "days:", "getHours") {
		return
	}
	days := []string{"2026-01-07", "2026-01-10", "2026-01-11", "2026-07-08", "2026-03-29", "2026-03-08", "2026-06-07"}
	if has(text, "expires:") {
		days = []string{"2026-01-07", "2026-01-11", "2026-01-31", "2026-02-01", "2026-02-05", "2026-06-07", "2026-07-08"}
	}
	for _, day := range days {
		d, _ := time.Parse(time.DateOnly, day)
		for _, clock := range []string{"0h", "30m", "1h20m", "7h20m", "8h", "8h59m", "9h20m", "12h", "13h20m", "16h59m", "17h30m", "19h20m", "22h20m", "23h10m"} {
			at, _ := time.ParseDuration(clock)
			w.ats = append(w.ats, d.Add(at))
		}
	}
}

func (w *worldOf) dims() []int {
	return []int{
		len(w.users), len(w.askers), len(w.resources), len(w.reasons), len(w.kinds), len(w.lengths), len(w.helds), len(w.lefts), len(w.tickets),
		len(w.ats), len(w.pasts), len(w.live), len(w.far), len(w.shifts), len(w.incidents), len(w.lasts),
	}
}

func (w *worldOf) size() int {
	n := 1
	for _, d := range w.dims() {
		n *= d
	}
	return n
}

// at is one situation by its number; ok is false if there is none of it.
func (w *worldOf) at(n int) (r *policy.Request, f *policy.Facts, ok bool) {
	k := func(d int) int {
		i := n % d
		n /= d
		return i
	}
	r = &policy.Request{User: w.users[k(len(w.users))], By: w.askers[k(len(w.askers))]}
	r.Resource, r.Reason, r.Kind = w.resources[k(len(w.resources))], w.reasons[k(len(w.reasons))], w.kinds[k(len(w.kinds))]
	r.Duration, r.Held, r.Left = w.lengths[k(len(w.lengths))], w.helds[k(len(w.helds))], w.lefts[k(len(w.lefts))]
	ticket := w.tickets[k(len(w.tickets))]
	f = &policy.Facts{At: w.ats[k(len(w.ats))], IncidentsKnown: true, AutoApprovedKnown: true, LastApproversKnown: true}
	for _, ago := range w.pasts[k(len(w.pasts))] {
		f.AutoApproved = append(f.AutoApproved, f.At.Add(-ago))
	}
	by := r.By
	if by == "" {
		by = r.User
	}
	f.Groups = map[string][]string{"live": named(w.live[k(len(w.live))], r.User, by), "far": named(w.far[k(len(w.far))], r.User, by)}
	f.Groups["pay"] = f.Groups["far"]
	shift := w.shifts[k(len(w.shifts))]
	shift.People = named(shift.People, r.User, by)
	if shift.Until.IsZero() {
		shift.Until = noon.Add(100 * time.Hour)
	}
	shift.Until = f.At.Add(shift.Until.Sub(noon))
	f.OnCall = []policy.Shift{shift}
	for _, in := range w.incidents[k(len(w.incidents))] {
		in.OpenedBy = named([]string{in.OpenedBy}, r.User, by)[0]
		f.Incidents = append(f.Incidents, in)
	}
	f.LastApprovers = w.lasts[k(len(w.lasts))]
	if ticket != nil {
		r.Ticket, f.Ticket = "OPS-1", &policy.Ticket{ID: "OPS-1", Open: ticket.Open, Assignee: named([]string{ticket.Assignee}, r.User, by)[0]}
	}
	extends := r.Kind == policy.Extension
	switch {
	case r.By == r.User, r.Kind == policy.BreakGlass && r.By != "":
		return r, f, false
	case extends && (r.Held == 0 || r.Duration == 0), !extends && (r.Held > 0 || r.Left > 0), r.Left > r.Held:
		return r, f, false
	}
	return r, f, true
}

// tried is the first request found that gets more, looking at most at so many;
// all is true if that was every one.
func tried(before, after *policy.Policy, text string, since time.Time, most int, seed uint64) (r *policy.Request, f *policy.Facts, all bool) {
	w := worldFor(text)
	w.ats = append(w.ats, noon.AddDate(1, 0, 0), noon.AddDate(1, 0, 7), noon.AddDate(1, 0, 14))
	w.ats = slices.DeleteFunc(w.ats, func(at time.Time) bool { return at.Before(since) })
	size := w.size()
	dice := rand.New(rand.NewPCG(seed, 99))
	for i := range min(size, most) {
		n := i
		if size > most {
			n = dice.IntN(size)
		}
		r, f, ok := w.at(n)
		if ok && gotMore(before, after, r, f) {
			return r, f, size <= most
		}
	}
	return nil, nil, size <= most
}

// gotMore reports whether the new policy gives a request more.
func gotMore(before, after *policy.Policy, r *policy.Request, f *policy.Facts) bool {
	d, e := before.Decide(r, f), after.Decide(r, f)
	if d.Outcome == e.Outcome && d.Outcome != policy.Approval {
		return e.Outcome != policy.Deny && e.Duration > d.Duration
	}
	if e.Outcome != policy.Approval || d.Outcome != policy.Approval {
		return e.Outcome > d.Outcome
	}
	return answersOf(after, r, f).gets(answersOf(before, r, f))
}

func TestNothingThatIsCalledNarrowGivesAnyRequestMore(t *testing.T) {
	t.Parallel()
	n, first, most := 200, uint64(1), 800
	if text := os.Getenv("JIT_TEST_ONE_EDIT"); text != "" { // how many, where to begin, how many requests each
		parts := strings.Split(text+",,", ",")
		n, _ = strconv.Atoi(parts[0])
		if k, err := strconv.Atoi(parts[1]); err == nil {
			first = uint64(k)
		}
		if k, err := strconv.Atoi(parts[2]); err == nil {
			most = k
		}
	}
	seen, wrong, whole := map[string]int{}, 0, 0
	for seed := first; seed < first+uint64(n); seed++ {
		before, after, text, kind := pairOf(seed)
		since := []time.Time{{}, {}, noon.AddDate(0, 0, 26), noon.AddDate(0, 0, 79)}[seed%4] // the last lies in the week in which clocks are put forward
		got := policy.Compare(before, after, policy.CompareOptions{Since: since})
		seen[kind+" "+string(got.Direction)]++
		checkExamples(t, before, after, got)
		if got.Direction != policy.Same && got.Direction != policy.Narrow {
			continue
		}
		r, f, all := tried(before, after, text, since, most, seed)
		if all {
			whole++
		}
		if r == nil {
			continue
		}
		if wrong++; wrong <= 8 {
			t.Errorf("seed %d, %s: it is called %s, but %+v with %+v gets %+v, and got %+v\n%s\n%s", seed, kind, got.Direction, r, f, after.Decide(r, f), before.Decide(r, f), text, changesText(got))
		}
	}
	t.Logf("%d pairs: %v; %d of those called narrow or the same were tried with every request; %d wrong", n, seen, whole, wrong)
}
