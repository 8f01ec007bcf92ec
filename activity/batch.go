package activity

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"jitbot/jit"
)

// Bad counts what a source could not read, by why.
type Bad map[string]int64

// Reasons for which records are set aside.
const (
	BadShape     = "not of a known shape"
	BadText      = "not valid text"
	BadTime      = "no instant that can be"
	BadVersion   = "of a version that is not known"
	BadTooLong   = "too long"
	BadTooDeep   = "nested too deep"
	BadTruncated = "cut off"
	BadID        = "without an id"
)

// lateAfter is how long after a grant's end an action still counts as within.
const lateAfter = 5 * time.Minute

// The years of instants that are believed.
const (
	firstYear = 2000
	lastYear  = 2200
)

// Batch gathers the records of one read. It is for one goroutine; several
// batches may be filled at once. Make it with [Intake.Begin].
type Batch struct {
	ctx          context.Context //nolint:containedctx // of Begin: Add may have to read the store
	log          *Log
	source, part string
	index        *index
	asOf         time.Time // when the index was as good as a new one
	fresh        []Record  // nobody's by an index that may be older than their grants
	texts        *table
	actions      *table
	concerns     []concern // of the actions, by their number
	name         []byte    // of an action, while it is put together
	buckets      map[string]*bucket
	ofGrants     map[*known]*bucket // the same, found faster
	last         [columns]lastText
	order        []*bucket
	tally        Tally
	told         []string // resources of whose grants something was told, sorted
	lastTold     string   // of them
	rows         int
	digest       [sha256.Size]byte // of the blocks it was written into, in their order
	err          error
	watch        *watch // instead of gathering; see Watch
}

// fullRows is how many rows a batch holds before it should be taken.
const fullRows = 50_000

// Full reports whether a batch holds as much as one should: have it taken, with
// [Progress.More] where its part goes on.
func (b *Batch) Full() bool { return b.rows >= fullRows }

// bucket are the rows of one grant, or of one side door.
type bucket struct {
	name string
	*known
	rows []row
}

// Tally counts what became of records.
type Tally struct {
	Records    int64 `json:"records"`              // that could be read
	Grants     int64 `json:"grants"`               // of them, of grants
	SideDoor   int64 `json:"side_door,omitempty"`  // done by nobody's grant through what only grants should open
	Duplicates int64 `json:"duplicates,omitempty"` // known before
	Amended    int64 `json:"amended,omitempty"`    // took the place of one that was known
	Dropped    int64 `json:"dropped,omitempty"`    // counted only, as the grant has too many
	Bad        Bad   `json:"bad,omitempty"`
}

// SetAside is how many records could not be read.
func (t Tally) SetAside() (n int64) {
	for _, count := range t.Bad {
		n += count
	}
	return n
}

func (t *Tally) add(o Tally) {
	t.Records, t.Grants, t.SideDoor = t.Records+o.Records, t.Grants+o.Grants, t.SideDoor+o.SideDoor
	t.Duplicates, t.Amended, t.Dropped = t.Duplicates+o.Duplicates, t.Amended+o.Amended, t.Dropped+o.Dropped
	for why, n := range o.Bad {
		if t.Bad == nil {
			t.Bad = Bad{}
		}
		t.Bad[why] += n
	}
}

// Skip counts n records that were set aside.
func (b *Batch) Skip(why string, n int64) {
	if b.watch != nil {
		b.watch.skip(why, n)
		return
	}
	if b.tally.Bad == nil {
		b.tally.Bad = Bad{}
	}
	b.tally.Bad[why] += n
}

// Tally counts what was added so far; what of it was known before shows once it
// was taken.
func (b *Batch) Tally() Tally { return b.tally }

// Add takes a record in. It copies what it keeps. One without an id or with an
// instant that cannot be is set aside.
func (b *Batch) Add(r *Record) {
	if b.watch != nil {
		b.watch.add(r)
		return
	}
	if r.ID == "" {
		b.Skip(BadID, 1)
		return
	}
	if y := r.At.Year(); y < firstYear || y >= lastYear {
		b.Skip(BadTime, 1)
		return
	}
	b.tally.Records++
	if !b.index.covers(r.At) {
		b.widen(r.At)
	}
	f := b.index.find(r)
	if f.known == nil && !r.At.Before(b.asOf.Add(-skew)) {
		b.later(r)
		return
	}
	b.place(r, f)
}

// mostFresh is how many records wait for a newer index.
const mostFresh = 1024

// later keeps a record that is nobody's for when there is a newer index: a batch
// may be filled for long, and what it takes in be of a grant that was made
// meanwhile.
func (b *Batch) later(r *Record) {
	b.fresh = append(b.fresh, r.clone())
	if len(b.fresh) >= mostFresh && b.err == nil {
		b.err = b.settle(b.ctx)
	}
}

// settle finds out by a new index whose the records are that were nobody's. All
// of them were done by then, so that it knows every grant they can be of.
func (b *Batch) settle(ctx context.Context) error {
	if len(b.fresh) == 0 {
		return nil
	}
	index, asOf, err := b.log.indexNow(ctx)
	if err != nil {
		return err
	}
	b.index, b.asOf = index, asOf
	for i := range b.fresh {
		b.place(&b.fresh[i], index.find(&b.fresh[i]))
	}
	b.fresh = b.fresh[:0]
	return nil
}

