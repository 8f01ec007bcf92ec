package world

import (
	"strconv"

	"jitbot/bot"
	"jitbot/jit"
)

// Incoming is the next action of a person, by handle.
func (w *World) Incoming(user string) bot.Incoming {
	return bot.Incoming{ID: "n" + strconv.FormatInt(w.nonce.Add(1), 10), From: jit.Account{Platform: "web", User: user}, At: w.Clock.Now(), Channel: "access"}
}

// Handle hands an action in and returns the private answer.
func (w *World) Handle(in bot.Incoming) bot.Reply {
	w.T.Helper()
	reply, err := w.Service.Handle(w.T.Context(), in)
	w.mustBe(err)
	return reply
}

// Say types `/jit text` as a person.
func (w *World) Say(user, text string) bot.Reply {
	w.T.Helper()
	in := w.Incoming(user)
	in.Text = text
	return w.Handle(in)
}

// Press clicks a button as a person.
func (w *World) Press(user string, verb, id string) bot.Reply {
	w.T.Helper()
	in := w.Incoming(user)
	in.Action = &bot.Action{Verb: verb, ID: id}
	return w.Handle(in)
}

// Send submits a form as a person.
func (w *World) Send(user, form, id string, values map[string]string) bot.Reply {
	w.T.Helper()
	in := w.Incoming(user)
	in.Form = &bot.Submission{Name: form, ID: id, Values: values}
	return w.Handle(in)
}
