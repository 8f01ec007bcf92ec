package reports

import (
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Format is how events are written out.
type Format string

// The formats. Both hold one event a line and every column of it.
const (
	CSV       Format = "csv"   // with a heading; no cell runs in a spreadsheet
	JSONLines Format = "jsonl" // data as the JSON it is
)

// Events says which events are written out. The zero value is all of them.
type Events struct {
	Since, Until time.Time // half-open; zero: no bound
	Person       string    // what they did, and what happened to requests they made or that were for them
	Resource     string
	Grant        string
}

// Write writes the events of v to w in order of their number. It reads page by
// page, so that a long log needs no memory.
func (x Events) Write(v storage.View, w io.Writer, f Format) error {
	write, finish, err := lines(f, w)
	if err != nil {
		return err
	}
	concerns, err := x.concerning(v)
	if err != nil {
		return err
	}
	filter := storage.EventFilter{Since: x.Since, Until: x.Until, Grant: x.Grant}
	for {
		page, err := v.Events(filter)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return finish()
		}
		for _, e := range page {
			if x.Resource != "" && e.Resource != x.Resource || !concerns(e) {
				continue
			}
			if err := write(e); err != nil {
				return err
			}
		}
		filter.After = page[len(page)-1].Seq
	}
}

// concerning tells the events of a person.
func (x Events) concerning(v storage.View) (func(jit.Event) bool, error) {
	if x.Person == "" {
		return func(jit.Event) bool { return true }, nil
	}
	person := strings.ToLower(x.Person)
	requests, err := v.Requests(storage.RequestFilter{For: person, By: person, Limit: 1 << 30})
	if err != nil {
		return nil, err
	}
	theirs := make(map[string]bool, len(requests))
	for _, r := range requests {
		theirs[r.ID] = true
	}
	return func(e jit.Event) bool { return e.Actor == person || theirs[e.Request] }, nil
}

// lines returns what writes one event, and what ends the output.
func lines(f Format, out io.Writer) (write func(jit.Event) error, finish func() error, err error) {
	switch f {
	case CSV:
		w := csv.NewWriter(out)
		err := w.Write(columns())
		return func(e jit.Event) error { return w.Write(harmless(cells(e))) },
			func() error { w.Flush(); return w.Error() }, err
	case JSONLines:
		return jsonLines(out), func() error { return nil }, nil
	default:
		return nil, nil, fmt.Errorf("format %q is neither csv nor jsonl", f)
	}
}

func columns() []string {
	return []string{
		"seq", "at", "kind", "actor", "actor_account", "origin", "request", "grant", "resource", "outcome",
		"policy_sha256", "data_sha256", "data", "prev", "hash",
	}
}

func cells(e jit.Event) []string {
	return []string{
		strconv.FormatInt(e.Seq, 10), e.At.Format(time.RFC3339Nano), e.Kind, e.Actor, e.ActorAccount, e.Origin, e.Request, e.Grant,
		e.Resource, e.Outcome, e.PolicySHA256, hex.EncodeToString(e.DataSHA256[:]), string(e.Data),
		hex.EncodeToString(e.Prev[:]), hex.EncodeToString(e.Hash[:]),
	}
}

func jsonLines(out io.Writer) func(jit.Event) error {
	w, names := json.NewEncoder(out), columns()
	return func(e jit.Event) error {
		line := map[string]any{}
		for i, cell := range cells(e) {
			line[names[i]] = cell
		}
		line["seq"], line["data"] = e.Seq, e.Data
		return w.Encode(line)
	}
}

// harmless keeps a spreadsheet from running a cell, and a cell on its line.
func harmless(cells []string) []string {
	breaks := strings.NewReplacer("\r", `\r`, "\n", `\n`)
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cell = "'" + cell
		}
		cells[i] = breaks.Replace(cell)
	}
	return cells
}
