package aws

import (
	"sync"
	"time"
)

const (
	identityBelieved = time.Minute      // how long an id of the identity store is believed
	setBelieved      = 10 * time.Minute // and what was read of a permission set
	mostKnown        = 10_000           // entries of each kind; then all are read anew
)

// known is what was read a short while ago.
type known[T any] struct {
	now  func() time.Time
	most time.Duration

	mu   sync.Mutex
	read map[string]reading[T]
}

type reading[T any] struct {
	value T
	at    time.Time
}

func newKnown[T any](now func() time.Time, most time.Duration) *known[T] {
	return &known[T]{now: now, most: most, read: map[string]reading[T]{}}
}

func (k *known[T]) get(key string) (T, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.read[key]
	if age := k.now().Sub(r.at); age < 0 || age > k.most {
		ok = false
	}
	return r.value, ok
}

func (k *known[T]) put(key string, value T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.read) >= mostKnown {
		clear(k.read)
	}
	k.read[key] = reading[T]{value, k.now()}
}
