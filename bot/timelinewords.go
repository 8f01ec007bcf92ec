package bot

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"jitbot/activity"
	"jitbot/jit"
)

// entryWords says what an event was, for the timeline; empty: it is not for
// people.
func entryWords(e jit.Event, r jit.Request, g jit.Grant) string {
	var d struct {
		Reason  string    `json:"reason"`
		Rule    string    `json:"rule"`
		Target  string    `json:"target"`
		Kept    string    `json:"kept"`
		Error   string    `json:"error"`
		Key     string    `json:"access_key_id"`
		Verdict string    `json:"verdict"`
		Note    string    `json:"note"`
		Stood   string    `json:"stood_before"`
		Expires time.Time `json:"expires_at"`
	}
	_ = json.Unmarshal(e.Data, &d) // blanked data has no details
	switch e.Kind {
	case jit.EventRequested:
		return askedWords(r)
	case jit.EventRequestApproved:
		return decidedWords(r) + noteWords(d.Note)
	case jit.EventApproval:
		return "Approved" + noteWords(d.Note)
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
		return extendedWords(r, d.Expires)
	case jit.EventRequestCancelled:
		return "Withdrew the request"
	case jit.EventRequestLapsed:
		return "Nobody answered in time; the request lapsed"
	case jit.EventGrantWarned:
		return "Told the holder that the end is near"
	case jit.EventGrantRevoking:
		return "The end began: " + Shorten(orThing(endedBecause(g), "its time was up"), 200)
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

func askedWords(r jit.Request) string {
	what := r.Resource + " for " + jit.FormatDuration(r.Duration)
	switch r.Kind {
	case jit.Extension:
		what = jit.FormatDuration(r.Duration) + " more"
	case jit.BreakGlass:
		return "Broke the glass for " + what + ": " + Shorten(r.Reason, 300)
	}
	return "Asked for " + what + ": " + Shorten(r.Reason, 300)
}

func extendedWords(r jit.Request, until time.Time) string {
	t := "Extended"
	if r.Kind == jit.Extension {
		t += " by " + jit.FormatDuration(r.Duration)
	}
	if !until.IsZero() {
		t += ", until " + until.UTC().Format("15:04 UTC")
	}
	return t
}

// decidedWords are for the approval of a person, or for a request that the
// policy let through as it was filed.
func decidedWords(r jit.Request) string {
	t := "Approved"
	if len(r.Approvals) == 0 {
		t = askedWords(r) + ". Let in at once"
	}
	if r.Decision.Rule != "" {
		t += ", by rule " + r.Decision.Rule
	}
	if len(r.Decision.Reasons) > 0 {
		t += ". " + Shorten(strings.Join(r.Decision.Reasons, " "), 300)
	}
	return t
}

// noteWords is what an approver wrote.
func noteWords(note string) string {
	if note == "" {
		return ""
	}
	return ". Their note: " + Shorten(note, 300)
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

// Verdict says what the grant's use comes to by what is known now; that nothing
// was done is only said where everything is known.
func (t *Timeline) Verdict() Status {
	g, r := t.Grant, activity.Receipt{Use: t.Use, Evidence: t.Evidence}
	switch {
	case g.Outcome == jit.Failed:
		return Status{"Never given", Neutral}
	case g.State == jit.GrantProvisioning:
		return Status{"Not given yet", Waiting}
	case g.State != jit.GrantEnded && t.Use.Actions > 0:
		return Status{"Used so far", Good}
	case g.State != jit.GrantEnded:
		return Status{"Nothing was seen so far", Neutral}
	}
	r.Verdict = activity.Judge(g, t.Use, t.Evidence)
	return Status{verdictWords(r), verdictTone(r.Verdict)}
}

func verdictTone(v activity.Verdict) Tone {
	switch v {
	case activity.OffPurpose:
		return Bad
	case activity.Blocked, activity.Incomplete:
		return Warning
	case activity.AsExpected:
		return Good
	}
	return Neutral
}

// Counts say how much was done. They are empty where nothing was.
func (t *Timeline) Counts() Text {
	r := activity.Receipt{Use: t.Use}
	return countWords(r)
}

// Lack says why not all of the use is known; empty: all is.
func (t *Timeline) Lack() string {
	if t.Grant.Outcome == jit.Failed || t.Evidence.Complete && len(t.Evidence.Unlogged) == 0 {
		return ""
	}
	if len(t.Evidence.Missing()) == 0 {
		return "Nobody has looked yet."
	}
	return sentence(missingWords(t.Evidence.Missing()))
}

func sentence(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:] + "."
}
