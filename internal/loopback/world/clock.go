package world

import (
	"sync"
	"time"
)

// Clock is a clock that stands still until it is moved. Beside the wall clock
// it has a steady one, as a computer has, which never jumps.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	steady time.Duration
	moved  func()
}

// Now is what the wall clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Steady is how long the world has run.
func (c *Clock) Steady() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steady
}

// Move lets time pass.
func (c *Clock) Move(d time.Duration) { c.set(d, d) }

// Jump puts the wall clock elsewhere without time having passed.
func (c *Clock) Jump(d time.Duration) { c.set(d, 0) }

func (c *Clock) set(wall, steady time.Duration) {
	c.mu.Lock()
	c.now, c.steady = c.now.Add(wall), c.steady+steady
	moved := c.moved
	c.mu.Unlock()
	if moved != nil {
		moved()
	}
}

// onMove has f called whenever the clock was moved; nil stops it.
func (c *Clock) onMove(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved = f
}
