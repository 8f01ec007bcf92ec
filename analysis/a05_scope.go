package analysis

import (
	"fmt"
	"strings"
)

// outOfScope is A5, out-of-scope resource.
//
// A violation is an action that was done, surely with the grant, on a resource
// outside of the scope that its target had then; a read that only lists what
// there is counts not, and a resource that is not told is none. One write is a
// finding, of reads it takes three.
//
// The opposite: all that n >= 30 used sessions touched lies under one prefix, and
// the scope is wider. The scope is a resource's, not a rule's: it is for people
// to change.
func outOfScope(d *Data) ([]Finding, error) {
	fold, err := d.fold()
	if err != nil {
		return nil, err
	}
	lim := d.limits().Usage
	var out []Finding
	for i := range fold.sessions {
		s := &fold.sessions[i]
		if int(s.strayWrites) < lim.StrayWrites && int(s.strayReads) < lim.StrayReads {
			continue
		}
		c := &d.Past.Cases[i]
		f := d.grantFinding("A5", i)
		f.Kind, f.N, f.K = "out_of_scope", int(s.rows-s.refused), int(s.strayWrites+s.strayReads)
		f.Sentence = fmt.Sprintf("%s did %s and %s outside of what %s is for.", c.User, howMany(int(s.strayWrites), "write"), howMany(int(s.strayReads), "read"), c.Resource)
		out = append(out, f)
	}
	return append(out, narrower(d, fold, lim)...), nil
}

// reached is what was touched in the sessions of one resource.
type reached struct {
	sessions  int
	last      int32  // the session that was counted last
	prefix    string // of all of it
	different bool   // more than one thing was touched
	evidence  []string
}

// touch takes in a resource on which the session at hand did something.
func (f *fold) touch(resource string) {
	if resource == "" {
		return
	}
	id := f.g.resource[f.i]
	x := f.reach[id]
	if x == nil {
		x = &reached{prefix: strings.Clone(resource)}
		f.reach[id] = x
	}
	if x.last != f.count {
		x.last = f.count
		x.sessions++
		x.evidence = cite(x.evidence, f.c.Grant.ID)
	}
	n := 0
	for n < len(x.prefix) && n < len(resource) && x.prefix[n] == resource[n] {
		n++
	}
	x.different = x.different || n < len(x.prefix) || n < len(resource)
	x.prefix = x.prefix[:n]
}

// narrower finds scopes that could be narrower.
func narrower(d *Data, fold *fold, lim UsageLimits) []Finding {
	var out []Finding
	for id, name := range fold.g.resources.all {
		x := fold.reach[int32(id)]
		if x == nil || !x.different || 2*x.sessions < lim.OnePrefix {
			continue
		}
		scope := resourceNamed(d.Policy, name).Scope
		prefix := cutPrefix(x.prefix)
		if prefix == "" || len(scope) == 0 || !wider(scope, prefix) {
			continue
		}
		f := d.resourceFinding("A5", fold.rights[int32(id)].rule(fold.g), name)
		f.Subject, f.Kind, f.N, f.K, f.Evidence = "scope", "one_prefix", x.sessions, x.sessions, x.evidence
		f.More = max(0, lim.OnePrefix-x.sessions)
		f.Sentence = fmt.Sprintf("All that %d sessions of %s touched lies under one prefix; its scope could say so.", x.sessions, name)
		f.Figures = []Figure{figure("prefix", "%s*", prefix)}
		out = append(out, f)
	}
	return out
}

// cutPrefix shortens a prefix to its last whole part. One that only names a
// service says nothing.
func cutPrefix(prefix string) string {
	prefix = prefix[:strings.LastIndexAny(prefix, "/:.-_")+1]
	if strings.HasPrefix(prefix, "arn:") && len(strings.SplitN(prefix, ":", 6)) == 6 {
		if strings.SplitN(prefix, ":", 6)[5] == "" {
			return ""
		}
	}
	return prefix
}

// wider reports whether a scope reaches beyond a prefix that lies in it: whether
// the prefix says more of what is meant than where a pattern ends. That it names
// a service, a region or an account where the pattern leaves them open does not
// count.
func wider(scope []string, prefix string) bool {
	for _, pattern := range scope {
		open, isOpen := strings.CutSuffix(pattern, "*")
		if beyond, in := beyondOf(open, prefix); isOpen && in && strings.Trim(beyond, "/:.-_") != "" {
			return true
		}
	}
	return false
}

// beyondOf is what follows in a text on the parts of a pattern that are fixed. Not
// in: they do not all stand there in their order.
func beyondOf(pattern, text string) (rest string, in bool) {
	parts := strings.Split(pattern, "*")
	if rest, in = strings.CutPrefix(text, parts[0]); !in {
		return "", false
	}
	for _, part := range parts[1:] {
		if _, rest, in = strings.Cut(rest, part); !in {
			return "", false
		}
	}
	return rest, true
}
