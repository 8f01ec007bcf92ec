package activity

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

const (
	// takeRows is how many rows one transaction writes: ends of access wait for
	// no more.
	takeRows = 4096
	// mostRows is how many rows of one grant are kept. More are counted.
	mostRows = 200_000
)

// intake is what one source hands its records to.
type intake struct {
	log    *Log
	source string
	asked  atomic.Pointer[time.Time] // from when on the grants were that it was given; nil: it looks for none
}

// Intake returns the intake of a source, which need not be one of the Log's.
func (l *Log) Intake(source string) Intake { return &intake{log: l, source: source} }

func (i *intake) Cursor(ctx context.Context) ([]byte, error) {
	var s State
	err := i.log.Store.Read(ctx, func(v storage.View) (err error) {
		s, err = StateOf(v, i.source)
		return err
	})
	return s.Cursor, err
}

func (i *intake) Begin(ctx context.Context, part string) (*Batch, bool, error) {
	if part != "" {
		taken := false
		err := i.log.Store.Read(ctx, func(v storage.View) error {
			raw, err := leaf(v, ledgerParts, partKey(i.source, part))
			taken = raw != nil
			return err
		})
		if err != nil || taken {
			return nil, taken, err
		}
	}
	x, asOf, err := i.log.indexNow(ctx)
	if err != nil {
		return nil, false, err
	}
	return &Batch{
		ctx: ctx, log: i.log, source: i.source, part: part, index: x, asOf: asOf,
		texts: newTable(), actions: newTable(), buckets: map[string]*bucket{}, ofGrants: map[*known]*bucket{},
	}, false, nil
}

func partKey(source, part string) string {
	sum := sha256.Sum256([]byte(part))
	return source + "\x00" + string(sum[:16])
}

var errUsedUp = errors.New("the batch was taken before")

