package storage

import (
	"fmt"
	"iter"

	"jitbot/jit"
)

const (
	verifyPage = 1000 // rows read at a time
	lookAhead  = 64   // rows after the first bad one that are looked at to say what happened
	maxShift   = 500  // places a row is sought away from where it stands
)

// Report is what verifying the log found. A log is as it was written when
// Fault is empty; Head should still be compared with one kept elsewhere, as
// whoever can rewrite the whole file can rewrite all of it consistently.
type Report struct {
	Rows    int64    // read
	Blanked int64    // of them, rows whose data was blanked on purpose
	Seq     int64    // of the last row read
	Hash    [32]byte // of the last row read
	Row     int64    // the first bad row; 0: none
	Fault   string   // what happened to it, as a sentence; empty: nothing
}

// Verify reads the whole log and names the first row that was changed,
// removed, inserted or moved. progress, if not nil, is called with the number
// of rows read so far. The error says only that the log could not be read.
func Verify(v View, progress func(rows int64)) (Report, error) {
	seq, hash, err := v.KeptHead()
	if err != nil {
		return Report{}, fmt.Errorf("verify log: %w", err)
	}
	return VerifyEvents(pages(v, progress), seq, hash)
}

// pages reads every row. Each page begins with the last row of the one before,
// so that a row that stands twice shows at a border too.
func pages(v View, progress func(rows int64)) iter.Seq2[jit.Event, error] {
	return func(yield func(jit.Event, error) bool) {
		read, after, skip := int64(0), int64(0), 0
		for {
			page, err := v.Events(EventFilter{After: after, Limit: verifyPage + skip})
			if err != nil {
				yield(jit.Event{}, fmt.Errorf("verify log: after row %d: %w", after, err))
				return
			}
			if len(page) <= skip {
				return
			}
			for _, e := range page[skip:] {
				if !yield(e, nil) {
					return
				}
			}
			read += int64(len(page) - skip)
			if progress != nil {
				progress(read)
			}
			after, skip = page[len(page)-1].Seq-1, 1
		}
	}
}

// VerifyEvents is [Verify] over rows in the order in which they are stored,
// with the head that was kept beside them.
func VerifyEvents(rows iter.Seq2[jit.Event, error], keptSeq int64, keptHash [32]byte) (Report, error) {
	var (
		report Report
		ahead  []jit.Event // the first bad row and those after it
		last   jit.Event   // the last good row
	)
	for e, err := range rows {
		if err != nil {
			return report, err
		}
		if ahead == nil && fits(last, e) {
			last = e
			report.add(e)
			continue
		}
		if ahead = append(ahead, e); len(ahead) > lookAhead {
			break
		}
	}
	if len(ahead) > 0 {
		report.Rows++
		report.Row, report.Fault = explain(last, ahead)
		return report, nil
	}
	report.compare(keptSeq, keptHash)
	return report, nil
}

func (r *Report) add(e jit.Event) {
	r.Rows++
	r.Seq, r.Hash = e.Seq, e.Hash
	if blanked(e) {
		r.Blanked++
	}
}

// compare holds a chain that is sound in itself against its kept head.
func (r *Report) compare(seq int64, hash [32]byte) {
	switch {
	case r.Seq < seq:
		r.Row, r.Fault = r.Seq+1, span(r.Seq+1, seq, "is missing", "are missing")+": the tail was cut"
	case r.Seq > seq:
		r.Row, r.Fault = seq+1, span(seq+1, r.Seq, "was inserted", "were inserted")+fmt.Sprintf(" at the end: the log's head is row %d", seq)
	case r.Hash != hash:
		r.Row, r.Fault = r.Seq, fmt.Sprintf("row %d was changed and its hash computed anew: it is not the log's head any more", r.Seq)
	}
}

// fits reports whether e is the row after last, as it was written.
func fits(last, e jit.Event) bool {
	return e.Seq == last.Seq+1 && e.Prev == last.Hash && e.Hash == e.ChainHash() && dataFits(e)
}

func dataFits(e jit.Event) bool { return blanked(e) || jit.DataDigest(e.Data) == e.DataSHA256 }

