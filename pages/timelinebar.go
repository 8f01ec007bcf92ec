package pages

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/jit"
)

// The line of a timeline is drawn twice, for wide windows and for narrow ones;
// the style sheet shows one. Heights are pixels, places along it are parts of
// its width, so that it fits any window and its texts stay as large as they are.
const (
	barTop    = 28  // where columns may begin, below the names of the stretches
	barFoot   = 146 // where they stand
	bandTop   = 150
	bandFoot  = 162
	tickFoot  = 168
	labelFoot = 184
	barHeight = 190
	lowest    = 8 // of a column
)

// stretch is a part of the line that has a scale of its own: before the access,
// the access, and after it. One scale for all would leave the middle no room.
type stretch struct {
	name     string
	x, width float64 // percent of the line
	from, to time.Time
	bins     int
	ticks    int // at most
}

// at is where an instant stands in a stretch, in percent of it.
func (s *stretch) at(t time.Time) float64 {
	return min(max(100*float64(t.Sub(s.from))/float64(s.to.Sub(s.from)), 0), 100)
}

// drawing is the line at one size.
type drawing struct {
	name   string // tells the two apart
	t      *bot.Timeline
	steps  []bot.Step
	course bot.Course
	parts  []stretch
	most   int // the count of the highest column
}

func draw(t *bot.Timeline, steps []bot.Step, name string, bins, ticks int) *drawing {
	d := &drawing{name: name, t: t, steps: steps, course: t.Course()}
	c := d.course
	side, gap := 17.0, 1.5
	mid := 100.0
	if c.From.Before(c.Mid) {
		d.parts = append(d.parts, stretch{"before", 0, side, c.From, c.Mid, max(bins/6, 1), 1})
		mid -= side + gap
	}
	after := c.Over.Before(c.To)
	if after {
		mid -= side + gap
	}
	x := 100 - mid
	if after {
		x -= side + gap
	}
	d.parts = append(d.parts, stretch{"access", x, mid, c.Mid, c.Over, bins, ticks})
	if after {
		d.parts = append(d.parts, stretch{"after", 100 - side, side, c.Over, c.To, max(bins/5, 1), 1})
	}
	for _, p := range d.parts {
		for _, b := range t.Bins(p.from, p.to, p.bins) {
			d.most = max(d.most, b.N)
		}
	}
	return d
}

// bar is the line, what its signs mean, and the same as a table.
func bar(t *bot.Timeline, steps []bot.Step) g.Node {
	wide, narrow := draw(t, steps, "wide", 48, 7), draw(t, steps, "narrow", 20, 3)
	return h.Section(
		h.Class("line-of-time"), h.Aria("labelledby", "line"),
		h.Div(h.Class("section-head"), h.H2(h.ID("line"), g.Text("On a line")), h.Span(h.Class("soft zone"), h.Data("zone", ""), g.Text("Times are UTC"))),
		wide.svg(), narrow.svg(),
		legend(t),
		wide.table(),
	)
}

func (d *drawing) svg() g.Node {
	return h.SVG(
		h.Class("bar "+d.name), g.Attr("width", "100%"), g.Attr("height", strconv.Itoa(barHeight)), h.Role("group"),
		h.Aria("label", "The grant on a line. Each mark leads to what was done then; the table below says the same."),
		g.El("defs", g.El("pattern", h.ID("hatch-"+d.name), g.Attr("width", "7"), g.Attr("height", "7"), g.Attr("patternUnits", "userSpaceOnUse"), g.Attr("patternTransform", "rotate(45)"),
			el("rect", "class", "hatch-ground", "width", "7", "height", "7"), el("line", "class", "hatch", "x1", "0", "y1", "0", "x2", "0", "y2", "7"))),
		g.Map(d.parts, d.part),
	)
}

func (d *drawing) part(s stretch) g.Node {
	return g.El("svg",
		attrs("class", "part "+s.name, "x", percent(s.x), "width", percent(s.width), "height", strconv.Itoa(barHeight), "overflow", "visible"),
		el("line", "class", "axis", "x1", "0", "x2", "100%", "y1", px(barFoot+.5), "y2", px(barFoot+.5)),
		d.unknowns(&s),
		d.title(&s),
		d.band(&s),
		d.dots(&s),
		d.ticks(&s),
		d.columns(&s),
		d.now(&s),
	)
}

