package history

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// Importing is what an import needs beside the lines. Store, At and Clean are
// required.
type Importing struct {
	Store storage.Store
	// At is the time to act by inside a transaction.
	At func(v storage.View) (time.Time, error)
	// Clean makes what a person typed safe to keep.
	Clean func(string) string
	// Policy says what a resource gives; nil: nobody knows.
	Policy *policy.Policy
	Actor  string // of the event: who imports
	File   string // what the event calls the source of the lines
}

// Imported is what became of the lines of one import.
type Imported struct {
	Lines    int       `json:"lines"`    // that are not empty
	Requests int       `json:"requests"` // taken in
	Grants   int       `json:"grants"`   // of these, what was given
	Known    int       `json:"known"`    // taken in before, or twice in this import
	Changed  int       `json:"changed"`  // known by their id, and saying something else: left as they were
	Bad      int       `json:"bad"`
	Unheld   int       `json:"unheld"` // grants of resources that the policy does not know
	Problems []Problem `json:"problems,omitempty"`
	More     int       `json:"more,omitempty"` // problems beside those
}

// Problem is a line that was not taken, and why.
type Problem struct {
	Line int    `json:"line"`
	ID   string `json:"id,omitempty"` // where it could be read
	Why  string `json:"why"`
}

const (
	importBatch  = 500     // lines of one write and one event
	importBytes  = 8 << 20 // of these, from which on the write does not wait for more
	mostProblems = 100     // that are named
)

// Import takes in the requests that the lines of r tell of. A line that is bad
// is set aside alone. What is known by its id is never changed: to import the
// same again changes nothing. Every batch of lines is written whole or not at
// all, with an event that counts them and has their digest; after an error what
// was written stays, and the next import goes on.
func (i Importing) Import(ctx context.Context, r io.Reader) (Imported, error) {
	run := &importing{Importing: i}
	lines := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		raw, long, err := readLine(lines)
		if raw = bytes.TrimSpace(raw); long {
			run.out.Lines++
			run.bad(n, "", "the line is longer than 1 MiB")
		} else if len(raw) > 0 {
			run.out.Lines++
			run.batch = append(run.batch, numbered{n: n, raw: bytes.Clone(raw)})
			run.size += len(raw)
		}
		if len(run.batch) == importBatch || run.size >= importBytes || err != nil {
			if failed := run.write(ctx); failed != nil {
				return run.out, failed
			}
		}
		if errors.Is(err, io.EOF) {
			return run.out, nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return run.out, fmt.Errorf("read the lines: %w", err)
		}
	}
}

// readLine reads one line; of one that is too long nothing is kept.
func readLine(r *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			line, long = nil, true
		}
		if !long {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

// importing is one import under way.
type importing struct {
	Importing
	batch []numbered
	size  int // of the lines in batch, in bytes
	out   Imported
}

// numbered is a line with where it stands, and what it says once it was read.
type numbered struct {
	n    int
	raw  []byte
	line *Line
}

func (r *importing) bad(n int, id, why string) {
	r.out.Bad++
	r.out.problem(Problem{n, id, why})
}

func (o *Imported) problem(p Problem) {
	if len(o.Problems) < mostProblems {
		o.Problems = append(o.Problems, p)
		return
	}
	o.More++
}

// write takes a batch in.
func (r *importing) write(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	var now time.Time
	err := r.Store.Read(ctx, func(v storage.View) (err error) {
		now, err = r.At(v)
		return err
	})
	if err != nil {
		return err
	}
	good := r.batch[:0]
	for _, b := range r.batch {
		if b.line, err = parseLine(b.raw, now, r.Clean); err != nil {
			r.bad(b.n, idIn(b.raw), err.Error())
			continue
		}
		good = append(good, b)
	}
	r.batch, r.size = nil, 0
	before := r.out
	return r.Store.Write(ctx, func(tx storage.Tx) error {
		r.out = before // the function may run twice
		r.out.Problems = before.Problems[:len(before.Problems):len(before.Problems)]
		return r.save(tx, good)
	})
}

// save writes the lines that are new, with their event.
func (r *importing) save(tx storage.Tx, good []numbered) error {
	now, err := r.At(tx)
	if err != nil {
		return err
	}
	c := jit.Record(jit.Event{At: now.UTC().Truncate(time.Microsecond), Kind: jit.EventImported, Actor: r.Actor, Origin: "cli", Outcome: "ok"})
	b := &batch{tx: tx, change: c, requests: map[string]string{}, grants: map[string]bool{}}
	sum := sha256.New()
	for _, l := range good {
		taken, err := r.one(b, l)
		if err != nil {
			return err
		}
		if taken {
			sum.Write([]byte(b.requests[l.line.ID]))
		}
	}
	if b.taken == 0 {
		return nil
	}
	c.Detail("lines", b.taken).Detail("grants", b.given).Detail("file", r.File).Detail("lines_sha256", hex.EncodeToString(sum.Sum(nil)))
	if err := tx.Save(c); err != nil {
		return err
	}
	for _, n := range b.told {
		if err := Tell(tx, n.request, n.Who, n.At); err != nil {
			return err
		}
	}
	return nil
}

// batch is what one event records.
type batch struct {
	tx       storage.Tx
	change   *jit.Change
	requests map[string]string // digests of the lines in it, by id
	grants   map[string]bool
	told     []telling
	taken    int
	given    int
}

type telling struct {
	request string
	Notice
}

// one adds a line to a batch, unless it is known. An error is the store's.
func (r *importing) one(b *batch, l numbered) (taken bool, err error) {
	made, err := rowsOf(l.line, r.Policy)
	if err != nil {
		return false, err
	}
	known, own, err := b.known(l.line.ID)
	switch {
	case err != nil:
		return false, err
	case own:
		r.bad(l.n, l.line.ID, "a request of jitbot's own has this id")
		return false, nil
	case known == made.request.Imported:
		r.out.Known++
		return false, nil
	case known != "":
		r.out.Changed++
		r.out.problem(Problem{l.n, l.line.ID, "it is known and says something else now; it was left as it was"})
		return false, nil
	}
	if g := made.grant; g != nil {
		if taken, err := b.hasGrant(g.ID); err != nil || taken {
			if taken {
				r.bad(l.n, l.line.ID, "another request's grant has the id of this one's")
			}
			return false, err
		}
		if r.out.Grants++; len(made.holdings) == 0 {
			r.out.Unheld++
		}
		b.given++
		b.grants[g.ID] = true
	}
	if err := b.change.Import(made.request, made.grant, made.holdings); err != nil {
		return false, err
	}
	if made.review != nil {
		b.change.Review(*made.review)
	}
	for _, n := range made.told {
		b.told = append(b.told, telling{l.line.ID, Notice(n)})
	}
	b.requests[l.line.ID] = made.request.Imported
	b.taken++
	r.out.Requests++
	return true, nil
}

// known is the digest of the line that a request was taken in from; own says
// that jitbot made it itself.
func (b *batch) known(id string) (digest string, own bool, err error) {
	if digest, ok := b.requests[id]; ok {
		return digest, false, nil
	}
	q, err := b.tx.Request(id)
	if isNone(err) {
		return "", false, nil
	}
	return q.Imported, err == nil && q.Imported == "", err
}

func (b *batch) hasGrant(id string) (bool, error) {
	if b.grants[id] {
		return true, nil
	}
	_, err := b.tx.Grant(id)
	if isNone(err) {
		return false, nil
	}
	return err == nil, err
}