func blanked(e jit.Event) bool {
	return string(e.Data) == "{}" && jit.DataDigest(e.Data) != e.DataSHA256
}

// explain says what happened to the first bad row, ahead[0], which stands
// after last.
func explain(last jit.Event, ahead []jit.Event) (row int64, fault string) {
	e, want := ahead[0], last.Seq+1
	switch {
	case e.Seq == last.Seq:
		return e.Seq, fmt.Sprintf("row %d stands twice", e.Seq)
	case e.Seq < want:
		return e.Seq, fmt.Sprintf("row %d stands after row %d", e.Seq, last.Seq)
	case e.Seq > want:
		return want, span(want, e.Seq-1, "is missing", "are missing")
	}
	switch origin := written(e); origin {
	case e.Seq:
		return explainLink(last, ahead)
	case 0:
		return explainChanged(last, ahead)
	default:
		return explainMoved(last, ahead, origin)
	}
}

// written is the number a row was written under, by its own hash; 0: its
// columns do not give that hash under any number near.
func written(e jit.Event) int64 {
	at := e.Seq
	for d := int64(0); d <= maxShift; d++ {
		for _, seq := range [2]int64{at + d, at - d} {
			e.Seq = seq
			if seq > 0 && e.Hash == e.ChainHash() {
				return seq
			}
		}
	}
	return 0
}

// explainLink is for a row that is sound in itself.
func explainLink(last jit.Event, ahead []jit.Event) (row int64, fault string) {
	e := ahead[0]
	if e.Prev == last.Hash {
		return e.Seq, fmt.Sprintf("row %d was changed: its data is not what was written", e.Seq)
	}
	followed := len(ahead) == 1 || ahead[1].Prev == e.Hash
	if followed && last.Seq > 0 {
		return last.Seq, fmt.Sprintf("row %d was changed and its hash computed anew: row %d follows another", last.Seq, e.Seq)
	}
	return e.Seq, fmt.Sprintf("row %d was changed: it does not follow row %d", e.Seq, last.Seq)
}

// explainChanged is for a row whose columns do not give its hash.
func explainChanged(last jit.Event, ahead []jit.Event) (row int64, fault string) {
	e := ahead[0]
	if len(ahead) > 1 && ahead[1].Prev == last.Hash && written(ahead[1]) == e.Seq {
		return e.Seq, fmt.Sprintf("row %d was inserted: row %d stood there", e.Seq, ahead[1].Seq)
	}
	return e.Seq, fmt.Sprintf("row %d was changed: its columns do not give its hash", e.Seq)
}

// explainMoved is for a row that was written under another number.
func explainMoved(last jit.Event, ahead []jit.Event, origin int64) (row int64, fault string) {
	e := ahead[0]
	switch {
	case e.Hash == last.Hash:
		return e.Seq, fmt.Sprintf("row %d was inserted: it is row %d, which stands twice", e.Seq, last.Seq)
	case origin < e.Seq && follows(ahead, origin):
		return origin, span(origin, e.Seq-1, "was inserted", "were inserted") + ": the rows after were renumbered"
	case origin < e.Seq:
		return e.Seq, fmt.Sprintf("row %d was changed: row %d was copied over it", e.Seq, origin)
	}
	if there := origin - e.Seq; there < int64(len(ahead)) && written(ahead[there]) == e.Seq {
		return e.Seq, fmt.Sprintf("rows %d and %d changed places", e.Seq, origin)
	}
	if follows(ahead, origin) {
		return e.Seq, span(e.Seq, origin-1, "is missing", "are missing") + ": the rows after were renumbered"
	}
	return e.Seq, fmt.Sprintf("row %d was moved: it was written as row %d", e.Seq, origin)
}

// follows reports whether the row after the bad one was moved as far as it, or
// there is none.
func follows(ahead []jit.Event, origin int64) bool {
	return len(ahead) == 1 || written(ahead[1]) == origin+1
}

func span(from, to int64, one, many string) string {
	if from == to {
		return fmt.Sprintf("row %d %s", from, one)
	}
	return fmt.Sprintf("rows %d..%d %s", from, to, many)
}
