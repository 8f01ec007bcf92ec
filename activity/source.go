package activity

import (
	"context"
	"time"

	"jitbot/jit"
)

// Source is a place that tells what was done. All methods may be called
// concurrently, but for Read.
type Source interface {
	// Name is the source's name in the configuration, in rows and in events.
	Name() string
	// Watches reports whether what is done with h shows up here, so that a
	// grant's use is not known before this source has told. It is pure.
	Watches(h jit.Holding) bool
	// Read hands over what is new since the cursor, and returns once it has
	// caught up. It is called again a while after it returned. An error means
	// that it has to be asked again; what was taken stays taken. A source that
	// is told of things as they happen may stay in Read until ctx ends.
	Read(ctx context.Context, in Intake) error
}

// Pacer is a Source that says how long to rest between two calls of Read.
type Pacer interface {
	Every() time.Duration
}

// Marking is a Source that knows marks of its own by which what is done with a
// holding shows in its logs, beside those that a [Marker] leaves.
type Marking interface {
	MarksOf(h jit.Holding) []Mark
}

// Unlogged is a Source in whose logs some of what can be done does not show.
type Unlogged interface {
	// Misses names the services, such as s3, of which reads or writes of data are
	// not told; empty: all is told.
	Misses(h jit.Holding) []string
}

// Intake is what a source hands its records to. All methods may be called
// concurrently.
type Intake interface {
	// Cursor is what the source last kept; nil before it kept anything.
	Cursor(ctx context.Context) ([]byte, error)
	// Subjects are the grants whose actions may still be found: those that run
	// and those that ended a short while ago, or since the source had last told
	// everything. For sources that have to ask for each: of others they say
	// nothing, see [Progress.Since].
	Subjects(ctx context.Context) ([]Subject, error)
	// Begin starts a batch. part names what it is read from if that never
	// changes, such as a file with its version: taken says that all of it was
	// taken before and need not be read again. Empty: it may change.
	Begin(ctx context.Context, part string) (b *Batch, taken bool, err error)
	// Take writes a batch down, with how far the source has read. Once it
	// returns nil all of it is durable; after an error what is durable of it is
	// known when it is told again. The batch is used up by a call that succeeds,
	// but where there is more to come of it: then it is empty and goes on.
	Take(ctx context.Context, b *Batch, p Progress) error
}

// Progress is how far a source has read. Zero fields leave what was kept.
type Progress struct {
	// More says that the batch is [Batch.Full] and its part goes on: it was not
	// taken whole yet.
	More bool
	// Cursor is where to go on, in the source's own terms.
	Cursor []byte
	// Until is the instant up to which everything has been told, as far as the
	// source can know.
	Until time.Time
	// Since says of a source that cannot look back for ever that nothing from
	// before then was looked for. Zero: everything was, or of all that
	// [Intake.Subjects] gave.
	Since time.Time
	// Tells is, of an import, of what Until is said.
	Tells *Tells
	// Newest is when the newest thing was done that the source has heard of, its
	// own sign of life.
	Newest time.Time
	// Gap is a stretch of which something was lost for good, such as a file that
	// could not be read.
	Gap Span
}

// Subject is a grant whose actions are looked for.
type Subject struct {
	Grant    string
	From, To time.Time // nothing of it can have been done before or after
	Holdings []jit.Holding
	Marks    []Mark
}
