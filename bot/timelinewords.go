package bot

import (
	"encoding/json"
	"strings"

	"jitbot/jit"
)

// entryWords says what an event was, for the timeline; empty: it is not for
// people.
func (s *Service) entryWords(e jit.Event, st story) string {
	var d struct {
		Reason   string `json:"reason"`
		Rule     string `json:"rule"`
		Target   string `json:"target"`
		Kept     string `json:"kept"`
		Error    string `json:"error"`
		Key      string `json:"access_key_id"`
		Verdict  string `json:"verdict"`
		Stood    string `json:"stood_before"`
		Attempts int    `json:"attempts"`
	}
	_ = json.Unmarshal(e.Data, &d) // blanked data has no details
	r := st.request
	switch e.Kind {
	case jit.EventRequested:
		return "Asked for " + r.Resource + " for " + jit.FormatDuration(r.Duration) + ": " + Shorten(r.Reason, 300)
	case jit.EventRequestApproved:
		return s.approvedWords(r)
	case jit.EventApproval:
		return "Approved"
	case jit.EventRequestDenied:
		return "Denied: " + Shorten(r.Answer, 300)
	case jit.EventReminded:
		return "Reminded the approvers"
	case jit.EventEscalated:
		return "Escalated the request"
	case jit.EventRequestStarted:
		return "The time that was asked for came"
	case jit.EventHoldingApplying:
		return "Began to give " + orThing(d.Target, "access") + stoodWords(d.Stood)
	case jit.EventHoldingPresent:
		return "Read back as given: " + orThing(d.Target, "access")
	case jit.EventGrantActive:
		return "Access was read back as given; the clock runs"
	case jit.EventHoldingRetry:
		return "A try failed: " + failureWords(d.Error)
	case jit.EventPickupOffered:
		return "Asked for credentials"
	case jit.EventCredentialIssued:
		if d.Key == "" {
			return ""
		}
		return "Credentials were handed out: key " + d.Key
	case jit.EventGrantExtended:
		return "Extended"
	case jit.EventGrantWarned:
		return "Told the holder that the end is near"
	case jit.EventGrantRevoking:
		return "The end began: " + Shorten(orThing(st.grant.EndReason, "its time was up"), 200)
	case jit.EventGrantOverdue:
		return "The end is overdue; people were told"
	case jit.EventHoldingAbsent:
		return "Read back as gone: " + orThing(d.Target, "access") + keptWords(d.Kept)
	case jit.EventGrantEnded:
		return "Everything was read back as gone; the grant ended" + keptWords(d.Kept)
	case jit.EventReceipt:
		if d.Verdict == "" {
			return ""
		}
		return "Its use was summed up: " + strings.ReplaceAll(d.Verdict, "_", " ")
	case jit.EventReviewClosed:
		return "The review of the break-glass was closed"
	case jit.EventTimelineOpened:
		return "Looked at this timeline"
	case jit.EventRefused:
		return "Something was refused"
	}
	return ""
}

func (s *Service) approvedWords(r jit.Request) string {
	t := "Decided: " + strings.ReplaceAll(r.Decision.Outcome, "_", " ")
	if r.Decision.Rule != "" {
		t += ", by rule " + r.Decision.Rule
	}
	if len(r.Decision.Reasons) > 0 {
		t += ". " + Shorten(strings.Join(r.Decision.Reasons, " "), 300)
	}
	return t
}

func orThing(thing, other string) string {
	if thing == "" {
		return other
	}
	return thing
}

func stoodWords(stood string) string {
	if stood == string(jit.StoodBefore) {
		return " (it stood before, and stays)"
	}
	return ""
}

func keptWords(kept string) string {
	if kept == "" {
		return ""
	}
	return " (left in place: " + kept + ")"
}
