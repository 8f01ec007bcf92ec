package slack

import (
	"sync"
	"time"
)

// cache keeps what Slack said, for a while that is a hard limit: what is older
// is as if it had never been said. It holds a bounded number of answers.
type cache[T any] struct {
	now   func() time.Time
	fresh time.Duration
	most  int

	mu   sync.Mutex
	held map[string]answer[T]
	turn map[string]int // counts how often a key was dropped
	era  int            // counts how often everything was
}

type answer[T any] struct {
	value T
	at    time.Time
}

func newCache[T any](now func() time.Time, fresh time.Duration, most int) *cache[T] {
	return &cache[T]{now: now, fresh: fresh, most: most, held: map[string]answer[T]{}, turn: map[string]int{}}
}

// get returns a fresh answer, or has ask give one.
func (c *cache[T]) get(key string, ask func() (T, error)) (T, error) {
	c.mu.Lock()
	a, ok := c.held[key]
	turn, era := c.turn[key], c.era
	c.mu.Unlock()
	if age := c.now().Sub(a.at); ok && age >= 0 && age < c.fresh {
		return a.value, nil
	}
	asked := c.now() // the answer is as old as the question
	value, err := ask()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn[key] != turn || c.era != era {
		return value, nil // it changed while it was asked: the answer may be from before
	}
	if len(c.held) >= c.most {
		clear(c.held)
	}
	c.held[key] = answer[T]{value, asked}
	return value, nil
}

// drop forgets what was said about one thing.
func (c *cache[T]) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, key)
	if len(c.turn) >= c.most {
		clear(c.turn)
		c.era++ // what is being asked cannot be told from what was asked before
	}
	c.turn[key]++
}

// dropAll forgets everything.
func (c *cache[T]) dropAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.era++
	clear(c.held)
}
