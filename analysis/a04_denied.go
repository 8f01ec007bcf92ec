package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"jitbot/activity"
	"jitbot/jit"
)

// denied is A4, denied actions, of the last 28 days.
//
// Friction: by (rule, action, class of resource, layer that refused), at least 3
// people in at least 5 grants, and the layer is the grant's own: an identity or a
// session policy. It is said for people to act on; what was only denied never
// leads to an edit. Refusals of another layer are for who owns that layer, and
// those of a layer that is not told are nobody's.
//
// Suspicion: one grant in which 10 or more different actions were denied, or of
// whose actions, 20 or more, a share with a lower bound over 0.5 was.
func denied(d *Data) ([]Finding, error) {
	fold, err := d.fold()
	if err != nil {
		return nil, err
	}
	return append(friction(d, fold), suspicion(d, fold)...), nil
}

// maxRefusals bounds what is gathered: whoever holds a grant can have as many
// names denied as they like.
const maxRefusals = 200_000

// refusals are denied actions, by what they have in common.
type refusals struct {
	of map[refusalKey]*refusal
}

type refusalKey struct {
	rule, action int32
	class, layer string
}

type refusal struct {
	people   []int32 // the first few different ones
	grants   int
	last     int32 // the session that was counted last
	resource int32
	evidence []string
}

func newRefusals() *refusals { return &refusals{of: map[refusalKey]*refusal{}} }

// add takes in a denied action of the session at hand.
func (x *refusals) add(f *fold, a *jit.Activity, action int32) {
	if a.Layer == "" {
		return
	}
	key := refusalKey{f.g.rule[f.i], action, classOf(a.Resource), a.Layer}
	r := x.of[key]
	if r == nil {
		if len(x.of) >= maxRefusals {
			return
		}
		r = &refusal{resource: f.g.resource[f.i]}
		x.of[key] = r
	}
	if r.last == f.count {
		return
	}
	r.last = f.count
	r.grants++
	if p := f.g.person[f.i]; len(r.people) < mostEvidence && !slices.Contains(r.people, p) {
		r.people = append(r.people, p)
	}
	r.evidence = cite(r.evidence, f.c.Grant.ID)
}

// classOf is the kind of thing a resource is: what is left of its name without
// what tells one from another.
func classOf(resource string) string {
	if parts := strings.SplitN(resource, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		kind, _, slash := strings.Cut(parts[5], "/")
		switch {
		case parts[2] == "s3" && slash:
			kind = "object"
		case parts[2] == "s3":
			kind = "bucket"
		case !slash:
			kind, _, _ = strings.Cut(parts[5], ":")
		}
		return parts[2] + " " + kind
	}
	kind, _, _ := strings.Cut(resource, "/")
	kind, _, _ = strings.Cut(kind, ".")
	return strings.Clone(kind)
}

func friction(d *Data, fold *fold) []Finding {
	lim := d.limits().Usage
	var out []Finding
	for _, key := range fold.refusals.sorted() {
		x := fold.refusals.of[key]
		missing := max(lim.DeniedPeople-len(x.people), lim.DeniedGrants-x.grants)
		if 2*x.grants < lim.DeniedGrants || len(x.people) < 2 {
			continue
		}
		rule := &fold.g.rules[key.rule]
		f := d.resourceFinding("A4", rule.id, fold.g.resources.all[x.resource])
		f.Subject, f.Kind, f.N, f.K, f.Evidence = named(fold.verb.names.all[key.action]), "friction", x.grants, len(x.people), x.evidence
		f.More = max(0, missing)
		if own(key.layer) {
			f.Sentence = fmt.Sprintf("%d people were denied the same action in %d grants of %s; if they need it, its session policy lacks it.", len(x.people), x.grants, rule.id)
		} else {
			f.Kind = "elsewhere"
			f.Sentence = fmt.Sprintf("%d people were denied the same action in %d grants of %s, by something that no grant can open.", len(x.people), x.grants, rule.id)
		}
		f.Figures = []Figure{figure("action", "%s", fold.verb.names.all[key.action]), figure("refused by", "%s", key.layer), figure("on", "%s", key.class)}
		out = append(out, f)
	}
	return out
}

// own reports whether a layer is one that a grant itself brings.
func own(layer string) bool {
	return layer == activity.LayerIdentity || layer == activity.LayerSession
}

func (x *refusals) sorted() []refusalKey {
	out := make([]refusalKey, 0, len(x.of))
	for key := range x.of {
		out = append(out, key)
	}
	slices.SortFunc(out, func(a, b refusalKey) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.action, b.action), cmp.Compare(a.class, b.class), cmp.Compare(a.layer, b.layer))
	})
	return out
}

func suspicion(d *Data, fold *fold) []Finding {
	lim := d.limits().Usage
	var out []Finding
	for i := range fold.sessions {
		s := &fold.sessions[i]
		many := int(s.kinds) >= lim.DeniedKinds
		share := low(int(s.refused), int(s.rows), lim.Plain)
		most := int(s.rows) >= lim.DeniedRows && share > lim.DeniedShare
		if !many && !most {
			continue
		}
		c := &d.Past.Cases[i]
		f := d.grantFinding("A4", i)
		f.Kind, f.N, f.K, f.Bound = "suspicion", int(s.rows), int(s.refused), share
		f.Sentence = fmt.Sprintf("Of %d actions that %s tried on %s, %d were denied, of %d kinds: as if somebody tried what the grant can do.",
			s.rows, c.User, c.Resource, s.refused, s.kinds)
		out = append(out, f)
	}
	return out
}
