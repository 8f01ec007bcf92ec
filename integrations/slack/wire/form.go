package wire

import (
	"strings"
	"unicode/utf8"
)

// maxFields bounds a form. Slack's commands have about 15 fields.
const maxFields = 64

// form is an application/x-www-form-urlencoded body taken apart. Like the
// JSON reader it refuses where readers differ: a name twice (first or last?),
// a semicolon (separator or not?), a percent sign without two hex digits,
// bytes that no encoder leaves as they are.
type form struct {
	names, values [maxFields]string
	n             int
}

// readForm fills a form; the strings share one copy of body.
func readForm(body []byte, into *form) *Refusal {
	if len(body) > MaxBody {
		return refuse("form.size", "the body is larger than 1 MiB")
	}
	rest := string(body)
	for more := rest != ""; more; {
		var pair string
		pair, rest, more = strings.Cut(rest, "&")
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return refuse("form.malformed", "a field has no name or no value")
		}
		if into.n == maxFields {
			return refuse("form.size", "the form has more than 64 fields")
		}
		if name, ok = unescape(name); ok {
			value, ok = unescape(value)
		}
		if !ok {
			return refuse("form.malformed", "the form is not percent-encoded")
		}
		if _, twice := into.get(name); twice {
			return refuse("form.duplicate", "a field is there twice")
		}
		into.names[into.n], into.values[into.n] = name, value
		into.n++
	}
	return nil
}

func (f *form) get(name string) (string, bool) {
	for i := range f.n {
		if f.names[i] == name {
			return f.values[i], true
		}
	}
	return "", false
}

// otherLetters reports whether a field is one of the known in other letters,
// which some reader may take for it: see internal/strictjson.
func (f *form) otherLetters(known []string) bool {
	for i := range f.n {
		if allOf(f.names[i], isPlainName) {
			continue
		}
		for _, k := range known {
			if strings.EqualFold(k, f.names[i]) {
				return true
			}
		}
	}
	return false
}

// isPlainName is true of the characters that Slack's own names have: a name
// of these alone is a known one or folds to none.
func isPlainName(c byte) bool { return c >= 'a' && c <= 'z' || c == '_' || isDigit(c) }

// unescape decodes one name or value once. Text without escapes is not copied.
func unescape(s string) (string, bool) {
	plain := true
	for i := range len(s) {
		switch c := s[i]; {
		case !isVisible(c), c == ';', c == '=':
			return "", false
		case c == '%', c == '+':
			plain = false
		}
	}
	if plain {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) || hexDigit(s[i+1]) > 15 || hexDigit(s[i+2]) > 15 {
				return "", false
			}
			b = append(b, hexDigit(s[i+1])<<4|hexDigit(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b), true
}

// hexDigit takes both cases; above 15 is none.
func hexDigit(c byte) byte {
	if c >= 'A' && c <= 'F' {
		c += 'a' - 'A'
	}
	return nibble(c)
}

// text takes a value that is to be read as text.
func (c *checks) text(field, value string) {
	if !utf8.ValidString(value) {
		c.fail("field.bad", field, "is not UTF-8")
	}
}
