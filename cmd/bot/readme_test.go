package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheReadmeNamesEveryDirectDependencyWithItsReason(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(readme), "## Dependencies, and why")
	if !ok {
		t.Fatal("the README has no table of dependencies")
	}
	found := 0
	for line := range strings.Lines(string(mod)) {
		module, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(line, "\t") || strings.Contains(line, "// indirect") {
			continue
		}
		found++
		named := strings.TrimPrefix(module, "github.com/aws/aws-sdk-go-v2/") // the SDK's parts stand in one row
		part := named != module                                              // of those the last word is enough
		if !strings.Contains(table, named) && !(part && strings.Contains(table, named[strings.LastIndex(named, "/")+1:])) {
			t.Errorf("go.mod needs %s, and the README does not say why", module)
		}
	}
	if found == 0 {
		t.Fatal("no direct dependency was found in go.mod")
	}
}
