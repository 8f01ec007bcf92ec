package policy

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"jitbot/policy"
)

// BenchmarkCompare is the proof of which way one edit of one rule goes, in a
// policy of 1,000 rules: what a suggestion costs, and bot policy diff.
func BenchmarkCompare(b *testing.B) {
	made := GenRules(1000)
	text := YAML(made, GenRequests(made))
	before, err := Load(text)
	if err != nil {
		b.Fatal(err)
	}
	since := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	for _, e := range edits() {
		after, err := Load(e.change(text))
		if err != nil {
			b.Fatalf("%s: %v", e.name, err)
		}
		b.Run(e.name, func(b *testing.B) {
			var c policy.Comparison
			for b.Loop() {
				c = policy.Compare(before, after, policy.CompareOptions{Since: since})
			}
			if c.Direction != e.want {
				b.Fatalf("%s: %s, and not %s", e.name, c.Direction, e.want)
			}
			b.ReportMetric(float64(c.Situations), "situations")
		})
	}
}

type changed struct {
	name   string
	change func(text []byte) []byte
	want   policy.Direction
}

// edits are one of each kind, of a rule in the middle of the file.
func edits() []changed {
	inTheMiddle := func(from, to string) func([]byte) []byte {
		return func(text []byte) []byte {
			at := len(text)/2 + bytes.Index(text[len(text)/2:], []byte(from))
			return []byte(string(text[:at]) + to + string(text[at+len(from):]))
		}
	}
	return []changed{
		{"edit=same", func(text []byte) []byte { return append(bytes.Clone(text), "# a comment\n"...) }, policy.Same},
		{"edit=approval", inTheMiddle("auto_approve: true", "approvals: {count: 1, from: [group:approvers]}"), policy.Narrow},
		{"edit=no-approval", inTheMiddle("approvals: {count: 1, from: [group:approvers]}", "auto_approve: true"), policy.Widen},
		{"edit=all", func(text []byte) []byte {
			return []byte(strings.ReplaceAll(string(text), "auto_approve: true", "approvals: {count: 1, from: [group:approvers]}"))
		}, policy.Narrow},
	}
}
