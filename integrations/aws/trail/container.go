package trail

import (
	"bytes"

	"jitbot/activity"
)

// top reads an object that stands by itself: a list of records in a key, or an
// element.
func (d *Decoder) top() (cut bool) {
	if d.end-d.at < len(opening) {
		d.fill()
	}
	if bytes.HasPrefix(d.buf[d.at:d.end], opening) {
		return d.element()
	}
	after, found := d.listed(1)
	if !found {
		return d.element()
	}
	for ; found; after, found = d.listed(0) { // a second list is read too: nothing can be hidden behind the first
		d.at += after
		if d.list() {
			return true
		}
	}
	return d.rest()
}

// listed looks for a list of records among the keys that stand p behind at, and
// says how far behind at its elements begin. It moves nothing.
func (d *Decoder) listed(p int) (after int, found bool) {
	for {
		p = d.blank(p)
		if d.byteAt(p) == ',' {
			p = d.blank(p + 1)
		}
		key, n := d.textAt(p)
		p = d.blank(p + n)
		if n == 0 || d.byteAt(p) != ':' {
			return 0, false
		}
		p = d.blank(p + 1)
		if d.byteAt(p) == '[' && (key == "Records" || key == "Events") {
			return p + 1, true
		}
		if n = d.valueAt(p); n == 0 {
			return 0, false
		}
		p += n
	}
}

// byteAt is the byte p behind at, or 0 where there is none.
func (d *Decoder) byteAt(p int) byte {
	for p >= d.end-d.at {
		if p > maxRecord || !d.fill() {
			return 0
		}
	}
	return d.buf[d.at+p]
}

func (d *Decoder) blank(p int) int {
	for {
		switch d.byteAt(p) {
		case ' ', '\n', '\r', '\t':
			p++
		default:
			return p
		}
	}
}

// textAt is the text p behind at, as it is written, and how long it is with its
// quotes; 0 where there is none.
func (d *Decoder) textAt(p int) (text string, n int) {
	if d.byteAt(p) != '"' {
		return "", 0
	}
	for n = 1; ; n++ {
		switch d.byteAt(p + n) {
		case '"':
			return string(d.buf[d.at+p+1 : d.at+p+n]), n + 1
		case '\\':
			n++
		case 0:
			return "", 0
		}
	}
}

// valueAt is how long the value p behind at is; 0 where there is none.
func (d *Decoder) valueAt(p int) int {
	switch d.byteAt(p) {
	case '"':
		_, n := d.textAt(p)
		return n
	case '{', '[':
		var f frame
		for n := 0; ; n++ {
			c := d.byteAt(p + n)
			if done, ok := f.step(c); c == 0 || !ok {
				return 0
			} else if done {
				return n + 1
			}
		}
	}
	n := 0
	for {
		switch d.byteAt(p + n) {
		case ',', '}', ']', ' ', '\n', '\r', '\t', 0:
			return n
		}
		n++
	}
}

// rest goes past what follows a list of records in its object.
func (d *Decoder) rest() (cut bool) {
	f := frame{depth: 1}
	for d.at < d.end || d.fill() {
		done, ok := f.step(d.buf[d.at])
		d.at++
		if !ok {
			d.skip(activity.BadShape, 1)
			d.line()
			return false
		}
		if done {
			return false
		}
	}
	d.skip(activity.BadTruncated, 1)
	return true
}