// title is what stands above a stretch.
func (d *drawing) title(s *stretch) g.Node {
	c, label, anchor, x := d.course, "", "start", "0"
	switch s.name {
	case "before":
		label = "Before"
		if waited := c.Decided.Sub(c.Asked); d.name == "wide" && len(d.t.Approvals) > 0 && waited >= time.Second {
			label = "Waited " + rounded(waited)
		}
	case "access":
		label = d.accessName()
	case "after":
		label, anchor, x = "After", "end", "100%"
		if d.name == "wide" {
			label = "After the end"
		}
	}
	return g.El("text", attrs("class", "name", "x", x, "y", "14", "text-anchor", anchor), g.Text(label))
}

func (d *drawing) accessName() string {
	c, gr := d.course, d.t.Grant
	switch {
	case c.Held.IsZero():
		return "Never given"
	case c.Ended.IsZero():
		return "Held " + rounded(d.t.At.Sub(c.Held)) + " of " + lasting(gr.Duration)
	}
	return "Held " + rounded(c.Ended.Sub(c.Held)) + " of " + lasting(gr.Duration)
}

// band shows the phases: waiting, opening, held, given back before its time.
func (d *drawing) band(s *stretch) g.Node {
	c := d.course
	const least = 7 // percent: opening takes seconds, and has to be seen
	switch s.name {
	case "before":
		opening := min(s.at(c.Begun), 100-least)
		return g.Group{phase("waiting", "Waiting for a decision", s.at(c.Asked), opening), phase("opening", "Being opened", opening, 100)}
	case "access":
		if c.Held.IsZero() {
			return phase("opening", "It could not be opened", 0, 100)
		}
		end := c.Ended
		if end.IsZero() {
			end = d.t.At
		}
		held := s.at(end)
		return g.Group{phase("rest", "Granted, and not held", held, 100), phase("held", "Held", 0, held)}
	}
	return el("line", "class", "gone", "x1", "0", "x2", "100%", "y1", px((bandTop+bandFoot)/2), "y2", px((bandTop+bandFoot)/2))
}

func phase(class, title string, from, to float64) g.Node {
	if to <= from {
		return nil
	}
	return g.El("rect", attrs("class", "phase "+class, "x", percent(from), "width", percent(to-from), "y", px(bandTop), "height", px(bandFoot-bandTop), "rx", "3"), g.El("title", g.Text(title)))
}

// unknowns hatches the time of which not everything is known.
func (d *drawing) unknowns(s *stretch) g.Node {
	return g.Map(d.t.Unknowns, func(u activity.Unknown) g.Node {
		from, to := s.at(u.From), s.at(u.To)
		if u.To.Before(s.from) || u.From.After(s.to) || to <= from {
			return nil
		}
		title := bot.Shorten(bot.Clean("Not known: "+u.Why+unlessEmpty(", source ", u.Source)), 300)
		return g.El("rect", attrs("class", "unknown", "x", percent(from), "width", percent(max(to-from, .6)), "y", px(barTop-6), "height", px(barFoot-barTop+6), "fill", "url(#hatch-"+d.name+")"), g.El("title", g.Text(title)))
	})
}

