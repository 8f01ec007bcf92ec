package simulate

import (
	"fmt"
	"strings"
	"time"

	"jitbot/policy"
)

// Place is a resource of a policy that stands, with who asks for it and how they
// behave.
type Place struct {
	Resource string
	Groups   []string // of the policy, who ask equally often
	PerWeek  float64
	Urgent   bool          // reasons name an incident
	Length   time.Duration // that is asked for; 0: the rule's default
	Span     time.Duration // median of how long it is used
	Unused   float64       // share of grants with which nothing is done
	Refused  float64       // share of the answers that are no
	Services []string      // of AWS, in which things are done
	Asks     string        // whom a request is shown to: group:x
}

// In makes a past in an organisation that there is: under its policy, with the
// people of its groups. Nothing in it is wrong on purpose but what the places
// say; it has no truth. Of the options only the seed, the weeks and the end
// count; logs are clean.
func In(p *policy.Policy, places []Place, o Options) (*Org, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	g := &Org{Options: o.filled(), Policy: p, files: map[string]string{}}
	g.Clean, g.Rules = true, len(places)
	g.From = g.Until.AddDate(0, 0, -7*g.Weeks)
	g.accounts = []account{{}}
	groups := map[string]int{}
	for n, pl := range places {
		a, err := g.place(n, pl, groups)
		if err != nil {
			return nil, err
		}
		g.areas = append(g.areas, a)
	}
	if err := g.live(); err != nil {
		return nil, err
	}
	g.act()
	return g, nil
}

func (g *Org) place(n int, pl Place, groups map[string]int) (*area, error) {
	r, ok := g.Policy.Resource(pl.Resource)
	if !ok {
		return nil, fmt.Errorf("the policy has no resource %s", pl.Resource)
	}
	a := &area{
		n: n, resource: pl.Resource, sensitivity: r.Sensitivity, services: pl.Services, perWeek: pl.PerWeek, refuse: pl.Refused,
		answer: 4 * time.Minute, answerSigma: .8, unused: pl.Unused, span: pl.Span, spanSigma: .6, length: pl.Length, urgent: pl.Urgent, asks: pl.Asks,
	}
	for _, e := range r.Entitlements {
		if role := e.Params["role"]; role != "" {
			a.through = role
		}
	}
	for _, name := range pl.Groups {
		if _, known := groups[name]; !known {
			members, _ := g.Policy.Members("group:"+name, &policy.Facts{At: g.From})
			if len(members) == 0 {
				return nil, fmt.Errorf("the policy has no group %s with members", name)
			}
			groups[name] = len(g.teams)
			g.teams = append(g.teams, team{name: name, members: g.people(members)})
		}
		a.grantees = append(a.grantees, grantee{groups[name], 1, pl.Refused, 0, 0})
	}
	return a, nil
}

// people are persons by their e-mails, at the clocks of the policy.
func (g *Org) people(emails []string) []*person {
	loc := g.Policy.Timezone()
	out := make([]*person, 0, len(emails))
	for i, e := range emails {
		name, _, _ := strings.Cut(e, "@")
		out = append(out, &person{email: e, name: name, zone: loc.String(), loc: loc, home: []string{fmt.Sprintf("10.20.%d", i), fmt.Sprintf("81.2.%d", i)}})
	}
	return out
}
