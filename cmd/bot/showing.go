package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/storage"
)

const (
	listedActions = 100 // of a timeline on a terminal, unless --actions says otherwise
	everyAction   = 1 << 30
)

// showGrant prints the timeline of a grant.
func (l listing) showGrant(v storage.View, env environment) error {
	most := l.actions
	switch {
	case most < 0 && l.json:
		most = everyAction
	case most < 0:
		most = listedActions
	}
	t, err := bot.ReadTimeline(v, l.people, l.plain[1], most, time.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return l.show(v, env.stdout) // a request that came to no grant, or nothing at all
	}
	if err != nil {
		return err
	}
	if l.json {
		return l.writeGrant(v, &t, env.stdout)
	}
	p := printer{env.stdout, &t}
	p.about()
	p.line(width(env), strings.Contains(strings.ToUpper(env.getenv("LC_ALL")+env.getenv("LC_CTYPE")+env.getenv("LANG")), "UTF-8"))
	p.steps()
	return nil
}

// writeGrant writes everything there is about a grant for other programs.
func (l listing) writeGrant(v storage.View, t *bot.Timeline, w io.Writer) error {
	rec, err := recordOf(v, l.plain[1])
	if err != nil {
		return err
	}
	rec.Actions, rec.More, rec.Use, rec.Evidence, rec.AsOf = t.Actions, t.More, &t.Use, &t.Evidence, t.At
	if t.Receipt.Number > 0 {
		rec.Receipt, rec.AsOf = &t.Receipt, t.Receipt.At
	}
	return writeJSON(w, rec)
}

// width is how wide the terminal is, 0 where there is none.
func width(env environment) int {
	if n, err := strconv.Atoi(env.getenv("COLUMNS")); err == nil && n >= 40 {
		return min(n, 160)
	}
	f, ok := env.stdout.(*os.File)
	if !ok {
		return 0
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return 0
	}
	return 80
}

// printer prints a timeline as lines. What others than jitbot wrote is cleaned
// of what could steer a terminal.
type printer struct {
	w io.Writer
	t *bot.Timeline
}

func said(text string, most int) string { return bot.Shorten(bot.Clean(text), most) }

func (p printer) about() {
	t, r, g := p.t, p.t.Request, p.t.Grant
	c := t.Course()
	fmt.Fprintf(p.w, "%s on %s: %s\n", said(t.Person, 80), g.Resource, t.Status.Text)
	p.field("grant", g.ID+", request "+r.ID)
	p.field("reason", said(r.Reason, 1000))
	p.field("rule", ruleWords(r.Decision))
	if r.Imported != "" {
		p.field("imported", "another tool decided, gave and took this back")
	}
	for _, a := range t.Approvals {
		p.field("approved", said(a.Who, 80)+", "+stamp(a.At))
	}
	p.field("granted", jit.FormatDuration(g.Duration)+unlessZero(c.Held, ", from ")+unlessZero(c.Due, " to "))
	if !c.Ended.IsZero() {
		p.field("ended", stamp(c.Ended)+orNothing(", ", said(t.Because, 200)))
	}
	for _, h := range t.Holdings {
		p.field(h.Entitlement.Kind, strings.TrimSpace(strings.Join([]string{string(h.State), h.Target, said(h.LastError, 300), said(h.Kept, 200)}, "  ")))
	}
	fmt.Fprintf(p.w, "\n%s.%s\n", t.Verdict().Text, words(t.Counts()))
	if lack := t.Lack(); lack != "" {
		fmt.Fprintf(p.w, "Evidence incomplete: %s\n", said(lack, 1000))
	} else if !t.Evidence.Until.IsZero() {
		fmt.Fprintf(p.w, "Everything that was done until %s is known.\n", stamp(t.Evidence.Until))
	}
	if t.Receipt.Number > 0 {
		fmt.Fprintf(p.w, "As of receipt %d, made at %s.\n", t.Receipt.Number, stamp(t.Receipt.At))
	} else {
		fmt.Fprintf(p.w, "As of %s; there is no receipt yet.\n", stamp(t.At))
	}
}

func (p printer) field(name, value string) { fmt.Fprintf(p.w, "  %-9s %s\n", name, value) }

