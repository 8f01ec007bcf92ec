package policy

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"jitbot/jit"
)

// autoApprove reads auto_approve of a rule without approvals. What it could
// limit besides, the rule itself says.
func (l *loader) autoApprove(n *yaml.Node, r *rule) {
	if n.Kind == yaml.ScalarNode {
		if yes, ok := l.f.Bool(n); ok && !yes {
			l.f.Problemf(n, "false gives nothing; say approvals or deny instead")
		}
		return
	}
	m, ok := l.f.Mapping(n, autoKeys)
	if !ok {
		return
	}
	for _, key := range []string{"max_duration", "hours", "days"} {
		if at := m.Get(key); at != nil {
			l.f.Problemf(at, "stands only beside approvals; the rule itself has max_duration, require.hours and require.days")
		}
	}
	l.limit(m.Get("per_person"), &r.perPerson)
	l.date(m.Get("expires"), &r.auto.expires)
}

// besideApprovals reads auto_approve of a rule that has approvals too.
func (l *loader) besideApprovals(n *yaml.Node, r *rule) {
	r.auto.beside = true
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		l.f.Problemf(n, "beside approvals it says which requests need none; give one of %s", list(autoKeys, "or"))
		return
	}
	m, ok := l.f.Mapping(n, autoKeys)
	if !ok {
		return
	}
	r.auto.times = hotRule{to: 24 * 60, days: everyDay}
	l.duration(m.Get("max_duration"), &r.auto.max)
	l.times(m, &r.auto.times)
	l.limit(m.Get("per_person"), &r.auto.perPerson)
	l.date(m.Get("expires"), &r.auto.expires)
}

func (l *loader) limit(n *yaml.Node, into *Limit) {
	if n == nil {
		return
	}
	s, ok := l.f.Text(n)
	if !ok {
		return
	}
	limit, ok := parseLimit(s)
	if !ok {
		l.f.Problemf(n, "%q is not a number of times in a length of time; write it like 3/24h", s)
	}
	if limit.N > maxPerPerson || limit.Per > maxPer {
		l.f.Problemf(n, "%q is more than is counted; the most is %d times in %s", s, maxPerPerson, jit.FormatDuration(maxPer))
	}
	*into = limit
}

// date reads a day as the instant it begins in the policy's time zone.
func (l *loader) date(n *yaml.Node, into *time.Time) {
	if n == nil {
		return
	}
	day, err := time.Parse(time.DateOnly, n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		l.f.Problemf(n, "%q is not a day; write it like 2027-02-21", n.Value)
		return
	}
	*into = instant(day, l.p.defaults.loc)
}

// holdsAt reports whether it has not expired.
func (a *autoRule) holdsAt(at time.Time) bool { return a.expires.IsZero() || at.Before(a.expires) }

// spared is the decision on a request that auto_approve lets in without the
// approvals beside it; ok is false for any other. What is unknown spares
// nobody.
func (e *eval) spared(r *rule, d Decision) (auto Decision, ok bool) {
	a := &r.auto
	if !a.beside || e.asking || !a.holdsAt(e.f.At) || a.max > 0 && e.inAll(d) > a.max {
		return d, false
	}
	if a.times.asks&asksHours != 0 && !e.inHours(&a.times) {
		return d, false
	}
	if a.perPerson.N > 0 && e.underLimit(a.perPerson) != yes {
		return d, false
	}
	d.Outcome = AutoApprove
	if a.max > 0 {
		d.MaxDuration = min(d.MaxDuration, a.max-e.before())
	}
	d = e.untilHandover(r, d)
	return d, d.Outcome == AutoApprove
}

// inAll is how long the grant would last, with what an extension adds to.
func (e *eval) inAll(d Decision) time.Duration { return e.before() + d.Duration }

func (e *eval) before() time.Duration {
	if e.r.Kind == Extension {
		return e.r.Held
	}
	return 0
}

// lacksSpared is why the auto_approve of a rule does not spare a request its
// approvals, none if it has no such limits.
func (e *eval) lacksSpared(r *rule, d Decision) []string {
	a := &r.auto
	if !a.beside {
		return nil
	}
	var out []string
	if !a.holdsAt(e.f.At) {
		out = append(out, "comes after their end on "+e.dateWords(a.expires))
	}
	if a.max > 0 && e.inAll(d) > a.max {
		out = append(out, "is longer than "+jit.FormatDuration(a.max))
	}
	if a.times.asks&asksHours != 0 && !e.inHours(&a.times) {
		out = append(out, "does not begin "+e.hoursWords(&a.times))
	}
	if a.perPerson.N > 0 {
		switch e.underLimit(a.perPerson) {
		case no:
			out = append(out, "is one more than "+e.limitOf(a.perPerson))
		case doubt:
			out = append(out, "may be one more than "+e.limitOf(a.perPerson)+", which could not be checked")
		case yes:
		}
	}
	return out
}

// limitWords is what fits auto_approve beside approvals.
func (e *eval) limitWords(r *rule) string {
	a := &r.auto
	var out []string
	if a.max > 0 {
		out = append(out, "at most "+jit.FormatDuration(a.max))
	}
	if a.times.asks&asksHours != 0 {
		out = append(out, e.hoursWords(&a.times))
	}
	if a.perPerson.N > 0 {
		out = append(out, e.limitOf(a.perPerson))
	}
	if !a.expires.IsZero() {
		out = append(out, "until "+e.dateWords(a.expires))
	}
	return strings.Join(out, ", ")
}

func (e *eval) limitOf(l Limit) string {
	return plural(l.N, "time") + " in " + jit.FormatDuration(l.Per)
}

func (e *eval) dateWords(t time.Time) string {
	return t.In(e.p.defaults.loc).Format(time.DateOnly)
}

func grants(n int) string {
	if n == 1 {
		return "grant"
	}
	return fmt.Sprintf("%d grants", n)
}

func (p *Policy) autoView(r *rule) AutoView {
	a := &r.auto
	v := AutoView{Beside: a.beside, MaxDuration: a.max, Expires: a.expires, PerPerson: a.perPerson}
	if a.times.asks&asksHours == 0 {
		return v
	}
	if a.times.from != 0 || a.times.to != 24*60 {
		v.Hours = clock(a.times.from) + "-" + clock(a.times.to)
	}
	if a.times.days != everyDay {
		v.Days = strings.Join(daysOf(a.times.days), " ")
	}
	return v
}

// daysOf names the days of a set, Monday first.
func daysOf(days uint8) []string {
	var out []string
	for d := 1; d <= 7; d++ {
		if days&(1<<(d%7)) != 0 {
			out = append(out, dayNames[d%7])
		}
	}
	return out
}
