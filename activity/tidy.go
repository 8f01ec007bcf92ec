package activity

import (
	"crypto/sha256"
	"strings"
	"unicode"
	"unicode/utf8"
)

// digestKey is the key of an id that is no UUID.
func digestKey(family, id string) (k rowKey) {
	sum := sha256.Sum256([]byte(family + "\x00" + id))
	copy(k[:], sum[:])
	return k
}

// tidy makes a text from a log fit to be shown: one line of visible characters,
// at most so many of them. Most are as they are.
func tidy(s string, most int) string {
	if plain(s) {
		return strings.TrimSpace(s[:min(len(s), most)])
	}
	var b strings.Builder
	n, marks := 0, 0
	for _, c := range s {
		if n == most {
			break
		}
		switch {
		case c == utf8.RuneError, c == '\n', c == '\r', c == '\t', unicode.Is(unicode.Zs, c) && c != ' ':
			c = ' '
		case unicode.In(c, unicode.C, unicode.Zl, unicode.Zp, unicode.Me):
			continue
		case !unicode.In(c, unicode.Mn, unicode.Mc):
			marks = 0
		default:
			if marks++; marks > mostMarks {
				continue
			}
		}
		b.WriteRune(c)
		n++
	}
	return strings.TrimSpace(b.String())
}

// mostMarks is how many combining marks one letter may carry: languages need
// three, a text meant to spill over its neighbours takes hundreds.
const mostMarks = 4

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
