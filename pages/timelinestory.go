package pages

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"jitbot/bot"
	"jitbot/jit"
)

// mostInside is how many actions of one step are listed one by one.
const mostInside = 100

// only are the choices of what is listed. They are radio buttons that the style
// sheet listens to: no script is needed.
var only = []struct {
	class, label string
	has          func(jit.Activity) bool
}{
	{"action", "All actions", func(jit.Activity) bool { return true }},
	{"write", "Writes", func(a jit.Activity) bool { return !a.ReadOnly && a.Outcome != jit.ActivityDenied }},
	{"denied", "Denied", func(a jit.Activity) bool { return a.Outcome == jit.ActivityDenied }},
	{"stray", "Out of scope", func(a jit.Activity) bool { return a.Stray }},
	{"late", "After the end", func(a jit.Activity) bool { return a.Late }},
}

// story is everything in the order of time.
func story(t *bot.Timeline, steps []bot.Step) g.Node {
	return h.Section(
		h.Class("story"), h.Aria("labelledby", "story"),
		h.Div(
			h.Class("section-head"), h.H2(h.ID("story"), g.Text("What happened")),
			h.Span(h.Class("soft zone"), h.Data("zone", ""), g.Text("Times are UTC")),
		),
		g.If(len(t.Actions) > 0, filters(t)),
		h.Ol(h.Class("steps"), stepList(steps)),
		g.If(t.More > 0, h.P(h.ID("more"), h.Class("more soft"), g.Text(more(t.More)))),
	)
}

func more(n int) string {
	if n == 1 {
		return "1 more action is counted and not listed."
	}
	return grouped(n) + " more actions are counted and not listed."
}

func filters(t *bot.Timeline) g.Node {
	all := []g.Node{
		h.Class("filters"), h.Legend(h.Class("sr-only"), g.Text("What is listed")),
		choice("everything", "Everything", "", true, false),
	}
	for _, o := range only {
		n := 0
		for _, a := range t.Actions {
			if o.has(a) {
				n++
			}
		}
		all = append(all, choice(o.class, o.label, grouped(n), false, n == 0))
	}
	return h.FieldSet(all...)
}

func choice(class, label, n string, chosen, none bool) g.Node {
	return h.Label(
		h.Input(h.Type("radio"), h.Name("only"), h.ID("only-"+class), h.Value(class), g.If(chosen, h.Checked()), g.If(none, h.Disabled())),
		h.Span(g.Text(label), g.If(n != "", h.Span(h.Class("n"), g.Text(" "+n)))),
	)
}

func stepList(steps []bot.Step) g.Node {
	var out g.Group
	day := ""
	for i, s := range steps {
		if today := s.At.UTC().Format(time.DateOnly); today != day {
			day = today
			out = append(out, h.Li(h.Class("day"), h.Time(h.DateTime(iso(s.At)), h.Data("as", "day"), g.Text(s.At.UTC().Format("Monday, 2 January 2006")))))
		}
		if s.Entry != nil {
			out = append(out, entryStep(i, s))
			continue
		}
		out = append(out, actionStep(i, s))
	}
	return out
}

func stepID(i int) string { return "s" + strconv.Itoa(i) }

func entryStep(i int, s bot.Step) g.Node {
	e := s.Entry
	return h.Li(
		h.ID(stepID(i)), h.Class("step-line event "+entryClass(e.Kind)), clock(s.At, s.To),
		h.Span(h.Class("sign"), sign(entrySign(e.Kind))),
		h.Div(h.Class("what"), h.Span(h.Class("who"), logged(e.Who, 80)), g.Text(" "), logged(e.Text, 700), g.If(s.N > 1, times(s.N))),
	)
}

// entryClass marks the events that bound the access, and what went wrong.
func entryClass(kind string) string {
	switch kind {
	case jit.EventGrantActive, jit.EventGrantEnded:
		return "bound"
	case jit.EventHoldingRetry, jit.EventGrantOverdue, jit.EventRefused, jit.EventEscalated:
		return "trouble"
	}
	return ""
}

func entrySign(kind string) string {
	if entryClass(kind) == "trouble" {
		return "warn"
	}
	return "dot"
}

func times(n int) g.Node { return h.Span(h.Class("times"), g.Text(" ×"+grouped(n))) }

func actionStep(i int, s bot.Step) g.Node {
	a := s.Actions[0]
	class := "step-line action"
	for _, o := range only[1:] {
		if o.has(a) {
			class += " " + o.class
		}
	}
	if a.Outcome == jit.ActivityFailed {
		class += " failed"
	}
	outcome, shape := outcomeWords(a.Outcome)
	return h.Li(
		h.ID(stepID(i)), h.Class(class), h.TabIndex("-1"), clock(s.At, s.To),
		h.Span(h.Class("sign"), sign(shape)),
		h.Div(
			h.Class("what"),
			h.Span(h.Class("outcome"), g.Text(outcome)), g.Text(" "), h.Code(logged(a.Action, 120)), g.If(s.N > 1, times(s.N)),
			badges(a),
			h.Div(h.Class("on"), on(s.Actions)),
			inside(s.Actions),
		),
	)
}

