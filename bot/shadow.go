package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// A shadow is the time between the confirmation of an edit and its being
// written, where one is configured: the policy with the edit is asked about
// every request that is decided meanwhile. What it says is counted and never
// acted on. It is asked after the fact, of the log, so nobody waits for it, and
// a crash or a second replica changes nothing but when.

// ShadowKind is how what a candidate says of a request differs from what the
// policy without the edit says.
type ShadowKind string

// The differences, the gravest first. A request counts once, as the gravest.
const (
	WouldRefuse ShadowKind = "refused"
	WouldNobody ShadowKind = "nobody"    // somebody would have to approve, and nobody could be asked
	WouldWait   ShadowKind = "waits"     // for people, where it waits for none
	WouldMore   ShadowKind = "more"      // people would have to approve
	WouldCut    ShadowKind = "shorter"   // it would end sooner
	WouldAsk    ShadowKind = "others"    // other people would be asked
	WouldFewer  ShadowKind = "fewer"     // people would have to approve
	WouldLonger ShadowKind = "longer"    // it would end later
	WouldAuto   ShadowKind = "automatic" // nobody would have to approve
	WouldAllow  ShadowKind = "allowed"   // it would not be refused
)

// shadowWords are the differences in their order, for people.
func shadowWords() []struct {
	kind  ShadowKind
	words string
} {
	return []struct {
		kind  ShadowKind
		words string
	}{
		{WouldRefuse, "would be refused"},
		{WouldNobody, "would have nobody to ask"},
		{WouldWait, "would wait for people"},
		{WouldMore, "would wait for more people"},
		{WouldCut, "would be cut shorter"},
		{WouldAsk, "would be for other people to approve"},
		{WouldFewer, "would need fewer approvals"},
		{WouldLonger, "would last longer"},
		{WouldAuto, "would be automatic"},
		{WouldAllow, "would no longer be refused"},
	}
}

// ShadowTally is what a shadow has counted. The zero value is nothing yet.
type ShadowTally struct {
	After    int64              `json:"after"` // Seq of the event up to which it has looked
	Both     int                `json:"both"`  // requests decided by both
	Left     int                `json:"left,omitempty"`
	Kinds    map[ShadowKind]int `json:"kinds,omitempty"`
	Requests []ShadowDiffer     `json:"requests,omitempty"` // the first that differ; the log has them all
	ShownAt  time.Time          `json:"shown_at,omitzero"`  // the card was rewritten last
}

// ShadowDiffer is a request of which the two say different things.
type ShadowDiffer struct {
	Request string     `json:"request"`
	Kind    ShadowKind `json:"kind"`
}

// maxShadowRequests is how many requests a tally names.
const maxShadowRequests = 50

// differ is how many requests differ.
func (t ShadowTally) differ() (n int) {
	for _, k := range t.Kinds {
		n += k
	}
	return n
}

// add counts one request; kind is empty where both say the same.
func (t *ShadowTally) add(request string, kind ShadowKind) {
	t.Both++
	if kind == "" {
		return
	}
	if t.Kinds == nil {
		t.Kinds = map[ShadowKind]int{}
	}
	t.Kinds[kind]++
	if len(t.Requests) < maxShadowRequests {
		t.Requests = append(t.Requests, ShadowDiffer{request, kind})
	}
}

// String says it in a sentence.
func (t ShadowTally) String() string {
	if t.Both == 0 {
		return "no request was decided by both yet."
	}
	out := plural(t.Both, "request") + " decided by both, "
	n := t.differ()
	if n == 0 {
		return out + "none differs."
	}
	var parts []string
	for _, w := range shadowWords() {
		if k := t.Kinds[w.kind]; k > 0 {
			parts = append(parts, itoa(k)+" "+w.words)
		}
	}
	verb := " differ: "
	if n == 1 {
		verb = " differs: "
	}
	return out + itoa(n) + verb + strings.Join(parts, ", ") + "."
}

// fields name the requests that differ, by how they do.
func (t ShadowTally) fields() []Field {
	const most = 5
	var out []Field
	for _, w := range shadowWords() {
		var ids []string
		for _, r := range t.Requests {
			if r.Kind == w.kind {
				ids = append(ids, r.Request)
			}
		}
		if len(ids) == 0 {
			continue
		}
		text := strings.Join(ids[:min(len(ids), most)], ", ")
		if more := t.Kinds[w.kind] - min(len(ids), most); more > 0 {
			text += " and " + itoa(more) + " more"
		}
		out = append(out, field(strings.ToUpper(w.words[:1])+w.words[1:], plain(text)))
	}
	return out
}

