package analysis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// edits are what A21 leads to, in its order.
func (x *repeats) edits(d *Data, r *ruleNow, subject, sensitivity string, lim ShapeLimits) []Proposal {
	var out []Proposal
	if p, ok := x.longer(d, r); ok {
		out = append(out, p)
	}
	if !x.repeatable(d, r) {
		return out
	}
	if x.reads && x.readOnly(d) {
		value := x.again(d, r, "-read", subject, "", lim)
		out = append(out, Proposal{edit.Edit{Op: edit.AddRule, Rule: r.id, Value: value}, Widen, "all that was done was reading"})
	}
	if sensitivity == "low" {
		hours := fmt.Sprintf("require: {hours: \"%02d:00-%02d:00\"}\n", x.early/60, x.late/60+1)
		value := x.again(d, r, "-hours", subject, hours, lim)
		out = append(out, Proposal{edit.Edit{Op: edit.AddRule, Rule: r.id, Value: value}, Widen, "at the hours at which it is asked for"})
	}
	return out
}

// longer is a default that makes one request of those of a day, where most days
// have several and today's longest allows it.
func (x *repeats) longer(d *Data, r *ruleNow) (Proposal, bool) {
	var spans []time.Duration
	for _, e := range x.days {
		if e.n > 1 {
			spans = append(spans, e.to.Sub(e.from))
		}
	}
	if 2*len(spans) < len(x.days) {
		return Proposal{}, false
	}
	slices.Sort(spans)
	step := gridAbove(max(nearestRank(spans, .5), r.Default+1))
	if step == 0 || step > r.MaxDuration {
		return Proposal{}, false
	}
	p := setLength(d.Policy, r, "default_duration", step, fmt.Sprintf("on %d of %d days they asked more than once", len(spans), len(x.days)))
	p.Direction = Neutral
	return p, true
}

// repeatable reports whether a rule can be said again without approvals: it asks
// for nothing else that a copy would have to ask for as well.
func (x *repeats) repeatable(d *Data, r *ruleNow) bool {
	for _, key := range []string{"require", "when", "min_duration", "on_behalf", "deny", "break_glass", "extend"} {
		if d.Policy.Writes(r.i, key) {
			return false
		}
	}
	return r.Outcome == policy.Approval && !r.Auto.Beside && !r.StepUp
}

// readOnly reports whether the resources give nothing but reading.
func (x *repeats) readOnly(d *Data) bool {
	for _, name := range x.resources {
		res, _ := d.Policy.Resource(name)
		rights, ok := rightsOf(res)
		if !ok || slices.ContainsFunc(res.Entitlements, func(e jit.Entitlement) bool { return e.Kind != "aws_session" }) ||
			slices.ContainsFunc(rights, func(r right) bool { return !reads(r.name) }) {
			return false
		}
	}
	return len(x.resources) > 0
}

// again is a rule beside r that gives the subject what it asked for.
func (x *repeats) again(d *Data, r *ruleNow, suffix, subject, more string, lim ShapeLimits) string {
	id := r.id + suffix
	for n := 2; d.Policy.RuleNamed(id) >= 0; n++ {
		id = fmt.Sprintf("%s%s-%d", r.id, suffix, n)
	}
	resources := slices.Sorted(slices.Values(x.resources))
	return fmt.Sprintf("id: %s\nmatch: {resource: [%s]}\neligible: [%s]\n%smax_duration: %s\nauto_approve: {expires: %s}\n",
		id, strings.Join(resources, ", "), strings.TrimPrefix(subject, "person:"), more,
		jit.FormatDuration(r.Default), d.expiry(lim.Lasts))
}
