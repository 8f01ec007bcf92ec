package trail

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"jitbot/activity"
)

// ErrBroken says that a file breaks off or cannot be unpacked to its end. What
// stood before was handed over, the rest was counted.
var ErrBroken = errors.New("the file is broken")

const packedSize = 64 << 10 // bytes that are read at once

// Decoder reads files one after the other. It is for one goroutine; its zero
// value is ready, and keeps its buffers from file to file.
type Decoder struct {
	window
	packed  *bufio.Reader
	gzip    *gzip.Reader
	fields  fields
	follows [fieldCount][2]field // which keys followed another: mostly, and sometimes
	turns   uint
	record  activity.Record
	made    []byte // texts that stand nowhere in the buffer

	fn   func(*activity.Record)
	skip func(why string, n int64)
	stop int  // how far the fast path understood what it did not take
	slow bool // tests: everything takes the strict path
}

// Read hands every record of r to fn, and what had to be set aside to skip,
// with how many records that were, or at least one. r is one file or message in
// any of the forms CloudTrail's records come in: {"Records":[...]}, a list, one
// record or one after the other, each alone, in the detail of an EventBridge
// event or in the CloudTrailEvent of a LookupEvents answer; plain or gzip. A
// Record holds until fn returns.
//
// The error is r's own, and then nothing is known of the file; or [ErrBroken].
func Read(r io.Reader, fn func(*activity.Record), skip func(why string, n int64)) error {
	return new(Decoder).Read(r, fn, skip)
}

// Read is [Read] with the buffers of d.
func (d *Decoder) Read(r io.Reader, fn func(*activity.Record), skip func(why string, n int64)) error {
	d.fn, d.skip = fn, skip
	src := &source{Reader: r}
	if d.packed == nil {
		d.packed = bufio.NewReaderSize(nil, packedSize)
	}
	d.packed.Reset(src)
	magic, _ := d.packed.Peek(2) // what is wrong with it shows when it is read
	if string(magic) != "\x1f\x8b" {
		d.reset(d.packed)
	} else if err := d.unpack(d.packed); err != nil {
		if src.err != nil {
			return fmt.Errorf("read: %w", src.err)
		}
		d.skip(activity.BadTruncated, 1)
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return d.finish(d.all(), src)
}

// unpack starts to read gzip.
func (d *Decoder) unpack(r io.Reader) (err error) {
	if d.gzip == nil {
		d.gzip = new(gzip.Reader)
	}
	if err = d.gzip.Reset(r); err == nil {
		d.reset(d.gzip)
	}
	return err //nolint:wrapcheck // by the caller, who knows whose it is
}

// finish says how reading ended. cut: in the middle of something, which was
// counted.
func (d *Decoder) finish(cut bool, src *source) error {
	switch {
	case src.err != nil:
		return fmt.Errorf("read: %w", src.err)
	case d.why != nil:
		if !cut {
			d.skip(activity.BadTruncated, 1)
		}
		return fmt.Errorf("%w: %w", ErrBroken, d.why)
	case cut:
		return fmt.Errorf("%w: it ends in the middle", ErrBroken)
	}
	return nil
}

// source remembers a failure of a reader, so that it is not taken for one of
// what is read.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err //nolint:wrapcheck // passed through
}

// all reads everything. cut: the end came in the middle of something.
func (d *Decoder) all() (cut bool) {
	for d.next() {
		switch d.buf[d.at] {
		case '{':
			cut = d.top()
		case '[':
			d.at++
			cut = d.list()
		default:
			d.skip(activity.BadShape, 1)
			d.line()
		}
		if cut {
			return true
		}
	}
	return false
}

// next goes on to what is not white space or a comma. False: there is nothing.
func (d *Decoder) next() bool {
	for {
		for d.at < d.end {
			switch d.buf[d.at] {
			case ' ', '\n', '\r', '\t', ',':
				d.at++
			default:
				return true
			}
		}
		if !d.fill() {
			return false
		}
	}
}

// line goes past the end of the line.
func (d *Decoder) line() {
	for {
		d.at = d.find('\n', d.at)
		if d.at < d.end || !d.fill() {
			return
		}
	}
}

// list reads the elements of a list up to its end.
func (d *Decoder) list() (cut bool) {
	for d.next() {
		switch d.buf[d.at] {
		case ']':
			d.at++
			return false
		case '{':
			if d.element() {
				return true
			}
		case '[':
			if d.setAside() {
				return true
			}
		default:
			d.skip(activity.BadShape, 1)
			if !d.resumeIn() {
				return false
			}
		}
	}
	d.skip(activity.BadTruncated, 1)
	return true
}

// resumeIn goes past an element that is neither object nor list, or to where
// the next record begins. False: there is none.
func (d *Decoder) resumeIn() bool {
	for d.at < d.end || d.fill() {
		switch c := d.buf[d.at]; {
		case c == ',' || c == ']':
			return true
		case c == '"' || c == '{' || c == '[':
			d.resume()
			return d.at < d.end
		}
		d.at++
	}
	return false
}

// setAside counts an element that is no object.
func (d *Decoder) setAside() (cut bool) {
	n, why := d.whole()
	if why == "" {
		d.at, why = d.at+n, activity.BadShape
	}
	d.skip(why, 1)
	return why == activity.BadTruncated
}

// element reads an object of a list.
func (d *Decoder) element() (cut bool) {
	if !d.slow && d.fast() {
		return false
	}
	n, why := d.whole()
	if why != "" {
		d.skip(why, 1)
		return why == activity.BadTruncated
	}
	b := d.buf[d.at : d.at+n]
	d.at += n
	d.object(b, true)
	return false
}
