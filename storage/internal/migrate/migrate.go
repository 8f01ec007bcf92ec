// Package migrate brings a database forward by numbered SQL files. An applied
// file is known by its checksum: it can never be changed afterwards, and a
// database that was written by a newer program is left alone.
package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"

	"jitbot/storage"
)

// Step is one migration file.
type Step struct {
	Number int    // 1, 2, ...; without gaps
	Name   string // the file's name without number and ending
	SQL    string
	SHA256 string // hex, of the file
}

// Applied is what a database remembers of a step.
type Applied struct {
	Number int
	SHA256 string
}

// Target is a database to bring forward.
type Target interface {
	// Applied lists the steps applied so far in order of their numbers. A new
	// database has none.
	Applied() ([]Applied, error)
	// Apply runs one step and remembers it, in one transaction.
	Apply(Step) error
}

var fileName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)

// Load reads the steps of dir: files named NNNN_name.sql, numbered from 1
// without gaps. Anything else in the folder is an error.
func Load(fsys fs.FS, dir string) ([]Step, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	steps := make([]Step, 0, len(entries))
	for i, entry := range entries {
		match := fileName.FindStringSubmatch(entry.Name())
		if match == nil {
			return nil, fmt.Errorf("migrations: %s is not named NNNN_name.sql", entry.Name())
		}
		if n, _ := strconv.Atoi(match[1]); n != i+1 {
			return nil, fmt.Errorf("migrations: %s stands where number %04d belongs", entry.Name(), i+1)
		}
		text, err := fs.ReadFile(fsys, dir+"/"+entry.Name())
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		sum := sha256.Sum256(text)
		steps = append(steps, Step{i + 1, match[2], string(text), hex.EncodeToString(sum[:])})
	}
	return steps, nil
}

// Run applies the steps that t lacks, in order. It is [storage.ErrNewer] when t
// has steps this program does not know, and an error that names the file when
// one was changed after it had been applied; t is untouched then.
func Run(t Target, steps []Step) error {
	applied, err := t.Applied()
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	for i, a := range applied {
		if i >= len(steps) {
			return fmt.Errorf("%w: it has migration %04d, this program knows %d; start the newer program again or restore a backup",
				storage.ErrNewer, a.Number, len(steps))
		}
		if a.Number != steps[i].Number || a.SHA256 != steps[i].SHA256 {
			return fmt.Errorf("migration %04d_%s was changed after it had been applied; undo the change and add a new file instead",
				steps[i].Number, steps[i].Name)
		}
	}
	for _, step := range steps[len(applied):] {
		if err := t.Apply(step); err != nil {
			return fmt.Errorf("migration %04d_%s: %w", step.Number, step.Name, err)
		}
	}
	return nil
}
