package review

import (
	"fmt"
	"html"
	"strings"

	"jitbot/bot"
)

// Markdown is the thread for a ticket or a wiki.
func (t *Thread) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Access review, week %s\n\n%s\n", t.Week, plain(t.Line))
	if t.Quiet {
		return b.String()
	}
	b.WriteString("\n| figure | this week | trend |\n|---|---|---|\n")
	for _, f := range t.Figures {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", plain(f.Name), plain(f.Value), plain(f.Trend))
	}
	fmt.Fprintf(&b, "\n%s %s\n", t.Chart.Line, plain(t.Chart.Alt))
	markdownSections(&b, t.lastEdits())
	if len(t.Items) > 0 {
		b.WriteString("\n## To decide\n")
	}
	for i := range t.Items {
		t.markdownItem(&b, i+1, &t.Items[i])
	}
	if n := len(t.More) + t.Unnamed; n > 0 {
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n", counted(n, "more item"))
		for i := range t.More {
			fmt.Fprintf(&b, "- %s: %s\n", t.More[i].Class, plain(t.More[i].Body.Title))
		}
		b.WriteString("\n</details>\n")
	}
	markdownSections(&b, t.sections())
	return b.String()
}

func markdownSections(b *strings.Builder, all []section) {
	for _, s := range all {
		fmt.Fprintf(b, "\n## %s\n\n", s.title)
		for _, l := range s.lines {
			fmt.Fprintf(b, "- %s\n", plain(l))
		}
		if s.more > 0 {
			fmt.Fprintf(b, "- %s\n", s.moreSaid())
		}
	}
}

func (t *Thread) markdownItem(b *strings.Builder, n int, x *Item) {
	fmt.Fprintf(b, "\n### %d. %s\n\n%s, %s; %s\n", n, plain(x.Body.Title), x.Class, plain(x.Body.Name), plain(x.stands()))
	for _, pair := range x.said() {
		if pair[0] != "" {
			pair[0] = "**" + pair[0] + ":** "
		}
		fmt.Fprintf(b, "\n%s%s\n", pair[0], plain(pair[1]))
	}
	if x.Body.Patch == "" {
		return
	}
	fence := "```"
	for strings.Contains(x.Body.Patch, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "\n%sdiff\n", fence)
	for line := range strings.Lines(x.Body.Patch) {
		b.WriteString(printable(line) + "\n")
	}
	b.WriteString(fence + "\n")
}

// plain keeps a text from being read as markup, as a link, or as a mention.
func plain(s string) string {
	var b strings.Builder
	s = bot.Clean(s)
	for i, r := range s {
		switch {
		case r == '#':
			b.WriteString("\\#\u200b") // the number of an issue needs to stand right behind
		case r == '<', r == '>', r == '&':
			b.WriteString(html.EscapeString(string(r))) // not every reader of Markdown knows a backslash there
		case strings.ContainsRune("\\`*_{}[]()+!|~", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '@', r == ':' && strings.HasPrefix(s[i:], "://"), r == '.' && strings.HasSuffix(strings.ToLower(s[:i]), "www"):
			b.WriteRune(r)
			b.WriteRune('\u200b') // a mention or a link needs what stands right behind
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
