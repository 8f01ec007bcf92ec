package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// writePolicy writes the policy as people do who have worked on it for years:
// each in their own style, with comments where one would not look for them.
func (g *Org) writePolicy() error {
	c := newChance(g.Seed, "policy")
	var b strings.Builder
	b.WriteString("# Who may have what. Ask in #access before you change it.\nversion: 1\n\ndefaults:   # durations: 30m, 1h30m\n" +
		"    timezone: Europe/Berlin\n    max_duration: 12h\n    default_duration: 1h   # when nobody says\n    pending_ttl: 8h\n\n")
	g.writeGroups(&b, c)
	g.writeResources(&b, c)
	b.WriteString("\n# The first that fits decides.\nrules:\n")
	for _, a := range g.areas {
		g.writeRule(&b, c, a)
	}
	g.YAML = []byte(b.String())
	p, err := policy.Load("policy.yaml", g.YAML, policy.Options{Kinds: Kinds(), ReadFile: func(name string) ([]byte, error) {
		text, ok := g.files[name]
		if !ok {
			return nil, fmt.Errorf("%s is not there", name)
		}
		return []byte(text), nil
	}})
	if err != nil {
		return fmt.Errorf("the simulated policy does not load: %w", err)
	}
	g.Policy = p
	return nil
}

// Kinds are the kinds of entitlement that simulated resources give.
func Kinds() []policy.Kind {
	return []policy.Kind{{Name: "aws_session", Params: []policy.Param{{Name: "role", Required: true}, {Name: "session_policy", File: true}}}}
}

func (g *Org) writeGroups(b *strings.Builder, c chance) {
	b.WriteString("groups:\n")
	used, leads := map[int]bool{}, map[int]bool{}
	for _, a := range g.areas {
		leads[a.owner], leads[a.keeper] = true, true
		for _, gr := range a.grantees {
			used[gr.team] = true
		}
	}
	for i, t := range g.teams {
		if c.yes(.3) {
			fmt.Fprintf(b, "  # %s, %s\n", t.name, t.members[0].zone)
		}
		switch {
		case !used[i]:
		case c.yes(.5):
			fmt.Fprintf(b, "  %s: [%s]\n", t.name, strings.Join(emails(t.members), ", "))
		default:
			fmt.Fprintf(b, "  %s:\n", t.name)
			for _, e := range emails(t.members) {
				fmt.Fprintf(b, "    - %s\n", e)
			}
		}
		if leads[i] {
			fmt.Fprintf(b, "  %s-leads: [ %s ]\n", t.name, strings.Join(emails(t.leads), " , "))
		}
	}
	b.WriteString("\n")
}

func emails(people []*person) []string {
	out := make([]string, 0, len(people))
	for _, p := range people {
		out = append(out, p.email)
	}
	slices.Sort(out)
	return out
}

func (g *Org) writeResources(b *strings.Builder, c chance) {
	b.WriteString("resources:\n")
	for _, a := range g.areas {
		fmt.Fprintf(b, "  %s:\n    sensitivity: %s\n    owner: %s\n", a.resource, a.sensitivity, g.teams[a.keeper].leadGroup())
		if a.scoped {
			fmt.Fprintf(b, "    scope: [%q]   # what it is for\n", "arn:aws:*:"+a.resource+"*")
		}
		if a.limited {
			name := "policies/" + a.resource + ".json"
			g.files[name] = a.sessionPolicy()
			fmt.Fprintf(b, "    entitlements:\n      - aws_session: {role: %q, session_policy: %s}\n", a.role(), name)
		} else if c.yes(.5) {
			fmt.Fprintf(b, "    entitlements: [aws_session: {role: %q}]\n", a.role())
		} else {
			fmt.Fprintf(b, "    entitlements:\n    - aws_session:\n        role: %s\n", a.role())
		}
		if c.yes(.1) {
			b.WriteString("\n\n")
		}
	}
}