// ledgerShadow keeps the tally of each shadow, by the suggestion and when it
// began.
const ledgerShadow = "suggestions.shadow"

func shadowKey(g jit.Suggestion) string {
	return g.ID + "\x00" + g.Shadow.From.UTC().Format(time.RFC3339Nano)
}

// ShadowOf is what the last shadow of a suggestion has counted.
func ShadowOf(v storage.View, g jit.Suggestion) (t ShadowTally, err error) {
	if g.Shadow.From.IsZero() {
		return t, nil
	}
	raw, err := v.Leaf(ledgerShadow, shadowKey(g))
	if errors.Is(err, storage.ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(raw, &t)
}

func keepShadow(tx storage.Tx, g jit.Suggestion, t ShadowTally) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return tx.SetLeaf(ledgerShadow, shadowKey(g), raw)
}

// shadows reports whether an edit that is confirmed now is asked beside the
// policy in force first. What takes another edit back is not, nor what has been
// in shadow as it is and was shown to people with what came of it.
func (s *Service) shadows(g jit.Suggestion) bool {
	return s.Suggestions.Shadow > 0 && g.Reverts == "" && g.Shadow.EndedAt.IsZero()
}

// beginShadow confirms a suggestion and begins its shadow.
func (s *Service) beginShadow(ctx context.Context, g jit.Suggestion, c candidate, actor string) (jit.Suggestion, error) {
	next := g
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		head, err := tx.Head()
		if err != nil {
			return err
		}
		next = g
		next.ConfirmedBy, next.ConfirmedAt, next.Problem = actor, now, ""
		next.Shadow = jit.Shadow{From: now, Until: now.Add(s.Suggestions.Shadow)}
		derivedFrom(&next, c)
		if err := saveSuggestion(tx, s.event(jit.EventSuggestionConfirmed, actor, "suggestion"), now, &next, jit.SuggestionShadow); err != nil {
			return err
		}
		return errors.Join(
			s.saveNote(tx, s.event(jit.EventShadowBegan, actor, "suggestion"), map[string]any{"suggestion": next.ID, "rule": next.Rule, "until": next.Shadow.Until, "base": next.Base, "candidate": next.After}),
			keepShadow(tx, next, ShadowTally{After: head.Seq}),
		)
	})
	if err == nil {
		s.candidates.put(next, c)
	}
	return next, movedOn(err)
}

// inShadow are the suggestions whose shadow runs.
func (s *Service) inShadow(ctx context.Context) (running []jit.Suggestion, err error) {
	if s.Suggestions.Read == nil || s.Suggestions.Load == nil {
		return nil, nil
	}
	err = s.store.Read(ctx, func(v storage.View) error {
		running, err = v.Suggestions(storage.SuggestionFilter{States: []jit.SuggestionState{jit.SuggestionShadow}})
		return err
	})
	return running, err
}

// shadowStatus says until when both are asked.
func (s *Service) shadowStatus(g jit.Suggestion) string {
	return "In shadow until " + s.localTime(g.Shadow.Until)
}

func (s *Service) localTime(at time.Time) string {
	return at.In(s.Policy().Timezone()).Format("2 Jan 15:04 MST")
}

// shadowSentence says what a shadow has counted, while it runs and after it.
func (s *Service) shadowSentence(g jit.Suggestion, t ShadowTally) string {
	when := s.shadowStatus(g)
	if g.State != jit.SuggestionShadow {
		when = "In shadow from " + s.localTime(g.Shadow.From)
		if end := g.Shadow.EndedAt; !end.IsZero() {
			when += " to " + s.localTime(end)
		}
	}
	if t.Left > 0 {
		return when + ": " + t.String() + " " + plural(t.Left, "request") + " could not be decided again."
	}
	return when + ": " + t.String()
}

// stillDecides is why one of the people behind a confirmed edit does not decide
// on the policy any more; empty: all do.
func (s *Service) stillDecides(people ...string) string {
	for _, id := range slices.Compact(people) {
		if s.mayJudge(id) != nil {
			return s.People.Name(id) + " does not decide on the policy any more"
		}
	}
	return ""
}
