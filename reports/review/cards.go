package review

import (
	"strings"
	"time"

	"jitbot/bot"
	"jitbot/jit"
)

// Cards is the thread for chats: the head, what there is to decide on, and one
// card with the rest.
func (t *Thread) Cards() bot.WeekReview {
	out := bot.WeekReview{Head: t.head(), Quiet: t.Quiet}
	if t.Quiet {
		return out
	}
	for _, x := range append(append([]Item{}, t.Items...), t.More...) {
		if x.Behind {
			out.Behind = append(out.Behind, rowOf(x))
			continue
		}
		out.Items = append(out.Items, rowOf(x))
	}
	for _, group := range grouped(t.sections()) {
		out.Rest = append(out.Rest, restCard(group))
	}
	return out
}

// rowOf is an item as it is kept, without what the store knows of it already.
func rowOf(x Item) jit.Suggestion {
	g := x.Row
	g.ID, g.State, g.ProposedBy = "", jit.SuggestionNew, ""
	return g
}

func text(s string) bot.Text { return bot.Text{{Text: s}} }

// head starts the thread: the week in one sentence, its figures, and the last
// weeks drawn in one line, for who sees no picture.
func (t *Thread) head() bot.Card {
	card := bot.Card{Title: "Access review, week " + t.Week, Notice: t.Line, Body: []bot.Text{text(t.Line)}}
	if t.Quiet {
		card.Status = bot.Status{Text: "Nothing to decide", Tone: bot.Good}
		return card
	}
	card.Status = t.status()
	card.Body = append(card.Body, bot.Text{{Text: "Grants by week "}, {Text: t.Chart.Line, Code: true}})
	for _, s := range t.lastEdits() {
		card.Body = append(card.Body, s.paragraphs()...)
	}
	for _, f := range t.Figures {
		card.Fields = append(card.Fields, bot.Field{Label: f.Name, Value: text(f.Value + ", " + f.Trend)})
	}
	return card
}

func (t *Thread) status() bot.Status {
	for i := range t.Items {
		if t.Items[i].Urgent {
			return bot.Status{Text: "Something urgent to look at", Tone: bot.Bad}
		}
	}
	switch {
	case len(t.Debt) > 0:
		return bot.Status{Text: counted(len(t.Debt), "break-glass review") + " open", Tone: bot.Warning}
	case len(t.Items) > 0:
		return bot.Status{Text: counted(len(t.Items)+len(t.More)+t.Unnamed, "item") + " to decide", Tone: bot.Waiting}
	default:
		return bot.Status{Text: "Nothing to decide", Tone: bot.Good}
	}
}

// grouped puts sections into cards of a size that every chat shows.
func grouped(all []section) [][]section {
	const most = 5 // sections of a card
	var out [][]section
	for len(all) > 0 {
		n := min(most, len(all))
		out, all = append(out, all[:n]), all[n:]
	}
	return out
}

func restCard(all []section) bot.Card {
	var titles []string
	var card bot.Card
	for _, s := range all {
		titles = append(titles, s.title)
		card.Body = append(card.Body, s.paragraphs()...)
	}
	card.Title = "Also this week"
	card.Notice = "Also this week: " + strings.Join(titles, ", ") + "."
	return card
}

// paragraphs are a section on a card.
func (s section) paragraphs() []bot.Text {
	out := []bot.Text{{{Text: s.title, Strong: true}}}
	for _, l := range s.lines {
		out = append(out, text("• "+bot.Shorten(l, 300)))
	}
	if s.more > 0 {
		out = append(out, text("• "+s.moreSaid()))
	}
	return out
}

// day is a date for people.
func day(t time.Time) string { return t.Format("2 January 2006") }
