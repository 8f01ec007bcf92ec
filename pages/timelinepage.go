package pages

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/jit"
)

// timelinePage shows everything about one grant to somebody who has a minute:
// what it was, what it came to, the line, and below it every step.
func timelinePage(t *bot.Timeline) g.Node {
	steps := t.Steps()
	return wideSheet("Timeline of "+bot.Shorten(bot.Clean(t.Grant.Resource), 80),
		timelineHead(t),
		verdict(t),
		bar(t, steps),
		story(t, steps),
		evidence(t),
		h.Footer(h.Class("soft"), g.Text("This page shows, and does nothing. It works in this browser until "), moment(t.Until), g.Text("; "),
			h.Code(g.Text("/jit timeline "), logged(t.Grant.ID, 80)), g.Text(" opens it anew.")),
	)
}

func timelineHead(t *bot.Timeline) g.Node {
	return h.Header(
		h.Class("about"),
		h.H1(logged(t.Person, 80), h.Span(h.Class("joint"), g.Text(" on ")), logged(t.Grant.Resource, 120)),
		h.P(
			h.Class("state"), h.Span(h.Class("pill "+tone(t.Status.Tone)), logged(t.Status.Text, 120)),
			g.If(t.Because != "", h.Span(h.Class("because"), logged(t.Because, 200))), h.Code(logged(t.Grant.ID, 80)),
		),
		g.If(t.Request.Reason != "", h.Figure(h.FigCaption(g.Text("Reason, as typed")), h.BlockQuote(logged(t.Request.Reason, 1000)))),
		h.Dl(
			h.Class("facts"),
			g.If(t.Asker != "", fact("Asked by", logged(t.Asker, 80))),
			fact("Granted", granted(t)),
			fact("Held", held(t)),
			fact("Approved", approved(t)),
			fact("Rule", rule(t.Request)),
			g.If(t.Request.Ticket != "", fact("Ticket", logged(t.Request.Ticket, 80))),
		),
	)
}

func granted(t *bot.Timeline) g.Node {
	c := t.Course()
	if c.Held.IsZero() {
		return g.Text(lasting(t.Grant.Duration))
	}
	return g.Group{g.Text(lasting(t.Grant.Duration)), under(moment(c.Held), g.Text(" to "), upTo(c.Due, c.Held))}
}

// held is for how long the access was really there.
func held(t *bot.Timeline) g.Node {
	switch gr := t.Grant; {
	case gr.ConfirmedAt.IsZero():
		return g.Text("Never")
	case gr.EndedAt.IsZero():
		return g.Group{g.Text(rounded(t.At.Sub(gr.ConfirmedAt)) + " so far"), under(g.Text("since "), moment(gr.ConfirmedAt))}
	default:
		return g.Group{g.Text(rounded(gr.EndedAt.Sub(gr.ConfirmedAt))), under(g.Text("until "), moment(gr.EndedAt))}
	}
}

func approved(t *bot.Timeline) g.Node {
	if len(t.Approvals) == 0 {
		if t.Request.Kind == jit.BreakGlass {
			return g.Group{g.Text("By nobody"), under(g.Text("the glass was broken"))}
		}
		return g.Group{g.Text("By rule"), under(moment(t.Request.DecidedAt))}
	}
	return g.Map(t.Approvals, func(a bot.ApprovalBy) g.Node {
		return h.Span(h.Class("each"), g.Text("By "), logged(a.Who, 80), under(moment(a.At), g.If(a.SignedIn, g.Text(", signed in anew"))), g.If(a.Note != "", under(logged(a.Note, 300))))
	})
}

func rule(r jit.Request) g.Node {
	if r.Decision.Rule == "" {
		return g.Text("None")
	}
	return g.Group{logged(r.Decision.Rule, 80), g.If(r.Decision.Line > 0, under(g.Text("line "+strconv.Itoa(r.Decision.Line)+" of the policy")))}
}

// upTo is the end of a stretch of time: the page's script leaves out the day
// where it is that of since.
func upTo(t, since time.Time) g.Node {
	return h.Time(h.DateTime(iso(t)), h.Data("since", iso(since)), g.Text(t.UTC().Format("2 January 2006, 15:04 UTC")))
}

// moment is an instant with its day, also today: much here is of other days.
func moment(t time.Time) g.Node {
	return h.Time(h.DateTime(iso(t)), h.Data("as", "moment"), g.Text(t.UTC().Format("2 January 2006, 15:04 UTC")))
}

func under(content ...g.Node) g.Node { return h.Span(h.Class("under"), g.Group(content)) }

// logged is a text that a person or a log chose: cleaned and cut, and of a
// direction of its own, so that it cannot turn what stands beside it around.
func logged(text string, most int) g.Node {
	return g.El("bdi", g.Text(bot.Shorten(bot.Clean(text), most)))
}

