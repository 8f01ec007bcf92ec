package storage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// chain makes n events as a store writes them.
func chain(n int) []jit.Event {
	events := make([]jit.Event, n)
	var prev [32]byte
	for i := range events {
		e := jit.Event{
			Seq: int64(i + 1), At: time.Unix(1_790_000_000, int64(i)*1000).UTC(), Kind: jit.EventRequested, Actor: fmt.Sprintf("u%d@example.com", i%7),
			Origin: "slack", Request: fmt.Sprintf("req_%d", i), Outcome: "ok", Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i)), Prev: prev,
		}
		e.DataSHA256 = jit.DataDigest(e.Data)
		e.Hash = e.ChainHash()
		events[i], prev = e, e.Hash
	}
	return events
}

func stored(events []jit.Event) iter.Seq2[jit.Event, error] {
	return func(yield func(jit.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// tampering is one way to change a log. It returns the rows as they are stored
// afterwards, the row to be named, and a word of the sentence.
type tampering func(r *rand.Rand, log []jit.Event) (after []jit.Event, row int64, word string)

// changeable are the columns of a row, each with a way to change it.
var changeable = map[string]func(*jit.Event){
	"at":            func(e *jit.Event) { e.At = e.At.Add(time.Microsecond) },
	"kind":          func(e *jit.Event) { e.Kind += "x" },
	"actor":         func(e *jit.Event) { e.Actor = "mallory@example.com" },
	"actor_account": func(e *jit.Event) { e.ActorAccount = "slack:U1" },
	"origin":        func(e *jit.Event) { e.Origin = "" },
	"request":       func(e *jit.Event) { e.Request, e.Grant = e.Grant, e.Request },
	"resource":      func(e *jit.Event) { e.Resource = "r" },
	"outcome":       func(e *jit.Event) { e.Outcome = "refused" },
	"policy":        func(e *jit.Event) { e.PolicySHA256 = "0" },
	"data":          func(e *jit.Event) { e.Data = json.RawMessage(`{"n":-1}`) },
	"digest":        func(e *jit.Event) { e.DataSHA256[31] ^= 1 },
	"hash":          func(e *jit.Event) { e.Hash[0] ^= 1 },
	"prev":          func(e *jit.Event) { e.Prev[0] ^= 1 },
}

// renumber gives the rows from index at on the numbers of their places.
func renumber(log []jit.Event, at int) []jit.Event {
	for i := at; i < len(log); i++ {
		log[i].Seq = int64(i + 1)
	}
	return log
}

// forged is a row for place i that follows the one before it properly.
func forged(log []jit.Event, i int) jit.Event {
	e := jit.Event{Seq: int64(i + 1), Kind: "forged", Data: json.RawMessage(`{}`), DataSHA256: jit.DataDigest(json.RawMessage(`{}`))}
	if i > 0 {
		e.Prev = log[i-1].Hash
	}
	e.Hash = e.ChainHash()
	return e
}

var tamperings = map[string]tampering{
	"a column changed": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		columns := make([]string, 0, len(changeable))
		for name := range changeable {
			columns = append(columns, name)
		}
		slices.Sort(columns)
		i := r.IntN(len(log))
		changeable[columns[r.IntN(len(columns))]](&log[i])
		return log, log[i].Seq, "was changed"
	},
	"a row changed and its hash computed anew": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := r.IntN(len(log))
		log[i].Actor = "mallory@example.com"
		log[i].Hash = log[i].ChainHash()
		return log, log[i].Seq, "hash computed anew"
	},
	"a row changed and the rest of the chain built anew": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		from := r.IntN(len(log))
		log[from].Actor = "mallory@example.com"
		for i := from; i < len(log); i++ {
			if i > 0 {
				log[i].Prev = log[i-1].Hash
			}
			log[i].Hash = log[i].ChainHash()
		}
		return log, int64(len(log)), "not the log's head"
	},
	"rows removed": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := r.IntN(len(log))
		n := 1 + r.IntN(min(5, len(log)-i))
		return slices.Delete(log, i, i+n), int64(i + 1), "missing"
	},
	"rows removed and the rest renumbered": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := r.IntN(len(log) - 1)
		n := 1 + r.IntN(min(5, len(log)-1-i))
		return renumber(slices.Delete(log, i, i+n), i), int64(i + 1), "missing"
	},
	"two rows swapped": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := r.IntN(len(log) - 1)
		j := i + 1 + r.IntN(len(log)-1-i)
		log[i], log[j] = log[j], log[i]
		log[i].Seq, log[j].Seq = log[j].Seq, log[i].Seq
		return log, int64(i + 1), fmt.Sprintf("rows %d and %d changed places", i+1, j+1)
	},
	"a row inserted twice": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := r.IntN(len(log))
		return renumber(slices.Insert(log, i+1, log[i]), i+1), int64(i + 2), "inserted"
	},
	"a row forged and inserted": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := r.IntN(len(log) + 1)
		return renumber(slices.Insert(log, i, forged(log, i)), i), int64(i + 1), "inserted"
	},
	"a row without a fitting hash inserted": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := r.IntN(len(log))
		e := forged(log, i)
		e.Hash[0] ^= 1
		return renumber(slices.Insert(log, i, e), i), int64(i + 1), "inserted"
	},
	"a number given twice": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := r.IntN(len(log))
		return slices.Insert(log, i, log[i]), int64(i + 1), "stands twice"
	},
	"a row copied over another": func(r *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) {
		i := 2 + r.IntN(len(log)-3)
		log[i] = log[i-2]
		log[i].Seq = int64(i + 1)
		return log, int64(i + 1), "copied over"
	},
	"the log emptied": func(_ *rand.Rand, log []jit.Event) ([]jit.Event, int64, string) { return log[:0], 1, "missing" },
}

func TestEveryOneOfTenThousandTamperingsIsFoundAndItsRowNamed(t *testing.T) {
	t.Parallel()
	const trials = 10_000
	r := rand.New(rand.NewPCG(3, 4))
	whole := chain(40)
	head := whole[len(whole)-1]
	for n := range trials {
		for name, tamper := range tamperings {
			if n >= trials/len(tamperings)+1 {
				return
			}
			after, row, word := tamper(r, slices.Clone(whole))
			report, err := storage.VerifyEvents(stored(after), head.Seq, head.Hash)
			if err != nil {
				t.Fatal(err)
			}
			if report.Fault == "" || report.Row != row || !strings.Contains(report.Fault, word) {
				t.Fatalf("%s: got row %d %q, want row %d and %q", name, report.Row, report.Fault, row, word)
			}
		}
	}
}

func TestASoundLogHasNoFault(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 100} {
		log := chain(n)
		var head jit.Event
		if n > 0 {
			head = log[n-1]
		}
		report, err := storage.VerifyEvents(stored(log), head.Seq, head.Hash)
		if err != nil || report.Fault != "" || report.Rows != int64(n) || report.Hash != head.Hash {
			t.Errorf("%d rows: %+v, %v", n, report, err)
		}
	}
}

func TestBlankedDataIsCountedAndIsNoFault(t *testing.T) {
	t.Parallel()
	log := chain(10)
	log[3].Data, log[7].Data = json.RawMessage("{}"), json.RawMessage("{}")
	report, err := storage.VerifyEvents(stored(log), 10, log[9].Hash)
	if err != nil || report.Fault != "" || report.Blanked != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestALogThatCannotBeReadIsAnErrorAndNotAFault(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk")
	_, err := storage.VerifyEvents(func(yield func(jit.Event, error) bool) { yield(jit.Event{}, broken) }, 1, [32]byte{})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
