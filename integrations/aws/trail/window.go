package trail

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	maxRecord  = 1 << 20  // bytes of one record; CloudTrail's own limit is a quarter of it
	minWindow  = 64 << 10 // small, so that it stays in the processor's cache beside what records are compared with
	pad        = 32       // zero bytes after the data, so that looking ahead needs no check
	emptyReads = 100      // as many reads of nothing end a file
	maxTotal   = 16 << 30 // bytes that one file may inflate to; an honest one stays below a tenth of it
)

// window is the part of a stream that is looked at: buf[at:end], which is
// always followed by pad. What is before at is done with.
type window struct {
	buf     []byte
	at, end int
	src     io.Reader
	over    bool  // src has nothing more to give
	why     error // why it ended, if not well
	total   int64

	odd    int // the first byte from at on that only the strict path takes: a control or not ASCII
	escape int // the first backslash
}

func (w *window) reset(src io.Reader) {
	if w.buf == nil {
		w.buf = make([]byte, minWindow+pad)
	}
	*w = window{buf: w.buf, src: src}
}

// fill gets more data behind what is there, and room for it. It reports false
// when there is none. Places in the buffer move: at becomes 0.
func (w *window) fill() bool {
	if w.over {
		return false
	}
	w.makeRoom()
	old := w.end
	for tries := 0; w.end < len(w.buf)-pad; {
		n, err := w.src.Read(w.buf[w.end : len(w.buf)-pad])
		w.end, w.total = w.end+n, w.total+int64(n)
		if err == nil && w.total > maxTotal {
			err = fmt.Errorf("more than %d GiB", maxTotal>>30)
		}
		if tries++; n > 0 {
			tries = 0
		} else if err == nil && tries == emptyReads {
			err = io.ErrNoProgress
		}
		if err != nil {
			w.over = true
			if err != io.EOF { //nolint:errorlint // a reader ends with this very value
				w.why = err
			}
			break
		}
	}
	clear(w.buf[w.end : w.end+pad])
	w.mark(old)
	return w.end > old
}

// makeRoom moves what is left to the front, and doubles a buffer that is full.
func (w *window) makeRoom() {
	if w.at > 0 {
		copy(w.buf, w.buf[w.at:w.end])
		w.odd, w.escape = w.odd-w.at, w.escape-w.at
		w.at, w.end = 0, w.end-w.at
	}
	if free := len(w.buf) - pad - w.end; free < len(w.buf)/4 {
		bigger := make([]byte, 2*(len(w.buf)-pad)+pad)
		copy(bigger, w.buf[:w.end])
		w.buf = bigger
	}
}

// mark looks for what is odd in new data, which begins at from. What stood
// before at and was never looked behind has to be looked for from the start.
func (w *window) mark(from int) {
	if w.odd < 0 {
		w.odd = oddIn(w.buf[:w.end])
	} else if w.odd >= from {
		w.odd = from + oddIn(w.buf[from:w.end])
	}
	if w.escape < 0 {
		w.escape = w.find('\\', 0)
	} else if w.escape >= from {
		w.escape = w.find('\\', from)
	}
}

// find is where the first c stands from from on, or the end.
func (w *window) find(c byte, from int) int {
	if i := bytes.IndexByte(w.buf[from:w.end], c); i >= 0 {
		return from + i
	}
	return w.end
}

// sweep moves odd and escape on to at. Whoever sets at by hand has it called
// before the fast path looks.
func (w *window) sweep() {
	if w.odd < w.at {
		w.odd = w.at + oddIn(w.buf[w.at:w.end])
	}
	if w.escape < w.at {
		w.escape = w.find('\\', w.at)
	}
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// oddIn is where the first byte of b stands that is a control or not ASCII, or
// len(b).
func oddIn(b []byte) int {
	i := 0
	for ; len(b)-i >= 32; i += 32 {
		c := b[i : i+32 : i+32] // so that the compiler sees that nothing is out of bounds
		x, y := binary.LittleEndian.Uint64(c[0:8]), binary.LittleEndian.Uint64(c[8:16])
		u, v := binary.LittleEndian.Uint64(c[16:24]), binary.LittleEndian.Uint64(c[24:32])
		// A byte below 0x20 borrows, and where all are below 0x80 only such a one does.
		low := (x - 0x20*lows) | (y - 0x20*lows) | (u - 0x20*lows) | (v - 0x20*lows)
		if (x|y|u|v|low)&highs != 0 {
			break
		}
	}
	for ; i < len(b); i++ {
		if b[i] < 0x20 || b[i] >= 0x80 {
			return i
		}
	}
	return len(b)
}
