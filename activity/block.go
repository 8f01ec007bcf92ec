package activity

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"jitbot/storage"
)

const (
	blockVersion = 1
	blockRows    = 1024 // as many rows as a block holds
	// mostUnpacked bounds what a block may unpack to.
	mostUnpacked = 64 << 20
)

// A block is a stretch of a grant's rows: the version, how many, their keys as
// they are, then the columns one after the other, packed.

// rowsKey is the key of the block that starts with a row.
func rowsKey(grant string, first int) string { return grant + "\x00" + be32(uint32(first)) }

// encodeBlock writes rows, whose texts are in t.
func encodeBlock(p *packer, rows []row, t *table) []byte {
	out := binary.AppendUvarint([]byte{blockVersion}, uint64(len(rows)))
	for i := range rows {
		out = append(out, rows[i].key[:]...)
	}
	return p.pack(out, p.columns(rows, t))
}

// packer packs blocks. It is for one goroutine.
type packer struct {
	buf   []byte
	local []uint32 // numbers of texts in this block, by their numbers in the table; 0: none yet
	order []uint32
	enc   *zstd.Encoder
}

func newPacker() (*packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<18))
	if err != nil {
		return nil, fmt.Errorf("contextual log: %w", err)
	}
	return &packer{enc: enc}, nil
}

func (p *packer) pack(out, columns []byte) []byte { return p.enc.EncodeAll(columns, out) }

// columns writes everything of rows but their keys.
func (p *packer) columns(rows []row, t *table) []byte {
	b := p.buf[:0]
	unit := unitOf(rows)
	b = binary.AppendUvarint(b, uint64(unit))
	last := int64(0)
	for i := range rows {
		at := rows[i].at / unit
		b = binary.AppendVarint(b, at-last)
		last = at
	}
	for i := range rows {
		b = binary.AppendUvarint(b, uint64(rows[i].action))
	}
	for i := range rows {
		b = binary.AppendUvarint(b, uint64(rows[i].flags))
	}
	p.number(len(t.texts))
	for c := range columns {
		b = p.column(b, rows, c)
	}
	b = binary.AppendUvarint(b, uint64(len(p.order)))
	for _, n := range p.order {
		b = appendText(b, t.texts[n])
		p.local[n] = 0
	}
	p.buf = b
	return b
}

// number gets ready to number texts anew.
func (p *packer) number(texts int) {
	if texts > len(p.local) {
		p.local = make([]uint32, texts*2)
	}
	p.order = p.order[:0]
}

// column writes the texts of one column by their numbers in the block. One that
// is the same in all rows is written once.
func (p *packer) column(b []byte, rows []row, c column) []byte {
	same := true
	for i := range rows {
		same = same && rows[i].columns[c] == rows[0].columns[c]
	}
	if same {
		b = append(b, 1)
		rows = rows[:min(1, len(rows))]
	} else {
		b = append(b, 0)
	}
	for i := range rows {
		n := rows[i].columns[c]
		if n == 0 {
			b = append(b, 0)
			continue
		}
		if p.local[n] == 0 {
			p.order = append(p.order, n)
			p.local[n] = uint32(len(p.order))
		}
		b = binary.AppendUvarint(b, uint64(p.local[n]))
	}
	return b
}

// unitOf is in what times can be written without loss: most logs know whole
// seconds, or milliseconds.
func unitOf(rows []row) int64 {
	unit := int64(1_000_000)
	for i := range rows {
		for rows[i].at%unit != 0 {
			unit /= 1000
		}
	}
	return unit
}

// blockKeys are the keys of a block's rows, without unpacking it.
func blockKeys(b []byte) (keys []byte, n int, err error) {
	r := reader{b: b}
	if v := r.fixed(1); v[0] != blockVersion {
		return nil, 0, fmt.Errorf("block of version %d: %w", v[0], errLedger)
	}
	n = int(r.num())
	if n < 0 || n > blockRows {
		r.fail()
		n = 0
	}
	return r.fixed(16 * n), n, r.err
}

