package review

import (
	"fmt"
	"strings"

	"jitbot/bot"
)

// Text is the thread for a terminal.
func (t *Thread) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", bot.Clean(t.Line))
	if t.Quiet {
		return b.String()
	}
	b.WriteString("\n")
	for _, f := range t.Figures {
		fmt.Fprintf(&b, "  %-13s %-8s %s\n", f.Name, f.Value, f.Trend)
	}
	fmt.Fprintf(&b, "  %-13s %s  by week, until this one\n", "Grants", t.Chart.Line)
	textSections(&b, t.lastEdits())
	for i := range t.Items {
		t.textItem(&b, i+1, &t.Items[i])
	}
	if n := len(t.More) + t.Unnamed; n > 0 {
		fmt.Fprintf(&b, "\nMore: %s\n", counted(n, "item"))
		for i := range t.More {
			fmt.Fprintf(&b, "  %-4s %s\n", t.More[i].Class, bot.Clean(t.More[i].Body.Title))
		}
	}
	textSections(&b, t.sections())
	return b.String()
}

func textSections(b *strings.Builder, all []section) {
	for _, s := range all {
		fmt.Fprintf(b, "\n%s\n", s.title)
		for _, l := range s.lines {
			fmt.Fprintf(b, "  %s\n", l)
		}
		if s.more > 0 {
			fmt.Fprintf(b, "  %s\n", s.moreSaid())
		}
	}
}

func (t *Thread) textItem(b *strings.Builder, n int, x *Item) {
	fmt.Fprintf(b, "\n%d. %s\n   %s, %s; %s\n", n, bot.Clean(x.Body.Title), x.Class, x.Body.Name, bot.Clean(x.stands()))
	for _, pair := range x.said() {
		if pair[0] != "" {
			pair[0] += ": "
		}
		fmt.Fprintf(b, "   %s%s\n", pair[0], pair[1])
	}
	for line := range strings.Lines(x.Body.Patch) {
		fmt.Fprintf(b, "   | %s\n", printable(line))
	}
}

// printable keeps the blanks of a line of a policy, and nothing that steers what
// shows it.
func printable(line string) string {
	line = strings.TrimRight(line, "\r\n")
	lead := len(line) - len(strings.TrimLeft(line, " +-"))
	return line[:lead] + bot.Clean(line[lead:])
}
