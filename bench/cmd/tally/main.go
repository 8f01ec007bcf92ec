// Command tally reads what go test -json writes and shows what a person wants
// to see: the line of each package, all that failed tests said, why tests were
// skipped, and how many passed, failed and were skipped in the end. It exits 1
// if anything failed.
package main

import (
	"fmt"
	"os"
)

func main() {
	t := newTally(os.Stdout)
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
	if !t.finish() {
		os.Exit(1)
	}
}
