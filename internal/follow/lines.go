// Package follow reads logs out of files that grow, are renamed, copied,
// compressed, truncated and deleted while they are read, without losing a line
// or reading one twice. It knows nothing of what the lines say.
package follow

import (
	"bytes"
	"errors"
	"io"
)

// MaxRecord is how long a record may be. One that grows to it is set aside
// alone, with all that still belongs to it.
const MaxRecord = 1 << 20

// Fault is why bytes are no record.
type Fault int

// The faults.
const (
	None    Fault = iota
	TooLong       // it grew to MaxRecord
	Broken        // the format's own rules say that it never was one
	Cut           // its end is not there
)

// Ender knows where records of a format end. It is asked about one record at a
// time and keeps what it saw of it.
type Ender interface {
	// End looks for the end of the record in data, whose first from bytes it was
	// shown before. It returns how long the record is with all that ends it, or 0
	// if the end is not in data. broken says that this is no record; the next one
	// may begin before where it was seen.
	End(data []byte, from int) (n int, broken bool)
	// Forget says that what was shown is gone and the record goes on: data
	// starts anew with what comes next.
	Forget()
	// State is what has to be kept to go on in the middle of a record, and
	// Resume goes on from it. 0 is the start of one.
	State() int
	Resume(state int)
}

// Newline ends records at each newline.
type Newline struct{}

// End implements [Ender].
func (Newline) End(data []byte, from int) (int, bool) {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i + 1, false
	}
	return 0, false
}

// Forget implements [Ender].
func (Newline) Forget() {}

// State implements [Ender].
func (Newline) State() int { return 0 }

// Resume implements [Ender].
func (Newline) Resume(int) {}

// Place is where reading goes on.
type Place struct {
	Offset int64 `json:"o"`
	// Over says that the place is within a record that was set aside.
	Over  bool `json:"x,omitempty"`
	State int  `json:"s,omitempty"`
}

// Record is one record, without what ends it. Text is good until the next is
// asked for.
type Record struct {
	Text   []byte
	Offset int64 // where it starts
	Fault  Fault
}

// Records takes a stream apart in constant memory. Empty lines are passed over.
type Records struct {
	r          io.Reader
	ender      Ender
	buf        []byte
	start, end int // of what is unread in buf
	seen       int // of it, what the ender was shown
	at         Place
	failed     error // of r, for good
}

// NewRecords reads records from r, which stands at the place at.
func NewRecords(r io.Reader, ender Ender, at Place) *Records {
	ender.Resume(at.State)
	return &Records{r: r, ender: ender, buf: make([]byte, 64<<10), at: at}
}

// Place is where the next record starts.
func (l *Records) Place() Place { return l.at }

// Rest is how many bytes follow the last whole record.
func (l *Records) Rest() int { return l.end - l.start }

// Next returns the next whole record. [io.EOF] says that there is none yet.
func (l *Records) Next() (Record, error) {
	for {
		rec, ok := l.take()
		if ok {
			return rec, nil
		}
		if l.end-l.start >= MaxRecord { // never of one that was given up: take let go of that
			return l.giveUp(), nil
		}
		if l.failed != nil {
			return Record{}, l.failed
		}
		l.fill()
	}
}

// Last returns what is left at the end of a stream that will not grow: a last
// record that nothing ends, or one that is cut off. Bytes that look whole to
// try are handed over; try may be nil.
func (l *Records) Last(try func([]byte) bool) (Record, bool) {
	text := trim(l.buf[l.start:l.end], l.at.Offset)
	rec := Record{Text: text, Offset: l.at.Offset, Fault: Cut}
	over := l.at.Over
	l.consume(l.end - l.start)
	l.at.Over, l.at.State = false, 0
	l.ender.Resume(0)
	if len(text) == 0 || over {
		return Record{}, false
	}
	if try != nil && try(text) {
		rec.Fault = None
	}
	return rec, true
}

// take hands over the record at the start of the buffer, if its end is there.
func (l *Records) take() (Record, bool) {
	for l.seen < l.end-l.start {
		data := l.buf[l.start:l.end]
		n, broken := l.ender.End(data, l.seen)
		if n == 0 {
			l.seen = len(data)
			break
		}
		rec := Record{Text: trim(data[:n], l.at.Offset), Offset: l.at.Offset}
		if broken {
			rec.Fault = Broken
		}
		over := l.at.Over
		l.at.Over, l.at.State = false, 0
		l.consume(n)
		if !over && len(rec.Text) > 0 {
			return rec, true
		}
	}
	if l.at.Over { // it goes on; nothing of it is needed
		l.forget()
	}
	return Record{}, false
}

// giveUp sets aside a record that is too long.
func (l *Records) giveUp() Record {
	rec := Record{Offset: l.at.Offset, Fault: TooLong}
	l.at.Over = true
	l.forget()
	return rec
}

func (l *Records) forget() {
	l.consume(l.end - l.start)
	l.ender.Forget()
	l.at.State = l.ender.State()
}

func (l *Records) consume(n int) {
	l.start += n
	l.at.Offset += int64(n)
	l.seen = 0
}

// fill reads on, and makes room for it.
func (l *Records) fill() {
	if l.start > 0 {
		l.end = copy(l.buf, l.buf[l.start:l.end])
		l.start = 0
	}
	if l.end == len(l.buf) {
		l.buf = append(l.buf, make([]byte, min(len(l.buf), MaxRecord-len(l.buf)))...)
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	if err != nil {
		l.failed = err
	} else if n == 0 {
		l.failed = io.ErrNoProgress
	}
}

var bom = []byte("\xef\xbb\xbf")

// trim takes off the end of the line and, at the start of a stream, its mark.
func trim(text []byte, offset int64) []byte {
	text = bytes.TrimSuffix(text, []byte("\n"))
	text = bytes.TrimSuffix(text, []byte("\r"))
	if offset == 0 {
		text = bytes.TrimPrefix(text, bom)
	}
	return text
}

// Ended reports whether err says that a stream is over.
func Ended(err error) bool { return errors.Is(err, io.EOF) }
