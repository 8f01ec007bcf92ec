package analysis

import (
	"time"

	"jitbot/jit"
)

// weigh says how much access a week a shorter break-glass takes away.
func (x *glasses) weigh(d *Data, f *Finding, lim ApprovalLimits) {
	var less time.Duration
	over := 0
	for _, b := range x.since(d.now().Add(-lim.GlassWindow), d.now().Add(1), true) {
		if gr := b.c.Grant; gr.Ended.Sub(gr.From) > lim.GlassLength {
			less += gr.Ended.Sub(gr.From) - lim.GlassLength
			over++
		}
	}
	weeks := d.weeksOf(lim.GlassWindow)
	f.Exposure, f.Friction = time.Duration(float64(less)/weeks), float64(over)/weeks
}

// shorterGlass has break-glass give less.
func shorterGlass(d *Data, r *ruleNow, lim ApprovalLimits) []Proposal {
	if r.BreakGlass.MaxDuration <= lim.GlassLength || r.MinDuration > lim.GlassLength {
		return nil
	}
	e := d.put(r, jit.FormatDuration(lim.GlassLength), "break_glass", "max_duration")
	return []Proposal{{e, Narrow, "who needs longer can ask meanwhile"}}
}

// review has break-glass be looked at soon.
func review(d *Data, r *ruleNow, lim ApprovalLimits) []Proposal {
	written := d.Policy.Writes(r.i, "break_glass", "review_within")
	if r.BreakGlass.MaxDuration == 0 || written && r.BreakGlass.ReviewWithin <= lim.GlassWithin {
		return nil
	}
	e := d.put(r, jit.FormatDuration(lim.GlassWithin), "break_glass", "review_within")
	return []Proposal{{e, Narrow, "it is looked at while it is remembered"}}
}
