package bot

import (
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait between tries: First, doubled each time up to
// Most, with a jitter of a quarter either way so that many do not come at once.
type Backoff struct {
	First, Most time.Duration
}

// After is the wait after the given number of failed tries, 1 or more.
func (b Backoff) After(failed int) time.Duration {
	wait := b.First
	for range min(failed-1, 30) {
		if wait *= 2; wait >= b.Most {
			wait = b.Most
			break
		}
	}
	quarter := int64(wait / 4)
	return wait + time.Duration(rand.Int64N(2*quarter+1)-quarter) //nolint:gosec,forbidigo // spreads load, guards nothing
}