func unlessEmpty(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// mostDots bounds what of jitbot's own events is drawn.
const mostDots = 60

// dots are what jitbot and people did, on the band.
func (d *drawing) dots(s *stretch) g.Node {
	var out g.Group
	last := s == &d.parts[len(d.parts)-1]
	for i, step := range d.steps {
		if step.Entry == nil || step.At.Before(s.from) || step.At.After(s.to) || !last && step.At.Equal(s.to) || len(out) == mostDots || step.Entry.Kind == jit.EventTimelineOpened {
			continue
		}
		out = append(out, g.El("a", attrs("href", "#"+stepID(i), "class", "dot", "tabindex", "-1", "aria-hidden", "true"),
			el("circle", "cx", percent(s.at(step.At)), "cy", px((bandTop+bandFoot)/2), "r", "3")))
	}
	return out
}

func (d *drawing) now(s *stretch) g.Node {
	at := d.t.At
	if s.name != "access" || !d.course.Ended.IsZero() || !at.After(s.from) || !at.Before(s.to) {
		return nil
	}
	x := percent(s.at(at))
	return g.Group{
		el("line", "class", "now", "x1", x, "x2", x, "y1", px(barTop-6), "y2", px(bandFoot)),
		g.El("text", attrs("class", "now-name", "x", x, "y", px(barTop-10), "text-anchor", "middle"), g.Text("now")),
	}
}

// columns are the actions, those done close together as one.
func (d *drawing) columns(s *stretch) g.Node {
	bins := d.t.Bins(s.from, s.to, s.bins)
	width := 100 / float64(max(len(bins), 1))
	var out g.Group
	for i, b := range bins {
		if b.N > 0 {
			out = append(out, d.column(b, float64(i)*width, width))
		}
	}
	return out
}

func (d *drawing) column(b bot.Bin, x, width float64) g.Node {
	room := float64(barFoot - barTop - 2*signRoom)
	height := lowest + (room-lowest)*math.Sqrt(float64(b.N)/float64(max(d.most, 1)))
	denied := height * float64(b.Denied) / float64(b.N)
	if b.Denied > 0 {
		denied = max(denied, 4)
	}
	top := barFoot - height
	says := binWords(b)
	return g.El("a",
		attrs("class", "mark", "href", "#"+d.stepOf(b), "aria-label", clockRange(b)+": "+says, "data-from", iso(b.From), "data-to", iso(b.To), "data-says", says),
		g.El("title", g.Text(clockRange(b)+": "+says)),
		g.El("svg", attrs("x", percent(x), "width", percent(width), "height", strconv.Itoa(barHeight), "overflow", "visible"),
			el("rect", "class", "hit", "width", "100%", "y", px(barTop-6), "height", px(bandFoot-barTop+6)),
			g.If(height > denied, el("rect", "class", "done", "x", "12%", "width", "76%", "y", px(top+denied), "height", px(height-denied), "rx", "1.5")),
			g.If(b.Denied > 0, el("rect", "class", "denied", "x", "12%", "width", "76%", "y", px(top), "height", px(denied), "rx", "1.5")),
			over(b, top),
		),
	)
}

// signRoom is the height of one sign above a column.
const signRoom = 12

// over are the signs above a column: colour is never all that tells.
func over(b bot.Bin, top float64) g.Node {
	var out g.Group
	for _, s := range []struct {
		n              int
		class, outline string
	}{
		{b.Denied, "denied", "M-3.5-3.5l7 7M3.5-3.5l-7 7"},
		{b.Stray, "stray", "M0-5 5 0 0 5-5 0z"},
		{b.Late, "late", "M-3.5 5V-5L4.5-2-3.5 1"},
	} {
		if s.n > 0 {
			top -= signRoom
			out = append(out, g.El("svg", attrs("x", "50%", "y", px(top+signRoom/2-1), "overflow", "visible"), el("path", "class", "over "+s.class, "d", s.outline)))
		}
	}
	return out
}

// stepOf is the step a column leads to: the one that stands out most of those
// that were done then.
func (d *drawing) stepOf(b bot.Bin) string {
	best, weight := "", 0
	for i, s := range d.steps {
		if s.Entry != nil || !s.At.Before(b.To) || s.To.Before(b.From) {
			continue
		}
		if w := 1 + weigh(s.Actions, b); w > weight {
			best, weight = stepID(i), w
		}
	}
	if best == "" {
		return "more" // none of them is listed
	}
	return best
}

func weigh(actions []jit.Activity, b bot.Bin) (most int) {
	for _, a := range actions {
		if a.At.Before(b.From) || !a.At.Before(b.To) {
			continue
		}
		w := 1
		switch {
		case a.Stray:
			w = 5
		case a.Outcome == jit.ActivityDenied:
			w = 4
		case a.Late:
			w = 3
		case !a.ReadOnly:
			w = 2
		}
		most = max(most, w)
	}
	return most
}

func binWords(b bot.Bin) string {
	parts := []string{counted(b.N, "action")}
	for _, p := range []struct {
		n    int
		what string
	}{{b.Write, "of them writes"}, {b.Denied, "denied"}, {b.Stray, "out of scope"}, {b.Late, "after the end"}} {
		if p.n > 0 {
			parts = append(parts, grouped(p.n)+" "+p.what)
		}
	}
	return strings.Join(parts, ", ")
}

func clockRange(b bot.Bin) string {
	return b.From.UTC().Format("15:04:05") + " to " + b.To.UTC().Format("15:04:05") + " UTC"
}

func (d *drawing) ticks(s *stretch) g.Node {
	switch s.name {
	case "before":
		return tick(s, 0, s.from, "start")
	case "after":
		return tick(s, 100, s.to, "end")
	}
	step := tickStep(s.to.Sub(s.from), s.ticks)
	var out g.Group
	for at := s.from.Truncate(step); !at.After(s.to); at = at.Add(step) {
		if x := 100 * float64(at.Sub(s.from)) / float64(s.to.Sub(s.from)); x >= 3 && x <= 97 {
			out = append(out, tick(s, x, at, "middle"))
		}
	}
	return out
}

// tick is a mark with its time, which the page's script puts into the reader's
// zone.
func tick(s *stretch, x float64, at time.Time, anchor string) g.Node {
	as, layout := "minute", "15:04"
	switch {
	case s.to.Sub(s.from) > 48*time.Hour:
		as, layout = "date", "2 Jan"
	case s.to.Sub(s.from) < 4*time.Minute && anchor == "middle":
		as, layout = "clock", "15:04:05"
	}
	return g.Group{
		el("line", "class", "tick", "x1", percent(x), "x2", percent(x), "y1", px(bandFoot), "y2", px(tickFoot)),
		g.El("text", attrs("class", "label", "x", percent(x), "y", px(labelFoot), "text-anchor", anchor, "data-at", iso(at), "data-as", as), g.Text(at.UTC().Format(layout))),
	}
}

// tickStep is the shortest round step that gives at most n ticks.
func tickStep(length time.Duration, n int) time.Duration {
	for _, step := range []time.Duration{
		time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
	} {
		if length/step < time.Duration(n) {
			return step
		}
	}
	return length/time.Duration(n) + 1
}

// legend says what the signs mean, of those that are there.
func legend(t *bot.Timeline) g.Node {
	u := t.Use
	item := func(yes bool, class, shape, text string) g.Node {
		return g.If(yes, h.Li(h.Class(class), sign(shape), g.Text(text)))
	}
	return h.Ul(
		h.Class("legend"),
		g.If(u.Actions == 0, h.Li(g.Text(nothingSeen(t)))),
		g.If(u.Actions > u.Denied, h.Li(h.Class("done"), swatch("done"), g.Text("done"))),
		item(u.Denied > 0, "denied", "cross", "denied"),
		item(u.Stray > 0, "stray", "diamond", "out of scope"),
		item(u.Late > 0, "late", "flag", "after the end"),
		g.If(len(t.Unknowns) > 0, h.Li(swatch("unknown"), g.Text("not everything is known"))),
		h.Li(swatch("held"), g.Text("held")),
		g.If(t.Grant.Outcome == jit.Revoked, h.Li(swatch("rest"), g.Text("given back"))),
	)
}

// nothingSeen never says that nothing was done: that is for the verdict.
func nothingSeen(t *bot.Timeline) string {
	if t.Lack() == "" {
		return "no actions"
	}
	return "no actions were seen"
}

func swatch(class string) g.Node { return h.Span(h.Class("swatch "+class), h.Aria("hidden", "true")) }

// table says what the line shows, for those who cannot see it or want numbers.
func (d *drawing) table() g.Node {
	var rows g.Group
	for _, s := range d.parts {
		for _, b := range d.t.Bins(s.from, s.to, s.bins) {
			if b.N > 0 {
				rows = append(rows, binRow(b, d.stepOf(b)))
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	head := g.Map([]string{"From", "To", "Actions", "Writes", "Denied", "Out of scope", "After the end"}, func(name string) g.Node { return h.Th(h.Scope("col"), g.Text(name)) })
	return h.Details(h.Class("as-table"), h.Summary(g.Text("The line as a table")),
		h.Div(h.Class("scrolls"), h.TabIndex("0"), h.Role("region"), h.Aria("label", "The line as a table"), h.Table(h.THead(h.Tr(head)), h.TBody(rows))))
}

func binRow(b bot.Bin, step string) g.Node {
	cells := g.Group{h.Td(h.A(h.Href("#"+step), clockTime(b.From))), h.Td(clockTime(b.To))}
	for _, n := range []int{b.N, b.Write, b.Denied, b.Stray, b.Late} {
		cells = append(cells, h.Td(h.Class("number"), g.Text(fmt.Sprint(n))))
	}
	return h.Tr(cells)
}

// el is an element of a drawing with attributes in pairs, all made by us.
func el(name string, pairs ...string) g.Node { return g.El(name, attrs(pairs...)) }

func attrs(pairs ...string) g.Node {
	out := make(g.Group, 0, len(pairs)/2)
	for pair := range slices.Chunk(pairs, 2) {
		out = append(out, g.Attr(pair[0], pair[1]))
	}
	return out
}

func percent(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) + "%" }

func px(y float64) string { return strconv.FormatFloat(y, 'f', -1, 64) }
