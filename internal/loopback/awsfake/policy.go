package awsfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// policy is an IAM policy document, as far as this account evaluates one.
type policy struct {
	Version   string
	Statement statements
}

type statement struct {
	Sid       string
	Effect    string
	Action    oneOrMany
	NotAction oneOrMany
	Resource  oneOrMany
	Condition map[string]map[string]oneOrMany
}

// statements and oneOrMany read the two spellings that policies allow.
type statements []statement

func (l *statements) UnmarshalJSON(b []byte) error {
	var one statement
	if err := json.Unmarshal(b, &one); err == nil {
		*l = statements{one}
		return nil
	}
	return json.Unmarshal(b, (*[]statement)(l))
}

type oneOrMany []string

func (l *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if err := json.Unmarshal(b, &one); err == nil {
		*l = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// parsePolicy refuses what IAM calls malformed, and conditions that this
// account could not evaluate, so that a deny is never silently without force.
func parsePolicy(text string) (policy, error) {
	var p policy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return policy{}, fmt.Errorf("syntax errors in policy: %w", err)
	}
	if p.Version != "2012-10-17" && p.Version != "2008-10-17" {
		return policy{}, errors.New(`policy version must be "2012-10-17"`)
	}
	if len(p.Statement) == 0 {
		return policy{}, errors.New("policy must contain a statement")
	}
	for _, st := range p.Statement {
		if err := st.check(); err != nil {
			return policy{}, err
		}
	}
	return p, nil
}

func (st statement) check() error {
	if st.Effect != "Allow" && st.Effect != "Deny" {
		return fmt.Errorf("statement %q: effect must be Allow or Deny", st.Sid)
	}
	if len(st.Action)+len(st.NotAction) == 0 || len(st.Resource) == 0 {
		return fmt.Errorf("statement %q: an action and a resource are needed", st.Sid)
	}
	if strings.ContainsFunc(st.Sid, func(r rune) bool {
		return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", r)
	}) {
		return fmt.Errorf("statement id %q may hold letters and digits only", st.Sid)
	}
	for op := range st.Condition {
		if operators()[op] == nil {
			return fmt.Errorf("statement %q: condition %s is not one that the loopback account evaluates", st.Sid, op)
		}
	}
	return nil
}

// facts are the condition keys of one call, in small letters.
type facts map[string]string

// applies says whether the statement is about this call.
func (st statement) applies(action, resource string, f facts) bool {
	if len(st.Action) > 0 && !anyGlob(st.Action, action, strings.ToLower) {
		return false
	}
	if len(st.NotAction) > 0 && anyGlob(st.NotAction, action, strings.ToLower) {
		return false
	}
	if !anyGlob(st.Resource, resource, strings.Clone) {
		return false
	}
	return hold(st.Condition, f)
}

// hold says whether all conditions do.
func hold(conditions map[string]map[string]oneOrMany, f facts) bool {
	for op, keys := range conditions {
		for key, values := range keys {
			actual, known := f[strings.ToLower(key)]
			if !operators()[op](actual, known, values) {
				return false
			}
		}
	}
	return true
}

type operator func(actual string, known bool, values []string) bool

func operators() map[string]operator {
	equals := func(actual string, known bool, values []string) bool { return known && slices.Contains(values, actual) }
	like := func(actual string, known bool, values []string) bool {
		return known && anyGlob(values, actual, strings.Clone)
	}
	return map[string]operator{
		"StringEquals":    equals,
		"StringLike":      like,
		"StringNotEquals": func(a string, k bool, v []string) bool { return !equals(a, k, v) },
		"StringNotLike":   func(a string, k bool, v []string) bool { return !like(a, k, v) },
		"DateLessThan":    dates(func(a, b time.Time) bool { return a.Before(b) }),
		"DateGreaterThan": dates(func(a, b time.Time) bool { return a.After(b) }),
	}
}

func dates(holds func(actual, value time.Time) bool) operator {
	return func(actual string, known bool, values []string) bool {
		at, err := time.Parse(time.RFC3339, actual)
		return known && err == nil && slices.ContainsFunc(values, func(v string) bool {
			t, err := time.Parse(time.RFC3339, v)
			return err == nil && holds(at, t)
		})
	}
}

func anyGlob(patterns []string, s string, fold func(string) string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return glob(fold(p), fold(s)) })
}

// glob matches * and ? the way IAM does: * also spans colons and slashes.
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// nonSpace counts a document the way IAM's size limits do.
func nonSpace(doc string) int {
	n := 0
	for _, r := range doc {
		if !strings.ContainsRune(" \t\r\n", r) {
			n++
		}
	}
	return n
}
