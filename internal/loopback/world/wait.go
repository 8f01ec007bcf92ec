package world

import (
	"time"

	"jitbot/bot/bottest"
	"jitbot/jit"
	"jitbot/storage"
)

// patience is how long a wait lasts in real time before it gives up.
const patience = 20 * time.Second

// mostSteps bounds what may follow from one instant.
const mostSteps = 500

// Step does all that is due at this instant, until nothing is left to do.
func (w *World) Step() {
	w.T.Helper()
	for range mostSteps {
		busy, err := w.Service.Step(w.T.Context())
		if err != nil {
			w.T.Fatalf("step: %v\nlog:\n%s", err, w.LogText())
		}
		if !busy {
			return
		}
	}
	w.T.Fatalf("%d steps and still not at rest\nlog:\n%s", mostSteps, w.LogText())
}

// Pass lets d pass, stopping at every instant at which something is due.
func (w *World) Pass(d time.Duration) {
	w.T.Helper()
	end := w.Clock.Now().Add(d)
	for range mostSteps {
		w.Step()
		left := end.Sub(w.Clock.Now())
		if left <= 0 {
			return
		}
		w.Clock.Move(min(left, w.untilDue(left)))
	}
	w.T.Fatalf("%d instants within %s\nlog:\n%s", mostSteps, d, w.LogText())
}

// untilDue is how long nothing is due, at least a moment and at most the given time.
func (w *World) untilDue(most time.Duration) time.Duration {
	w.T.Helper()
	wait := most
	w.mustBe(w.Store.Read(w.T.Context(), func(v storage.View) error {
		at, ok, err := v.NextDue()
		if ok {
			wait = min(wait, at.Sub(w.Clock.Now()))
		}
		return err
	}))
	return max(wait, time.Millisecond)
}

// Until waits until the store holds what is asked for. In a world that is not
// Live it steps once and then it has to be so.
func (w *World) Until(what string, holds func(storage.View) bool) {
	w.T.Helper()
	if !w.config.Live {
		w.Step()
	}
	giveUp := time.After(patience)
	for {
		changed := w.changed()
		if w.Is(holds) {
			return
		}
		if !w.config.Live {
			w.T.Fatalf("it is not so that %s\nlog:\n%s", what, w.LogText())
		}
		select {
		case <-changed:
		case <-giveUp:
			w.T.Fatalf("gave up waiting until %s\nlog:\n%s", what, w.LogText())
		}
	}
}

// Changed returns a channel that is closed at the next write of the store.
// Take the channel first, look second, wait third.
func (w *World) Changed() <-chan struct{} { return w.changed() }

// Is reports whether the store holds what is asked for now.
func (w *World) Is(holds func(storage.View) bool) (ok bool) {
	w.T.Helper()
	w.mustBe(w.Store.Read(w.T.Context(), func(v storage.View) error {
		ok = holds(v)
		return nil
	}))
	return ok
}

// UntilChat waits until the chat's messages are as asked for.
func (w *World) UntilChat(what string, holds func([]bottest.Message) bool) {
	w.T.Helper()
	if !w.config.Live {
		w.Step()
	}
	giveUp := time.After(patience)
	for {
		all, changed := w.Chat.Messages()
		if holds(all) {
			return
		}
		if !w.config.Live {
			w.T.Fatalf("it is not so that %s\nlog:\n%s", what, w.LogText())
		}
		select {
		case <-changed:
		case <-giveUp:
			w.T.Fatalf("gave up waiting until %s\nlog:\n%s", what, w.LogText())
		}
	}
}

// UntilGrant waits until a person's newest grant is in a state.
func (w *World) UntilGrant(user string, state jit.GrantState) jit.Grant {
	w.T.Helper()
	w.Until(user+"'s grant is "+string(state), func(v storage.View) bool {
		all, err := v.Grants(storage.GrantFilter{Principal: user + "@example.com", Limit: 1})
		return err == nil && len(all) == 1 && all[0].State == state
	})
	return w.Grant(user)
}
