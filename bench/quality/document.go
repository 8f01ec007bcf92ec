package main

import (
	"fmt"
	"os"
	"strings"
)

// writeInto replaces the quality part of the document at path, or adds one at its
// end.
func writeInto(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	made, err := splice(string(old), text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(made), 0o644)
}

func splice(document, text string) (string, error) {
	part := begin + "\n" + text + end + "\n"
	if !strings.Contains(document, begin) {
		return strings.TrimRight(document, "\n") + "\n\n## Quality of the analyses\n\n" + part, nil
	}
	before, rest, _ := strings.Cut(document, begin+"\n")
	_, after, closed := strings.Cut(rest, end+"\n")
	if !closed || strings.Contains(after, begin) {
		return "", fmt.Errorf("needs the lines %q and %q once each, in this order; what is between them is replaced", begin, end)
	}
	return before + part + after, nil
}
