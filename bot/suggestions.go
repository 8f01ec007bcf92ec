package bot

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// A suggestion is an edit of the policy that was shown to people. One person
// accepts it and another confirms it; only then is it written, and only from
// the file as it is then. Nothing in this package widens anything by itself.

// SuggestConfig is how suggestions become changes of the policy. Without Read
// and Load there are none.
type SuggestConfig struct {
	// Read returns the policy's file as it is where changes are put.
	Read func(ctx context.Context) ([]byte, error)
	// Load reads a candidate as the policy in force would be read.
	Load func(src []byte) (*policy.Policy, error)
	// Prove says which way a change goes; nil: nobody can tell, which counts as
	// widening.
	Prove  func(before, after *policy.Policy) jit.Direction
	Writer PolicyWriter // nil: the change is a patch for people to apply
	File   string       // the policy's name in patches; empty: policy.yaml
	// Protected are rules, and resources whose rules, no suggestion touches:
	// those that govern jitbot itself, and who decides on the policy.
	Protected []string
	// Shadow is how long the policy with an edit is asked beside the policy in
	// force, from the confirmation on, before it is written; 0: not at all.
	Shadow time.Duration
	// Try says what a change comes to: what it would have done with the requests
	// of the past, and which way it goes. nil: nobody can tell.
	Try func(ctx context.Context, v storage.View, before, after *policy.Policy) (Tried, error)
}

// Tried is what a change of the policy comes to, in sentences.
type Tried struct {
	Replay string
	Proof  string
}

const (
	// silence is how long a dismissed suggestion is not shown, unless there is
	// much more evidence of it.
	silence = 90 * 24 * time.Hour
	// widerFor is how long what widens stands before taking it back is proposed.
	widerFor = 90 * 24 * time.Hour
	// strongerBy is how much a bound has to gain to end a silence.
	strongerBy = 0.05
)

// ShowSuggestions keeps what a review shows. Of each suggestion it takes what
// the analysis says (class, rule, subject, edit, body, figures, owner, week);
// a key that is known already goes on as it stood. It returns the rows that are
// to be shown, in the order given: those that were dismissed and have to be
// silent are left out.
func (s *Service) ShowSuggestions(tx storage.Tx, all []jit.Suggestion) ([]jit.Suggestion, error) {
	now, err := s.instant(tx)
	if err != nil {
		return nil, err
	}
	var shown []jit.Suggestion
	for _, next := range all {
		next.Key = jit.SuggestionKey(next.Class, next.Rule, next.Subject)
		row, show, err := s.showOne(tx, next, now)
		if err != nil {
			return nil, err
		}
		if show {
			shown = append(shown, row)
		}
	}
	return shown, nil
}

// showOne keeps one suggestion and reports whether it is to be seen.
func (s *Service) showOne(tx storage.Tx, next jit.Suggestion, now time.Time) (jit.Suggestion, bool, error) {
	old, err := unsettled(tx, next.Key)
	if err != nil {
		return old, false, err
	}
	switch old.State {
	case jit.SuggestionAccepted, jit.SuggestionShadow, jit.SuggestionConfirmed:
		return old, true, nil // people are at it: what they saw stays as it is
	case jit.SuggestionDismissed:
		if now.Before(old.SilentUntil) && !stronger(old, next) {
			return old, false, nil
		}
	case jit.SuggestionNew:
		old.ID, old.FirstShown, old.Week = s.NewID(idSuggestion, now), now, next.Week
	}
	old.Class, old.Rule, old.Subject, old.Key = next.Class, next.Rule, next.Subject, next.Key
	old.Suggested, old.FirstBody = nil, nil
	if !bytes.Equal(old.Edit, next.Edit) {
		old.Shadow = jit.Shadow{} // what it came to was of another edit
	}
	old.Direction, old.Edit, old.Base, old.Body = next.Direction, next.Edit, next.Base, next.Body
	old.N, old.Bound, old.Owner = next.N, next.Bound, next.Owner
	old.LastShown, old.Problem = now, ""
	e := s.event(jit.EventSuggestionShown, jit.ActorJitbot, "review")
	if err := saveSuggestion(tx, e, now, &old, jit.SuggestionOpen); err != nil {
		return old, false, err
	}
	return old, true, nil
}

