package activity

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Redaction hides what must not be kept: where an action fits Actions, what
// matches Pattern in the fields is replaced by a mark.
type Redaction struct {
	Actions []string `yaml:"actions"` // patterns such as secretsmanager:*; empty: all
	Fields  []string `yaml:"fields"`  // of detail, resource, origin; empty: detail
	Pattern string   `yaml:"pattern"` // a regular expression; empty: all of the field
}

type field int

const (
	fieldDetail field = iota
	fieldResource
	fieldOrigin
	fields
)

var fieldNames = map[string]field{"detail": fieldDetail, "resource": fieldResource, "origin": fieldOrigin}

// hidden stands where something was taken out.
const hidden = "[redacted]"

type redaction struct {
	actions []string       // in small letters
	pattern *regexp.Regexp // nil: everything
	needs   []string       // in small letters: a text without any of them does not match; nil: not known
	hints   hints          // of needs
}

// redactor hides by rules. The zero value hides nothing.
type redactor struct {
	rules [fields][]redaction
	words *hintTable // of what always looks like a secret
}

// always are the rules nobody has to write: what looks like a secret. Most texts
// have nothing of the kind, which their needs show faster than the pattern.
func always() []redaction {
	rule := func(pattern string, needs ...string) redaction {
		return redaction{pattern: regexp.MustCompile(pattern), needs: needs}
	}
	return []redaction{
		// A key that ends so, and its value: masterUserPassword, DB_PASSWORD, x-api-key.
		rule(`(?i)(pass(word|wd|phrase)|secret([_-]?(access[_-]?key|string|binary|value|key))?|token|api[_-]?key|private[_-]?key|credential)s?`+
			`[\\"']*\s*[=:]\s*(\\+"[^"]*("|$)|"(\\.|[^"\\])*("|$)|'[^']*('|$)|\[[^\]]*(\]|$)|[^\s,;&]+)`,
			"pass", "secret", "token", "apikey", "api_key", "api-key", "privatekey", "private_key", "private-key", "credential"),
		rule(`(?i)\b(pass(word|wd)?|secret|token|api_?key|credential)s?\b["']?\s*(=|:|\bto\b|\bas\b)?\s*("[^"]*"|'[^']*'|[^\s,;&]+)`,
			"pass", "secret", "token", "apikey", "api_key", "credential"),
		rule(`\b(AKIA|ASIA)[A-Z0-9]{12,}\b`, "akia", "asia"),
		rule(`(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{8,}`, "bearer"),
		rule(`://[^\s/:@"']*:[^\s/@"']+@`, "://"),
		rule(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`, "eyj"),
		rule(`-----BEGIN [A-Z ]+-----[^-]*(-----END [A-Z ]+-----)?`, "-----begin"),
		{actions: []string{"secretsmanager:*", "ssm:putparameter", "kms:*"}},
	}
}

func newRedactor(more []Redaction) (*redactor, error) {
	x := &redactor{words: &hintTable{}}
	x.rules[fieldDetail] = always()
	for i := range x.rules[fieldDetail] {
		r := &x.rules[fieldDetail][i]
		r.hints = x.words.add(r.needs)
	}
	var errs []error
	for i, rule := range more {
		if err := x.add(rule); err != nil {
			errs = append(errs, fmt.Errorf("redact: rule %d: %w", i+1, err))
		}
	}
	return x, errors.Join(errs...)
}

func (x *redactor) add(rule Redaction) error {
	r := redaction{}
	for _, pattern := range rule.Actions {
		r.actions = append(r.actions, strings.ToLower(pattern))
	}
	if rule.Pattern != "" {
		p, err := regexp.Compile(rule.Pattern)
		if err != nil {
			return fmt.Errorf("pattern: %w", err)
		}
		r.pattern = p
	}
	names := rule.Fields
	if len(names) == 0 {
		names = []string{"detail"}
	}
	for _, name := range names {
		f, ok := fieldNames[name]
		if !ok {
			return fmt.Errorf("fields: %q is none of detail, resource, origin", name)
		}
		x.rules[f] = append(x.rules[f], r)
	}
	return nil
}

// CheckRedactions says what is wrong with rules, all at once.
func CheckRedactions(rules []Redaction) error {
	_, err := newRedactor(rules)
	return err
}

// concern says which rules of each field are about an action.
type concern [fields][]bool

func (x *redactor) concern(action string) (c concern) {
	action = strings.ToLower(action)
	for f, rules := range x.rules {
		for i := range rules {
			c[f] = append(c[f], rules[i].about(action))
		}
	}
	return c
}

func (r *redaction) about(action string) bool {
	return len(r.actions) == 0 || slices.ContainsFunc(r.actions, func(pattern string) bool { return fits(pattern, action) })
}

// text is s, of an action with a concern, without what the rules hide. Nothing is
// done for an empty text.
func (x *redactor) text(f field, about concern, s string) string {
	if s == "" || len(x.rules[f]) == 0 {
		return s
	}
	var seen hints
	if f == fieldDetail {
		seen = x.words.in(s)
	}
	for i := range x.rules[f] {
		r := &x.rules[f][i]
		if !about[f][i] || r.needs != nil && r.hints&seen == 0 {
			continue
		}
		if r.pattern == nil {
			return hidden
		}
		s = r.pattern.ReplaceAllString(s, hidden)
	}
	return s
}
