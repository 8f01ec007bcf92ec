package policy

import (
	"strings"
	"time"
)

// guess stands in for what cannot be walked through one by one: which reason
// expressions match, and what conditions come to. Conditions are cut at their
// outer "and", so that one that was added to another only narrows.
type guess struct {
	exprs []bool            // by expression of the policy
	whens map[atomKey]truth // what conditions come to
	side  int               // of sided atoms
	sided func(*condition) bool
}

// atomKey is one part of a condition, for one length of the grant if it looks
// at that.
type atomKey struct {
	text   string
	side   int // 1 + side if both sides may see different things under one text; 0: they do not
	length time.Duration
}

// holds is the guessed truth of a rule's condition.
func (g *guess) holds(e *eval, r *rule) truth {
	all := yes
	for _, part := range r.when.parts {
		if part.op != "" {
			all = both(all, is(part.holds(e.lengthFor(r))))
			continue
		}
		all = both(all, g.whens[g.key(r, part.text, e.lengthFor(r))])
	}
	return all
}

func (g *guess) key(r *rule, part string, length time.Duration) atomKey {
	k := atomKey{text: part}
	if strings.Contains(part, "duration") {
		k.length = length
	}
	if g.sided(r.when) {
		k.side = 1 + g.side
	}
	return k
}

// whenPart is one of the things that a condition asks for together.
type whenPart struct {
	text string
	// op and bound are set where all it does is to hold the length against
	// another: that need not be guessed.
	op    string
	bound time.Duration
}

func partsOf(text string) []whenPart {
	var out []whenPart
	for _, part := range conjuncts(text) {
		p := whenPart{text: part}
		if rest, ok := strings.CutPrefix(part, varDuration); ok {
			p.op, p.bound = comparison(strings.TrimSpace(rest))
		}
		out = append(out, p)
	}
	return out
}

// comparison reads <= duration("1h") and the like; op is empty for all else.
func comparison(text string) (op string, bound time.Duration) {
	for _, op := range []string{"<=", ">=", "<", ">"} {
		rest, ok := strings.CutPrefix(text, op)
		if !ok {
			continue
		}
		rest, isCall := strings.CutPrefix(strings.TrimSpace(rest), "duration(")
		rest, ends := strings.CutSuffix(rest, ")")
		if rest = strings.TrimSpace(rest); !isCall || !ends || len(rest) < 3 || rest[0] != '"' && rest[0] != '\'' || rest[len(rest)-1] != rest[0] {
			return "", 0
		}
		if d, err := time.ParseDuration(rest[1 : len(rest)-1]); err == nil {
			return op, d
		}
		return "", 0
	}
	return "", 0
}

func (p *whenPart) holds(length time.Duration) bool {
	switch p.op {
	case "<=":
		return length <= p.bound
	case ">=":
		return length >= p.bound
	case "<":
		return length < p.bound
	default:
		return length > p.bound
	}
}

// conjuncts cuts a condition where it says that several things hold together.
// What is not understood stays whole.
func conjuncts(text string) []string {
	if strings.Contains(text, "//") || strings.Contains(text, `"""`) || strings.Contains(text, "'''") {
		return []string{strings.TrimSpace(text)}
	}
	var out []string
	depth, from := 0, 0
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		ch := text[i]
		switch {
		case quote != 0:
			if ch == '\\' {
				return []string{strings.TrimSpace(text)}
			}
			if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'':
			quote = ch
		case ch == '(' || ch == '[' || ch == '{':
			depth++
		case ch == ')' || ch == ']' || ch == '}':
			depth--
		case depth == 0 && (ch == '?' || ch == '|'):
			return []string{strings.TrimSpace(text)} // weaker than "and"
		case depth == 0 && ch == '&' && i+1 < len(text) && text[i+1] == '&':
			out = append(out, strings.TrimSpace(text[from:i]))
			i++
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(text[from:]))
}
