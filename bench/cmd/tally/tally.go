package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is one line of go test -json; see go doc test2json.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// tally counts tests, subtests among them.
type tally struct {
	to                      io.Writer
	passed, failed, skipped int
	broken                  int // packages that failed outside a test: did not build, panicked
	said                    map[string]*strings.Builder
	failedIn                map[string]bool // packages with a failed test
}

func newTally(to io.Writer) *tally {
	return &tally{to: to, said: map[string]*strings.Builder{}, failedIn: map[string]bool{}}
}

// read takes lines until the end. What is not an event is shown as it is.
func (t *tally) read(from io.Reader) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
			t.event(e)
		} else if line != "" {
			fmt.Fprint(t.to, line)
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (t *tally) event(e event) {
	switch {
	case e.Action == "build-output":
		fmt.Fprint(t.to, e.Output)
	case e.Action == "output" && e.Test == "":
		t.packageLine(e.Output)
	case e.Action == "output":
		t.keep(e)
	case e.Test != "":
		t.ended(e)
	case e.Action == "fail" && !t.failedIn[e.Package]:
		t.broken++
	}
}

// packageLine leaves out the bare PASS that precedes the line with the name.
func (t *tally) packageLine(line string) {
	if line != "PASS\n" {
		fmt.Fprint(t.to, line)
	}
}

func (t *tally) keep(e event) {
	key := e.Package + " " + e.Test
	if t.said[key] == nil {
		t.said[key] = &strings.Builder{}
	}
	if !strings.HasPrefix(e.Output, "=== ") {
		t.said[key].WriteString(e.Output)
	}
}

func (t *tally) ended(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "pass":
		t.passed++
	case "skip":
		t.skipped++
		t.show(key)
	case "fail":
		t.failed++
		t.failedIn[e.Package] = true
		t.show(key)
	default: // run, pause, cont: it goes on
		return
	}
	delete(t.said, key)
}

func (t *tally) show(key string) {
	if s := t.said[key]; s != nil {
		fmt.Fprint(t.to, s)
	}
}

// finish shows what tests said that never ended, such as the one that
// panicked, and the counts. It reports whether all is well; no test at all is not.
func (t *tally) finish() bool {
	for key := range t.said {
		fmt.Fprintf(t.to, "--- unfinished: %s\n", key)
		t.show(key)
	}
	if t.broken > 0 {
		fmt.Fprintf(t.to, "%d packages failed outside a test\n", t.broken)
	}
	fmt.Fprintf(t.to, "%d passed, %d failed, %d skipped\n", t.passed, t.failed+t.broken, t.skipped)
	return t.failed+t.broken == 0 && t.passed > 0
}
