package history

import (
	"fmt"
	"math"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/policy"
)

// add counts a case.
func (g *Group) add(c *Case) {
	if g.who == nil {
		g.who = map[string]bool{}
	}
	g.N++
	if g.who[c.User] = true; len(g.Requests) < listedIDs {
		g.Requests = append(g.Requests, c.ID)
	}
	g.People = len(g.who)
}

// effects counts what is different of one case.
func (r *Replayed) effects(p *replay, c *Case) {
	counted := false
	count := func(g *Group, is bool) {
		if is {
			g.add(c)
			counted = true
		}
	}
	now, then := p.now, p.then
	denied := now.Outcome != policy.Deny && then.Outcome == policy.Deny
	count(&r.Denied, denied)
	count(&r.Used, denied && c.Grant != nil && c.Grant.Use.OK > 0)
	count(&r.Unused, denied && c.Grant != nil && c.Grant.Verdict == activity.Unused)
	count(&r.Auto, now.Outcome != policy.AutoApprove && then.Outcome == policy.AutoApprove)
	count(&r.Waiting, now.Outcome == policy.AutoApprove && then.Outcome == policy.Approval)
	count(&r.Admitted, now.Outcome == policy.Deny && then.Outcome != policy.Deny)
	count(&r.Asked, p.asked)
	count(&r.Nobody, p.nobody)
	given := now.Outcome != policy.Deny && then.Outcome != policy.Deny
	clipped := given && then.Duration < now.Duration
	count(&r.Clipped, clipped)
	if clipped {
		r.cutShort(c, then.Duration)
	}
	count(&r.Wider, wider(now, then) || p.more)
	r.Hours += hours(now, then, c)
	if counted || now.Count != then.Count {
		r.people[c.User] = true
	}
}

// wider reports whether a decision gives more than another.
func wider(now, then policy.Decision) bool {
	switch {
	case then.Outcome != now.Outcome:
		return then.Outcome > now.Outcome
	case then.Outcome == policy.Deny:
		return false
	case then.Outcome == policy.Approval && then.Count < now.Count, now.StepUp && !then.StepUp:
		return true
	}
	return then.Duration > now.Duration || then.MaxDuration > now.MaxDuration
}

// cutShort notes a grant that was still used when it would have ended.
func (r *Replayed) cutShort(c *Case, length time.Duration) {
	g := c.Grant
	if g == nil || g.Use.LastOK.IsZero() || g.Use.LastOK.Sub(g.From) <= length {
		return
	}
	if r.cut++; len(r.Cuts) < listedIDs {
		r.Cuts = append(r.Cuts, Cut{c.ID, c.User, int(length / time.Minute), int(g.Use.LastOK.Sub(g.From) / time.Minute)})
	}
}

// hours is how much more access one case would have come to. A grant that ended
// early would have ended then as well.
func hours(now, then policy.Decision, c *Case) float64 {
	if c.Kind == jit.Extension {
		return 0 // its hours are those of the grant it lengthened
	}
	if c.Grant == nil {
		if then.Outcome == policy.AutoApprove && now.Outcome != policy.AutoApprove {
			return then.Duration.Hours()
		}
		return 0
	}
	g := c.Grant
	if g.Ended.IsZero() || g.From.IsZero() || g.Outcome == jit.Failed {
		return 0
	}
	held := max(0, g.Ended.Sub(g.From))
	first := min(held, g.Promised.Sub(g.From)) // before it was lengthened
	switch {
	case then.Outcome == policy.Deny && now.Outcome != policy.Deny:
		return -held.Hours()
	case then.Duration < now.Duration && then.Duration < first:
		return (then.Duration - first).Hours()
	case then.Duration > now.Duration && g.EndedBy == "" && now.Outcome != policy.Deny && g.Extensions == 0:
		return (then.Duration - now.Duration).Hours()
	}
	return 0
}

// words says for people what would have been different.
func (r *Replayed) words() string {
	if r.Compared == 0 {
		return "No request can be decided again, so nothing can be said."
	}
	if r.Same() {
		return "Nothing would have been different."
	}
	var parts []string
	say := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, persons(n)+" "+plural(n, one, many))
		}
	}
	say(r.Auto.People, "would have been given access at once", "would have been given access at once")
	say(r.Waiting.People, "would have been asked to wait", "would have been asked to wait")
	refused := "nobody refused"
	if n := r.Denied.People; n > 0 {
		refused = fmt.Sprintf("%s refused (%s)", persons(n), times(r.Denied.N))
	}
	parts = append(parts, refused)
	if r.cut > 0 {
		parts = append(parts, plural(r.cut, "1 grant cut short while it was used", fmt.Sprintf("%d grants cut short while they were used", r.cut)))
	}
	if n := r.Asked.N; n > 0 {
		parts = append(parts, plural(n, "other people asked about 1 request", fmt.Sprintf("other people asked about %d requests", n)))
	}
	if n := r.Nobody.N; n > 0 {
		parts = append(parts, plural(n, "1 request with nobody there to answer", fmt.Sprintf("%d requests with nobody there to answer", n)))
	}
	text := strings.Join(parts, ", ") + exposure(r.Hours) + "."
	return strings.ToUpper(text[:1]) + text[1:]
}

func exposure(hours float64) string {
	switch n := math.Round(math.Abs(hours)); {
	case n == 0:
		return "; exposure as before"
	case hours < 0:
		return fmt.Sprintf("; %.0f exposure-%s less", n, plural(int(n), "hour", "hours"))
	default:
		return fmt.Sprintf("; %.0f exposure-%s more", n, plural(int(n), "hour", "hours"))
	}
}

func persons(n int) string {
	return plural(n, "1 person", fmt.Sprintf("%d people", n))
}

func times(n int) string { return plural(n, "once", fmt.Sprintf("%d times", n)) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
