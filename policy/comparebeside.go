package policy

import (
	"maps"
	"slices"
	"strings"
)

// besideOf is a change that is of no rule.
type besideOf struct {
	sentence string
	verdict  verdictOf
}

// besides is what changed outside of the rules: what resources give, and what
// holds for all of the file.
func (c *comparing) besides() []besideOf {
	var out []besideOf
	for _, name := range c.resourceNames() {
		a, okA := c.p[0].Resource(name)
		b, okB := c.p[1].Resource(name)
		switch {
		case !okA:
			out = append(out, besideOf{"Resource " + name + " is new.", verdictOf{}})
			continue
		case !okB:
			out = append(out, besideOf{"Resource " + name + " is gone.", verdictOf{}})
			continue
		}
		if says := resourceSays(a, b); says != "" {
			out = append(out, besideOf{"Resource " + name + ": " + says + ".", verdictOf{}})
		}
		old, now := gives(a.Entitlements), gives(b.Entitlements)
		if slices.Equal(old, now) {
			continue
		}
		more, less := without(now, old), without(old, now)
		switch {
		case len(less) == 0:
			out = append(out, besideOf{"Resource " + name + " gives more than before.", verdictOf{wider: true, shownWider: true}})
		case len(more) == 0:
			out = append(out, besideOf{"Resource " + name + " gives less than before.", verdictOf{narrower: true, shownNarrower: true}})
		default:
			out = append(out, besideOf{"Resource " + name + " gives something else than before.", verdictOf{unknown: true}})
		}
	}
	if a, b := c.p[0].defaults.loc.String(), c.p[1].defaults.loc.String(); a != b {
		out = append(out, besideOf{"defaults.timezone is " + b + ", it was " + a + ".", verdictOf{}})
	}
	if a, b := c.p[0].defaults.quiet, c.p[1].defaults.quiet; a != b {
		out = append(out, besideOf{"defaults.quiet_hours are others.", verdictOf{}})
	}
	if !maps.EqualFunc(c.p[0].bundles, c.p[1].bundles, slices.Equal) {
		out = append(out, besideOf{"The bundles are others.", verdictOf{}})
	}
	return out
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// resourceSays tells what else is different about a resource. Who gets it is
// told by the rules; how carefully they are asked may rest on it, too.
func resourceSays(a, b Resource) string {
	labels := func(r Resource) string {
		var out []string
		for _, key := range sortedKeys(r.Labels) {
			out = append(out, key+": "+r.Labels[key])
		}
		return strings.Join(out, listMark)
	}
	var parts []string
	for _, said := range [][3]string{
		{"sensitivity", a.Sensitivity, b.Sensitivity},
		{"labels", labels(a), labels(b)},
		{"owner", a.Owner, b.Owner},
		{"scope", strings.Join(a.Scope, listMark), strings.Join(b.Scope, listMark)},
	} {
		if said[1] != said[2] {
			parts = append(parts, turned(said[0], said[1], said[2]))
		}
	}
	return strings.Join(parts, "; ")
}
