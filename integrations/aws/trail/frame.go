package trail

import (
	"bytes"

	"jitbot/activity"
)

const maxDepth = 64 // how deep objects and lists of a record may stand in one another

// frame finds the end of an object or list by its brackets alone, so that what
// is wrong inside costs nothing but itself.
type frame struct {
	depth    int
	lists    uint64 // which of the open ones are lists, innermost last
	inText   bool
	skipNext bool
	deep     bool
}

// step takes one byte in. done: it was the last one. ok is false where no
// brackets can make sense of it.
func (f *frame) step(c byte) (done, ok bool) {
	if f.inText {
		switch {
		case f.skipNext:
			f.skipNext = false
		case c == '\\':
			f.skipNext = true
		case c == '"':
			f.inText = false
		case c == '\n':
			return false, false // no text goes over a line
		}
		return false, true
	}
	switch c {
	case '"':
		f.inText = true
	case '{', '[':
		f.depth++
		f.deep = f.deep || f.depth > maxDepth
		if !f.deep {
			f.lists <<= 1
			if c == '[' {
				f.lists |= 1
			}
		}
	case '}', ']':
		if !f.deep {
			if (c == ']') != (f.lists&1 == 1) {
				return false, false
			}
			f.lists >>= 1
		}
		f.depth--
		return f.depth == 0, true
	}
	return false, true
}

// whole makes sure that the object or list at at is all in the window and says
// how long it is. Where why is not empty it is not, and the window is past what
// could not be read.
func (d *Decoder) whole() (n int, why string) {
	var f frame
	for {
		for d.at+n < d.end {
			done, ok := f.step(d.buf[d.at+n])
			n++
			switch {
			case !ok:
				d.resume()
				return 0, activity.BadShape
			case done && f.deep:
				d.at += n
				return 0, activity.BadTooDeep
			case done:
				return n, ""
			}
		}
		if n > maxRecord {
			d.at += n
			d.pass(&f)
			return 0, activity.BadTooLong
		}
		if !d.fill() {
			d.at = d.end
			return 0, activity.BadTruncated
		}
	}
}

// pass goes on to the end of what is too long to be looked at.
func (d *Decoder) pass(f *frame) {
	for d.at < d.end || d.fill() {
		done, ok := f.step(d.buf[d.at])
		d.at++
		if !ok {
			d.resume()
		}
		if done || !ok {
			return
		}
	}
}

var opening = []byte(`{"eventVersion":`)

// resume looks for where a record begins after one whose brackets make no
// sense: no text of a record can hold these letters unescaped.
func (d *Decoder) resume() {
	d.at = min(d.at+1, d.end)
	for {
		if i := bytes.Index(d.buf[d.at:d.end], opening); i >= 0 {
			d.at += i
			return
		}
		d.at = max(d.at, d.end-len(opening)+1)
		if !d.fill() {
			d.at = d.end
			return
		}
	}
}