// tellOf notes a resource of whose grants something was told.
func (b *Batch) tellOf(resource string) {
	if resource == b.lastTold {
		return
	}
	b.lastTold = resource
	if at, known := slices.BinarySearch(b.told, resource); !known {
		b.told = slices.Insert(b.told, at, resource)
	}
}

// Resources are those of whose grants something was told so far, sorted.
func (b *Batch) Resources() []string { return slices.Clone(b.told) }

// place puts a record where it belongs.
func (b *Batch) place(r *Record, f found) {
	switch {
	case f.known != nil:
		b.tally.Grants++
		b.tellOf(f.grant.Resource)
	case r.Scope != "" && b.index.opens[r.Scope]:
		b.tally.SideDoor++
	default:
		return
	}
	bucket := b.bucket(f, r)
	b.rows++
	bucket.rows = append(bucket.rows, row{})
	b.fill(&bucket.rows[len(bucket.rows)-1], r, f)
}

// widen has the index cover an instant. If it cannot be read, the batch is not
// taken.
func (b *Batch) widen(at time.Time) {
	if b.err != nil {
		return
	}
	wider, err := b.log.indexAt(b.ctx, at)
	if err != nil {
		b.err = err
		return
	}
	b.index = wider
}

// sideDoor starts the name of a bucket that is no grant's.
const sideDoor = "~"

func (b *Batch) bucket(f found, r *Record) *bucket {
	if f.known != nil {
		if known := b.ofGrants[f.known]; known != nil {
			return known
		}
		known := b.buckets[f.grant.ID] // of another index, if the batch was widened
		if known == nil {
			known = b.newBucket(f.grant.ID, f.known)
		}
		b.ofGrants[f.known] = known
		return known
	}
	name := sideDoor + weekStart(r.At) + sideDoor + r.Scope
	if known := b.buckets[name]; known != nil {
		return known
	}
	return b.newBucket(name, nil)
}

func (b *Batch) newBucket(name string, k *known) *bucket {
	n := &bucket{name: string(append([]byte(nil), name...)), known: k}
	b.buckets[n.name] = n
	b.order = append(b.order, n)
	return n
}

// fill writes a record as a row.
func (b *Batch) fill(to *row, r *Record, f found) {
	var ok bool
	if to.key, ok = uuidKey(r.ID); !ok {
		to.key = digestKey(r.Family, r.ID)
		to.columns[colID] = b.texts.number(tidy(r.ID, 256))
	}
	to.at = r.At.UnixMicro()
	b.name = append(append(append(b.name[:0], tidy(r.Service, 64)...), ':'), tidy(r.Verb, 128)...)
	to.action = b.actions.bytes(b.name)
	about := b.concern(to.action)
	to.flags = outcomeFlag(r.Outcome) | methodFlag(f.method) | b.flags(r, f)
	b.text(to, colSource, b.source, 256)
	b.text(to, colActor, r.Actor, 256)
	b.text(to, colResource, b.log.redact.text(fieldResource, about, r.Resource), 512)
	b.text(to, colCode, r.Code, 80)
	b.text(to, colLayer, r.Layer, 40)
	b.text(to, colOrigin, b.log.redact.text(fieldOrigin, about, r.Origin), 64)
	b.text(to, colAgent, r.Agent, 160)
	b.text(to, colAccount, r.Account, 64)
	b.text(to, colRegion, r.Region, 64)
	b.text(to, colScope, r.Scope, 512)
	b.text(to, colDetail, b.log.redact.text(fieldDetail, about, r.Detail), 400)
}

// concern is which rules are about an action that the batch has.
func (b *Batch) concern(action uint32) concern {
	for int(action) >= len(b.concerns) {
		b.concerns = append(b.concerns, b.log.redact.concern(b.actions.texts[len(b.concerns)]))
	}
	return b.concerns[action]
}

// lastText is the last text of a column and its number: many rows in a row have
// the same.
type lastText struct {
	text string
	num  uint32
}

func (b *Batch) text(to *row, c column, s string, most int) {
	if s == "" {
		return
	}
	last := &b.last[c]
	if s != last.text {
		if c == colDetail {
			last.num = b.texts.another(tidy(s, most))
		} else {
			last.num = b.texts.number(tidy(s, most))
		}
		last.text = s
		if kept := b.texts.texts[last.num]; kept == s {
			last.text = kept // what s points into may be written over
		} else {
			last.text = string(append([]byte(nil), s...))
		}
	}
	to.columns[c] = last.num
}

func (b *Batch) flags(r *Record, f found) (flags uint16) {
	if r.ReadOnly {
		flags |= flagReadOnly
	}
	if r.Amends {
		flags |= flagAmended
	}
	if f.known == nil {
		return flags
	}
	if f.sure < f.method.Confidence() {
		flags |= flagUnsure
	}
	if !f.to.IsZero() && r.At.After(f.to.Add(lateAfter)) {
		flags |= flagLate
	}
	// What may as well have been done with something else accuses nobody.
	if r.Outcome == jit.ActivityOK && f.sure > unsure && strays(f.grant.Scope, r.Resource) {
		flags |= flagStray
	}
	return flags
}

// strays reports whether a resource is outside of what a grant was for. One
// that is not known is not.
func strays(scope []string, resource string) bool {
	if len(scope) == 0 || resource == "" {
		return false
	}
	for _, pattern := range scope {
		if fits(pattern, resource) {
			return false
		}
	}
	return true
}

// fits matches a pattern in which * stands for anything.
func fits(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
