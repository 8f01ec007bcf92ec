package simulate

import (
	"slices"
	"time"

	"jitbot/analysis"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// Truth is what is really wrong in an organisation, and what only looks so.
type Truth struct {
	Seed     uint64    `json:"seed"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Problems []Problem `json:"problems"`
	Innocent []Problem `json:"innocent"` // must not be found
}

// Problem is one thing that is wrong, or seems to be.
type Problem struct {
	Class   analysis.Class   `json:"class"`
	Also    []analysis.Class `json:"also,omitempty"` // classes under which it may be found as well
	Rule    string           `json:"rule,omitempty"`
	Subject string           `json:"subject,omitempty"` // as a finding has it; empty: all of the rule
	Or      []string         `json:"or,omitempty"`      // subjects under which it may be found as well
	Kind    string           `json:"kind,omitempty"`
	Role    string           `json:"role,omitempty"` // side doors: the one that was used
	Why     string           `json:"why"`
	Since   time.Time        `json:"since"`
	Edit    *edit.Edit       `json:"edit,omitempty"` // that settles it; nil: people have to act
	// N is how much evidence there is, before logs lost any, and Enough whether
	// the class needs no more. Of a single deed there is evidence if a log tells
	// of it, and whose it was.
	N      int  `json:"n"`
	Enough bool `json:"enough"`
	// Span is how long access is really needed, for edits of durations.
	Span *Span `json:"span,omitempty"`
}

// Span is log-normal.
type Span struct {
	Median time.Duration `json:"median"` // nanoseconds
	Sigma  float64       `json:"sigma"`
}

// told are the deeds of which logs tell, and by which grant they say: without
// hearsay, as nobody may be accused by that.
func (g *Org) told() map[string]string {
	out := make(map[string]string, len(g.Deeds))
	for i := range g.Deeds {
		if d := &g.Deeds[i]; !d.Hearsay {
			out[d.ID] = d.Grant
		}
	}
	return out
}

// judge writes down the truth.
func (g *Org) judge() {
	told := g.told()
	g.Truth = Truth{Seed: g.Seed, From: g.From, Until: g.Until, Problems: []Problem{}, Innocent: []Problem{}}
	for _, a := range g.areas {
		g.crowded(a)
		for _, p := range a.problems {
			for _, is := range g.truths(a, p, told) {
				if p.twin && !g.tooFew(a, p) {
					g.Truth.Innocent = append(g.Truth.Innocent, is)
				} else {
					g.Truth.Problems = append(g.Truth.Problems, is)
				}
			}
		}
	}
}

// crowded notes that each of a team asks again and again where it is so.
func (g *Org) crowded(a *area) {
	if a.perWeek < busy {
		return
	}
	is := Problem{Class: "A21", Rule: a.id, Subject: g.teams[a.owner].group(), Why: "a team asks for it all day", Since: g.from(a)}
	for _, who := range g.teams[a.owner].members {
		is.Or = append(is.Or, "person:"+who.email)
	}
	g.Truth.Problems = append(g.Truth.Problems, is)
}

// tooFew reports whether a twin is none, as the small group that makes it one has
// not even ten requests: nobody can tell then.
func (g *Org) tooFew(a *area, p problem) bool {
	return a.few && (p.class == "A2" || p.class == "A12") && g.tally(a, whole, func(k *ask) bool {
		return k.from > 0 && decided(k) && (p.class != "A2" || used(k))
	}) < 12
}

// truths are the problems that one plant makes.
func (g *Org) truths(a *area, p problem, told map[string]string) []Problem {
	is := Problem{Class: p.class, Rule: a.id, Since: g.From}
	switch p.class {
	case "A5", "A6", "A7", "A8", "A9", "A10":
		if is.Subject = a.marked[p]; is.Subject == "" {
			return nil
		}
		g.ofSession(a, p, &is, told)
	default:
		g.ofRule(a, p, &is)
	}
	if p.class == "A4" && p.twin && a.marked[p] != "" {
		g.Truth.Problems = append(g.Truth.Problems, Problem{
			Class: "A4", Rule: a.id, Subject: a.marked[p], Kind: "suspicion", Why: "one person tried many things in vain", N: 14, Enough: true, Since: g.From,
		})
	}
	if a.lone && (p.class == "A12" || p.class == "A13") {
		also := Problem{Class: "A15", Rule: a.id, Why: "one approver does it all", N: g.tally(a, 90, decided), Since: g.From}
		also.Enough = also.N >= 30
		g.Truth.Problems = append(g.Truth.Problems, also)
	}
	if a.starving && p.class == "A16" {
		g.Truth.Problems = append(g.Truth.Problems, Problem{
			Class: "A16", Also: []analysis.Class{"A20"}, Rule: a.id, Kind: starved, Why: "the glass was broken as nobody answered", N: is.N, Enough: is.Enough, Since: g.From,
		})
	}
	return []Problem{is}
}

// tally counts the requests of an area that were asked for in the last days and
// that count.
func (g *Org) tally(a *area, days int, counts func(*ask) bool) int {
	n, from := 0, g.Until.AddDate(0, 0, -days)
	for _, k := range g.asked {
		if k.area == a && !k.at.Before(from) && counts(k) {
			n++
		}
	}
	return n
}

// busy is how many requests a week are so many that all of a team asks again and
// again.
const busy = 25

// whole is more days than any past has.
const whole = 400

func given(k *ask) bool { return k.line.Grant != nil }

func used(k *ask) bool { return given(k) && !k.use.none && !k.use.denied }

// decided reports whether a person said yes or no.
func decided(k *ask) bool {
	return k.line.DecidedBy != "policy" && (k.line.State == string(jit.RequestApproved) || k.line.State == string(jit.RequestDenied))
}

func set(a *area, value string, path ...string) *edit.Edit {
	return &edit.Edit{Op: edit.Set, Rule: a.id, Path: path, Value: value}
}

func remove(a *area, item string, path ...string) *edit.Edit {
	return &edit.Edit{Op: edit.RemoveItem, Rule: a.id, Path: path, Item: item}
}

// ofRule says what there is to know of a problem of a whole rule.
func (g *Org) ofRule(a *area, p problem, is *Problem) {
	least := 0
	last := len(a.grantees) - 1
	group := g.teams[a.grantees[last].team].group()
	count := func(days, atLeast int, counts func(*ask) bool) { is.N, least = g.tally(a, days, counts), atLeast }
	switch p.class {
	case "A1":
		count(90, 10, func(k *ask) bool { return given(k) && k.kind == policy.Access && (!a.partly || k.from == last) })
		is.Why, is.Edit, is.Or = "most grants are not used", set(a, "1h", "default_duration"), g.groups(a)
		if a.partly {
			is.Why, is.Subject, is.Edit, is.Or = "this group uses little of what it is given", group, nil, nil
		}
	case "A2":
		count(whole, 22, func(k *ask) bool { return used(k) && k.kind == policy.Access })
		is.Why, is.Span, is.Edit = "it is used for a small part of the longest time", &Span{a.span, a.spanSigma}, set(a, "2h", "max_duration")
	case "A3":
		count(whole, 59, used)
		is.Why, is.Subject = "a service is granted that nobody uses", a.dead
	case "A4":
		count(28, 12, used)
		is.Why, is.Subject, is.Kind = "many lack the same right", lacking, "friction"
	case "A11":
		count(90, 20, used)
		is.Why = "people say that they only look, and change things"
	case "A12":
		count(180, 73, decided)
		is.Why = "everything is approved within seconds"
		switch a.sensitivity { // in between it is for people to say
		case "high":
			is.Edit = set(a, "2", "approvals", "count")
		case "low":
			is.Edit = &edit.Edit{Op: edit.AddKey, Rule: a.id, Path: []string{"auto_approve"}}
			is.N = g.spared(a, 180)
		}
	case "A13":
		count(180, 8, func(k *ask) bool { return k.from == last && decided(k) })
		is.Why, is.Subject, is.Edit = "this group's requests are nearly always denied", group, remove(a, group, "eligible")
	case "A14":
		count(whole, 20, func(k *ask) bool { return len(k.line.Told) > 1 })
		is.Why, is.Subject, is.Edit = "this approver never answers", "person:"+a.extra.email, remove(a, a.extra.email, "approvals", "from")
	case "A15":
		count(90, 30, decided)
		is.Why = "one approver does nearly all"
	case "A16":
		is.N, is.Why, is.Edit = g.tally(a, 28, func(k *ask) bool { return k.kind == policy.BreakGlass }), "the glass is broken too often", set(a, "1h", "break_glass", "max_duration")
		least, is.Or = 5, g.often(a)
	case "A17":
		is.N, is.Why, is.Edit = 0, "nobody asks for it", &edit.Edit{Op: edit.DeleteRule, Rule: a.id}
	case "A18":
		count(90, 20, func(k *ask) bool { return k.from != last })
		is.Why, is.Subject, is.Edit = "this group asks for nothing", group, remove(a, group, "eligible")
	case "A19":
		count(90, 20, given)
		is.Why, is.Edit = "the time is often too short", set(a, "2h", "default_duration")
	case "A20":
		count(90, 20, func(k *ask) bool { return k.line.Outcome == "approval" })
		is.Why, is.Edit = "requests wait too long", &edit.Edit{Op: edit.AddItem, Rule: a.id, Path: []string{"approvals", "from"}}
	case "A21":
		g.ofRegular(a, is)
		least = 12
	}
	is.Enough = is.N >= least && (p.class != "A17" || g.Weeks >= 13) && (p.class != "A14" || a.begins == 0)
}

// usual is how many sessions of a rule, and how many writes in them, it takes to
// know what is usual there: A7 asks for 60. Two signals that agree may each be as
// likely as 1 in 45 where there are 500 grants a week, and what comes of fewer
// than 45, or where one write in 30 is of a kind that is seen once, is likelier.
const usual = 60

// writes counts the different actions of each session of an area that write, as
// A9 does, and those of a kind that was done in one session only.
func (g *Org) writes(a *area) (n, once int) {
	type write struct{ grant, action string }
	seen, of := map[write]bool{}, map[string]int{}
	for i := range g.Deeds {
		d := &g.Deeds[i]
		if w := (write{d.Grant, d.Action}); d.area == a && !d.ReadOnly && !seen[w] {
			seen[w] = true
			of[d.Action]++
		}
	}
	for _, times := range of {
		if times == 1 {
			once++
		}
	}
	return len(seen), once
}

// spared are the decisions of an area of the last days in those quarters of the
// day in which there were ten: approvals are left out of no others.
func (g *Org) spared(a *area, days int) int {
	var of [4]int
	g.tally(a, days, func(k *ask) bool {
		if decided(k) {
			of[k.at.In(g.Policy.Timezone()).Hour()/6]++
		}
		return false
	})
	n := 0
	for _, in := range of {
		if in >= 10 {
			n += in
		}
	}
	return n
}

func (g *Org) groups(a *area) []string {
	out := make([]string, 0, len(a.grantees))
	for _, gr := range a.grantees {
		out = append(out, g.teams[gr.team].group())
	}
	return out
}

// often are the people who broke the glass three times of late.
func (g *Org) often(a *area) []string {
	var out []string
	times := map[string]int{}
	for _, k := range g.asked {
		if k.area == a && k.kind == policy.BreakGlass && !k.at.Before(g.Until.AddDate(0, 0, -28)) {
			if times[k.who.email]++; times[k.who.email] == 3 {
				out = append(out, "person:"+k.who.email)
			}
		}
	}
	return out
}

// ofRegular finds who asks again and again.
func (g *Org) ofRegular(a *area, is *Problem) {
	is.Why = "one person asks for it every day"
	for _, k := range g.asked {
		if k.area == a && k.regular {
			is.Subject = "person:" + k.who.email
			is.N++
		}
	}
}

// ofSession says what there is to know of a single session: the evidence is the
// past of its rule.
func (g *Org) ofSession(a *area, p problem, is *Problem, told map[string]string) {
	n, once := g.writes(a)
	is.N, is.Why = min(g.tally(a, whole, given), n), "an odd session"
	is.Enough = is.N > usual && usual*once <= 2*n // the planted write is one of them
	for _, c := range signs[p.class] {
		if c != p.class {
			is.Also = append(is.Also, c)
		}
	}
	whose := is.Subject
	switch p.class {
	case "A5":
		is.Why = "something else was changed"
	case "A6":
		is.Kind, is.Why = "after_end", "it was used after its end"
		if a.door {
			is.Kind, is.Role, is.Why, whose = sideDoor, a.role(), "the role was used without a grant", ""
		}
	default:
		return
	}
	is.N, is.Enough = len(a.shows[p]), slices.ContainsFunc(a.shows[p], func(id string) bool {
		grant, ok := told[id]
		return ok && grant == whose
	})
}
