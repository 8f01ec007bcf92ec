package bot

import (
	"fmt"

	"jitbot/jit"
)

// statusOf says where a story stands, in words and tone.
func (s *Service) statusOf(st story) Status {
	r, g := st.request, st.grant
	switch r.State {
	case jit.RequestScheduled:
		return Status{"Scheduled", Waiting}
	case jit.RequestPending:
		if r.Escalated {
			return Status{"Waiting for approval, escalated", Warning}
		}
		return Status{"Waiting for approval", Waiting}
	case jit.RequestDenied:
		return Status{"Denied by " + s.byWhom(r.DecidedBy), Bad}
	case jit.RequestCancelled:
		return Status{"Withdrawn by " + s.byWhom(r.DecidedBy), Neutral}
	case jit.RequestLapsed:
		return Status{"Lapsed: nobody answered in time", Neutral}
	}
	if r.Kind == jit.Extension {
		return Status{"Extended", Good}
	}
	return s.grantStatus(g, st.holdings)
}

func (s *Service) grantStatus(g jit.Grant, holdings []jit.Holding) Status {
	switch g.State {
	case jit.GrantProvisioning:
		if tries := mostAttempts(holdings); tries > 0 {
			return Status{fmt.Sprintf("Taking longer than usual: %s failed, trying again", plural(tries, "attempt")), Warning}
		}
		return Status{"Approved, opening access", Waiting}
	case jit.GrantActive:
		return Status{"Active", Good}
	case jit.GrantRevoking:
		if tries := mostAttempts(holdings); tries > 0 {
			return Status{fmt.Sprintf("Still being taken back: %s failed, trying again", plural(tries, "attempt")), Bad}
		}
		return Status{"Ending", Waiting}
	case jit.GrantEnded:
		return Status{s.endedHow(g), Neutral}
	default:
		return Status{"Approved", Good} // its grant was not looked up
	}
}

func (s *Service) endedHow(g jit.Grant) string {
	switch g.Outcome {
	case jit.Revoked:
		return "Ended early by " + s.byWhom(g.EndBy)
	case jit.Failed:
		return "Could not be given"
	default:
		return "Ended on time"
	}
}

func (s *Service) byWhom(id string) string {
	switch id {
	case "policy":
		return "the policy"
	case jit.ActorJitbot:
		return "jitbot"
	default:
		return s.People.Name(id)
	}
}

func mostAttempts(holdings []jit.Holding) int {
	n := 0
	for _, h := range holdings {
		n = max(n, h.Attempts)
	}
	return n
}

// titleOf is what the request is, in one line.
func (s *Service) titleOf(r jit.Request) string {
	who, length := s.People.Name(r.For), jit.FormatDuration(r.Duration)
	switch {
	case r.Kind == jit.Extension:
		return fmt.Sprintf("%s asks for %s more on %s", who, length, r.Resource)
	case r.Kind == jit.BreakGlass:
		return fmt.Sprintf("%s broke the glass for %s, %s", who, r.Resource, length)
	case r.By != r.For:
		return fmt.Sprintf("%s asks for %s for %s, %s", s.People.Name(r.By), r.Resource, who, length)
	case r.Duration == 0: // refused before a length was settled
		return fmt.Sprintf("%s asks for %s", who, r.Resource)
	default:
		return fmt.Sprintf("%s asks for %s for %s", who, r.Resource, length)
	}
}