// Take writes a batch down in as many transactions as it needs. The last one
// keeps how far the source has read; if it does not come to that, what was
// written before is known as such when it comes again.
func (i *intake) Take(ctx context.Context, b *Batch, p Progress) error {
	switch {
	case b.log == nil:
		return errUsedUp
	case b.err != nil:
		return b.err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	if from := i.asked.Load(); from != nil && p.Since.IsZero() {
		p.Since = *from
	}
	total := b.tally
	rounds := b.rounds()
	for n, slices := range rounds {
		m := &merge{log: i.log, batch: b, slices: slices}
		last := n == len(rounds)-1 && !p.More
		err := i.log.Store.Write(ctx, func(tx storage.Tx) error { return m.run(tx, last, total, p) })
		if err != nil {
			return fmt.Errorf("keep what %s told: %w", i.source, err)
		}
		m.words.keep()
		b.digest = m.digest
		total.add(m.tally)
		if last {
			i.log.counts.told(i.source, m.until)
		}
	}
	b.tally = total
	if p.More {
		b.empty()
		return nil
	}
	i.log.counts.took(i.source, total)
	b.log = nil
	return nil
}

// empty gets a batch ready for more of its part.
func (b *Batch) empty() {
	b.texts, b.actions, b.concerns = newTable(), newTable(), nil
	b.buckets, b.ofGrants, b.order, b.rows = map[string]*bucket{}, map[*known]*bucket{}, nil, 0
	b.last = [columns]lastText{}
}

// slice is a stretch of a bucket's rows.
type slice struct {
	*bucket
	rows []row
}

// rounds shares the rows out between transactions. There is always one.
func (b *Batch) rounds() [][]slice {
	out, room := [][]slice{nil}, takeRows
	for _, bucket := range b.order {
		for rows := bucket.rows; len(rows) > 0; {
			if room == 0 {
				out, room = append(out, nil), takeRows
			}
			n := min(room, len(rows))
			out[len(out)-1] = append(out[len(out)-1], slice{bucket, rows[:n]})
			rows, room = rows[n:], room-n
		}
	}
	return out
}

// merge is one transaction of a batch. It is begun anew if the transaction runs
// twice.
type merge struct {
	log    *Log
	batch  *Batch
	slices []slice

	tx      storage.Tx
	now     time.Time
	words   *numberings
	pack    *packer
	tally   Tally
	tallies map[throughKey]*tally
	added   []addition
	grants  []string
	digest  [sha256.Size]byte
	until   time.Time // everything until then was told, once this is written
}

// addition are rows that were added to a bucket.
type addition struct {
	bucket   string
	first, n int
}

func (m *merge) run(tx storage.Tx, last bool, before Tally, p Progress) (err error) {
	m.tx, m.words, m.tally = tx, m.log.words.in(tx), Tally{}
	m.tallies, m.added, m.grants, m.digest = map[throughKey]*tally{}, nil, nil, m.batch.digest
	if m.now, err = m.log.At(tx); err != nil {
		return err
	}
	if m.pack, err = m.log.packer(); err != nil {
		return err
	}
	defer m.log.pack.Put(m.pack)
	for _, s := range m.slices {
		if err := m.bucket(s); err != nil {
			return err
		}
	}
	if err := errors.Join(m.keepTallies(), m.keepFeed()); err != nil {
		return err
	}
	if last {
		before.add(m.tally)
		if err := m.keepProgress(before, p); err != nil {
			return err
		}
	}
	if len(m.grants) > 0 && m.log.Kept != nil {
		return m.log.Kept(tx, m.grants)
	}
	return nil
}

// bucket adds the rows of a slice that are not known yet.
func (m *merge) bucket(s slice) error {
	use, err := UseOf(m.tx, s.name)
	if err != nil {
		return err
	}
	fresh, err := m.numbered(s)
	if err != nil {
		return err
	}
	fresh, amended, err := m.sift(s.name, &use, fresh)
	if err != nil {
		return err
	}
	if len(fresh) == 0 && amended == 0 {
		return nil
	}
	if err := m.append(s, &use, fresh); err != nil {
		return err
	}
	if amended > 0 {
		if use, err = m.recount(s.name, use); err != nil {
			return err
		}
	}
	m.grants = append(m.grants, s.grantID()...)
	return m.tx.SetLeaf(ledgerUse, s.name, use.encode())
}

func (b *bucket) grantID() []string {
	if b.known == nil {
		return nil
	}
	return []string{b.grant.ID}
}

// numbered copies the rows of a slice with the numbers of their actions that
// hold everywhere, in the order of their times.
func (m *merge) numbered(s slice) ([]row, error) {
	out := slices.Clone(s.rows)
	for i := range out {
		n, err := m.words.actions.number(m.batch.actions.texts[out[i].action])
		if err != nil {
			return nil, err
		}
		out[i].action = n
	}
	slices.SortStableFunc(out, func(a, b row) int { return int(a.at - b.at) })
	return out, nil
}

// sift leaves out what is known, and puts amended rows in the place of those
// they amend.
func (m *merge) sift(name string, use *Use, rows []row) (fresh []row, amended int, err error) {
	at := make(map[rowKey]int, len(rows))
	for i := range rows {
		first, twice := at[rows[i].key]
		switch {
		case !twice:
			at[rows[i].key] = len(fresh)
			fresh = append(fresh, rows[i])
			continue
		case rows[i].is(flagAmended) && !fresh[first].is(flagAmended):
			fresh[first] = rows[i]
		}
		m.tally.Duplicates++
	}
	if use.rows == 0 {
		return fresh, 0, nil
	}
	var gone []rowKey
	patches := map[int]map[int]row{} // by block, by place in it
	err = eachBlock(m.tx, name, 0, func(first int, block []byte) error {
		keys, n, err := blockKeys(block)
		for i := range n {
			key := rowKey(keys[16*i : 16*i+16])
			known, ok := at[key]
			if !ok {
				continue
			}
			gone = append(gone, key)
			if fresh[known].is(flagAmended) {
				if patches[first] == nil {
					patches[first] = map[int]row{}
				}
				patches[first][i] = fresh[known]
			} else {
				m.tally.Duplicates++
			}
		}
		return err
	})
	if err != nil || len(gone) == 0 {
		return fresh, 0, err
	}
	if amended, err = m.patch(name, use, patches); err != nil {
		return nil, 0, err
	}
	drop := make(map[rowKey]bool, len(gone))
	for _, key := range gone {
		drop[key] = true
	}
	return slices.DeleteFunc(fresh, func(r row) bool { return drop[r.key] }), amended, nil
}

// patch writes amended rows over those they amend. One that was amended before
// stays.
func (m *merge) patch(name string, use *Use, patches map[int]map[int]row) (amended int, err error) {
	for _, first := range slices.Sorted(maps.Keys(patches)) {
		block, err := m.tx.Leaf(ledgerRows, rowsKey(name, first))
		if err != nil {
			return 0, fmt.Errorf("amend: %w", err)
		}
		rows, err := m.log.unpack.rows(block, m.batch.texts)
		if err != nil {
			return 0, err
		}
		changed := false
		for i, r := range patches[first] {
			if rows[i].is(flagAmended) {
				m.tally.Duplicates++
				continue
			}
			if err := m.count(name, &rows[i], true); err != nil {
				return 0, err
			}
			use.replace(&rows[i], &r)
			rows[i] = r
			if err := m.count(name, &rows[i], false); err != nil {
				return 0, err
			}
			changed = true
			amended++
			m.tally.Amended++
			m.added = append(m.added, addition{name, first + i, 1}) // told once more, as it is now
		}
		if changed {
			if err := m.setBlock(name, first, rows); err != nil {
				return 0, err
			}
		}
	}
	return amended, nil
}

// append adds rows at the end of a bucket's and counts them.
func (m *merge) append(s slice, use *Use, fresh []row) error {
	room := max(mostRows-use.rows, 0)
	for i := range fresh {
		use.add(&fresh[i])
		if err := m.count(s.name, &fresh[i], false); err != nil {
			return err
		}
	}
	if over := len(fresh) - room; over > 0 {
		use.Dropped += over
		m.tally.Dropped += int64(over)
		fresh = fresh[:room]
	}
	if len(fresh) == 0 {
		return nil
	}
	m.added = append(m.added, addition{s.name, use.rows, len(fresh)})
	first := use.rows / blockRows * blockRows
	use.rows += len(fresh)
	if begun := m.added[len(m.added)-1].first - first; begun > 0 {
		last, err := m.lastBlock(s.name, first, begun)
		if err != nil {
			return err
		}
		fresh = append(last, fresh...)
	}
	for ; len(fresh) > 0; first += blockRows {
		n := min(blockRows, len(fresh))
		if err := m.setBlock(s.name, first, fresh[:n]); err != nil {
			return err
		}
		fresh = fresh[n:]
	}
	return nil
}

// setBlock writes a block, and takes it into the digest.
func (m *merge) setBlock(name string, first int, rows []row) error {
	block := encodeBlock(m.pack, rows, m.batch.texts)
	m.digest = sha256.Sum256(append(m.digest[:], block...))
	return m.tx.SetLeaf(ledgerRows, rowsKey(name, first), block)
}

func (m *merge) lastBlock(name string, first, begun int) ([]row, error) {
	block, err := m.tx.Leaf(ledgerRows, rowsKey(name, first))
	if err != nil {
		return nil, fmt.Errorf("rows of %s: %w", name, err)
	}
	rows, err := m.log.unpack.rows(block, m.batch.texts)
	if err == nil && len(rows) != begun {
		err = fmt.Errorf("%d rows of %s where %d should be: %w", len(rows), name, begun, errLedger)
	}
	return rows, err
}

// recount makes a summary anew from the rows, after some of them changed. Where
// there are more than are kept as rows, the counts are right already, and what
// cannot be counted back stays.
func (m *merge) recount(name string, before Use) (Use, error) {
	if before.Dropped > 0 {
		return before, nil
	}
	use := Use{rows: before.rows}
	texts := newTable()
	err := eachBlock(m.tx, name, 0, func(_ int, block []byte) error {
		rows, err := m.log.unpack.rows(block, texts)
		for i := range rows {
			use.add(&rows[i])
		}
		return err
	})
	return use, err
}

// count has a row counted in, or taken out, among what was done through its
// scope.
func (m *merge) count(name string, r *row, out bool) error {
	k := throughKey{week: weekOf(r.at), action: r.action}
	scope := m.batch.texts.texts[r.columns[colScope]]
	who := m.batch.texts.texts[r.columns[colActor]]
	if b := m.batch.buckets[name]; b != nil && b.known != nil {
		who = b.principal
		if scope == "" {
			scope = b.grant.Resource
		}
	}
	var err error
	if k.scope, err = m.words.scopes.number(scope); err != nil {
		return err
	}
	person, err := m.words.people.number(who)
	if err != nil {
		return err
	}
	t := m.tallies[k]
	if t == nil {
		if t, err = m.tallyOf(k); err != nil {
			return err
		}
		m.tallies[k] = t
	}
	denied := r.outcome() == jit.ActivityDenied
	switch {
	case out:
		t.take(denied)
	case denied:
		t.denied++
	default:
		t.done++
	}
	if !out {
		t.saw(person)
	}
	return nil
}

func (m *merge) tallyOf(k throughKey) (*tally, error) {
	raw, err := leaf(m.tx, ledgerThrough, k.String())
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return &tally{}, nil
	}
	return decodeTally(raw)
}

