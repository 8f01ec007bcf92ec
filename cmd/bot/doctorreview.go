package main

import (
	"slices"
	"time"

	"jitbot/bot"
	"jitbot/policy"
)

// examineReview says when and where the weekly review comes, and whether what it
// suggests could be decided on.
func examineReview(c config, p *policy.Policy, now time.Time) []bot.Finding {
	r := c.Review
	if r.Channel == "" {
		return []bot.Finding{{OK: true, What: "review: it is not posted; `bot review` prints it", Hint: "review.channel has it posted every week"}}
	}
	found := []bot.Finding{reviewDue(r, p, now)}
	if c.deciders() < 2 {
		found = append(found, wrong("name two people at least under admins and security", "review: nobody could confirm what somebody else accepted: admins and security are %d together", c.deciders()))
	}
	if len(c.sources) == 0 && c.Activity.sources() == 0 {
		found = append(found, bot.Finding{OK: true, What: "review: nothing tells what is done with access, so it can say nothing of use", Hint: "set up a source under activity"})
	}
	return found
}

func reviewDue(r reviewConfig, p *policy.Policy, now time.Time) bot.Finding {
	if r.At == "" {
		return fine("review: posted to %s only when `bot review --post` says so", r.Channel)
	}
	zone, err := r.zone(p.Timezone())
	if err != nil {
		return wrong("", "review: %v", err)
	}
	schedule, err := bot.ParseReviewTime(r.At, zone)
	if err != nil {
		return wrong("", "review: %v", err)
	}
	return fine("review: posted to %s on %s, %s; next on %s", r.Channel, r.At, zone, schedule.Next(now).In(zone).Format("2 January 15:04"))
}

// deciders is how many people decide on changes of the policy.
func (c config) deciders() int {
	all := slices.Concat(c.Admins, c.Security)
	slices.Sort(all)
	return len(slices.Compact(all))
}

// sources is how many are set up.
func (c activityConfig) sources() int {
	return len(c.CloudTrail) + len(c.Postgres) + len(c.K8s) + len(c.JSONL) + len(c.Ingest.Senders)
}
