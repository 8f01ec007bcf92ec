package suggest

import (
	"fmt"
	"strconv"
	"strings"

	"jitbot/analysis"
	"jitbot/policy/edit"
)

// spares are the classes whose edits promise that nobody who used what they were
// given would miss it. Those of the others ask people to do something, such as to
// name a ticket; a replay counts all who did not have to yet.
func spares(c analysis.Class, e *edit.Edit) bool {
	if len(e.Path) > 0 && e.Path[0] == "require" {
		return false
	}
	switch c {
	case "A1", "A2", "A5", "A14", "A17", "A18":
		return true
	default:
		return false
	}
}

// mostHurt is the share of held-out requests that may come to harm.
const mostHurt = .05

// judge holds an edit against the newest quarter of the past, where the older
// three quarters alone lead to one of the same key.
func (m *making) judge(f *analysis.Finding, c *candidate) (HeldOut, error) {
	if m.split.IsZero() {
		return HeldOut{Sentence: "Not judged by requests it was not made from: the past is shorter than sixteen weeks."}, nil
	}
	mined, ok := m.older[key(f)]
	if !ok {
		return HeldOut{Sentence: "Not judged by requests it was not made from: it takes all of the past to say it."}, nil
	}
	older, refused := m.candidate(mined)
	if refused != "" || older.policy == nil {
		older = *c
	}
	r, err := m.Replay(m.Policy, older.policy, m.split, m.At, m.concerned(&older))
	if err != nil {
		return HeldOut{}, fmt.Errorf("judge an edit by the newest requests: %w", err)
	}
	h := HeldOut{From: m.split, Judged: r.Requests, Hurt: r.RefusedUse + r.Cut}
	if c.proof.Direction.Widens() {
		h.Hurt = r.AutoDenied
	}
	if h.Judged == 0 {
		h.Sentence = "Nobody asked for any of it in the newest quarter either."
		return h, nil
	}
	harmed := "none"
	if h.Hurt > 0 {
		harmed = strconv.Itoa(h.Hurt)
	}
	h.Sentence = fmt.Sprintf("An edit made from the older three quarters alone would have harmed %s of %s in the newest quarter.", harmed, count(h.Judged, "request"))
	return h, nil
}

// refuses says why an edit is not suggested that did badly; empty: it did not.
func (h HeldOut) refuses(c analysis.Class, e *edit.Edit, widens bool, r *Replayed) string {
	switch {
	case r.AutoDenied > 0:
		return fmt.Sprintf("It would have let in %s that people refused.", count(r.AutoDenied, "request"))
	case widens && (c == "A12" || c == "A21") && r.idle():
		return "It would have changed nothing in 90 days."
	case spares(c, e) && h.Judged > 0 && float64(h.Hurt) > mostHurt*float64(h.Judged):
		return h.Sentence
	default:
		return ""
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %s", n, strings.TrimSuffix(what, "s")+"s")
}

// idle reports whether nothing would have been different.
func (r *Replayed) idle() bool {
	return r.Refused+r.Waiting+r.Automatic+r.Allowed+r.Cut+r.People == 0 && r.Less == 0
}