// verdict is what the grant's use comes to, first of all whether enough is known
// to say so.
func verdict(t *bot.Timeline) g.Node {
	v, counts := t.Verdict(), t.Counts()
	return h.Section(
		h.Class("verdict "+tone(v.Tone)), h.Aria("labelledby", "verdict"),
		h.H2(h.ID("verdict"), g.Text(v.Text)),
		g.If(len(counts) > 0, h.P(g.Map(counts, span))),
		g.If(t.Lack() != "" && t.Grant.EndedAt.IsZero(), soft(logged(t.Lack(), 700))),
		g.If(t.Lack() != "" && !t.Grant.EndedAt.IsZero(), h.P(h.Class("caution"), h.Strong(g.Text("Evidence incomplete.")), g.Text(" "), logged(t.Lack(), 700))),
		h.Dl(
			h.Class("lines"),
			summary("Done", t.Receipt.Did),
			summary("Denied", t.Receipt.Denied),
			summary("Out of scope", t.Receipt.Stray),
			summary("May work on after the end", t.Receipt.Outlives),
		),
	)
}

func summary(name string, lines []activity.Line) g.Node {
	if len(lines) == 0 {
		return nil
	}
	return h.Div(h.Dt(g.Text(name)), h.Dd(g.Map(lines, func(l activity.Line) g.Node {
		return h.Span(h.Class("line"), h.Code(logged(l.What, 90)), g.If(l.N > 1, g.Text(" ×"+grouped(l.N))))
	})))
}

// evidence says where what is known comes from.
func evidence(t *bot.Timeline) g.Node {
	return section("evidence",
		h.H2(h.ID("evidence"), g.Text("Evidence")),
		soft(evidenceState(t)...),
		g.If(len(t.Sources) > 0, h.Div(h.Class("scrolls"), h.TabIndex("0"), h.Role("region"), h.Aria("labelledby", "evidence"), h.Table(
			h.THead(h.Tr(h.Th(g.Text("Source")), h.Th(g.Text("Has told everything until")), h.Th(g.Text("Last read")), h.Th(g.Text("Gaps in this time")))),
			h.TBody(g.Map(t.Sources, func(s activity.State) g.Node { return sourceRow(t, s) })),
		))),
		g.If(len(t.Evidence.Missing()) > 0, h.Ul(h.Class("lacks"), g.Map(t.Evidence.Missing(), func(l string) g.Node { return h.Li(logged(l, 400)) }))),
		soft(receiptState(t)...),
	)
}

func evidenceState(t *bot.Timeline) []g.Node {
	switch {
	case t.Grant.Outcome == jit.Failed:
		return []g.Node{g.Text("It was never given, so there is nothing to know.")}
	case !t.Evidence.Complete:
		return []g.Node{h.Strong(g.Text("Incomplete.")), g.Text(" What is listed was done; more may have been.")}
	case len(t.Evidence.Sources) == 0:
		return []g.Node{h.Strong(g.Text("Complete.")), g.Text(" Nothing can have been done: no credentials were handed out.")}
	}
	return []g.Node{h.Strong(g.Text("Complete.")), g.Text(" Everything that was done until "), moment(t.Evidence.Until), g.Text(" is known.")}
}

func sourceRow(t *bot.Timeline, s activity.State) g.Node {
	gaps := 0
	for _, u := range t.Unknowns {
		if u.Source == s.Name {
			gaps++
		}
	}
	read := g.Node(never(s.ReadAt))
	if s.Error != "" {
		read = g.Group{g.Text("failed at "), moment(s.FailedAt)}
	}
	return h.Tr(h.Td(logged(s.Name, 80)), h.Td(never(s.Until)), h.Td(read), h.Td(g.Text(strconv.Itoa(gaps))))
}

func never(at time.Time) g.Node {
	if at.IsZero() {
		return g.Text("never")
	}
	return moment(at)
}

func receiptState(t *bot.Timeline) []g.Node {
	r := t.Receipt
	if r.Number == 0 {
		if t.Grant.ReceiptAt.IsZero() {
			return nil
		}
		return []g.Node{g.Text("The receipt is made at "), moment(t.Grant.ReceiptAt), g.Text(".")}
	}
	kind := "preliminary"
	if r.Final {
		kind = "final"
	}
	if r.Amended {
		kind = "amended"
	}
	out := []g.Node{g.Text(fmt.Sprintf("Receipt %d, %s, made at ", r.Number, kind)), moment(r.At), g.Text(": " + strings.ReplaceAll(string(r.Verdict), "_", " ") + ".")}
	if r.Use.Actions != t.Use.Actions {
		out = append(out, g.Text(fmt.Sprintf(" It counts %s; since then more became known.", counted(r.Use.Actions, "action"))))
	}
	return out
}

// rounded is a duration as people say it: no seconds once there are minutes.
func rounded(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than 1s"
	case d < 10*time.Minute:
		return lasting(d.Truncate(time.Second))
	}
	return lasting(d.Truncate(time.Minute))
}

// counted writes "1 action", "1 200 actions".
func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return grouped(n) + " " + word + "s"
}

// grouped writes a number with a thin space between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
