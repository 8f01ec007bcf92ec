package trail

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The fast path reads a record as AWS writes it: no white space, ASCII alone,
// no escapes in what is wanted. It takes nothing that the strict path does not
// take, and reads the same in it; where it is in doubt it leaves the record to
// the strict path. Its methods take where a value begins and return where it
// ends, or -1.

// deepest is how deep the objects stand whose keys are fields.
const deepest = 4

// fast reads the record at at. False: it is for the strict path.
func (d *Decoder) fast() bool {
	for {
		d.sweep()
		d.fields.reset()
		end := d.keys(d.at, unknown)
		if end >= 0 && d.odd >= end && end-d.at <= maxRecord {
			d.at = end
			d.emit()
			return true
		}
		d.escape = d.at - 1 // it has gone on: look again
		if end >= 0 || d.stop+pad <= d.end || d.end-d.at > maxRecord || !d.fill() {
			return false
		}
	}
}

// fail notes how far a record was understood: near the end of the window more
// data may help.
func (d *Decoder) fail(p int) int {
	d.stop = p
	return -1
}

// keys reads an object whose keys are fields: the record itself, or one in it.
// AWS writes keys in one order, so the one that followed last time is tried
// first.
func (d *Decoder) keys(p int, of field) int {
	b, last := d.buf, of
	if b[p] != '{' {
		return d.fail(p)
	}
	if p++; b[p] == '}' {
		return p + 1
	}
	for {
		k := d.follows[last][0]
		name := spelled[k]
		if string(b[p:p+len(name)]) != name || k == unknown {
			k, p = d.otherKey(p, of, last)
			if p < 0 {
				return -1
			}
		} else {
			p += len(name)
		}
		if !d.fields.once(k) {
			return d.fail(d.at)
		}
		last = k
		if p = d.value(p, k); p < 0 {
			return -1
		}
		switch b[p] {
		case ',':
			p++
		case '}':
			return p + 1
		default:
			return d.fail(p)
		}
	}
}

// otherKey reads a key that is not the one that mostly follows the last, as
// before an error, and remembers it as the one that sometimes does.
func (d *Decoder) otherKey(p int, of, last field) (field, int) {
	often, seldom := d.follows[last][0], d.follows[last][1]
	if name := spelled[seldom]; seldom != unknown && string(d.buf[p:p+len(name)]) == name {
		d.follows[last] = [2]field{seldom, often}
		if d.turns++; d.turns&3 != 0 {
			d.follows[last] = [2]field{often, seldom}
		}
		return seldom, p + len(name)
	}
	k, p := d.key(p, of)
	switch {
	case p < 0 || k == unknown:
	case often == unknown:
		d.follows[last][0] = k
	default:
		d.follows[last][1] = k
	}
	return k, p
}

// key reads a key and its colon.
func (d *Decoder) key(p int, of field) (field, int) {
	b := d.buf
	if b[p] != '"' {
		return unknown, d.fail(p)
	}
	z := d.plain(p)
	if z < 0 {
		return unknown, -1
	}
	if b[z+1] != ':' {
		return unknown, d.fail(z + 1)
	}
	k, ok := fieldOf(of, alias(b[p+1:z]))
	if !ok {
		return unknown, d.fail(d.at)
	}
	return k, z + 2
}

// value reads the value of a field.
func (d *Decoder) value(p int, k field) int {
	b := d.buf
	switch {
	case k == holder:
		return d.fail(d.at)
	case b[p] == 'n' || k > holder || k == unknown:
		return d.skipValue(p, deepest)
	case k < texts:
		if b[p] != '"' {
			return d.fail(p)
		}
		z := d.plain(p)
		if z < 0 {
			return -1
		}
		d.fields.text[k] = alias(b[p+1 : z])
		return z + 1
	}
	switch k {
	case request:
		end := d.skipValue(p, deepest)
		if end >= 0 && b[p] == '{' {
			d.fields.request = b[p:end]
		}
		return end
	case response:
		return d.answer(p)
	case readOnly:
		d.fields.readOnly = b[p] == 't'
		if b[p] != 't' && b[p] != 'f' {
			return d.fail(p)
		}
		return d.skipValue(p, deepest)
	case resources:
		return d.resources(p)
	default:
		return d.keys(p, k)
	}
}

// answer passes responseElements over, and notes whether an error may be among
// them.
func (d *Decoder) answer(p int) int {
	b := d.buf
	if b[p] != '{' || b[p+1] == '}' {
		return d.skipValue(p, deepest)
	}
	from := p
	for {
		if p++; b[p] != '"' {
			return d.fail(p)
		}
		if b[p+1] == 'e' || b[p+1] == '\\' {
			d.fields.failed = true
		}
		if p = d.skipText(p); p < 0 {
			return -1
		}
		if b[p] != ':' {
			return d.fail(p)
		}
		if p = d.skipValue(p+1, deepest); p < 0 {
			return -1
		}
		switch b[p] {
		case ',':
		case '}':
			d.fields.response = b[from : p+1]
			return p + 1
		default:
			return d.fail(p)
		}
	}
}

// resources reads the list of resources.
func (d *Decoder) resources(p int) int {
	b := d.buf
	if b[p] != '[' {
		return d.fail(p)
	}
	if p++; b[p] == ']' {
		return p + 1
	}
	for {
		if p = d.resourceIn(p); p < 0 {
			return -1
		}
		switch b[p] {
		case ',':
			p++
		case ']':
			return p + 1
		default:
			return d.fail(p)
		}
	}
}

