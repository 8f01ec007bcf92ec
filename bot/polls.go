package bot

import (
	"sync"
	"time"
)

// polls knows how often machines that wait show their codes. It is kept by this
// process alone: it spares the store, and guards nothing.
type polls struct {
	mu   sync.Mutex
	last map[string]poll // by the code's digest
}

type poll struct {
	at    time.Duration // by the steady clock
	every time.Duration
}

// early reports whether a machine shows its code too soon after the last time;
// then it has to wait longer from now on.
func (p *polls) early(device string, now time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || len(p.last) > 2*maxDevices {
		p.forget(now)
	}
	was, known := p.last[device]
	next := poll{now, orDefault(was.every, pollEvery)}
	early := known && now-was.at < was.every-pollSlack
	if early {
		next.every += slowDown
	}
	p.last[device] = next
	return early
}

// forget drops the machines that cannot wait any more.
func (p *polls) forget(now time.Duration) {
	kept := map[string]poll{}
	for device, was := range p.last {
		if now-was.at < deviceWithin {
			kept[device] = was
		}
	}
	p.last = kept
}