// sessionPolicy grants all that the area's services can do.
func (a *area) sessionPolicy() string {
	var b strings.Builder
	b.WriteString("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n")
	for _, s := range a.services {
		var actions []string
		for _, k := range services[s] {
			actions = append(actions, `"`+k.action+`"`)
		}
		fmt.Fprintf(&b, "    {\"Effect\": \"Allow\", \"Action\": [%s], \"Resource\": \"*\"},\n", strings.Join(actions, ", "))
	}
	b.WriteString("    {\"Effect\": \"Deny\", \"Action\": \"sts:AssumeRole*\", \"Resource\": \"*\"}\n")
	b.WriteString("  ]\n}\n")
	return b.String()
}

// key is one key of a rule, in the two ways to write it.
type key struct{ name, flow, block string }

func (g *Org) writeRule(b *strings.Builder, c chance, a *area) {
	if c.yes(.4) {
		fmt.Fprintf(b, "\n  # %s\n", pick(c, []string{"SEC-" + fmt.Sprint(100+a.n), "asked for by " + g.teams[a.owner].name, "TODO: still needed?", "do not touch before the audit", "\"temporary\", since 2023"}))
	}
	if a.young {
		fmt.Fprintf(b, "  # new: since %s\n", g.since(a.id).Format(time.DateOnly))
	}
	fmt.Fprintf(b, "  - id: %s%s\n", a.id, pick(c, []string{"", "", "   # see the wiki", "  #"}))
	keys := g.keys(a)
	block := c.yes(.5)
	for i, k := range keys {
		if c.yes(.08) {
			fmt.Fprintf(b, "    # %s below was agreed with security\n", k.name)
		}
		if block || c.yes(.15) {
			fmt.Fprintf(b, "    %s:%s\n", k.name, k.block)
		} else {
			fmt.Fprintf(b, "    %s: %s%s\n", k.name, k.flow, pick(c, []string{"", "", "", "  # ok"}))
		}
		if c.yes(.05) && i < len(keys)-1 {
			b.WriteString("\n")
		}
	}
}

func (g *Org) keys(a *area) []key {
	groups := g.groups(a)
	keys := []key{
		{"match", "{resource: " + a.resource + "}", "\n      resource: " + a.resource},
		{"eligible", "[" + strings.Join(groups, ", ") + "]", items(6, groups)},
	}
	if a.ticket {
		keys = append(keys, key{"require", "{ticket: {open: true}}", "\n      ticket:   {open: true}"})
	}
	keys = append(keys, scalar("max_duration", a.max))
	if a.byDefault > 0 {
		keys = append(keys, scalar("default_duration", a.byDefault))
	}
	from := []string{g.teams[a.owner].leadGroup()}
	if a.extra != nil {
		from = append(from, a.extra.email)
	}
	keys = append(keys, key{"approvals", "{count: 1, from: [" + strings.Join(from, ", ") + "]}", "\n      count: 1\n      from:" + items(8, from)})
	if a.extends {
		keys = append(keys, key{"extend", "{max_total: " + jit.FormatDuration(a.max+4*time.Hour) + "}", "\n      max_total: " + jit.FormatDuration(a.max+4*time.Hour)})
	}
	if a.glass {
		keys = append(keys, key{
			"break_glass", "{eligible: [" + groups[0] + "], max_duration: 4h, review_within: 72h}",
			"\n      eligible: [" + groups[0] + "]\n      max_duration: 4h\n      review_within: 72h",
		})
	}
	if a.keep {
		keys = append(keys, key{"keep", "true   # disaster recovery, rehearsed each year", " true"})
	}
	return keys
}

func scalar(name string, d time.Duration) key {
	s := jit.FormatDuration(d)
	return key{name, s, " \"" + s + "\""}
}

func items(indent int, list []string) string {
	var b strings.Builder
	for _, s := range list {
		b.WriteString("\n" + strings.Repeat(" ", indent) + "- " + s)
	}
	return b.String()
}
