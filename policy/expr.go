package policy

import (
	"regexp"
	"regexp/syntax"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxExpr is the longest reason expression, in bytes.
const maxExpr = 512

// expr is one distinct reason expression. Equal expressions of different
// rules share it, and it runs at most once a decision.
type expr struct {
	re    *regexp.Regexp
	least int  // bytes a matching reason has at least
	any   bool // any reason of that many characters without a line break matches
}

func (e *expr) match(reason string) bool {
	if len(reason) < e.least {
		return false
	}
	if e.any && !hasBreak(reason) {
		return utf8.RuneCountInString(reason) >= e.least
	}
	return e.re.MatchString(reason)
}

func hasBreak(s string) bool {
	for i := range len(s) {
		if s[i] == '\n' {
			return true
		}
	}
	return false
}

func (l *loader) reason(n *yaml.Node) (text string, id int32) {
	s, ok := l.f.Text(n)
	if !ok {
		return "", -1
	}
	if id, known := l.exprID[s]; known {
		return s, id
	}
	if len(s) > maxExpr || s == "" {
		l.f.Problemf(n, "must be an expression of 1 to %d bytes", maxExpr)
		return s, -1
	}
	re, err := regexp.Compile(s)
	if err != nil {
		l.f.Problemf(n, "%v; the syntax is that of RE2", err)
		return s, -1
	}
	id = int32(len(l.p.exprs))
	l.exprID[s] = id
	l.p.exprs = append(l.p.exprs, newExpr(s, re))
	return s, id
}

// newExpr looks for a cheap test that comes before the expression, or does
// its work.
func newExpr(s string, re *regexp.Regexp) expr {
	e := expr{re: re}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return e // re says the same and is right; only the shortcut is lost
	}
	e.least = leastLen(tree)
	e.any = tree.Op == syntax.OpRepeat && tree.Max < 0 && tree.Sub[0].Op == syntax.OpAnyCharNotNL
	return e
}

// leastLen is how many bytes every text that matches has at least.
func leastLen(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) // a character has at least one byte, also in its other case
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpPlus, syntax.OpCapture:
		return leastLen(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * leastLen(re.Sub[0])
	case syntax.OpConcat:
		sum := 0
		for _, sub := range re.Sub {
			sum += leastLen(sub)
		}
		return sum
	case syntax.OpAlternate:
		least := leastLen(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			least = min(least, leastLen(sub))
		}
		return least
	default:
		return 0
	}
}
