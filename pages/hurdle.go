package pages

import (
	"errors"
	"net/http"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"jitbot/bot"
)

// hurdle is a page of the sign-in that says why it goes no further, and what to
// do.
type hurdle struct {
	status      int
	title, text string
	step        string
	link        string // token of the link to begin again with; empty: another is needed
}

// again lets one begin again with the same link.
func (p hurdle) again(token string) hurdle {
	p.link = token
	return p
}

func (p hurdle) show(w http.ResponseWriter) {
	show(w, p.status, sheet(p.title,
		h.H1(g.Text(p.title)),
		h.P(g.Text(p.text)),
		h.P(g.Text(p.step)),
		g.Iff(p.link != "", func() g.Node {
			return h.P(h.Class("step"), h.A(h.Class("button"), h.Href(linkOf(p.link)), g.Text("Begin again")))
		}),
	))
}

// What can stand in the way.
var (
	gone = hurdle{
		status: http.StatusNotFound, title: "This link does not work any more",
		text: "It was used already, its ten minutes are over, or it was cut off when it was copied. If you never used it yourself, tell your security team.",
		step: "Go back to the chat and do again what led you here: you get a new link.",
	}
	notBegun = hurdle{
		status: http.StatusBadRequest, title: "This sign-in was not begun here",
		text: "It was begun in another browser or another window, took longer than ten minutes, or is finished already. Nothing was changed by coming here.",
		step: "Open the link from the chat again, and stay in one browser from there on.",
	}
	notSignedIn = hurdle{
		status: http.StatusForbidden, title: "Sign in first",
		text: "In this browser nobody has signed in through this link, or it was too long ago. Nothing was changed.",
		step: "Only the browser that signed in can go on.",
	}
	otherSite = hurdle{
		status: http.StatusForbidden, title: "Another site sent you here",
		text: "A page that is not jitbot's tried to press a button for you. Nothing was changed.",
		step: "If you want to sign in, open the link from the chat yourself. If you do not know what this is about, tell your security team.",
	}
	cancelled = hurdle{ // their own choice is no error
		status: http.StatusOK, title: "You did not sign in",
		text: "You stopped, or your company's sign-in does not let you in to jitbot. Nothing was changed.",
		step: "If it did not let you in, ask those who run it to give you the application jitbot.",
	}
	wrongPerson = hurdle{
		status: http.StatusForbidden, title: "You are signed in as somebody else",
		step: "If both are you, sign out at your company's sign-in, or open the link in a private window, and sign in as the person the link names.",
	}
	notKnown = hurdle{
		status: http.StatusForbidden, title: "jitbot does not know you",
		step: "Ask the admins of jitbot to let you in. If you have another account at your company's sign-in, sign in with that.",
	}
	notFresh = hurdle{
		status: http.StatusForbidden, title: "Prove anew who you are",
		text: "Your company's sign-in let you through without asking, or without what approvals need, such as a second factor. Nothing was approved.",
		step: "Sign out there, then begin again. If it comes to this every time, tell those who run jitbot.",
	}
	linkedBefore = hurdle{
		status: http.StatusConflict, title: "There is a link already",
		text: "This account in chat is somebody else's already, or you have another account in the same chat. Nothing was changed.",
		step: "An admin of jitbot can end the old link; then ask for a new one in the chat.",
	}
	unclear = hurdle{
		status: http.StatusServiceUnavailable, title: "That could not be finished",
		text: "Something between jitbot and your company's sign-in failed; the cause is in jitbot's log.",
		step: "Wait a moment, then begin again. If you had pressed the last button already, look in the chat first: it may have worked.",
	}
)

// refuse says why it goes no further, and logs what is nobody's choice.
func (s *signIn) refuse(w http.ResponseWriter, r *http.Request, token string, err error) {
	s.refuseAs(w, r, token, "", err)
}

// refuseAs is refuse where it is known who signed in.
func (s *signIn) refuseAs(w http.ResponseWriter, r *http.Request, token, email string, err error) {
	if u := (*bot.UserError)(nil); errors.As(err, &u) {
		hurdle{status: http.StatusForbidden, title: "It goes no further", text: u.Say, step: u.Hint}.show(w)
		return
	}
	switch {
	case errors.Is(err, bot.ErrNoSignIn):
		gone.show(w)
	case errors.Is(err, bot.ErrWrongPerson):
		wrongPerson.as(email, "The link was made for another person. Nothing was changed.").again(token).show(w)
	case errors.Is(err, bot.ErrNotKnown):
		notKnown.as(email, "The people jitbot lets in are named in its configuration, and you are not among them. Nothing was changed.").again(token).show(w)
	case errors.Is(err, bot.ErrNotFresh):
		s.Log.WarnContext(r.Context(), "sign-in: a step-up was not fresh", "error", err)
		notFresh.again(token).show(w)
	case errors.Is(err, bot.ErrLinkedBefore):
		linkedBefore.show(w)
	default:
		s.Log.ErrorContext(r.Context(), "sign-in: it could not go on", "error", err)
		unclear.again(token).show(w)
	}
}

// as says whom the provider took them for.
func (p hurdle) as(email, rest string) hurdle {
	p.text = "Your company's sign-in says that you are " + email + ". " + rest
	return p
}
