package blocks

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// Slack parses a mrkdwn text and knows no way to escape what it looks for:
// only &, < and > can be written as entities. An invisible character beside a
// mark does not disarm it; that is how people make marks work inside words. So:
//
//   - what has no instant, code or stress in it is plain_text, which is not
//     parsed at all;
//   - what has some, but whose other words hold a character Slack would take
//     for a mark, is plain_text too and loses its own marks;
//   - what has an instant cannot be plain_text, as the reader's zone needs a
//     date token: there those characters are replaced by look-alikes.
//
// lookalikes are the characters that open markup, and what stands for them.
var lookalikes = map[rune]rune{
	'*': '∗', '＊': '﹡', '_': 'ˍ', '＿': '⸏', '`': 'ˋ', '｀': 'ˋ', '~': '∼', ':': '∶', '>': '›', '＞': '›',
}

// run is a piece of a paragraph: words, or an instant.
type run struct {
	text         string
	code, strong bool
	at           time.Time
}

// paragraph renders t in at most limit characters, never empty.
func paragraph(t bot.Text, limit int) *slack.TextBlockObject {
	runs, timed := runsOf(t)
	words := wordsOf(runs)
	if !timed && (strings.TrimSpace(words) == "" || !marked(runs) || risky(runs)) {
		return plain(words, limit)
	}
	return slack.NewTextBlockObject(slack.MarkdownType, markdown(runs, limit), false, true)
}

// empty reports whether there is nothing in t to see.
func empty(t bot.Text) bool {
	runs, timed := runsOf(t)
	return !timed && strings.TrimSpace(wordsOf(runs)) == ""
}

// runsOf is t cleaned, each instant a run of its own; timed says whether there
// is one. An instant that a date token cannot carry is words.
func runsOf(t bot.Text) (runs []run, timed bool) {
	for _, s := range t {
		if text := clean(s.Text); text != "" {
			runs = append(runs, run{text: text, code: s.Code, strong: s.Strong && !s.Code})
		}
		switch {
		case s.Time.IsZero():
		case carriable(s.Time):
			runs, timed = append(runs, run{at: s.Time}), true
		default:
			runs = append(runs, run{text: s.Time.UTC().Format(fallbackForm)})
		}
	}
	return runs, timed
}

func wordsOf(runs []run) string {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.text)
	}
	return b.String()
}

func marked(runs []run) bool {
	for _, r := range runs {
		if (r.code || r.strong) && strings.TrimSpace(r.text) != "" {
			return true
		}
	}
	return false
}

// risky reports whether any words would be parsed as what they are not.
func risky(runs []run) bool {
	for _, r := range runs {
		text := []rune(r.text)
		for i := range text {
			if r.code && text[i] == '`' || !r.code && opensMarkup(text, i) {
				return true
			}
		}
	}
	return false
}

// opensMarkup reports whether Slack might take text[i] for the beginning of
// markup. Snake_case is left alone, as Slack leaves it; a colon counts where
// an emoji or an address could follow, a > where a line begins.
func opensMarkup(text []rune, i int) bool {
	switch r := text[i]; r {
	case '_':
		return i == 0 || i == len(text)-1 || !wordy(text[i-1]) || !wordy(text[i+1])
	case ':':
		return i == len(text)-1 || text[i+1] != ' '
	case '>', '＞':
		return beginsLine(text, i)
	default:
		return lookalikes[r] != 0
	}
}

// beginsLine reports whether only spaces stand before text[i].
func beginsLine(text []rune, i int) bool {
	for i--; i >= 0 && text[i] == ' '; i-- {
	}
	return i < 0
}

func wordy(r rune) bool {
	return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

var entities = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;"}

// escaped is a character as mrkdwn wants it; nothing but these three may be
// an entity.
func escaped(r rune) string {
	if e, ok := entities[r]; ok {
		return e
	}
	return string(r)
}

// The forms of an instant: Slack writes the first in the reader's zone; who
// cannot see it, such as a notification, gets the second.
const (
	dateForm     = "<!date^%d^{date_short_pretty} at {time}|%s>"
	fallbackForm = "2006-01-02 15:04 UTC"
)

// carriable reports whether a date token can say t: from 1970 to 9999.
func carriable(t time.Time) bool { return t.Unix() > 0 && t.UTC().Year() <= 9999 }

func dateToken(t time.Time) string {
	return fmt.Sprintf(dateForm, t.Unix(), t.UTC().Format(fallbackForm))
}

// markdown writes runs in at most limit characters. It is cut between
// characters only, never in an entity, and marks that were opened are closed.
func markdown(runs []run, limit int) string {
	if whole, ok := written(runs, limit); ok {
		return whole
	}
	part, _ := written(runs, limit-1)
	return part + "…"
}

// written is runs in mrkdwn; ok is false where it had to be cut.
func written(runs []run, limit int) (s string, ok bool) {
	w := writer{room: limit}
	for _, r := range runs {
		if w.full {
			break
		}
		switch {
		case !r.at.IsZero():
			w.atom(dateToken(r.at), 0)
		case strings.TrimSpace(r.text) == "" || !r.code && !r.strong:
			w.words(r.text)
		case r.code:
			w.enclosed("`", r.text, func(text []rune, i int) string {
				if text[i] == '`' {
					return string(lookalikes['`'])
				}
				return escaped(text[i])
			})
		default:
			w.enclosed("*", r.text, harmless)
		}
	}
	return strings.TrimSpace(w.b.String()), !w.full
}

// harmless is text[i] with nothing left to parse.
func harmless(text []rune, i int) string {
	if opensMarkup(text, i) {
		return string(lookalikes[text[i]])
	}
	return escaped(text[i])
}

// writer writes mrkdwn until its room is used up.
type writer struct {
	b         strings.Builder
	n, room   int
	last      rune // 0: nothing yet
	afterMark bool // the last was a closing mark
	full      bool
}

// boundary is a zero-width space. Slack takes a mark for a mark only where a
// word ends; this ends one where the reader sees no end.
const boundary = "\u200b"

// atom writes what must not be cut, if there is room for it and reserve more.
func (w *writer) atom(s string, reserve int) bool {
	n := utf8.RuneCountInString(s)
	first, _ := utf8.DecodeRuneInString(s)
	if w.afterMark && !strings.ContainsRune(" ,.;!?)", first) {
		s, n = boundary+s, n+1
	}
	if w.full || w.n+n+reserve > w.room {
		w.full = true
		return false
	}
	w.b.WriteString(s)
	w.n += n
	w.last, _ = utf8.DecodeLastRuneInString(s)
	w.afterMark = false
	return true
}

func (w *writer) words(s string) {
	text := []rune(s)
	for i := range text {
		if !w.atom(harmless(text, i), 0) {
			return
		}
	}
}

// enclosed writes s between two marks. Spaces at its ends go outside, where
// they keep the marks from being none.
func (w *writer) enclosed(mark, s string, char func(text []rune, i int) string) {
	core := strings.TrimSpace(s)
	before, after, _ := strings.Cut(s, core)
	w.words(before)
	text := []rune(core)
	open := mark
	if w.last != 0 && w.last != ' ' && w.last != '(' && !w.afterMark {
		open = boundary + mark
	}
	if !w.atom(open, utf8.RuneCountInString(char(text, 0))+len(mark)) {
		return
	}
	for i := range text {
		if !w.atom(char(text, i), len(mark)) {
			break
		}
	}
	w.b.WriteString(mark)
	w.n += len(mark)
	w.last, w.afterMark = rune(mark[0]), true
	w.words(after)
}
