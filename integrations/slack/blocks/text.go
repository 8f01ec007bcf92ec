package blocks

import (
	"strings"
	"unicode"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// dash stands where there is nothing: Slack refuses empty texts.
const dash = "–"

// clean makes text one line without anything that cannot be seen or that
// turns the direction of what follows. jitbot cleaned what people typed
// already; names and provider words come from elsewhere.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case ' ' <= r && r <= '~':
			return r
		case unicode.IsSpace(r):
			return ' '
		case hidden(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// cleanLines is clean that keeps line breaks, for what somebody edits.
func cleanLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Other_Default_Ignorable_Code_Point)
}

// line is s as one line of at most limit characters, never empty.
func line(s string, limit int) string {
	s = strings.TrimSpace(clean(s))
	if s == "" {
		return dash
	}
	return bot.Shorten(s, limit)
}

// plain is a text Slack shows as it stands: nothing in it is parsed, so nothing
// in it is escaped either.
func plain(s string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, line(s, limit), false, false)
}
