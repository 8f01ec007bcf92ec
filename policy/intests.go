package policy

import (
	"fmt"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

// tests runs the examples of the file.
func (l *loader) tests(n *yaml.Node) {
	if n == nil {
		return
	}
	items, _ := l.f.List(n)
	l.p.examples = len(items)
	for _, item := range items {
		m, ok := l.f.Mapping(item, testKeys)
		if !ok {
			continue
		}
		name := l.phrase(l.must(m, "name"))
		req, given, ok := l.testRequest(l.must(m, "request"))
		if !ok {
			continue
		}
		if _, known := l.p.resID[req.Resource]; !known {
			l.f.Problemf(m.Get("request"), "the request needs a resource of this file, not %q", req.Resource)
			continue
		}
		l.expect(l.must(m, "expect"), name, l.p.Explain(&req, l.p.Offline(&req, given)))
	}
}

func (l *loader) testRequest(n *yaml.Node) (Request, Given, bool) {
	var r Request
	m, ok := l.f.Mapping(n, testReqKeys)
	if !ok {
		return r, Given{}, false
	}
	if r.User, ok = l.email(l.must(m, "user")); !ok {
		return r, Given{}, false
	}
	if by := m.Get("by"); by != nil {
		r.By, _ = l.email(by)
	}
	r.Resource, r.Reason, r.Ticket = l.text(m.Get("resource")), l.text(m.Get("reason")), l.text(m.Get("ticket"))
	l.duration(m.Get("duration"), &r.Duration)
	if glass := m.Get("break_glass"); glass != nil {
		if on, _ := l.f.Bool(glass); on {
			r.Kind = BreakGlass
		}
	}
	g := Given{At: l.testTime(m.Get("at")), OnCall: l.testNames(m.Get("on_call"), "on_call", l.p.schedID), Groups: l.testNames(m.Get("groups"), "groups", l.p.groupID)}
	if last := m.Get("last_approvers"); last != nil {
		for _, item := range l.f.OneOrMore(last) {
			if who, ok := l.email(item); ok {
				g.LastApprovers = append(g.LastApprovers, who)
			}
		}
	}
	if in := m.Get("incident"); in != nil {
		g.Incident, _ = l.f.Bool(in)
	}
	return r, g, true
}

// testTime is when an example takes place: if it does not say, at noon of
// Wednesday 7 January 2026 on the clocks of defaults.timezone.
func (l *loader) testTime(n *yaml.Node) time.Time {
	if n == nil {
		return instant(time.Date(2026, time.January, 7, 12, 0, 0, 0, time.UTC), l.p.defaults.loc)
	}
	if t, err := time.Parse(time.RFC3339, n.Value); err == nil {
		return t
	}
	t, err := time.Parse(localStamp, n.Value)
	if err != nil {
		l.f.Problemf(n, "%q is not a time; write it like 2026-01-07T12:00 or 2026-01-07T12:00:00Z", n.Value)
		return time.Time{}
	}
	return instant(t, l.p.defaults.loc)
}

func (l *loader) testNames(n *yaml.Node, section string, ids map[string]int32) []string {
	if n == nil {
		return nil
	}
	var out []string
	for _, item := range l.f.OneOrMore(n) {
		s, ok := l.f.Text(item)
		if !ok {
			continue
		}
		if _, known := ids[s]; !known {
			l.dangling(item, s, section, ids)
		}
		out = append(out, s)
	}
	return out
}

// expect compares what an example says with what the policy answers.
func (l *loader) expect(n *yaml.Node, name string, got Explanation) {
	m, ok := l.f.Mapping(n, expectKeys)
	if !ok {
		return
	}
	if len(n.Content) == 0 {
		l.f.Problemf(n, "expects nothing; say at least the outcome")
	}
	l.expectText(m, name, "outcome", got.Outcome.String(), got)
	l.expectText(m, name, "rule", got.Rule, got)
	l.expectLength(m, name, got)
	if at := m.Get("count"); at != nil {
		if want, ok := l.f.Int(at); ok && want != got.Count {
			l.failed(at, name, fmt.Sprint(got.Count), fmt.Sprint(want), got)
		}
	}
	if at := m.Get("approvers"); at != nil {
		l.expectApprovers(at, name, got)
	}
}

func (l *loader) expectText(m strictyaml.Mapping, name, key, is string, got Explanation) {
	at := m.Get(key)
	if at == nil {
		return
	}
	want, ok := l.f.Text(at)
	if _, known := outcomeNamed(want); key == "outcome" && ok && !known {
		l.f.Problemf(at, "%q is not an outcome; it is deny, approval or auto_approve", want)
	} else if ok && want != is {
		l.failed(at, name, is, want, got)
	}
}

func (l *loader) expectLength(m strictyaml.Mapping, name string, got Explanation) {
	at := m.Get("max_duration")
	if at == nil {
		return
	}
	var want time.Duration
	l.duration(at, &want)
	if is := time.Duration(got.MaxDuration); want != 0 && is != want {
		l.failed(at, name, jit.FormatDuration(is), jit.FormatDuration(want), got)
	}
}

func (l *loader) expectApprovers(at *yaml.Node, name string, got Explanation) {
	items, ok := l.f.List(at)
	if !ok {
		return
	}
	want := []string{}
	for _, item := range items {
		if s, ok := l.f.Text(item); ok {
			want = append(want, s)
		}
	}
	slices.Sort(want)
	if !slices.Equal(want, got.Approvers) {
		l.failed(at, name, fmt.Sprint(got.Approvers), fmt.Sprint(want), got)
	}
}

func (l *loader) failed(at *yaml.Node, name, is, want string, got Explanation) {
	if is == "" {
		is = "nothing"
	}
	why := ""
	if len(got.Reasons) > 0 {
		why = " (" + got.Reasons[0] + ")"
	}
	l.f.Problemf(at, "the example %q gives %s, not %s%s", name, is, want, why)
}
