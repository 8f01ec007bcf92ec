package bot

import (
	"context"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

// A source that tells nothing looks like one of which nothing can be told: what
// was done with grants would seem to be nothing. So people hear of it, once, and
// again when it tells.

const (
	silentAfter = 2 * time.Hour // where the configuration does not say
	firstWithin = time.Hour     // a source that never told anything has to by then
)

// lookForSilence sees which sources have fallen silent, and which tell again.
func (s *Service) lookForSilence(ctx context.Context) error {
	for _, source := range s.Sources {
		if err := s.listen(ctx, source.Name()); err != nil {
			return err
		}
	}
	return nil
}

// listen looks at one source. It writes only if that changed.
func (s *Service) listen(ctx context.Context, name string) error {
	changed := false
	err := s.store.Read(ctx, func(v storage.View) error {
		_, told, err := s.silence(v, name)
		changed = told != nil
		return err
	})
	if err != nil || !changed {
		return err
	}
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		state, told, err := s.silence(tx, name)
		if err != nil || told == nil {
			return err
		}
		return told(tx, state)
	})
	poke(s.wakeOutbox)
	return err
}

// silence says how a source is, and what is to be done about it; nil: nothing.
// By a clock in doubt nobody is silent.
func (s *Service) silence(v storage.View, name string) (activity.State, func(storage.Tx, activity.State) error, error) {
	state, err := activity.StateOf(v, name)
	if err != nil {
		return state, nil, err
	}
	head, err := v.Head()
	if err != nil {
		return state, nil, err
	}
	if s.clock.doubt(head.At, acceptedAt(v)) != 0 {
		return state, nil, nil
	}
	now, err := s.instant(v)
	if err != nil {
		return state, nil, err
	}
	silent := s.isSilent(state, now)
	switch {
	case silent && state.SilentAt.IsZero():
		return state, s.saySilent, nil
	case !silent && !state.SilentAt.IsZero():
		return state, s.sayHeard, nil
	}
	return state, nil, nil
}

// isSilent reports whether a source has told nothing for too long, of the time
// in which this process could have heard it. One that people were told of is
// silent until it has told something recent, whenever this process began.
func (s *Service) isSilent(state activity.State, now time.Time) bool {
	told, known := later(state.Until, state.Newest), !state.SilentAt.IsZero()
	switch {
	case told.IsZero():
		return known || now.Sub(s.began) >= firstWithin
	case !known:
		told = later(told, s.began)
	}
	return now.Sub(told) >= orDefault(s.SilentAfter, silentAfter)
}

func (s *Service) saySilent(tx storage.Tx, state activity.State) error {
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	if err := activity.SetSilent(tx, state.Name, now); err != nil {
		return err
	}
	e := s.event(jit.EventSourceSilent, jit.ActorJitbot, state.Name)
	e.Outcome = "failed"
	details := map[string]any{"source": state.Name, "cause": state.Error}
	if told := later(state.Until, state.Newest); !told.IsZero() {
		details["told_until"] = told
	}
	return s.saveAlert(tx, e, details, silentCard(state))
}

func (s *Service) sayHeard(tx storage.Tx, state activity.State) error {
	if err := activity.SetSilent(tx, state.Name, time.Time{}); err != nil {
		return err
	}
	e := s.event(jit.EventSourceHeard, jit.ActorJitbot, state.Name)
	details := map[string]any{"source": state.Name, "silent_since": state.SilentAt}
	return s.saveAlert(tx, e, details, Card{
		Title: "Activity is told again: " + state.Name, Status: Status{"Heard again", Good},
		Body:   []Text{{{Text: "Everything until "}, {Time: later(state.Until, state.Newest)}, {Text: " has been told."}}},
		Notice: "The source " + state.Name + " tells what is done again.",
	})
}

func silentCard(state activity.State) Card {
	since := Text{{Text: "It has never told anything since it was set up."}}
	if told := later(state.Until, state.Newest); !told.IsZero() {
		since = Text{{Text: "The last it told of was at "}, {Time: told}, {Text: "."}}
	}
	card := Card{
		Title: "Nothing is heard of what is done: " + state.Name, Status: Status{"Source silent", Bad},
		Body: []Text{
			since,
			{{Text: "Until it tells again nobody can say what grants are used for. Look whether the log still goes there and whether jitbot may read it; "}, {Text: "bot doctor", Code: true}, {Text: " tries."}},
		},
		Notice: "The source " + state.Name + " has fallen silent: what is done with grants is not known.",
	}
	if state.Error != "" {
		card.Fields = append(card.Fields, field("Last failure", plain(failureWords(state.Error))))
	}
	return card
}