func unlessZero(at time.Time, before string) string {
	if at.IsZero() {
		return ""
	}
	return before + stamp(at)
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// words are a text of spans as one string.
func words(text bot.Text) string {
	var b strings.Builder
	for _, s := range text {
		if !s.Time.IsZero() {
			b.WriteString(stamp(s.Time))
			continue
		}
		b.WriteString(s.Text)
	}
	return b.String()
}

// shades are how high a column is, from nothing to the most.
var shades = map[bool][]string{
	true:  {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
	false: {" ", ".", ":", "-", "=", "+", "*", "%", "#"},
}

// line draws the grant on a line: how much was done when, what of it stands
// out, and whether the access was there.
func (p printer) line(width int, unicode bool) {
	if width < 40 {
		return
	}
	c := p.t.Course()
	side := width / 8
	type part struct {
		from, to time.Time
		n        int
	}
	parts := []part{{c.From, c.Mid, side}, {c.Mid, c.Over, width - 2*side - 4}, {c.Over, c.To, side}}
	var columns, signs, band strings.Builder
	most := 1
	for _, s := range parts {
		for _, b := range p.t.Bins(s.from, s.to, s.n) {
			most = max(most, b.N)
		}
	}
	for i, s := range parts {
		if i > 0 {
			columns.WriteByte(' ')
			signs.WriteByte(' ')
			band.WriteByte('|')
		}
		bins := p.t.Bins(s.from, s.to, s.n)
		for _, b := range bins {
			columns.WriteString(shades[unicode][(b.N*8+most-1)/most])
			signs.WriteByte(signOf(b))
			band.WriteByte(bandOf(i, b, c, p.t.At))
		}
	}
	fmt.Fprintf(p.w, "\n  %s\n  %s\n  %s\n", strings.TrimRight(columns.String(), " "), strings.TrimRight(signs.String(), " "), band.String())
	fmt.Fprintf(p.w, "  from %s; access %s to %s; until %s\n", stamp(c.From), stamp(c.Mid), stamp(c.Over), stamp(c.To))
	fmt.Fprintln(p.w, "  ~ waiting  = held  - not held  . after the end  x denied  ! out of scope  > done after the end")
}

func signOf(b bot.Bin) byte {
	switch {
	case b.Stray > 0:
		return '!'
	case b.Denied > 0:
		return 'x'
	case b.Late > 0:
		return '>'
	}
	return ' '
}

func bandOf(part int, b bot.Bin, c bot.Course, now time.Time) byte {
	end := c.Ended
	if end.IsZero() {
		end = now
	}
	switch {
	case part == 0:
		return '~'
	case part == 2:
		return '.'
	case !c.Held.IsZero() && b.From.Before(end):
		return '='
	}
	return '-'
}

func (p printer) steps() {
	fmt.Fprintln(p.w)
	for _, s := range p.t.Steps() {
		if s.Entry != nil {
			fmt.Fprintf(p.w, "  %s  %s: %s%s\n", stamp(s.At), said(s.Entry.Who, 80), said(s.Entry.Text, 700), often(s.N))
			continue
		}
		fmt.Fprintf(p.w, "  %s    %s\n", stamp(s.At), actionLine(s))
	}
	if p.t.More > 0 {
		fmt.Fprintf(p.w, "  %d more are counted and not listed.\n", p.t.More)
	}
}

// actionLine is a step of actions in one line.
func actionLine(s bot.Step) string {
	a := s.Actions[0]
	line := fmt.Sprintf("%-6s %s%s", a.Outcome, said(a.Action, 120), often(s.N))
	if s.N > 1 {
		line += " until " + s.To.UTC().Format("15:04:05")
	}
	line += orNothing("  ", said(a.Resource, 200)) + orNothing("  from ", said(a.Origin, 80))
	line += fmt.Sprintf("  by %s, %.0f%%", strings.ReplaceAll(string(a.Method), "_", " "), a.Sure*100)
	line += orNothing("  denied by the ", said(a.Layer, 80))
	for _, mark := range []struct {
		is   bool
		text string
	}{{a.Stray, "OUT OF SCOPE"}, {a.Late, "AFTER THE END"}} {
		if mark.is {
			line += "  " + mark.text
		}
	}
	return line
}

func often(n int) string {
	if n == 1 {
		return ""
	}
	return " x" + strconv.Itoa(n)
}
