package bot

import (
	"context"
	"slices"
	"strings"
	"time"

	"jitbot/policy"
)

// membership resolves who a policy means, from facts gathered once.
type membership struct {
	policies []*policy.Policy
	facts    *policy.Facts
}

// crowd is some people; or everyone; or nobody can tell because of one ref.
type crowd struct {
	people   map[string]bool
	everyone bool
	unknown  string
}

// membership gathers the groups and schedules a change has to do with.
func (s *Service) membership(ctx context.Context, c candidate) *membership {
	ctx, cancel := context.WithTimeout(ctx, factsBudget)
	defer cancel()
	now := s.Now()
	g := &gathering{s: s, facts: &policy.Facts{At: now, Groups: map[string][]string{}}}
	refs := gainers(c)
	for _, id := range touched(c.edit) {
		r := c.next.Rule(c.next.RuleNamed(id))
		refs = append(append(refs, r.Approvers...), r.Each...)
	}
	slices.Sort(refs)
	for _, ref := range slices.Compact(refs) {
		s.gatherRef(ctx, g, c.next, ref, now)
	}
	return &membership{[]*policy.Policy{c.before, c.next}, g.close(ctx)}
}

func (s *Service) gatherRef(ctx context.Context, g *gathering, p *policy.Policy, ref string, now time.Time) {
	kind, name, _ := strings.Cut(ref, ":")
	switch kind {
	case "group":
		if source, _ := p.GroupSource(name); source != "" {
			g.start(func() { g.group(ctx, p, name) })
		}
	case "oncall":
		if source, _ := p.Source(name); source != "" {
			g.start(func() { g.schedule(ctx, p, name, now) })
		}
	}
}

// all is who some refs name, before or after. Of a rotation it is everybody
// whose turn it can be.
func (m *membership) all(refs []string) crowd {
	out := crowd{people: map[string]bool{}}
	for _, ref := range refs {
		if ref == "everyone" {
			out.everyone = true
			continue
		}
		for _, p := range m.policies {
			who, known := p.Members(ref, m.facts)
			if schedule, ok := strings.CutPrefix(ref, "oncall:"); ok {
				if r, static := p.Rotation(schedule); static {
					who, known = append(slices.Clone(who), r.Members()...), true
				}
			}
			if !known {
				out.unknown = ref
			}
			for _, id := range who {
				out.people[id] = true
			}
		}
	}
	return out
}
