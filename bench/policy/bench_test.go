package policy

import (
	"fmt"
	"testing"
)

// contender is one engine over one set of rules.
type contender struct {
	name  string
	rules bool // it names the deciding rule, too
	make  func(rules []Rule, reqs []Request) (func(i int) Answer, error)
}

func contenders() []contender {
	over := func(e Engine, err error, reqs []Request) (func(int) Answer, error) {
		return func(i int) Answer { return e.Decide(&reqs[i]) }, err
	}
	return []contender{
		{"limit", true, func(rules []Rule, reqs []Request) (func(int) Answer, error) {
			return over(NewLimit(rules, reqs), nil, reqs)
		}},
		{"jitbot", true, func(rules []Rule, reqs []Request) (func(int) Answer, error) {
			j, err := NewJitbot(rules, reqs)
			if err != nil {
				return nil, err
			}
			return j.DecideAt, nil
		}},
		{"cel", true, func(rules []Rule, reqs []Request) (func(int) Answer, error) {
			e, err := newCEL(rules)
			return over(e, err, reqs)
		}},
		{"cedar", true, func(rules []Rule, reqs []Request) (func(int) Answer, error) {
			e, err := newCedar(rules, reqs)
			return over(e, err, reqs)
		}},
		{"opa", true, func(rules []Rule, reqs []Request) (func(int) Answer, error) {
			e, err := newOPA(rules)
			return over(e, err, reqs)
		}},
		{"casbin", false, func(rules []Rule, reqs []Request) (func(int) Answer, error) {
			e, err := newCasbin(rules, reqs)
			return over(e, err, reqs)
		}},
	}
}

func TestEveryEngineGivesTheSameAnswers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, 50, 1000, 10000} {
		rules := GenRules(n)
		reqs := GenRequests(rules)
		limit := NewLimit(rules, reqs)
		for _, c := range contenders() {
			if n == 10000 && c.name != "jitbot" {
				continue // they agree on smaller sets; here they take minutes
			}
			decide, err := c.make(rules, reqs)
			if err != nil {
				t.Fatal(c.name, err)
			}
			for i := range reqs {
				want, got := limit.Decide(&reqs[i]), decide(i)
				if got.Allow != want.Allow || c.rules && got.Rule != want.Rule {
					t.Fatalf("%s, %d rules, request %d: got %+v, want %+v", c.name, n, i, got, want)
				}
			}
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 50, 1000, 10000} {
		rules := GenRules(n)
		reqs := GenRequests(rules)
		for _, c := range contenders() {
			b.Run(fmt.Sprintf("rules=%d/%s", n, c.name), func(b *testing.B) {
				decide, err := c.make(rules, reqs)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					decide(i % requestCount)
				}
			})
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	rules := GenRules(10000)
	src := YAML(rules, GenRequests(rules))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(src); err != nil {
			b.Fatal(err)
		}
	}
}
