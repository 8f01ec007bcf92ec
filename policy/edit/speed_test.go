package edit_test

import (
	"fmt"
	"strings"
	"testing"

	"jitbot/policy/edit"
)

// BenchmarkApply is one edit in the middle of a policy of ten thousand rules.
func BenchmarkApply(b *testing.B) {
	var src strings.Builder
	src.WriteString("version: 1\nrules:\n")
	for i := range 10_000 {
		fmt.Fprintf(&src, "  # about %d\n  - id: rule-%d\n    match: {resource: [r%d]}\n    eligible: [group:sre, group:other]   # both\n    max_duration: 8h\n    approvals: {count: 1, from: [group:leads]}\n", i, i, i)
	}
	text := []byte(src.String())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := edit.Apply(text, edit.Edit{Op: edit.Set, Rule: "rule-5000", Path: []string{"max_duration"}, Value: "2h"}); err != nil {
			b.Fatal(err)
		}
	}
}
