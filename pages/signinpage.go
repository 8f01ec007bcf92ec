package pages

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"jitbot/bot"
)

// startPage says what a link is for, before anybody signs in.
func startPage(o bot.SignInOffer, token string) g.Node {
	going := h.P(h.Class("step"), h.A(h.Class("button primary"), h.Href(linkOf(token)+"/go"), g.Text("Sign in")))
	if o.Approve {
		return sheet("Sign in to approve",
			h.H1(g.Text("Sign in to approve")),
			request(o),
			h.P(g.Text("The rule for this request asks approvers to prove anew who they are. Sign in as "), h.Strong(g.Text(o.Person)), g.Text("; then you approve with one more click.")),
			going,
			soft(g.Text("This link works until "), instant(o.LinkExpires), g.Text(". Nothing has been approved yet.")),
		)
	}
	return sheet("Say who you are",
		h.H1(g.Text("Say who you are")),
		h.Dl(h.Class("facts"), fact("Account in "+platform(o.Platform), g.Text(o.Account)), fact("Will act for", g.Text("whoever signs in here"))),
		h.P(g.Text("Sign in with your company account. From then on "), h.Strong(g.Text(o.Account)),
			g.Text(" in "+platform(o.Platform)+" asks for access, and approves it, in your name.")),
		caution("Stop if you did not ask for this link yourself",
			"Whoever gave it to you would act as you. Close this page, and tell your security team."),
		going,
		soft(g.Text("This link works until "), instant(o.LinkExpires), g.Text(". You are asked once more after you signed in.")),
	)
}

// confirmPage says who signed in and has the one button that does it.
func confirmPage(o bot.SignInOffer) g.Node {
	if o.Approve {
		return sheet("Approve",
			h.H1(g.Text("Approve this request?")),
			signedIn(o),
			request(o),
			deed("Approve for "+lasting(o.Duration)),
			soft(g.Text("To refuse it or to ask something, go back to the chat: nothing has been approved yet.")),
		)
	}
	return sheet("Link your account",
		h.H1(g.Text("Is this your account?")),
		signedIn(o),
		h.Dl(h.Class("facts"), fact("Account in "+platform(o.Platform), g.Text(o.Account)), fact("Will act for", person(o))),
		caution("Press the button only if "+o.Account+" is you",
			"What is typed and clicked there then counts as yours. If you do not know this account, close this page: nothing has been linked."),
		deed("This is my account: link it"),
	)
}

// deed is the one button of a page. The form has no fields: the browser's cookie
// and the address say what it is about.
func deed(label string) g.Node {
	return h.Form(h.Method("post"), h.Button(h.Class("button primary"), h.Type("submit"), g.Text(label)))
}

func signedIn(o bot.SignInOffer) g.Node {
	return h.P(h.Span(h.Class("pill"), g.Text("Signed in as "+o.Person)))
}

func person(o bot.SignInOffer) g.Node {
	if o.Person == o.Email {
		return g.Text(o.Email)
	}
	return g.Group{g.Text(o.Person), h.Span(h.Class("under"), g.Text(o.Email))}
}

// request is what there is to approve. The reason is what a person typed.
func request(o bot.SignInOffer) g.Node {
	return g.Group{
		h.Dl(
			h.Class("facts"),
			fact("Request", g.Text(o.Title)),
			fact("Approve for", g.Text(lasting(o.Duration))),
			fact("Approver", person(o)),
			fact("Id", code(o.Request)),
		),
		g.If(o.Reason != "", h.Figure(h.FigCaption(g.Text("Their reason, as typed")), h.BlockQuote(h.Dir("auto"), g.Text(o.Reason)))),
	}
}

// donePage shows what came of it, as text.
func donePage(c bot.Card) g.Node {
	return sheet(c.Title,
		h.H1(g.Text(c.Title)),
		g.If(c.Status.Text != "", h.P(h.Span(h.Class("pill "+tone(c.Status.Tone)), g.Text(c.Status.Text)))),
		g.Map(c.Body, func(t bot.Text) g.Node { return h.P(g.Map(t, span)) }),
		soft(g.Text("Everything else is in the chat.")),
	)
}

func span(s bot.Span) g.Node {
	switch {
	case !s.Time.IsZero():
		return instant(s.Time)
	case s.Person != "":
		return h.Strong(g.Text(cmp.Or(s.Text, s.Person)))
	case s.Code:
		return code(s.Text)
	case s.Strong:
		return h.Strong(g.Text(s.Text))
	}
	return g.Text(s.Text)
}

// tone is the class of a tone; only known words become one.
func tone(t bot.Tone) string {
	switch t {
	case bot.Good, bot.Waiting, bot.Warning, bot.Bad:
		return string(t)
	}
	return string(bot.Neutral)
}

// caution is what must not be overlooked.
func caution(first, rest string) g.Node {
	return h.P(h.Class("caution"), h.Strong(g.Text(first+".")), g.Text(" "+rest))
}

// platform is a chat's name as its makers write it.
func platform(name string) string {
	switch name {
	case "slack":
		return "Slack"
	case "teams":
		return "Teams"
	case "discord":
		return "Discord"
	case "web":
		return "the chat page"
	}
	return name
}

// lasting writes a duration as the chat does: 1h30m, 2d.
func lasting(d time.Duration) string {
	var b strings.Builder
	for _, u := range []struct {
		size   time.Duration
		letter string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / u.size; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.letter)
			d -= n * u.size
		}
	}
	return cmp.Or(b.String(), "0m")
}
