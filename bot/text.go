package bot

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest texts people may type, in characters.
const (
	maxReason  = 1000
	maxCommand = 4000
	maxTicket  = 64
	maxWord    = 128
)

// clean makes what a person typed safe to keep: one line of valid UTF-8
// without control characters, without the invisible and direction-changing
// ones that make text look like something else, white space collapsed. It is
// the only way in for typed text; each renderer still escapes on the way out.
func clean(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space, marks := false, 0
	for _, r := range strings.ToValidUTF8(s, "�") {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || r == '\u2028' || r == '\u2029':
			continue
		case unicode.Is(unicode.M, r):
			if marks++; marks > maxMarks {
				continue
			}
		default:
			marks = 0
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Clean is text as one visible line: what others than jitbot wrote before it is
// shown where the reader cannot tell. Twice is once.
func Clean(s string) string { return clean(s) }

// maxMarks is how many combining marks one letter may carry; languages need
// three, a text meant to spill over its neighbours takes hundreds.
const maxMarks = 4

// Shorten cuts s to n characters (runes), the last of them an ellipsis. n is at least 1.
func Shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	count := 0
	for i := range s {
		if count++; count == n {
			return s[:i] + "…"
		}
	}
	return s
}

// plural writes "1 approval", "2 approvals".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return itoa(n) + " " + word + "s"
}

// listed joins words as a sentence does: a, b and c.
func listed(words []string, last string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

func isDigit(r rune) bool { return unicode.IsDigit(r) }

// ticketPattern finds a ticket's key in a sentence: OPS-12, INC-4711.
var ticketPattern = regexp.MustCompile(`\b[A-Z][A-Z0-9]{1,9}-[0-9]{1,9}\b`)

func holds(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