// unsettled finds the row of a key that may still come to something; one that
// is new where there is none.
func unsettled(v storage.View, key string) (jit.Suggestion, error) {
	all, err := v.Suggestions(storage.SuggestionFilter{Keys: []string{key}})
	for _, g := range all {
		if !g.State.Settled() {
			return g, err
		}
	}
	return jit.Suggestion{}, err
}

// stronger reports whether there is so much more evidence than when a
// suggestion was dismissed that it is shown again before its time.
func stronger(old, next jit.Suggestion) bool {
	gain := next.Bound - old.Bound
	if next.Class == "A13" || next.Class == "A14" { // their bound is an upper one
		gain = -gain
	}
	const exact = 1e-9 // decimals are not
	return old.N > 0 && next.N >= 2*old.N || gain >= strongerBy-exact
}

// saveSuggestion moves g and records it. g is then as it stands.
func saveSuggestion(tx storage.Tx, e jit.Event, now time.Time, g *jit.Suggestion, to jit.SuggestionState) error {
	e.At = now
	return saveChange(tx, suggestionChange(e, *g), g, to)
}

// suggestionChange starts the change that records what becomes of g.
func suggestionChange(e jit.Event, g jit.Suggestion) *jit.Change {
	c := jit.Record(e).Detail("suggestion", g.ID).Detail("class", g.Class).Detail("rule", g.Rule).Detail("direction", string(g.Direction))
	c.Detail("base", g.Base).Detail("how", string(g.How)).Detail("problem", g.Problem).Detail("where", cmp.Or(g.Where.URL, g.Where.Commit, g.Where.Kind))
	if len(g.Edit) > 0 {
		c.Detail("edit", g.Edit)
	}
	return c
}

func saveChange(tx storage.Tx, c *jit.Change, g *jit.Suggestion, to jit.SuggestionState) error {
	if err := c.Suggestion(*g, to); err != nil {
		return err
	}
	if err := tx.Save(c); err != nil {
		return err
	}
	g.State, g.Version = to, g.Version+1
	return nil
}

// suggestion reads one, or says that there is none.
func (s *Service) suggestion(ctx context.Context, id string) (g jit.Suggestion, err error) {
	err = s.store.Read(ctx, func(v storage.View) error {
		g, err = v.Suggestion(id)
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return g, refuse(CodeUnknownThing, "There is no suggestion "+Shorten(clean(id), 40)+".", "The weekly review lists those there are.")
	}
	return g, err
}

// mayJudge refuses whoever does not decide on suggestions. Only people do:
// never jitbot, and never an operator's account.
func (s *Service) mayJudge(actor string) error {
	if s.Suggestions.Read == nil || s.Suggestions.Load == nil {
		return refuse(CodeOff, "Suggestions are not set up here.", "`suggestions:` in the configuration says where changes of the policy go.")
	}
	if s.overseer(actor) && s.People.Active(actor) {
		return nil
	}
	return refuse(CodeNoRight, "Only admins and security decide on changes of the policy.", s.who(s.overseers())+" can.")
}

// move writes one move of a suggestion that was read before and returns it as
// it is then. Whoever was quicker has changed it, and it is said so.
func (s *Service) move(ctx context.Context, g jit.Suggestion, kind, actor string, to jit.SuggestionState, change func(*jit.Suggestion, time.Time)) (jit.Suggestion, error) {
	next := g
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		next = g
		change(&next, now)
		return saveSuggestion(tx, s.event(kind, actor, "suggestion"), now, &next, to)
	})
	return next, movedOn(err)
}

func movedOn(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return refuse(CodeChanged, "Somebody else was quicker; it has changed.", "Look at it again.")
	}
	return err
}

// stands refuses what a suggestion in its state cannot do.
func stands(g jit.Suggestion, want jit.SuggestionState) error {
	if g.State == want {
		return nil
	}
	word := map[jit.SuggestionState]string{
		jit.SuggestionOpen: "is open", jit.SuggestionDismissed: "was dismissed", jit.SuggestionAccepted: "was accepted by " + g.ProposedBy,
		jit.SuggestionShadow:    "is in shadow until " + g.Shadow.Until.UTC().Format("2006-01-02 15:04 MST"),
		jit.SuggestionConfirmed: "is being written", jit.SuggestionApplied: "was applied", jit.SuggestionReverted: "was taken back",
		jit.SuggestionStale: "is out of date: " + g.Problem,
	}[g.State]
	return refuse(CodeChanged, fmt.Sprintf("That suggestion %s.", word), "")
}
