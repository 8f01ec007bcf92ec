package awsfake

import (
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// signIn is where a console link leads: to a session, or to why not.
type signIn struct {
	refused     string // empty: signed in
	session     Session
	account     string
	destination string // the console page asked for; empty: none
	left        string
}

func (s signIn) page() g.Node {
	notice := s.accepted()
	if s.refused != "" {
		notice = h.Article(
			h.Class("card notice bad"),
			h.H2(g.Text("Not signed in")),
			h.P(g.Text(s.refused)),
			quiet("Ask for a new link in chat, if your grant is still active."),
		)
	}
	return frame("Console sign-in · Loopback AWS",
		nil,
		g.Group{h.P(g.Text("Where the demo's console link leads."))},
		h.Main(h.Class("narrow"), notice, h.P(h.A(h.Href("/"), g.Text("What AWS holds now")))),
	)
}

func (s signIn) accepted() g.Node {
	mono := h.Class("mono")
	return h.Article(
		h.Class("card notice good"),
		h.H2(g.Text("Console sign-in of "+s.session.Name)),
		h.Dl(
			h.Class("facts"),
			fact("Role", mono, g.Text(s.session.Role)),
			fact("Account", mono, g.Text(s.account)),
			g.If(s.session.SourceIdentity != "", fact("Source identity", g.Text(s.session.SourceIdentity))),
			fact("Expires", g.Text(s.session.Expires.UTC().Format(time.DateTime)+" UTC "), faint(s.left)),
			g.If(s.destination != "", fact("Would open", mono, g.Text(s.destination))),
		),
		quiet("With a real account the AWS console would be here now. This link is used up."),
	)
}
