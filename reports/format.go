package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"jitbot/jit"
)

// Format is how records are written out.
type Format string

// The formats. All of them hold one thing a line; what is inside of a line
// never ends it.
const (
	CSV       Format = "csv"   // every column, with a heading; no cell runs in a spreadsheet
	JSONLines Format = "jsonl" // every column, data as the JSON it is, byte by byte
	OCSF      Format = "ocsf"  // JSON lines in the classes of the Open Cybersecurity Schema Framework
	CEF       Format = "cef"   // ArcSight's Common Event Format
)

// Formats are all formats.
func Formats() []Format { return []Format{JSONLines, OCSF, CEF, CSV} }

// Known reports whether f is a format.
func (f Format) Known() bool { return slices.Contains(Formats(), f) }

// The versions of OCSF that are written. Up to 1.8 grants are User Access
// Management (3005), which 1.9 gave up for User Management (3007).
const (
	OCSF18 = "1.8"
	OCSF19 = "1.9"
)

// Encoder writes records in one format. It is a plain value: the same record
// always comes out the same.
type Encoder struct {
	Format  Format
	OCSF    string // version; empty: OCSF19
	Product string // jitbot's version
}

// Lines are the lines of a record, without their ends: one, or in OCSF as many
// as there are classes that it belongs to.
func (e Encoder) Lines(r Record) ([][]byte, error) {
	switch e.Format {
	case CSV:
		line, err := csvLine(harmless(cells(r)))
		return [][]byte{line}, err
	case JSONLines:
		return jsonLines(generic(r))
	case OCSF:
		lines, err := jsonLines(e.ocsf(r)...)
		for i := range lines {
			lines[i] = oneLine(lines[i])
		}
		return lines, err
	case CEF:
		return [][]byte{e.cef(r)}, nil
	}
	return nil, fmt.Errorf("format %q is none of jsonl, ocsf, cef and csv", e.Format)
}

// Heading is the first line of what holds events, or activities; nil: there is
// none.
func (e Encoder) Heading(activities bool) []byte {
	if e.Format != CSV {
		return nil
	}
	names := eventColumns()
	if activities {
		names = activityColumns()
	}
	return []byte(strings.Join(names, ","))
}

func eventColumns() []string {
	return []string{
		"seq", "at", "kind", "actor", "actor_account", "origin", "request", "grant", "resource", "outcome",
		"policy_sha256", "data_sha256", "data", "prev", "hash",
	}
}

func activityColumns() []string {
	return []string{
		"id", "source", "at", "grant", "person", "method", "sure", "actor", "action", "resource", "outcome", "code", "layer",
		"origin", "agent", "account", "region", "scope", "detail", "read_only", "amended", "late", "stray",
	}
}

func cells(r Record) []string {
	if a := r.Activity; a != nil {
		return []string{
			a.ID, a.Source, instant(a.At), a.Grant, r.Person(), string(a.Method), strconv.FormatFloat(a.Sure, 'g', -1, 64),
			a.Actor, a.Action, a.Resource, string(a.Outcome), a.Code, a.Layer, a.Origin, a.Agent, a.Account, a.Region, a.Scope, a.Detail,
			strconv.FormatBool(a.ReadOnly), strconv.FormatBool(a.Amended), strconv.FormatBool(a.Late), strconv.FormatBool(a.Stray),
		}
	}
	return eventCells(r.Event)
}

func eventCells(e jit.Event) []string {
	return []string{
		strconv.FormatInt(e.Seq, 10), instant(e.At), e.Kind, e.Actor, e.ActorAccount, e.Origin, e.Request, e.Grant,
		e.Resource, e.Outcome, e.PolicySHA256, hex.EncodeToString(e.DataSHA256[:]), string(e.Data),
		hex.EncodeToString(e.Prev[:]), hex.EncodeToString(e.Hash[:]),
	}
}

func instant(t time.Time) string { return t.Format(time.RFC3339Nano) }

// generic is a record as the JSON it is anyway.
func generic(r Record) any {
	if r.Activity != nil {
		return r.Activity
	}
	line, names := map[string]any{}, eventColumns()
	for i, cell := range eventCells(r.Event) {
		line[names[i]] = cell
	}
	line["seq"], line["data"] = r.Event.Seq, data(r.Event)
	return line
}

func jsonLines(all ...any) ([][]byte, error) {
	out := make([][]byte, len(all))
	for i, v := range all {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("write as JSON: %w", err)
		}
		out[i] = raw
	}
	return out, nil
}

// oneLine escapes the one character that JSON leaves as it is and that some
// readers take for the end of a line. JSON Lines leave it too: there the data
// has to be what its digest is of.
func oneLine(raw []byte) []byte { return bytes.ReplaceAll(raw, []byte("\u0085"), []byte(`\u0085`)) }

func csvLine(row []string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(row); err != nil {
		return nil, err
	}
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), w.Error()
}

// harmless keeps a spreadsheet from running a cell, and a cell on its line.
func harmless(cells []string) []string {
	breaks := strings.NewReplacer("\r", `\r`, "\n", `\n`, "\v", `\v`, "\f", `\f`, "\u0085", `\u0085`, "\u2028", `\u2028`, "\u2029", `\u2029`, "\x00", `\0`)
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cell = "'" + cell
		}
		cells[i] = breaks.Replace(cell)
	}
	return cells
}