func (m *merge) keepTallies() error {
	for k, t := range m.tallies {
		if err := m.tx.SetLeaf(ledgerThrough, k.String(), t.encode()); err != nil {
			return err
		}
	}
	return nil
}

// keepFeed notes what was added, for those who want to hear of it in order.
func (m *merge) keepFeed() error {
	if len(m.added) == 0 {
		return nil
	}
	raw, err := leaf(m.tx, ledgerFeed, be64(0))
	if err != nil {
		return err
	}
	next := uint64(1)
	if len(raw) == 8 {
		next = binary.BigEndian.Uint64(raw)
	}
	b := binary.AppendUvarint(nil, uint64(len(m.added)))
	for _, a := range m.added {
		b = binary.AppendUvarint(binary.AppendUvarint(appendText(b, a.bucket), uint64(a.first)), uint64(a.n))
	}
	return errors.Join(m.tx.SetLeaf(ledgerFeed, be64(next), b), m.tx.SetLeaf(ledgerFeed, be64(0), []byte(be64(next+1))))
}

// keepProgress writes how far the source has read, and what that brought.
func (m *merge) keepProgress(total Tally, p Progress) error {
	name := m.batch.source
	s, err := StateOf(m.tx, name)
	if err != nil {
		return err
	}
	s.take(m.now, total, p)
	m.until = s.Until
	if err := s.keep(m.tx); err != nil {
		return err
	}
	if m.batch.part != "" {
		if err := m.tx.SetLeaf(ledgerParts, partKey(name, m.batch.part), []byte{1}); err != nil {
			return err
		}
	}
	if total.Grants+total.SideDoor+total.SetAside() == 0 && p.Gap.To.IsZero() {
		return nil
	}
	e := jit.Event{At: m.now, Kind: jit.EventActivityRead, Actor: jit.ActorJitbot, Origin: name, Outcome: "ok"}
	c := jit.Record(e).Detail("part", tidy(m.batch.part, 300)).Detail("read", total)
	if m.digest != [sha256.Size]byte{} {
		c.Detail("rows_sha256", hex.EncodeToString(m.digest[:]))
	}
	if !p.Gap.To.IsZero() {
		c.Detail("gap", p.Gap)
	}
	return m.tx.Save(c)
}
