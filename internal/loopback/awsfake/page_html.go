package awsfake

import (
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// frame is what both pages have around their content. All text and all values
// of attributes are escaped as they are written; nothing here is ever raw.
func frame(title string, head, header g.Group, main g.Node) g.Node {
	return h.Doctype(h.HTML(
		h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text(title)),
			h.Link(h.Rel("stylesheet"), h.Href("/static/style.css")),
			head,
		),
		h.Body(
			h.Header(h.H1(h.Span(h.Class("mark"), h.Aria("hidden", "true")), g.Text("Loopback AWS")), header),
			main,
		),
	))
}

// page shows what the account holds. Its script fetches it again and puts the
// new #live and #asof in the place of the old.
func (v overview) page() g.Node {
	return frame("Loopback AWS",
		g.Group{
			h.Script(h.Src("/static/page.js"), h.Defer()),
			h.NoScript(h.Meta(g.Attr("http-equiv", "refresh"), h.Content("3"))),
		},
		g.Group{
			h.P(g.Text("What the account holds right now. A stand-in for the demo: nothing here leaves this machine.")),
			h.Dl(
				fact("Account", h.Class("mono"), g.Text(v.Account)),
				fact("As of", h.Time(h.ID("asof"), g.Text(v.At.Format(time.TimeOnly))), g.Text(" UTC")),
			),
		},
		h.Main(h.ID("live"), v.groups(), v.sessions(), v.calls()),
	)
}

func (v overview) groups() g.Node {
	cards := g.Map(v.Groups, shownGroup.card)
	if len(cards) == 0 {
		cards = g.Group{quiet("The account has no groups.")}
	}
	return section("groups", "Groups", h.Div(h.Class("cards"), cards))
}

func (s shownGroup) card() g.Node {
	members := quiet("Nobody is in it.")
	if len(s.Members) > 0 {
		members = h.Ul(h.Class("chips"), g.Map(s.Members, func(name string) g.Node { return h.Li(g.Text(name)) }))
	}
	return h.Article(
		h.Class("card"),
		h.H3(
			h.Span(h.Class("mono"), g.Text(s.Name)), g.Text(" "),
			h.Span(h.Class("count"), g.Text(strconv.Itoa(len(s.Members)))),
		),
		members,
	)
}

func (v overview) sessions() g.Node {
	content := quiet("No session is open.")
	if len(v.Sessions) > 0 {
		content = table(
			g.Group{column("State"), column("Session"), column("Role"), column("Source identity"), column("Expires")},
			g.Map(v.Sessions, shownSession.row),
		)
	}
	return section("sessions", "Role sessions",
		h.Div(h.Class("card table"), content),
		g.If(v.Ended > 0, quiet(strconv.Itoa(v.Ended)+" expired in the last day.")),
	)
}

func (s shownSession) row() g.Node {
	source := g.Text(s.SourceIdentity)
	if s.SourceIdentity == "" {
		source = faint("none")
	}
	return h.Tr(
		h.Td(h.Span(h.Class("state "+s.State), g.Text(s.State))),
		h.Td(h.Class("mono"), g.Text(s.Name)),
		h.Td(h.Class("mono"), g.Text(s.Role)),
		h.Td(source),
		h.Td(h.Class("expires"), g.Text(s.Expires.UTC().Format(time.TimeOnly)+" "), faint(s.Left)),
	)
}

func (v overview) calls() g.Node {
	content := quiet("Nobody has called yet.")
	if len(v.Calls) > 0 {
		content = table(
			g.Group{column("Time"), column("Call"), column("About"), column("Caller", h.Class("minor")), column("Outcome")},
			g.Map(v.Calls, shownCall.row),
		)
	}
	return section("calls", "Last calls", h.Div(h.Class("card table"), content))
}

func (c shownCall) row() g.Node {
	return h.Tr(
		h.Td(h.Class("mono quiet nowrap"), g.Text(c.At.Format(time.TimeOnly))),
		h.Td(h.Class("mono nowrap"), g.Text(c.Action)),
		h.Td(g.Text(c.About)),
		h.Td(h.Class("quiet minor"), g.Text(c.By)),
		h.Td(h.Span(h.Class("mood "+c.Mood), g.Text(c.Outcome))),
	)
}

func section(id, title string, content ...g.Node) g.Node {
	return h.Section(h.Aria("labelledby", id), h.H2(h.ID(id), g.Text(title)), g.Group(content))
}

func table(columns, rows g.Group) g.Node {
	return h.Table(h.THead(h.Tr(columns)), h.TBody(rows))
}

func column(name string, more ...g.Node) g.Node {
	return h.Th(h.Scope("col"), g.Group(more), g.Text(name))
}

func fact(name string, value ...g.Node) g.Node {
	return h.Div(h.Dt(g.Text(name)), h.Dd(value...))
}

func quiet(text string) g.Node { return h.P(h.Class("quiet"), g.Text(text)) }

func faint(text string) g.Node { return h.Span(h.Class("quiet"), g.Text(text)) }
