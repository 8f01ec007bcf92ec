package pglog

import "strings"

// scrub takes the literals and the comments out of SQL, so that what is left
// names what was done and not with which data. Where it cannot be sure what is a
// literal it drops the rest.
func scrub(sql string) string {
	var out strings.Builder
	for i := 0; i < len(sql); {
		n, keep := token(sql[i:], i > 0 && isWord(sql[i-1]))
		if keep {
			out.WriteString(sql[i : i+n])
		} else {
			out.WriteString("?")
		}
		i += n
	}
	return out.String()
}

// token is how long the first token of s is, and whether it may be kept. inWord
// says that it goes on a name, in which digits are no number.
func token(s string, inWord bool) (n int, keep bool) {
	switch c := s[0]; {
	case c == '\'':
		return literal(s), false
	case c == '"':
		n := through(s, 1, `"`)
		return n, n > 1 && s[n-1] == '"'
	case c == '$':
		return dollar(s)
	case strings.HasPrefix(s, "--"):
		return through(s, 2, "\n"), false
	case strings.HasPrefix(s, "/*"):
		return comment(s), false
	case c >= '0' && c <= '9' && !inWord:
		return len(s) - len(strings.TrimLeft(s, "0123456789abcdefxABCDEFX._")), false
	}
	return 1, true
}

// through is how far it is to the end of the next end, from i.
func through(s string, i int, end string) int {
	if at := strings.Index(s[i:], end); at >= 0 {
		return i + at + len(end)
	}
	return len(s)
}

// literal is how long a text in quotes is. Where a backslash stands before a
// quote, settings that are not in the log say what it means.
func literal(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			return len(s)
		case s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == '\'':
			return i + 1
		}
	}
	return len(s)
}

// dollar is a text between $tag$ and $tag$, or the name of a parameter.
func dollar(s string) (n int, keep bool) {
	end := 1
	for end < len(s) && isWord(s[end]) {
		end++
	}
	if end < len(s) && s[end] == '$' {
		return through(s, end+1, s[:end+1]), false
	}
	return end, true
}

// comment may hold others.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
