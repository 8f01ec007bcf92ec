package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"jitbot/analysis"
	"jitbot/simulate"
)

// What is between these two lines is written anew each time.
const (
	begin = "<!-- quality: written by make quality -->"
	end   = "<!-- end of what make quality writes -->"
)

func (a asked) render(all []*length) string {
	var b strings.Builder
	noise := "noisy"
	if a.clean {
		noise = "clean"
	}
	fmt.Fprintf(&b, "Measured on %s at commit %s with %s on %s/%s, %s, %d cores: %d organisations (seeds %d to %d) of %d people and %d rules, with %s logs. "+
		"Means over the organisations with their 95%% intervals. *Evidence enough* is what the class needs at least, and for a single deed that a log tells of it and of whose it was. "+
		"Generator and analyses come from the same people, so this checks the design and is no independent proof.\n",
		a.date, a.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH, machine(), runtime.NumCPU(), a.seeds, a.first, a.first+a.seeds-1, a.people, a.rules, noise)
	for _, l := range all {
		rows := simulate.Sum(l.forms[0].tables)
		fmt.Fprintf(&b, "\n### %d weeks\n\n", l.weeks)
		_ = simulate.Print(&b, rows) // a builder takes everything
		a.wholes(&b, l)
	}
	at := all[a.gatesAt()]
	a.goals(&b, at)
	if len(at.forms) > 1 {
		worth(&b, at)
	}
	return b.String()
}

// machine is what it was measured on.
func machine() string {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	_, rest, _ := strings.Cut(string(raw), "model name")
	name, _, _ := strings.Cut(strings.TrimLeft(rest, "\t :"), "\n")
	if name == "" {
		return "unknown processor"
	}
	return name
}

// wholes says what no single class tells.
func (a asked) wholes(b *strings.Builder, l *length) {
	w := l.forms[0].whole()
	held, odd := 0, 0
	for _, h := range l.hard {
		held, odd = held+h.held, odd+h.odd
	}
	fmt.Fprintf(b, "\n- A2: %d of %d shorter limits, of whatever rule, cut more than 5%% of 400 more uses.\n", w.Harmful, w.Cuts)
	fmt.Fprintf(b, "- A7 to A10: %.2f sessions a week are called odd and are not; the budget is 3.\n", a.perWeek(w))
	fmt.Fprintf(b, "- A4 to A6: %d grants are said to have been misused, and were not, in all organisations.\n", w.Accused)
	fmt.Fprintf(b, "- A16: %d of %d rules are told misuse for want of an answer, or the other way round.\n", w.Confused, w.Glass)
	fmt.Fprintf(b, "- A3: %d rights that no log would show to be used are called unused.\n", w.Unlogged)
	fmt.Fprintf(b, "- Benjamini and Hochberg hold %d of %d odd sessions behind \"more\".\n", held, odd)
}

func (a asked) perWeek(w simulate.Whole) float64 {
	return float64(w.Odd) / float64(a.seeds*simulate.NewsWeeks)
}

// worth says what each gate changes.
func worth(b *strings.Builder, l *length) {
	fmt.Fprintf(b, "\n### What each gate is worth, %d weeks\n\nOne gate at a time is in its naive form. Behind the arrow is the figure with the gate.\n\n", l.weeks)
	b.WriteString("| gate | class | naive form | precision | edits right | twins taken for one | what is wrong in all | worth |\n|---|---|---|---|---|---|---|---|\n")
	std := l.forms[0]
	for _, f := range l.forms[1:] {
		for _, class := range f.gate.classes {
			is, was := rowOf(f.tables, class), rowOf(std.tables, class)
			extra, worse := inAll(class, f.whole(), std.whole())
			fmt.Fprintf(b, "| %s | %s | %s | %s → %s | %s → %s | %s → %s | %s | %s |\n", f.gate.name, class, f.gate.form,
				is.Precision, was.Precision, is.Edits, was.Edits, is.Fooled, was.Fooled, extra, verdict(is, was, worse))
		}
	}
}

// inAll is what the whole counts beside a class, and whether it is worse without
// the gate.
func inAll(class analysis.Class, is, was simulate.Whole) (text string, worse bool) {
	show := func(what string, is, was int) (string, bool) {
		return fmt.Sprintf("%s %d → %d", what, is, was), is > was
	}
	switch class {
	case "A2":
		return show("harmful limits", is.Harmful, was.Harmful)
	case "A3":
		return show("rights out of sight", is.Unlogged, was.Unlogged)
	case "A4", "A5", "A6":
		return show("wrongly accused", is.Accused, was.Accused)
	case "A7", "A8", "A9", "A10":
		return show("false alarms", is.Odd, was.Odd)
	case "A16":
		return show("confused", is.Confused, was.Confused)
	default:
		return "-", false
	}
}

// verdict says whether a gate lowers the score when it is taken away: by more
// than what comes of chance, as the organisations are the same.
func verdict(is, was simulate.Row, worse bool) string {
	switch {
	case worse, was.Precision.Mean-is.Precision.Mean > .02, is.Fooled.Mean-was.Fooled.Mean > .02, was.Edits.Mean-is.Edits.Mean > .02:
		return "yes"
	case was.Precision.Mean > is.Precision.Mean || is.Fooled.Mean > was.Fooled.Mean || was.Edits.Mean > is.Edits.Mean:
		return "little"
	default:
		return "**none seen**"
	}
}

// rowOf is one class's row, with the class's own name where it has none.
func rowOf(tables []simulate.Table, class analysis.Class) simulate.Row {
	for _, r := range simulate.Sum(tables) {
		if r.Class == class {
			return r
		}
	}
	return simulate.Row{}
}
