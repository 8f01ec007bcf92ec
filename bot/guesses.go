package bot

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// guesses are the wrong codes a person has typed of late. They are kept in the
// store, beside the delivery each belongs to.
type guesses struct {
	all    map[string]refusalCount // by person
	person string
}

func guessesOf(v storage.View, person string, now time.Time) (guesses, error) {
	g := guesses{map[string]refusalCount{}, person}
	raw, err := v.Note(guessesNote)
	if errors.Is(err, storage.ErrNotFound) {
		return g, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &g.all)
	}
	if err != nil {
		return g, fmt.Errorf("read the count of wrong codes: %w", err)
	}
	for id, c := range g.all {
		if !now.Before(c.From.Add(guessesWithin)) {
			delete(g.all, id)
		}
	}
	return g, nil
}

func (g guesses) spent() bool { return g.all[g.person].N >= maxGuesses }

func (g guesses) refusal(now time.Time) *UserError {
	return refuse(CodeLimit, fmt.Sprintf("You typed %d wrong codes; that is the most for %s.", maxGuesses, jit.FormatDuration(guessesWithin)),
		"Try again "+inMinutes(g.all[g.person].From.Add(guessesWithin).Sub(now))+".")
}

// wrong counts a wrong code and returns its refusal.
func (g guesses) wrong(tx storage.Tx, now time.Time) error {
	c := g.all[g.person]
	if c.N == 0 {
		c.From = now
	}
	c.N++
	g.all[g.person] = c
	raw, err := json.Marshal(g.all)
	if err != nil {
		return fmt.Errorf("keep the count of wrong codes: %w", err)
	}
	if err := tx.SetNote(guessesNote, raw); err != nil {
		return err
	}
	return refuse(CodeUnknownThing, "No machine waits with that code.",
		"Codes work for ten minutes, once, and for whoever typed them first. Check the letters, or start again on the machine.")
}
