package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/simulate"
)

// Half a year of the demo's people, as another tool would have kept it: enough
// for a review to have something to say. Whoever asks for production asks for four
// hours and needs minutes; staging is mostly asked for and not used; and the
// contractors, who may, never ask for it.

const pastWeeks = 26

func pastPlaces() []simulate.Place {
	both := []string{"payments", "platform"}
	return []simulate.Place{
		{Resource: "prod-db", Groups: both, PerWeek: 3, Length: 4 * time.Hour, Span: 11 * time.Minute, Refused: .06, Services: []string{"rds", "logs"}, Asks: "group:payments"},
		{Resource: "prod-logs", Groups: both, PerWeek: 1.5, Length: 4 * time.Hour, Span: 9 * time.Minute, Refused: .06, Services: []string{"logs", "cloudwatch"}, Asks: "group:payments"},
		{Resource: "prod-logs", Groups: []string{"platform"}, PerWeek: 1, Urgent: true, Length: time.Hour, Span: 7 * time.Minute, Services: []string{"logs", "ecs"}, Asks: "group:payments"},
		{Resource: "staging", Groups: both, PerWeek: 2.5, Unused: .78, Services: []string{"ec2", "ecs"}, Asks: "group:platform"},
	}
}

// simulatedPast makes it, up to about now.
func simulatedPast(p *policy.Policy, now time.Time) (*simulate.Org, error) {
	return simulate.In(p, pastPlaces(), simulate.Options{Seed: 2026, Weeks: pastWeeks, Until: now.Add(-time.Hour).Truncate(time.Hour)})
}

// importPast takes the requests in, as `bot history import` would.
func importPast(ctx context.Context, a *app, org *simulate.Org) error {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for i := range org.Lines {
		if err := enc.Encode(&org.Lines[i]); err != nil {
			return fmt.Errorf("seed the past: %w", err)
		}
	}
	in := history.Importing{
		Store: a.store, At: a.service.Instant, Clean: bot.Clean, Policy: a.service.Policy(), Actor: jit.ActorJitbot, File: "the demo's past",
	}
	got, err := in.Import(ctx, &lines)
	if err == nil && got.Bad > 0 {
		err = errors.New(got.Problems[0].Why)
	}
	if err != nil {
		return fmt.Errorf("seed the past: %w", err)
	}
	return nil
}

// tellPast hands over what was done with it.
func tellPast(b *activity.Batch, org *simulate.Org) {
	for i := range org.Deeds {
		d := &org.Deeds[i]
		service, verb, _ := strings.Cut(d.Action, ":")
		r := activity.Record{
			Family: "demo", ID: d.ID, At: d.At, Service: service, Verb: verb, Resource: strings.Replace(d.Resource, "::", ":"+demoAccount+":", 1),
			Outcome: d.Outcome, Layer: d.Layer, Actor: d.Actor, Origin: d.Origin, Agent: "aws-cli/2.31", Account: demoAccount, Region: "eu-central-1",
			ReadOnly: d.ReadOnly, Grant: d.Grant,
		}
		if d.Outcome == jit.ActivityDenied {
			r.Code = "AccessDenied"
		}
		b.Add(&r)
	}
}
