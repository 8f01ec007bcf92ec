package bot

import (
	"crypto/rand"
	"strings"
)

// codeLetters are the letters of the codes people type: no vowels, so that no
// words come about, and none that look like one another.
const codeLetters = "BCDFGHJKMNPQRSTWXZ"

const codeLength = 8

// newUserCode makes a code for people to type, without its dash.
func newUserCode() string {
	code := make([]byte, 0, codeLength)
	for len(code) < codeLength {
		var raw [1]byte
		_, _ = rand.Read(raw[:])
		if n := int(raw[0]); n < 256/len(codeLetters)*len(codeLetters) { // beyond that some letters would come more often
			code = append(code, codeLetters[n%len(codeLetters)])
		}
	}
	return string(code)
}

// plainCode is a code as it was made, from what was typed; empty: it is none.
func plainCode(typed string) string {
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-\u2010\u2011\u2012\u2013\u2014", r) {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(code) != codeLength || strings.Trim(code, codeLetters) != "" {
		return ""
	}
	return code
}
