package policy

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// reasonCase is one way for the reason expressions of both sides to match or
// not. Text is a reason that does so; real is false if none was found, and
// then perhaps there is none.
type reasonCase struct {
	exprs [2][]bool
	text  string
	real  bool
}

// maxReasons bounds the expressions that are looked at together.
const maxReasons = 10

// reasonCases is every way for the expressions to match, with what is known of
// lengths left out. It is nil if there are too many.
func (s *space) reasonCases() []reasonCase {
	var texts []string
	found := map[string]*expr{}
	s.rules(func(side int, r *rule, h *hotRule) {
		if h.asks&asksReason != 0 && found[r.reason] == nil {
			found[r.reason] = &s.c.p[side].exprs[h.expr]
			texts = append(texts, r.reason)
		}
	})
	if len(texts) > maxReasons {
		return nil
	}
	exprs := make([]*expr, len(texts))
	for k, text := range texts {
		exprs[k] = found[text]
	}
	known := map[int]string{}
	for _, text := range s.candidateReasons(texts, exprs) {
		bits := 0
		for k, e := range exprs {
			if e.match(text) {
				bits |= 1 << k
			}
		}
		if _, have := known[bits]; !have {
			known[bits] = text
		}
	}
	var out []reasonCase
	for bits := range 1 << len(texts) {
		text, real := known[bits]
		if real || couldBe(bits, exprs) {
			out = append(out, s.reasonCase(bits, texts, text, real))
		}
	}
	slices.SortStableFunc(out, func(a, b reasonCase) int { return boolOrder(b.real) - boolOrder(a.real) })
	return out
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *space) reasonCase(bits int, texts []string, text string, real bool) reasonCase {
	out := reasonCase{text: text, real: real}
	for side, p := range s.c.p {
		out.exprs[side] = make([]bool, len(p.exprs))
		for _, i := range s.q.lists[side] {
			if h := &p.hot[i]; h.asks&asksReason != 0 {
				out.exprs[side][h.expr] = bits&(1<<slices.Index(texts, p.rules[i].reason)) != 0
			}
		}
	}
	return out
}

// couldBe rules out what lengths alone rule out: a reason that is long enough
// to match one expression is long enough for every expression that only asks
// for length, and for less of it.
func couldBe(bits int, exprs []*expr) bool {
	for k, e := range exprs {
		for l, other := range exprs {
			if bits&(1<<k) != 0 && bits&(1<<l) == 0 && other.any && other.least <= e.least {
				return false
			}
		}
	}
	return true
}

// candidateReasons is reasons that are likely to match some expressions and
// not others.
func (s *space) candidateReasons(texts []string, exprs []*expr) []string {
	out := []string{""}
	if s.q.kind == BreakGlass {
		out = nil
	}
	const filler = "needed for the work on the incident that is going on and explained in the ticket in every detail that matters to whoever reads this "
	fill := func(n int) string { return strings.TrimSpace(strings.Repeat(filler, n/len(filler)+1)[:n]) }
	lengths := []int{}
	for _, e := range exprs {
		if e.any {
			lengths = append(lengths, e.least-1, e.least, e.least+1)
		}
	}
	out = append(out, fill(35), "x")
	var samples []string
	for _, text := range texts {
		for variant := range 3 {
			if sample, ok := sampleOf(text, variant); ok && len(sample) <= 500 {
				samples = append(samples, sample)
			}
		}
	}
	for _, n := range append(lengths, 40, 200) {
		if n > 0 && n < 1000 {
			out = append(out, fill(n), strings.Repeat("x", n))
		}
	}
	for _, a := range samples {
		out = append(out, a)
		for _, n := range append(lengths, 40) {
			if n > len(a) && n < 1000 {
				out = append(out, a+" "+strings.Repeat("x", n-len(a)-1), strings.Repeat("x", n-len(a)-1)+" "+a)
			}
		}
		for _, b := range samples {
			out = append(out, a+" "+b, a+b, a+" "+b+" "+fill(40))
		}
	}
	out = append(out, strings.Join(samples, " "))
	return slices.DeleteFunc(out, func(s string) bool { return strings.ContainsAny(s, "\n\r\t") })
}

// sampleOf walks an expression and gives a text that should match; variants
// take other ways where there are several.
func sampleOf(text string, variant int) (string, bool) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	walk(tree, variant, &b)
	return b.String(), true
}

func walk(re *syntax.Regexp, variant int, b *strings.Builder) {
	if b.Len() > 1000 {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(oneOf(re.Rune, variant))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpStar, syntax.OpQuest:
		if variant == 2 {
			walk(re.Sub[0], variant, b)
		}
	case syntax.OpPlus, syntax.OpCapture:
		walk(re.Sub[0], variant, b)
	case syntax.OpRepeat:
		for range re.Min {
			walk(re.Sub[0], variant, b)
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			walk(sub, variant, b)
		}
	case syntax.OpAlternate:
		walk(re.Sub[min(variant, len(re.Sub)-1)], variant, b)
	default:
	}
}

// oneOf is a character of a class, one that can be typed if there is any.
func oneOf(class []rune, variant int) rune {
	for _, want := range []string{"x7- ", "7x ", "a0_"}[variant] {
		if inClass(class, want) {
			return want
		}
	}
	for want := rune('!'); want < 127; want++ {
		if inClass(class, want) {
			return want
		}
	}
	if len(class) > 0 {
		return class[0]
	}
	return 'x'
}

func inClass(class []rune, r rune) bool {
	for i := 0; i+1 < len(class); i += 2 {
		if class[i] <= r && r <= class[i+1] {
			return true
		}
	}
	return false
}
