package activity

import (
	"encoding/binary"
	"errors"
	"fmt"

	"jitbot/storage"
)

// The ledgers of the contextual log. Their names stand in every row, so they are
// short.
const (
	ledgerRows    = "a.rows"    // blocks of rows: grant, 0, number of the first row
	ledgerUse     = "a.use"     // one summary a grant
	ledgerThrough = "a.through" // one row a week, scope and action: who, how often
	ledgerWords   = "a.words"   // actions, scopes and people by number, and back
	ledgerSources = "a.sources" // how far each source has read
	ledgerParts   = "a.parts"   // what never changes and was taken whole
	ledgerFeed    = "a.feed"    // what was added, in the order it was
)

func be32(n uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return string(b[:])
}

func be64(n uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return string(b[:])
}

// leaf is a leaf, or nil where there is none.
func leaf(v storage.View, ledger, key string) ([]byte, error) {
	value, err := v.Leaf(ledger, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("contextual log: %w", err)
	}
	return value, nil
}

// after is the first key that does not start with prefix.
func after(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return string(b[:i+1])
		}
	}
	return ""
}

// reader reads what the ledgers keep: numbers as varints, texts after their
// length. Once something is not as it was written all reads are zero and err
// says so.
type reader struct {
	b   []byte
	err error
}

var errLedger = errors.New("the contextual log is not as it was written")

func (r *reader) fail() {
	r.b, r.err = nil, errLedger
}

func (r *reader) num() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count is a number of things of at least one byte each that follow.
func (r *reader) count() int {
	n := r.num()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte {
	n := r.count()
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) fixed(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

func appendText(to []byte, s string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(s))), s...)
}