// outcomeWords are an outcome as a word and as a shape.
func outcomeWords(o jit.ActivityOutcome) (word, shape string) {
	switch o {
	case jit.ActivityDenied:
		return "Denied", "cross"
	case jit.ActivityFailed:
		return "Failed", "warn"
	}
	return "Done", "tick"
}

func badges(a jit.Activity) g.Node {
	badge := func(yes bool, class, shape, text string) g.Node {
		return g.If(yes, g.Group{g.Text(" "), h.Span(h.Class("badge "+class), sign(shape), g.Text(text))})
	}
	return g.Group{
		badge(!a.ReadOnly && a.Outcome != jit.ActivityDenied, "write", "pen", "write"),
		badge(a.Stray, "stray", "diamond", "out of scope"),
		badge(a.Late, "late", "flag", "after the end"),
		badge(a.Amended, "", "pen", "corrected later"),
	}
}

// on is what was done something to: the one thing, or how many.
func on(actions []jit.Activity) g.Node {
	seen := map[string]bool{}
	for _, a := range actions {
		if a.Resource != "" {
			seen[a.Resource] = true
		}
	}
	switch {
	case len(seen) == 0:
		return nil
	case len(seen) > 1:
		return g.Text(counted(len(seen), "resource"))
	}
	return logged(cmp.Or(actions[0].Resource, actions[len(actions)-1].Resource), 200)
}

// how says where an action came from, whose it is by what, and what denied it.
func how(a jit.Activity) string {
	text := fmt.Sprintf("%s, %d%%", methodWords(a.Method), int(math.Round(a.Sure*100)))
	if a.Origin != "" {
		text = "from " + a.Origin + " · " + text
	}
	if a.Layer != "" {
		text += " · denied by the " + a.Layer
	} else if a.Code != "" {
		text += " · " + a.Code
	}
	return text + " · told by " + a.Source
}

// methodWords say by what an action was found to be the grant's.
func methodWords(m jit.Method) string {
	switch m {
	case jit.ByAccessKey:
		return "by access key"
	case jit.BySourceIdentity:
		return "by source identity"
	case jit.BySessionName:
		return "by session name"
	case jit.ByLogin:
		return "by login"
	case jit.ByIdentityCenter:
		return "by Identity Center session"
	case jit.ByStatement:
		return "named by the sender"
	}
	return "by nothing"
}

// inside are the actions of a step one by one, or all there is to say of one.
func inside(actions []jit.Activity) g.Node {
	if len(actions) == 1 {
		return h.Details(h.Summary(h.Class("how"), logged(how(actions[0]), 300)), particulars(actions[0]))
	}
	left := len(actions) - mostInside
	return h.Details(
		h.Summary(h.Class("how"), logged(how(actions[0]), 300)),
		h.Ol(h.Class("each-of"), g.Map(actions[:min(len(actions), mostInside)], func(a jit.Activity) g.Node {
			return h.Li(clock(a.At, a.At), h.Div(logged(a.Resource, 512), g.If(a.Origin != "", h.Span(h.Class("soft"), g.Text(" from "), logged(a.Origin, 80))), g.If(a.Detail != "", h.Div(h.Class("soft"), logged(a.Detail, 400)))))
		})),
		g.If(left > 0, soft(g.Text(more(left)))),
		particulars(actions[0]),
	)
}

// particulars are what else is known of an action.
func particulars(a jit.Activity) g.Node {
	var out g.Group
	for _, p := range [][2]string{
		{"Actor", a.Actor},
		{"Resource", a.Resource},
		{"Through", a.Scope},
		{"Account", a.Account},
		{"Region", a.Region},
		{"Program", a.Agent},
		{"Error", a.Code},
		{"Detail", a.Detail},
		{"Id", a.ID},
	} {
		if p[1] != "" {
			out = append(out, h.Div(h.Dt(g.Text(p[0])), h.Dd(logged(p[1], 512))))
		}
	}
	return h.Dl(h.Class("particulars"), out)
}

// clock is when a step was, or from when to when.
func clock(from, to time.Time) g.Node {
	return h.Span(h.Class("at"), clockTime(from), g.If(to.Sub(from) >= time.Second, g.Group{g.Text(" – "), clockTime(to)}))
}

func clockTime(at time.Time) g.Node {
	return h.Time(h.DateTime(iso(at)), h.Data("as", "clock"), g.Text(at.UTC().Format("15:04:05")))
}

// signs are drawn, not typed: fonts differ, and screen readers read letters out.
var signs = map[string]string{
	"tick": "M3.5 8.5l3 3 6-7", "cross": "M4 4l8 8M12 4l-8 8", "warn": "M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.4",
	"dot": "M8 5.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5", "diamond": "M8 2 14 8 8 14 2 8z", "flag": "M4 14V2.5l8.5 3.75L4 10", "pen": "M3 13l.6-2.8L11 2.8 13.2 5 5.8 12.4z",
}

func sign(name string) g.Node {
	return h.SVG(h.Class("icon "+name), g.Attr("viewBox", "0 0 16 16"), h.Aria("hidden", "true"), g.El("path", g.Attr("d", signs[name])))
}
