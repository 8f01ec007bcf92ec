package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
)

// example is a situation that was really decided, for people.
func (s *space) example(sc scene, r *Request, f *Facts, people []approver) *Example {
	x := &Example{
		User: r.User, By: r.By, Kind: r.Kind, Resource: r.Resource, Duration: Duration(r.Duration), Held: Duration(r.Held),
		Reason: r.Reason, Ticket: r.Ticket, At: sc.at.In(s.c.p[1].defaults.loc), OnCall: []string{}, Request: r, Facts: f,
	}
	for k, name := range s.groups {
		if sc.user[k] {
			x.Groups = append(x.Groups, name)
		}
	}
	for k, name := range s.schedules {
		if sc.duty[k] > 0 {
			x.OnCall = append(x.OnCall, name)
		}
	}
	x.Incident = slices.ContainsFunc(f.Incidents, func(i Incident) bool { return i.OpenedBy != r.User })
	for _, a := range people {
		x.Approvals = append(x.Approvals, a.name)
	}
	x.Old, x.New = s.c.p[0].answer(r, f), s.c.p[1].answer(r, f)
	return x
}

// answer is what a policy says of a request, in a few words.
func (p *Policy) answer(r *Request, f *Facts) string {
	d := p.Decide(r, f)
	switch d.Outcome {
	case Deny:
		return "deny"
	case AutoApprove:
		return "auto_approve for " + jit.FormatDuration(d.Duration)
	case Approval:
	}
	a := p.Approvers(d, r, f)
	all := slices.DeleteFunc(a.All(), func(who string) bool { return strings.HasSuffix(who, "@elsewhere.example") })
	s := fmt.Sprintf("approval for %s by %s", jit.FormatDuration(d.Duration), (&eval{p: p, r: r, f: f}).who(&p.rules[d.Rule], all))
	if d.StepUp {
		s += ", signing in again"
	}
	if d.Note {
		s += ", with a note"
	}
	return s
}

// who is how many of whom a rule asks, by name where the file knows them.
func (e *eval) who(r *rule, named []string) string {
	s := fmt.Sprintf("%d of %s", r.count, list(e.p.spellAll(r.from), "or"))
	if len(r.each) > 0 {
		s += ", one of each of " + list(e.p.spellAll(r.each), "and")
	}
	if len(named) > 0 && len(named) <= 5 {
		s += " (" + strings.Join(named, ", ") + ")"
	}
	return s
}

// said is one thing a rule says, by its key.
type saidOf struct{ key, text string }

// sentence tells what is different about a rule; empty: nothing.
func (c *comparing) sentence(id string) string {
	i, j := c.byID[0][id], c.byID[1][id]
	switch {
	case i < 0:
		return "Rule " + id + " is new."
	case j < 0:
		return "Rule " + id + " is gone."
	}
	a, b := c.says(0, i), c.says(1, j)
	var parts []string
	for k := range a {
		if a[k].text != b[k].text {
			parts = append(parts, turned(a[k].key, a[k].text, b[k].text))
		}
	}
	parts = append(parts, c.meanings(i, j)...)
	if len(parts) == 0 {
		return ""
	}
	return "Rule " + id + ": " + strings.Join(parts, "; ") + "."
}

// turned tells how one key changed: for a list, what was added and removed.
func turned(key, a, b string) string {
	switch {
	case a == "":
		return key + " is new: " + strings.ReplaceAll(b, listMark, ", ")
	case b == "":
		return key + " is gone, it was " + strings.ReplaceAll(a, listMark, ", ")
	}
	old, now := strings.Split(a, listMark), strings.Split(b, listMark)
	if len(old)+len(now) == 2 {
		return key + " is " + b + ", it was " + a
	}
	var out []string
	for _, s := range now {
		if !slices.Contains(old, s) {
			out = append(out, key+" has "+s+" too")
		}
	}
	for _, s := range old {
		if !slices.Contains(now, s) {
			out = append(out, key+" has "+s+" no more")
		}
	}
	if len(out) == 0 {
		return key + " has another order"
	}
	return strings.Join(out, "; ")
}

// listMark keeps the entries of a list apart.
const listMark = "\x00"

