package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

// wish is what somebody asks for, before anything was looked up.
type wish struct {
	kind      jit.RequestKind
	resources []string
	duration  time.Duration
	reason    string
	ticket    string
	forWhom   string
	start     string
	extends   jit.Grant     // Extension
	left      time.Duration // Extension: how much of the grant is still to come
}

func wishOf(cmd Command, kind jit.RequestKind) wish {
	return wish{
		kind: kind, resources: cmd.Resources, duration: cmd.Duration, reason: cmd.Reason,
		ticket: cmd.Ticket, forWhom: cmd.Person, start: cmd.At,
	}
}

// ticketOf is the ticket named by --ticket or, failing that, the first one
// mentioned in the reason.
func ticketOf(w wish) string {
	if w.ticket != "" {
		return Shorten(w.ticket, maxTicket)
	}
	return ticketPattern.FindString(w.reason)
}

func policyKind(k jit.RequestKind) policy.RequestKind {
	switch k {
	case jit.Extension:
		return policy.Extension
	case jit.BreakGlass:
		return policy.BreakGlass
	default:
		return policy.Access
	}
}

// resourcesMeant turns names and bundles into resources, or says what was
// probably meant among what the person may see.
func (s *Service) resourcesMeant(p *policy.Policy, c call, names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		members, bundle := p.Bundle(name)
		if _, ok := p.Resource(name); ok && !bundle {
			members = []string{name}
		}
		if len(members) == 0 {
			return nil, s.unknownResource(p, c, name)
		}
		for _, m := range members {
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	if len(out) > maxBatch {
		return nil, refuse(CodeBadInput, fmt.Sprintf("That is %d resources; at most %d at once.", len(out), maxBatch), "Ask in two parts.")
	}
	return out, nil
}

func (s *Service) unknownResource(p *policy.Policy, c call, name string) *UserError {
	near := p.Near(name, p.Visible(c.who.ID, &policy.Facts{At: s.Now()}))
	hint := "`/jit resources` lists what you may ask for."
	if len(near) > 0 {
		hint = "Did you mean `" + strings.Join(near, "`, `") + "`? " + hint
	}
	return refuse(CodeUnknownThing, fmt.Sprintf("There is no resource %q that you may ask for.", Shorten(name, 60)), hint).at(fieldResource)
}

// holder is the principal who is to hold the access.
func (s *Service) holder(c call, w wish) (string, error) {
	if w.kind == jit.Extension {
		return w.extends.Principal, nil
	}
	if w.forWhom == "" {
		return c.who.ID, nil
	}
	p, ok := s.People.Find(c.in.From.Platform, c.in.From.Team, w.forWhom)
	if !ok {
		return "", refuse(CodeUnknownThing, fmt.Sprintf("I know nobody called %q.", Shorten(w.forWhom, 60)), "Use the company e-mail, such as `--for bo@example.com`.").at(fieldFor)
	}
	return p.ID, nil
}

// startOf reads --at: RFC 3339, a local date and time, or a time of day, in the
// policy's zone.
func (s *Service) startOf(p *policy.Policy, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	now := s.Now().UTC()
	at, ok := readMoment(text, now.In(p.Timezone()))
	switch {
	case !ok:
		return time.Time{}, refuse(CodeBadInput, fmt.Sprintf("I cannot read the time %q.", Shorten(text, 40)), "Write `--at 14:30` or `--at 2026-11-24T09:00`, in "+p.Timezone().String()+" time.").at(fieldStart)
	case !at.After(now):
		return time.Time{}, refuse(CodeBadInput, "That start has passed already.", "Leave `--at` out to start at once.").at(fieldStart)
	case at.Sub(now) > maxStartAhead:
		return time.Time{}, refuse(CodeBadInput, "That start is too far away.", "At most "+jit.FormatDuration(maxStartAhead)+" ahead.").at(fieldStart)
	}
	return at.UTC(), nil
}

func readMoment(text string, now time.Time) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	if at, err := time.ParseInLocation("2006-01-02T15:04", text, now.Location()); err == nil {
		return at, true
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, false
	}
	at := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location())
	if !at.After(now) {
		at = time.Date(now.Year(), now.Month(), now.Day()+1, clock.Hour(), clock.Minute(), 0, 0, now.Location())
	}
	return at, true
}
