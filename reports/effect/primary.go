package effect

import (
	"strings"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// primary is what the edit of a class is for:
//
//	A1, A2, A5       exposure-hours per grant, of grants that can be judged
//	A11              requests without a ticket
//	A12              time to access
//	A13, A17, A18    what was taken out of the policy, see taken
//	A14, A15         time until the first answer, and how few give the answers
//	A16              break-glass
//	A19, A20         extended or wanted again; not answered within 15 minutes
//	A21              requests
//
// The others have none: A3 and A4 are about session policies, which people change
// by hand, and A6 to A10 lead to no edit. They are judged by the guards alone.
func (s *scope) primary() []Metric {
	switch s.g.Class {
	case "A1", "A2", "A5":
		return []Metric{s.exposure()}
	case "A11":
		return []Metric{shareOf("requests without a ticket", s.own, func(c *history.Case) (bool, bool) { return c.Ticket == "", c.Kind == jit.Access })}
	case "A12":
		return []Metric{s.timeToAccess(s.own)}
	case "A14", "A15":
		return []Metric{s.answerTime(), s.fewAnswer()}
	case "A16":
		return []Metric{s.breakGlass()}
	case "A19", "A20":
		return []Metric{shareOf("extended, or wanted again within 30 minutes of the end", s.own, s.short), shareOf("not answered within 15 minutes", s.own, s.unanswered)}
	case "A21":
		return []Metric{countOf("requests", s.own, func(c *history.Case) bool { return c.Kind == jit.Access })}
	default:
		return nil
	}
}

// exposure is how long access was held.
func (s *scope) exposure() Metric {
	return ofValues("access held per grant", "hours", s.own, mean, func(c *history.Case) (float64, bool, bool) {
		g := s.over(c)
		switch {
		case g == nil || c.Kind == jit.BreakGlass:
			return 0, false, g == nil && c.Grant != nil
		case !g.Judgeable():
			return 0, false, true
		}
		return g.Ended.Sub(g.From).Hours(), true, false
	})
}

func (s *scope) short(c *history.Case) (hit, counts bool) {
	hit, counts = s.wantedAgain(c)
	return hit || counts && c.Grant.Extensions > 0, counts
}

// answered is how long a request waited for its first answer. One that lapsed
// has waited until then; of what was withdrawn, or waits, it cannot be told.
func (s *scope) answered(c *history.Case) (minutes float64, by string, ok bool) {
	if c.Outcome != policy.Approval || c.Kind == jit.BreakGlass {
		return 0, "", false
	}
	at := c.DecidedAt
	isPerson := strings.Contains(c.DecidedBy, "@") && !strings.Contains(c.DecidedBy, ":")
	switch {
	case len(c.Approvals) > 0:
		at, by = c.Approvals[0].At, c.Approvals[0].By
	case isPerson && (c.State == jit.RequestApproved || c.State == jit.RequestDenied):
		by = c.DecidedBy
	case c.State != jit.RequestLapsed:
		return 0, "", false
	}
	if at.IsZero() || at.After(s.At) {
		return 0, "", false
	}
	return at.Sub(c.At).Minutes(), by, true
}

// unanswered is as A20 has it: what ended within the 15 minutes without an answer
// does not count.
func (s *scope) unanswered(c *history.Case) (hit, counts bool) {
	limit := c.At.Add(15 * time.Minute)
	if c.Outcome != policy.Approval || c.Kind == jit.BreakGlass || s.At.Before(limit) {
		return false, false
	}
	minutes, by, _ := s.answered(c)
	if by != "" {
		return minutes > 15, true
	}
	return true, c.DecidedAt.IsZero() || c.DecidedAt.After(limit)
}

func (s *scope) answerTime() Metric {
	return ofValues("time until the first answer", "minutes", s.own, median, func(c *history.Case) (float64, bool, bool) {
		minutes, _, ok := s.answered(c)
		return minutes, ok, !ok && c.Outcome == policy.Approval && c.Kind != jit.BreakGlass
	})
}

// fewAnswer is how few people give the answers: 1 where one gives them all.
func (s *scope) fewAnswer() Metric {
	m := Metric{Name: "concentration of the answers"}
	for side, out := range []*Estimate{&m.Before, &m.After} {
		number := map[string]int{}
		var who []int
		for _, c := range s.own[side] {
			for _, id := range answers(c) {
				if _, known := number[id]; !known {
					number[id] = len(number)
				}
				who = append(who, number[id])
			}
		}
		*out = concentration(who)
	}
	return m
}

// answers are the people who answered a case.
func answers(c *history.Case) []string {
	var out []string
	for _, a := range c.Approvals {
		out = append(out, a.By)
	}
	if c.State == jit.RequestDenied && strings.Contains(c.DecidedBy, "@") && !strings.Contains(c.DecidedBy, ":") {
		out = append(out, c.DecidedBy)
	}
	return out
}
