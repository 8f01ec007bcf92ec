package bottest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"jitbot/bot"
)

// Words writes a card as plain text, one thing a line, in the order in which a
// reader meets it: title and state, paragraphs, fields, what a person typed,
// buttons, links. Addresses of links are left out, instants are in UTC.
func Words(c bot.Card) string {
	lines := []string{c.Title}
	if c.Status.Text != "" {
		lines[0] += " [" + c.Status.Text + "]"
	}
	for _, p := range c.Body {
		lines = append(lines, Plain(p))
	}
	for _, f := range c.Fields {
		lines = append(lines, f.Label+": "+Plain(f.Value))
	}
	if c.Quote != "" {
		lines = append(lines, "> "+c.Quote)
	}
	var buttons []string
	for _, b := range c.Buttons {
		buttons = append(buttons, "("+b.Label+")")
	}
	for _, l := range c.Links {
		buttons = append(buttons, "<"+l.Label+">")
	}
	if len(buttons) > 0 {
		lines = append(lines, strings.Join(buttons, " "))
	}
	return strings.Join(lines, "\n")
}

// Plain is a paragraph without its marks.
func Plain(t bot.Text) string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
		if !s.Time.IsZero() {
			b.WriteString(s.Time.UTC().Format(time.DateTime))
		}
	}
	return b.String()
}

// ReplyWords writes a private answer as plain text: its card, its form, and
// what is wrong with the fields of a submitted one.
func ReplyWords(r bot.Reply) string {
	var parts []string
	if r.Card != nil {
		parts = append(parts, Words(*r.Card))
	}
	if r.Form != nil {
		parts = append(parts, formWords(*r.Form))
	}
	for _, field := range slices.Sorted(maps.Keys(r.Bad)) {
		parts = append(parts, fmt.Sprintf("wrong in %s: %s", field, r.Bad[field]))
	}
	return strings.Join(parts, "\n")
}

func formWords(f bot.Form) string {
	lines := []string{"form: " + f.Title}
	for _, p := range f.Intro {
		lines = append(lines, Plain(p))
	}
	for _, in := range f.Fields {
		line := "? " + in.Label
		if in.Required {
			line += " *"
		}
		if in.Value != "" {
			line += " = " + in.Value
		}
		if len(in.Options) > 0 && in.Kind == bot.Choice {
			var names []string
			for _, o := range in.Options {
				names = append(names, o.Label)
			}
			line += " of " + strings.Join(names, ", ")
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, "("+f.Submit+")"), "\n")
}
