package pages

import (
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"jitbot/bot"
)

// sheet is the frame of every page. All text and all values of attributes are
// escaped as they are written; nothing here is ever raw.
func sheet(title string, content ...g.Node) g.Node { return frame(title, "sheet", nil, content) }

const assets = "/pages/assets/"

// wideSheet is the frame of a timeline, which has a style of its own.
func wideSheet(title string, content ...g.Node) g.Node {
	return frame(title, "sheet wide", h.Link(h.Rel("stylesheet"), h.Href(assets+"timeline.css")), content)
}

func frame(title, class string, style g.Node, content []g.Node) g.Node {
	return h.Doctype(h.HTML(
		h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.Meta(h.Name("robots"), h.Content("noindex")),
			h.TitleEl(g.Text(title+" · jitbot")),
			h.Link(h.Rel("icon"), h.Href(assets+"icon.svg"), h.Type("image/svg+xml")),
			h.Link(h.Rel("stylesheet"), h.Href(assets+"pages.css")),
			style,
			h.Script(h.Src(assets+"theme.js")),
			h.Script(h.Type("module"), h.Src(assets+"pages.js")),
		),
		h.Body(
			h.Main(
				h.Class(class),
				h.P(h.Class("brand"), h.Img(h.Src(assets+"icon.svg"), h.Alt(""), h.Width("24"), h.Height("24")), g.Text(" jitbot")),
				g.Group(content),
			),
			h.P(h.Class("sr-only"), h.ID("live"), h.Role("status")),
		),
	))
}

// offerPage says what the link would give.
func offerPage(o bot.Offer) g.Node {
	return sheet("Credentials",
		h.H1(g.Text("Credentials for "+o.Resource)),
		h.Dl(
			h.Class("facts"),
			fact("For", g.Text(o.Person)),
			fact("Resource", g.Text(o.Resource)),
			fact("Access ends", instant(o.Until)),
			fact("Grant", code(o.Grant)),
		),
		h.P(
			g.Text("They are shown "), h.Strong(g.Text("once")),
			g.Text(", on the next page. Open it when you are ready to paste them, and when nobody looks over your shoulder."),
		),
		h.Form(h.Method("post"), h.Button(h.Class("button primary"), h.Type("submit"), g.Text("Show credentials"))),
		soft(g.Text("This link works until "), instant(o.LinkExpires), g.Text(". Nothing has been issued yet.")),
	)
}

// problem is a page that says why there is nothing to see, and what to do.
type problem struct{ title, text, step string }

func (p problem) page() g.Node {
	return sheet(p.title,
		h.H1(g.Text(p.title)),
		h.P(g.Text(p.text)),
		h.P(g.Text(p.step)),
		h.Pre(g.Text("/jit creds grt_…")),
		soft(g.Text("If you did not open this link yourself and it was meant for you, tell your security team: somebody else may have used it.")),
	)
}

func fact(name string, value g.Node) g.Node { return h.Div(h.Dt(g.Text(name)), h.Dd(value)) }

func code(text string) g.Node { return h.Code(g.Text(text)) }

func soft(content ...g.Node) g.Node { return h.P(h.Class("soft"), g.Group(content)) }

// instant is a time for machines, and for people without scripts.
func instant(t time.Time) g.Node {
	return h.Time(h.DateTime(iso(t)), g.Text(t.UTC().Format("2 January 2006, 15:04 UTC")))
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }
