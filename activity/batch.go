package activity

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

// Batch gathers the records of one read. It is for one goroutine; several
// batches may be filled at once.
type Batch struct{}

// Add takes a record in. It copies what it keeps.
func (b *Batch) Add(r *Record) {}

// Skip counts n records that were set aside.
func (b *Batch) Skip(why string, n int64) {}
