package analysis

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// shared is made at most once for a [Data], by whichever class needs it first.
type shared struct {
	groundOnce, foldOnce, alarmOnce sync.Once

	ground *ground
	fold   *fold
	err    error // of the fold
	alarms []alarm
}

// ground is the cases of a past by numbers: those of their rules, people, teams
// and resources, and what of a case takes more than the case to see.
type ground struct {
	rules     []ruleNow // that decided something
	people    names
	resources names
	teams     names

	rule, person, resource, team []int32 // by case
	again                        []bool  // by case: its person soon wanted the same once more
	calm                         []bool  // by case: no incident was open that we know of
}

// ruleNow is a rule that decided something, as it is now.
type ruleNow struct {
	policy.RuleView

	id    string
	i     int       // of the policy; -1: it is not there any more
	since time.Time // it stands as it is; zero: not known
}

// names number texts in the order of their first appearance.
type names struct {
	all    []string
	number map[string]int32
}

func (n *names) of(text string) int32 {
	if id, ok := n.number[text]; ok {
		return id
	}
	if n.number == nil {
		n.number = map[string]int32{}
	}
	id := int32(len(n.all))
	n.all = append(n.all, text)
	n.number[text] = id
	return id
}

// now is the instant that d is for.
func (d *Data) now() time.Time {
	if d.At.IsZero() {
		return d.Past.To
	}
	return d.At
}

func (d *Data) limits() *Limits {
	if d.Limits == nil {
		return Standard()
	}
	return d.Limits
}

// weeks is how long the past is.
func (d *Data) weeks() float64 {
	to := d.Past.To
	if now := d.now(); to.IsZero() || now.Before(to) {
		to = now
	}
	return max(1, to.Sub(d.Past.From).Hours()/(7*24))
}

func (d *Data) ground() *ground {
	d.shared.groundOnce.Do(func() { d.shared.ground = survey(d) })
	return d.shared.ground
}

// survey makes the ground of d in one pass.
func survey(d *Data) *ground {
	n := len(d.Past.Cases)
	g := &ground{
		rule: make([]int32, n), person: make([]int32, n), resource: make([]int32, n), team: make([]int32, n),
		again: make([]bool, n), calm: make([]bool, n),
	}
	var rules names
	teams := newTeams(d.Policy)
	last := map[[2]int32]int32{} // by person and resource: the case that gave it last
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		r := rules.of(c.Rule)
		if int(r) == len(g.rules) {
			g.rules = append(g.rules, d.ruleNow(c.Rule))
		}
		g.rule[i], g.person[i], g.resource[i] = r, g.people.of(c.User), g.resources.of(c.Resource)
		g.team[i] = g.teams.of(teams.of(c, r, &g.rules[r]))
		g.calm[i] = !bytes.Contains(c.Facts, []byte(`"incidents":[{`))
		key := [2]int32{g.person[i], g.resource[i]}
		if before, ok := last[key]; ok && c.Kind != jit.Extension {
			g.again[before] = g.again[before] || soon(d.Past.Cases[before].Grant, c.At)
		}
		if c.Grant != nil && c.Kind != jit.Extension {
			last[key] = int32(i)
		}
	}
	return g
}

func (d *Data) ruleNow(id string) ruleNow {
	i := d.Policy.RuleNamed(id)
	r := ruleNow{RuleView: d.Policy.Rule(i), id: id, i: i}
	if d.Since != nil && i >= 0 {
		r.since = d.Since(id)
	}
	return r
}

// soon reports whether an instant is so near to a grant's end that more of the
// same was wanted.
func soon(g *history.Grant, at time.Time) bool {
	const near = 30 * time.Minute
	return !g.Ended.IsZero() && at.After(g.From) && at.After(g.Ended.Add(-near)) && !at.After(g.Ended.Add(near))
}

// gave reports whether a case gave access of the ordinary kind that was over at
// an instant.
func gave(c *history.Case, at time.Time) bool {
	g := c.Grant
	return g != nil && c.Kind != jit.Extension && g.Outcome != jit.Failed && !g.From.IsZero() && !g.Ended.After(at)
}

// teams finds the team of whoever asks: the entry of the rule's eligible that
// lets the person in, as a group if one does.
type teams struct {
	policy *policy.Policy
	known  map[teamKey]string
	static map[string]map[string]bool // members by group
}

type teamKey struct {
	rule   int32
	person string
}

const noTeam = "others"

func newTeams(p *policy.Policy) *teams {
	return &teams{policy: p, known: map[teamKey]string{}, static: map[string]map[string]bool{}}
}

func (t *teams) of(c *history.Case, number int32, r *ruleNow) string {
	key := teamKey{number, c.User}
	team, ok := t.known[key]
	if !ok {
		team = t.find(c, r)
		t.known[key] = team
	}
	return team
}

func (t *teams) find(c *history.Case, r *ruleNow) string {
	var facts policy.Facts
	if len(c.Facts) > 0 {
		_ = json.Unmarshal(c.Facts, &facts) // facts that cannot be read name no team
	}
	fallback := noTeam
	for _, who := range r.Eligible {
		switch {
		case strings.HasPrefix(who, "oncall:"):
			if fallback == noTeam {
				fallback = who
			}
		case who == "everyone":
			return t.anyGroup(c.User, who)
		case !strings.HasPrefix(who, "group:"):
			if who == c.User {
				return who
			}
		case t.member(who, c.User, &facts):
			return who
		}
	}
	return fallback
}

func (t *teams) anyGroup(person, otherwise string) string {
	for _, name := range t.policy.Groups() {
		if t.member("group:"+name, person, &policy.Facts{}) {
			return "group:" + name
		}
	}
	return otherwise
}

func (t *teams) member(group, person string, f *policy.Facts) bool {
	if live, ok := f.Groups[strings.TrimPrefix(group, "group:")]; ok {
		for _, m := range live {
			if m == person {
				return true
			}
		}
	}
	set, ok := t.static[group]
	if !ok {
		people, _ := t.policy.Members(group, &policy.Facts{})
		set = make(map[string]bool, len(people))
		for _, m := range people {
			set[m] = true
		}
		t.static[group] = set
	}
	return set[person]
}
