package activity

import "strings"

// hints are words that stand in a text, one bit each.
type hints uint32

// hintTable finds words in texts, without regard to case, in one pass: by the
// first two letters, which most places of most texts do not have.
type hintTable struct {
	words  []string // in small letters, of two letters or more
	begins [1 << 16 / 64]uint64
}

// add takes words in and returns their bits. There is room for 32.
func (t *hintTable) add(words []string) (bits hints) {
	for _, w := range words {
		at := -1
		for i, known := range t.words {
			if known == w {
				at = i
			}
		}
		if at < 0 {
			at = len(t.words)
			t.words = append(t.words, w)
			p := pairOf(w[0], w[1])
			t.begins[p>>6] |= 1 << (p & 63)
		}
		bits |= 1 << at
	}
	return bits
}

// pairOf is the number of two bytes. Letters of both cases have one, and so have
// some signs, which costs a look and no more.
func pairOf(a, b byte) uint { return uint(a|0x20)<<8 | uint(b|0x20) }

func (t *hintTable) in(s string) (found hints) {
	for i := 0; i+1 < len(s); i++ {
		if p := pairOf(s[i], s[i+1]); t.begins[p>>6]&(1<<(p&63)) != 0 {
			found |= t.at(s[i:])
		}
	}
	return found
}

// at is which words a text begins with.
func (t *hintTable) at(s string) (found hints) {
	for i, w := range t.words {
		if len(w) <= len(s) && strings.EqualFold(s[:len(w)], w) {
			found |= 1 << i
		}
	}
	return found
}
