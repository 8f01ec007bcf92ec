package policy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/jit"
	"jitbot/policy"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/*.txtar")

// A case file holds policy.yaml, and for each question NAME.ask and the
// answer NAME.want. A question is a request, with the duration as people
// write it, and the facts.
type question struct {
	policy.Request
	Duration string
	Facts    policy.Facts
}

func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			parts := readArchive(t, file)
			p, err := policy.Load("policy.yaml", []byte(parts[0].text), options())
			if err != nil {
				t.Fatal(err)
			}
			for i, part := range parts {
				if name, ok := strings.CutSuffix(part.name, ".ask"); ok {
					got := answer(t, p, part.text)
					if *update {
						parts[i+1].text = got
					}
					if diff := cmp.Diff(parts[i+1].text, got); diff != "" {
						t.Errorf("%s: %s", name, diff)
					}
				}
			}
			if *update {
				writeArchive(t, file, parts)
			}
		})
	}
}

func answer(t *testing.T, p *policy.Policy, ask string) string {
	t.Helper()
	q := question{Facts: policy.Facts{At: noon}}
	dec := json.NewDecoder(strings.NewReader(ask))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		t.Fatal(err)
	}
	if q.Duration != "" {
		d, err := jit.ParseDuration(q.Duration)
		if err != nil {
			t.Fatal(err)
		}
		q.Request.Duration = d
	}
	checkExplained(t, p, &q.Request, &q.Facts)
	x := p.Explain(&q.Request, &q.Facts)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s, at most %s\n", x.Outcome, x.Rule, jit.FormatDuration(time.Duration(x.MaxDuration)))
	for _, r := range x.Reasons {
		fmt.Fprintf(&b, "  %s\n", r)
	}
	if len(x.Approvers) > 0 {
		fmt.Fprintf(&b, "%d of %s\n", x.Count, strings.Join(x.Approvers, " "))
	}
	for _, s := range x.Trace {
		fmt.Fprintf(&b, "%s %v: %s\n", s.Rule, s.Matched, s.Why)
	}
	return b.String()
}

type part struct{ name, text string }

func readArchive(t *testing.T, file string) []part {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var parts []part
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			parts = append(parts, part{name: strings.TrimSuffix(strings.TrimSpace(name), " --")})
		} else if len(parts) > 0 {
			parts[len(parts)-1].text += line
		}
	}
	for i, p := range parts {
		if strings.HasSuffix(p.name, ".ask") && (i+1 == len(parts) || !strings.HasSuffix(parts[i+1].name, ".want")) {
			t.Fatalf("%s has no answer behind it", p.name)
		}
	}
	return parts
}

func writeArchive(t *testing.T, file string, parts []part) {
	t.Helper()
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "-- %s --\n%s", p.name, p.text)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
