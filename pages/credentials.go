package pages

import (
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// page shows the credentials, in the order most people look for them.
func (f forms) page() g.Node {
	return sheet("Your credentials",
		h.H1(g.Text("Your credentials for "+f.Offer.Resource)),
		f.countdown(),
		f.twoEnds(),
		h.P(
			g.Text("For "+f.Offer.Person+", grant "), code(f.Offer.Grant), g.Text(". "),
			h.Strong(g.Text("This page is shown once:")), g.Text(" copy what you need before you close it."),
		),
		f.inBrowser(),
		f.inTerminal(),
		f.asProfile(),
		f.advice(),
	)
}

// sameEnd is how far apart the ends of access and credentials may be and still
// count as one: AWS reckons from when the call reached it.
const sameEnd = time.Minute

// until is when the credentials stop working: at their own end or at that of
// the access, when jitbot cuts them off.
func (f forms) until() time.Time {
	if f.Offer.Until.Before(f.ExpiresAt) {
		return f.Offer.Until
	}
	return f.ExpiresAt
}

// twoEnds says so where credentials and access do not end together.
func (f forms) twoEnds() g.Node {
	switch over := f.ExpiresAt.Sub(f.Offer.Until); {
	case over > sameEnd:
		return soft(
			g.Text("Your access ends then, and jitbot has the credentials cut off. AWS opens no shorter session: by themselves they would last until "),
			instant(f.ExpiresAt), g.Text("."),
		)
	case over < -sameEnd:
		return soft(
			g.Text("AWS ends these credentials before your access ends: they work until "), instant(f.ExpiresAt),
			g.Text("; ask again then. Your access lasts until "), instant(f.Offer.Until), g.Text("."),
		)
	}
	return nil
}

// countdown is the pill that says how long the credentials are good for; the
// page's script keeps it current.
func (f forms) countdown() g.Node {
	return h.P(h.Class("countdown"), h.Data("until", iso(f.until())), h.Span(
		h.Class("pill"),
		h.SVG(
			h.Class("icon"), g.Attr("viewBox", "0 0 16 16"), h.Aria("hidden", "true"),
			g.El("path", g.Attr("d", "M8 4v4l2.5 2 M14 8a6 6 0 1 1-12 0a6 6 0 1 1 12 0")),
		),
		h.Span(g.Text("Valid until "), instant(f.until()), h.Span(h.Class("left"))),
	))
}

func (f forms) inBrowser() g.Node {
	if f.Console == "" {
		return nil
	}
	return section("console",
		h.H2(h.ID("console"), g.Text("In the browser")),
		soft(g.Text("Signs you in to the AWS console. The link is as good as a password; do not pass it on.")),
		h.A(
			h.Class("button primary"), h.Href(string(f.Console)), h.Target("_blank"), h.Rel("noopener noreferrer"),
			g.Text("Open the AWS console"),
		),
	)
}

func (f forms) inTerminal() g.Node {
	return section("shell",
		head(h.H2(h.ID("shell"), g.Text("In a terminal")), "shell-text"),
		soft(g.Text("For this one terminal: paste into bash, zsh or sh.")),
		block("shell-text", f.Shell, h.Aria("labelledby", "shell")),
		h.Details(
			h.Summary(g.Text("PowerShell")),
			head(soft(g.Text("Paste into PowerShell.")), "powershell-text"),
			block("powershell-text", f.PowerShell, h.Aria("label", "PowerShell")),
		),
	)
}

func (f forms) asProfile() g.Node {
	return section("profile",
		head(h.H2(h.ID("profile"), g.Text("As a profile")), "profile-text"),
		soft(g.Text("Add to "), code("~/.aws/credentials"), g.Text(", then use "), code("--profile "+f.Profile), g.Text(".")),
		block("profile-text", f.File, h.Aria("labelledby", "profile")),
	)
}

func (f forms) advice() g.Node {
	return section("advice",
		h.Class("advice"),
		h.H2(h.ID("advice"), g.Text("Good to know")),
		h.Ul(
			h.Li(g.Text("Check that they work: "), code("aws sts get-caller-identity")),
			h.Li(g.Text("What is done with them is written to the timeline of the grant.")),
			h.Li(
				g.Text("Finished early? Give the access back with "), code("/jit end "+f.Offer.Grant),
				g.Text("; the credentials stop working too."),
			),
			h.Li(g.Text("Lost them, or think somebody saw them? End the grant, then ask again.")),
		),
	)
}

// section is a part of the page, named by its heading with the id title.
func section(title string, content ...g.Node) g.Node {
	return h.Section(h.Aria("labelledby", title), g.Group(content))
}

// head is a heading with a button that copies the block with the id text. The
// page's script shows the button; without scripts it could do nothing.
func head(heading g.Node, text string) g.Node {
	return h.Div(h.Class("section-head"), heading,
		h.Button(h.Class("button"), h.Type("button"), h.Data("copy", text), g.Attr("hidden"), g.Text("Copy")))
}

// block is text to copy, which the keyboard can reach to scroll it.
func block(id, text string, label g.Node) g.Node {
	return h.Pre(h.ID(id), h.TabIndex("0"), label, g.Text(text))
}
