package main

import (
	"strings"
	"testing"
)

func tallied(t *testing.T, stream string) (string, bool) {
	t.Helper()
	var out strings.Builder
	counts := newTally(&out)
	if err := counts.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	ok := counts.finish()
	return out.String(), ok
}

const passing = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: chatter\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: no Chromium\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`

func TestPassingTestsAreQuietAndSkippedOnesSayWhy(t *testing.T) {
	t.Parallel()
	got, ok := tallied(t, passing+"not an event\n")
	want := "    b_test.go:1: no Chromium\n--- SKIP: TestB (0.00s)\nok  \tp\t0.1s\nnot an event\n1 passed, 0 failed, 1 skipped\n"
	if !ok || got != want {
		t.Errorf("ok %v, got\n%s", ok, got)
	}
}

func TestAFailureIsShownAndCounted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, stream, want string }{
		{"a test", `{"Action":"output","Package":"q","Test":"TestC","Output":"    c_test.go:1: wrong\n"}
{"Action":"fail","Package":"q","Test":"TestC"}
{"Action":"output","Package":"q","Output":"FAIL\tq\t0.1s\n"}
{"Action":"fail","Package":"q"}`, "    c_test.go:1: wrong\nFAIL\tq\t0.1s\n1 passed, 1 failed, 1 skipped\n"},
		{"a build", `{"ImportPath":"q","Action":"build-output","Output":"q.go:1: undefined: x\n"}
{"ImportPath":"q","Action":"build-fail"}
{"Action":"output","Package":"q","Output":"FAIL\tq [build failed]\n"}
{"Action":"fail","Package":"q","FailedBuild":"q"}`, "q.go:1: undefined: x\nFAIL\tq [build failed]\n1 packages failed outside a test\n1 passed, 1 failed, 1 skipped\n"},
		{"a panic", `{"Action":"run","Package":"q","Test":"TestC"}
{"Action":"output","Package":"q","Test":"TestC","Output":"panic: oops\n"}
{"Action":"fail","Package":"q"}`, "--- unfinished: q TestC\npanic: oops\n1 packages failed outside a test\n1 passed, 1 failed, 1 skipped\n"},
	} {
		got, ok := tallied(t, passing+c.stream+"\n")
		if ok || !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: ok %v, got\n%s", c.name, ok, got)
		}
	}
}

func TestNoTestAtAllIsNotAPass(t *testing.T) {
	t.Parallel()
	if got, ok := tallied(t, ""); ok || got != "0 passed, 0 failed, 0 skipped\n" {
		t.Errorf("ok %v, got %q", ok, got)
	}
}
