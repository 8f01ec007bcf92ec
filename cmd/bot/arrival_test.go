package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/reports/suggest"
)

// arrived imports lines into an empty folder, and says what they lead to.
func arrived(t *testing.T, want int, text string) (r suggest.Report, out string) {
	t.Helper()
	f := newFolder(t)
	p := f.write("policy.yaml", pastPolicy)
	f.bot(exitOK, "history", "import", f.write("past.jsonl", text), "--policy", p)
	out = f.bot(want, "policy", "suggest", "--policy", p)
	if want == exitOK {
		if err := json.Unmarshal([]byte(f.bot(want, "policy", "suggest", "--policy", p, "--json")), &r); err != nil {
			t.Fatal(err)
		}
	}
	return r, out
}

// longAgo are requests that were each approved within seconds, the last of them
// on 1 March 2025.
func longAgo(n int) string {
	var b strings.Builder
	last := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range n {
		at := last.Add(-time.Duration(n-1-i) * 24 * time.Hour)
		fmt.Fprintf(&b, `{"id":"OLD-%d","at":%q,"user":"ann@example.com","resource":"prod-db","rule":"R-17","outcome":"approval","state":"approved","approvals":[{"by":"%s@example.com","at":%q}],"grant":{"from":%q,"ends":%q}}`+"\n",
			i, at.Format(time.RFC3339), []string{"lea", "leo", "lou"}[i%3], at.Add(5*time.Second).Format(time.RFC3339), at.Add(time.Minute).Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339))
	}
	return b.String()
}

func TestAHistoryThatEndedLongAgoIsJudgedAsOfItsEndAndByTheRulesThereAreNow(t *testing.T) {
	t.Parallel()
	r, out := arrived(t, exitOK, longAgo(80))
	if want := time.Date(2025, 3, 2, 12, 0, 0, 0, time.UTC); !r.At.Equal(want) || r.Requests != 80 || r.Replayable.N != 80 || r.Replayable.K != 80 {
		t.Errorf("as of %s: %d requests, %+v", r.At, r.Requests, r.Replayable)
	}
	found := map[string]bool{}
	for _, s := range r.Suggestions {
		found[string(s.Class)+" "+s.Rule] = true
	}
	if !found["A12 prod"] || found["A17 prod"] {
		t.Errorf("%v\n%s", found, out)
	}
}

func TestAHistoryThatIsDecidedOtherwiseIsRefusedWithWhyAndAnExample(t *testing.T) {
	t.Parallel()
	_, out := arrived(t, exitRefused, strings.ReplaceAll(longAgo(80), `"outcome":"approval"`, `"outcome":"auto_approve"`))
	if !strings.Contains(out, "only 0 of 80 requests come out as they were decided; it takes 98%") || !strings.Contains(out, "(80, such as OLD-0)") {
		t.Error(out)
	}
}