// unpacker reads blocks. It may be used by several goroutines.
type unpacker struct {
	dec   *zstd.Decoder
	spare sync.Pool // of *scratch
}

func newUnpacker() (*unpacker, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(mostUnpacked))
	if err != nil {
		return nil, fmt.Errorf("contextual log: %w", err)
	}
	return &unpacker{dec: dec, spare: sync.Pool{New: func() any { return &scratch{texts: newTable()} }}}, nil
}

// scratch is room for reading rows: most grants have few, and there are a
// million grants.
type scratch struct {
	texts  *table // of all that was read with it, as most comes again
	blocks []numbered
	rows   []row
	raw    []byte
	nums   []uint32
}

// numbered is a block with the number of its first row.
type numbered struct {
	first int
	raw   []byte
}

// mostKnown is how many texts a scratch keeps in mind.
const mostKnown = 8 * tableTexts

func (u *unpacker) borrow() *scratch {
	s, ok := u.spare.Get().(*scratch)
	if !ok || len(s.texts.texts) > mostKnown {
		s = &scratch{texts: newTable()}
	}
	return s
}

func (u *unpacker) giveBack(s *scratch) {
	clear(s.blocks)
	s.blocks = s.blocks[:0]
	u.spare.Put(s)
}

// rows reads a block; its texts go into t.
func (u *unpacker) rows(b []byte, t *table) ([]row, error) {
	return u.read(b, &scratch{texts: t})
}

// read reads a block with what s has. The rows are good until it reads another;
// their texts stay.
func (u *unpacker) read(b []byte, s *scratch) ([]row, error) {
	keys, n, err := blockKeys(b)
	if err != nil {
		return nil, err
	}
	head := len(b) - len(packed(b))
	if s.raw, err = u.dec.DecodeAll(b[head:], s.raw[:0]); err != nil {
		return nil, fmt.Errorf("unpack a block: %w: %w", errLedger, err)
	}
	s.rows = slices.Grow(s.rows[:0], n)[:n]
	clear(s.rows)
	for i := range s.rows {
		copy(s.rows[i].key[:], keys[16*i:])
	}
	r := reader{b: s.raw}
	readColumns(&r, s)
	return s.rows, r.err
}

// packed is what of a block is packed.
func packed(b []byte) []byte {
	r := reader{b: b}
	r.fixed(1)
	r.fixed(16 * int(r.num()))
	return r.b
}

func readColumns(r *reader, s *scratch) {
	out := s.rows
	unit, last := int64(r.num()), int64(0)
	for i := range out {
		last += r.signed()
		out[i].at = last * unit
	}
	for i := range out {
		out[i].action = uint32(r.num())
	}
	for i := range out {
		out[i].flags = uint16(r.num())
	}
	for c := range columns {
		same := r.fixed(1)[0] == 1
		for i := range out {
			if same && i > 0 {
				out[i].columns[c] = out[0].columns[c]
				continue
			}
			out[i].columns[c] = uint32(r.num())
		}
	}
	nums := append(s.nums[:0], 0)
	for range r.count() {
		nums = append(nums, s.texts.bytes(r.bytes()))
	}
	s.nums = nums
	for i := range out {
		for c := range columns {
			local := out[i].columns[c]
			if int(local) >= len(nums) {
				r.fail()
				return
			}
			out[i].columns[c] = nums[local]
		}
	}
}

// eachBlock calls fn for the blocks of a grant in order, with the number of
// their first row.
func eachBlock(v storage.View, grant string, from int, fn func(first int, block []byte) error) error {
	prefix := grant + "\x00"
	err := v.Leaves(ledgerRows, rowsKey(grant, from), after(prefix), func(key string, value []byte) error {
		first := key[len(prefix):]
		if len(first) != 4 {
			return errLedger
		}
		return fn(int(binary.BigEndian.Uint32([]byte(first))), value)
	})
	if err != nil {
		return fmt.Errorf("rows of %s: %w", grant, err)
	}
	return nil
}