// says is everything a rule says, key by key, in a fixed order.
func (c *comparing) says(side, i int) []saidOf {
	p := c.p[side]
	r, h := &p.rules[i], &p.hot[i]
	v := p.Rule(i)
	e := eval{p: p}
	join := func(s []string) string { return strings.Join(s, listMark) }
	flag := func(b bool) string {
		if b {
			return "true"
		}
		return ""
	}
	hours := ""
	if h.asks&asksHours != 0 {
		hours = e.hoursWords(h)
	}
	when := ""
	if r.when != nil {
		when = oneLine(r.when.text)
	}
	auto := ""
	if r.auto.beside {
		auto = e.limitWords(r)
	} else if r.outcome == AutoApprove {
		auto = strings.Join(slices.DeleteFunc([]string{"true", limitText(r.perPerson), dateText(r.auto.expires, p)}, func(s string) bool { return s == "" }), ", ")
	}
	ticket := ""
	if r.ticket.asked {
		ticket = "asked for" + map[bool]string{true: ", open"}[r.ticket.open] + map[bool]string{true: ", assigned to who asks"}[r.ticket.assignee]
	}
	glass := ""
	if len(r.breakGlass.eligible) > 0 {
		glass = list(v.BreakGlass.Eligible, "and") + " for " + jit.FormatDuration(r.breakGlass.max) + ", reviewed within " + jit.FormatDuration(r.breakGlass.reviewWithin)
	}
	escalate := ""
	if r.escalate.After > 0 {
		escalate = "after " + jit.FormatDuration(r.escalate.After) + " to " + list(r.escalate.To, "and")
	}
	last := ""
	if r.excludeLast > 0 {
		last = fmt.Sprint(r.excludeLast)
	}
	count := ""
	if r.outcome == Approval {
		count = fmt.Sprint(r.count)
	}
	return []saidOf{
		{"match", join(v.Resources)},
		{"eligible", join(v.Eligible)},
		{"on_behalf", join(v.OnBehalf)},
		{"require.reason", r.reason},
		{"require.ticket", ticket},
		{"require.on_call", join(p.spellAll(schedulesOf(r.onCall)))},
		{"hours", hours},
		{"when", when},
		{"min_duration", lengthText(r.min)},
		{"max_duration", lengthText(r.max)},
		{"default_duration", lengthText(r.byDefault)},
		{"deny", r.denial},
		{"approvals.from", join(v.Approvers)},
		{"approvals.each", join(v.Each)},
		{"approvals.count", count},
		{"approvals.step_up", flag(r.stepUp)},
		{"approvals.note", map[bool]string{true: "required"}[r.note]},
		{"approvals.exclude_last", last},
		{"auto_approve", auto},
		{"extend.max_total", lengthText(r.extend)},
		{"break_glass", glass},
		{"escalate", escalate},
		{"notify.channel", r.channel},
		{"urgent", flag(r.urgent)},
		{"keep", flag(r.keep)},
		{"pending_ttl", lengthText(r.pendingTTL)},
		{"remind_after", lengthText(r.remind)},
		{"warn_before", lengthText(r.warn)},
	}
}

func lengthText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return jit.FormatDuration(d)
}

func limitText(l Limit) string {
	if l.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", l.N, jit.FormatDuration(l.Per))
}

func dateText(t time.Time, p *Policy) string {
	if t.IsZero() {
		return ""
	}
	return "until " + t.In(p.defaults.loc).Format(time.DateOnly)
}

// meanings is what names that a rule uses on both sides stand for now.
func (c *comparing) meanings(i, j int) []string {
	var out []string
	before := map[string]ref{}
	for _, r := range c.refsIn(0, []int32{int32(i)}) {
		before[c.p[0].spell(r)] = r
	}
	for _, r := range c.refsIn(1, []int32{int32(j)}) {
		name := c.p[1].spell(r)
		old, both := before[name]
		if !both || c.standsFor(0, old) == c.standsFor(1, r) {
			continue
		}
		a, fixedA := c.p[0].fixed(old)
		b, fixedB := c.p[1].fixed(r)
		if fixedA && fixedB {
			out = append(out, turned(name, strings.Join(a, listMark), strings.Join(b, listMark)))
		} else {
			out = append(out, name+" is kept elsewhere, or its turns are others")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