func (d *Decoder) resourceIn(p int) int {
	b := d.buf
	if b[p] != '{' {
		return d.fail(p)
	}
	if p++; b[p] == '}' {
		return p + 1
	}
	seen := false
	for {
		if b[p] != '"' {
			return d.fail(p)
		}
		z := d.plain(p)
		if z < 0 {
			return -1
		}
		if b[z+1] != ':' {
			return d.fail(z + 1)
		}
		arn := string(b[p+1:z]) == "ARN"
		p = z + 2
		switch {
		case arn && seen:
			return d.fail(p)
		case arn && b[p] == '"':
			if z = d.plain(p); z < 0 {
				return -1
			}
			d.fields.addResource(alias(b[p+1 : z]))
			p = z + 1
		case arn && b[p] != 'n':
			return d.fail(p)
		default:
			if p = d.skipValue(p, deepest); p < 0 {
				return -1
			}
		}
		seen = seen || arn
		switch b[p] {
		case ',':
			p++
		case '}':
			return p + 1
		default:
			return d.fail(p)
		}
	}
}

func (f *fields) addResource(arn string) {
	if arn == "" {
		return
	}
	if f.resources == 0 {
		f.resource = arn
	}
	f.resources++
}

// plain finds the end of the text at p, its second quote. A text with escapes
// is for the strict path.
func (d *Decoder) plain(p int) int {
	i := bytes.IndexByte(d.buf[p+1:d.end], '"')
	if i < 0 {
		return d.fail(d.end)
	}
	if z := p + 1 + i; z < d.escape {
		return z
	}
	return d.fail(d.at)
}

// skipText passes the text at p over. Most of these are short: the first bytes
// are looked at together before a search is called.
func (d *Decoder) skipText(p int) int {
	b := d.buf
	x := binary.LittleEndian.Uint64(b[p+1:]) ^ '"'*lows
	if m := (x - lows) &^ x & highs; m != 0 { // the lowest bit set is that of the quote
		if z := p + 1 + bits.TrailingZeros64(m)/8; z < d.escape {
			return z + 1
		}
		return d.skipEscaped()
	}
	return d.skipLong(p)
}

func (d *Decoder) skipLong(p int) int {
	i := bytes.IndexByte(d.buf[p+1:d.end], '"')
	if i < 0 {
		return d.fail(d.end)
	}
	if z := p + 1 + i; z < d.escape {
		return z + 1
	}
	return d.skipEscaped()
}

// skipEscaped goes on from the first escape of a text to its end.
func (d *Decoder) skipEscaped() int {
	for {
		n := escaped(d.buf[d.escape:])
		if n == 0 {
			return d.fail(d.escape)
		}
		from := d.escape + n
		i := bytes.IndexByte(d.buf[min(from, d.end):d.end], '"')
		if i < 0 {
			return d.fail(d.end)
		}
		z := from + i
		d.escape = d.find('\\', from)
		if d.escape > z {
			return z + 1
		}
	}
}

// escaped is how long the escape at the start of b is, 0 where it is none of
// those that stand for a character by themselves.
func escaped(b []byte) int {
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if !hex(b[2]) || !hex(b[3]) || !hex(b[4]) || !hex(b[5]) || (b[2]|0x20 == 'd' && b[3] > '7') {
			return 0 // or half of a character
		}
		return 6
	}
	return 0
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// skipValue passes the value at p over; depth is how deep it stands.
func (d *Decoder) skipValue(p, depth int) int {
	b := d.buf
	switch c := b[p]; {
	case c == '"':
		return d.skipText(p)
	case c == '{':
		return d.skipObject(p, depth+1)
	case c == '[':
		return d.skipList(p, depth+1)
	case c == 't' && string(b[p:p+4]) == "true", c == 'n' && string(b[p:p+4]) == "null":
		return p + 4
	case c == 'f' && string(b[p:p+5]) == "false":
		return p + 5
	case c == '-' || '0' <= c && c <= '9':
		return d.skipNumber(p)
	}
	return d.fail(p)
}

func (d *Decoder) skipObject(p, depth int) int {
	if depth > maxDepth {
		return d.fail(d.at)
	}
	b := d.buf
	if p++; b[p] == '}' {
		return p + 1
	}
	for {
		if b[p] != '"' {
			return d.fail(p)
		}
		if p = d.skipText(p); p < 0 {
			return -1
		}
		if b[p] != ':' {
			return d.fail(p)
		}
		if p = d.skipValue(p+1, depth); p < 0 {
			return -1
		}
		switch b[p] {
		case ',':
			p++
		case '}':
			return p + 1
		default:
			return d.fail(p)
		}
	}
}

func (d *Decoder) skipList(p, depth int) int {
	if depth > maxDepth {
		return d.fail(d.at)
	}
	b := d.buf
	if p++; b[p] == ']' {
		return p + 1
	}
	for {
		if p = d.skipValue(p, depth); p < 0 {
			return -1
		}
		switch b[p] {
		case ',':
			p++
		case ']':
			return p + 1
		default:
			return d.fail(p)
		}
	}
}

func (d *Decoder) skipNumber(p int) int {
	b := d.buf
	if b[p] == '-' {
		p++
	}
	if b[p] == '0' {
		p++
	} else if p = digits(b, p); p < 0 {
		return d.fail(d.at)
	}
	if b[p] == '.' {
		if p = digits(b, p+1); p < 0 {
			return d.fail(d.at)
		}
	}
	if b[p]|0x20 == 'e' {
		if p++; b[p] == '+' || b[p] == '-' {
			p++
		}
		if p = digits(b, p); p < 0 {
			return d.fail(d.at)
		}
	}
	return p
}

// digits passes at least one digit over.
func digits(b []byte, p int) int {
	from := p
	for b[p] >= '0' && b[p] <= '9' {
		p++
	}
	if p == from {
		return -1
	}
	return p
}
