package effect

import (
	"encoding/json"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// look is one call of [Judge].
type look struct {
	In

	incidents []stretch
	asked     map[wanted][]time.Time // new access, in order
}

// wanted is somebody's wish for something.
type wanted struct{ user, resource string }

func newLook(in In) *look {
	l := &look{In: in, incidents: incidentsOf(in.Past), asked: map[wanted][]time.Time{}}
	for i := range in.Past.Cases {
		if c := &in.Past.Cases[i]; c.Kind != jit.Extension && !c.At.After(in.At) {
			key := wanted{c.User, c.Resource}
			l.asked[key] = append(l.asked[key], c.At)
		}
	}
	for _, at := range l.asked {
		slices.SortFunc(at, time.Time.Compare)
	}
	return l
}

// askedIn reports whether somebody asked for something from an instant on, until
// another; both count.
func (l *look) askedIn(user, resource string, from, to time.Time) bool {
	all := l.asked[wanted{user, resource}]
	i, _ := slices.BinarySearchFunc(all, from, time.Time.Compare)
	return i < len(all) && !all[i].After(to)
}

// scope is one edit with the requests it may have changed something for.
type scope struct {
	*look

	g         jit.Suggestion
	e         edit.Edit
	days      *days
	old       *policy.Policy // in force before the edit; nil: not known
	rules     map[string]bool
	resources map[string]bool    // that the rules give
	own       [2][]*history.Case // that the rules decided, before and after
	all       [2][]*history.Case // for what the rules give, whatever decided
	total     [2]int             // requests for anything
}

func (l *look) scopeOf(g jit.Suggestion, since time.Time) *scope {
	s := &scope{look: l, g: g, days: daysOf(since, l.Past, l.incidents), rules: map[string]bool{g.Rule: true}, resources: map[string]bool{}}
	_ = json.Unmarshal(g.Edit, &s.e) // of an odd edit only the rule counts
	if s.e.Op == edit.AddRule {
		s.rules[edit.NewRule(s.e)] = true
	}
	s.old = l.policyBefore(since)
	if s.old != nil {
		for _, name := range s.old.Rule(s.old.RuleNamed(g.Rule)).Resources {
			s.resources[name] = true
		}
	}
	for i := range l.Past.Cases {
		if c := &l.Past.Cases[i]; s.rules[c.Rule] && c.Rule != "" {
			s.resources[c.Resource] = true
		}
	}
	s.sort()
	return s
}

// sort puts the cases on their sides.
func (s *scope) sort() {
	for i := range s.Past.Cases {
		c := &s.Past.Cases[i]
		side := s.days.side(c.At)
		if side < 0 || c.At.After(s.At) {
			continue
		}
		s.total[side]++
		if s.resources[c.Resource] {
			s.all[side] = append(s.all[side], c)
		}
		if c.Rule != "" && s.rules[c.Rule] {
			s.own[side] = append(s.own[side], c)
		}
	}
}

// policyBefore is what decided the last request before an instant.
func (l *look) policyBefore(since time.Time) *policy.Policy {
	sha := ""
	for i := range l.Past.Cases {
		if c := &l.Past.Cases[i]; c.At.Before(since) && c.PolicySHA256 != "" {
			sha = c.PolicySHA256
		}
	}
	if sha == "" || l.Policies == nil {
		return nil
	}
	p, err := l.Policies.Policy(sha)
	if err != nil {
		return nil
	}
	return p
}
