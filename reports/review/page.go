package review

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"jitbot/bot"
)

//go:embed page.css
var style string

// HTML writes the thread as one page that needs nothing else.
func (t *Thread) HTML(w io.Writer) error {
	picture, err := t.Chart.PNG()
	if err != nil {
		return err
	}
	return t.page(picture).Render(w)
}

func (t *Thread) page(picture []byte) g.Node {
	content := []g.Node{
		h.Header(
			h.P(h.Class("brand"), g.Text("jitbot")),
			h.H1(g.Text("Access review, week "+t.Week)),
			h.P(h.Class("soft"), g.Text(day(t.local(t.From))+" to "+day(t.local(t.To.Add(-time.Second)))+", "+t.Zone)),
			h.P(h.Class("line"), said(t.Line)),
		),
	}
	if !t.Quiet {
		content = append(content, t.numbers(), t.chart(picture), lists(t.lastEdits()), t.decide(), lists(t.sections()))
	}
	return h.Doctype(h.HTML(
		h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.Meta(h.Name("robots"), h.Content("noindex")),
			g.El("meta", g.Attr("http-equiv", "Content-Security-Policy"), h.Content("default-src 'none'; style-src 'unsafe-inline'; img-src data:")),
			h.TitleEl(g.Text("Access review "+t.Week+" · jitbot")),
			h.StyleEl(g.Raw(style)), // ours, and nothing else's
		),
		h.Body(h.Main(content...)),
	))
}

// said is a text that people or logs chose: cleaned, and of a direction of its
// own.
func said(text string) g.Node { return g.El("bdi", g.Text(bot.Clean(text))) }

func (t *Thread) numbers() g.Node {
	return h.Dl(h.Class("figures"), g.Map(t.Figures, func(f Figure) g.Node {
		return h.Div(h.Dt(g.Text(f.Name)), h.Dd(h.Strong(g.Text(f.Value)), h.Span(g.Text(f.Trend))))
	}))
}

func (t *Thread) chart(picture []byte) g.Node {
	return h.Figure(
		h.Img(h.Src("data:image/png;base64,"+base64.StdEncoding.EncodeToString(picture)), h.Alt(t.Chart.Alt),
			h.Width(strconv.Itoa(pictureWidth/2)), h.Height(strconv.Itoa(pictureHeight/2))),
		h.FigCaption(g.Text(t.Chart.Alt)),
	)
}

func (t *Thread) decide() g.Node {
	if len(t.Items) == 0 {
		return h.Section(h.H2(g.Text("To decide")), h.P(g.Text("Nothing this week.")))
	}
	var items []g.Node
	for i := range t.Items {
		items = append(items, t.Items[i].article(i+1))
	}
	return h.Section(
		h.H2(g.Text("To decide")),
		g.Group(items),
		g.If(len(t.More)+t.Unnamed > 0, h.Details(
			h.Summary(g.Text(counted(len(t.More)+t.Unnamed, "more item"))),
			h.Ul(g.Map(t.More, func(x Item) g.Node { return h.Li(g.Text(x.Class+": "), said(x.Body.Title)) })),
			g.If(t.Unnamed > 0, h.P(g.Text(fmt.Sprintf("And %d more; bot policy suggest names them.", t.Unnamed)))),
		)),
	)
}

func (x *Item) article(n int) g.Node {
	class := "item"
	if x.Urgent {
		class += " urgent"
	}
	return h.Article(
		h.Class(class),
		h.H3(g.Text(strconv.Itoa(n)+". "), said(x.Body.Title)),
		h.P(h.Class("soft"), g.Text(x.Class+", "+x.Body.Name+"; "), said(x.stands())),
		g.Map(x.said(), func(pair [2]string) g.Node {
			return h.P(g.If(pair[0] != "", h.Strong(g.Text(pair[0]+": "))), said(pair[1]))
		}),
		g.If(x.Body.Patch != "", patch(x.Body.Patch)),
	)
}

// patch shows a diff; its signs say what the colours say.
func patch(text string) g.Node {
	var rows []g.Node
	for line := range strings.Lines(text) {
		line = printable(line)
		class := ""
		switch {
		case strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "@@"):
			class = "place"
		case strings.HasPrefix(line, "+"):
			class = "new"
		case strings.HasPrefix(line, "-"):
			class = "old"
		}
		rows = append(rows, h.Span(g.If(class != "", h.Class(class)), g.Text(line+"\n")))
	}
	return h.Pre(h.TabIndex("0"), g.Group(rows))
}

func lists(all []section) g.Node {
	if len(all) == 0 {
		return nil
	}
	return h.Section(h.Class("rest"), g.Map(all, func(s section) g.Node {
		return h.Div(
			h.H2(g.Text(s.title)),
			h.Ul(g.Map(s.lines, func(l string) g.Node { return h.Li(said(l)) }), g.If(s.more > 0, h.Li(h.Class("soft"), g.Text(s.moreSaid())))),
		)
	}))
}
