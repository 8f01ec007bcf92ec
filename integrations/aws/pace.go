package aws

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"jitbot/bot"
)

// pace keeps all calls of one API to the rate that AWS takes, whoever makes
// them, and decides whose call is next: whenever there is room for one, the
// most urgent of those that can be made then. Room is never promised beforehand,
// so a removal passes whatever waits. Make it with [newPace].
type pace struct {
	limits limits
	bucket *rate.Limiter

	mu      sync.Mutex // guards what follows
	waiting []*waiter  // most urgent first, then in order of arrival
	inHand  bool       // a token was taken and nobody could use it yet
	coming  bool       // a token comes by itself
	busy    map[string]bool
	slowed  int // how often in a row AWS said that it was too fast
	recover *time.Timer
}

// limits are what AWS takes of one API.
type limits struct {
	perSecond float64
	burst     int // at once, after a rest
	places    int // operations in progress at once; 0: it has none
}

// urgency says who goes first: the higher.
type urgency int

// need is what a call waits for besides its turn.
type need struct {
	urgency urgency
	begins  string // the account an operation begins in, one at a time; empty: none begins
	settles string // the account of the operation in progress that the call looks at
}

type waiter struct {
	need
	ready chan struct{} // closed once the call may be made
}

const (
	slowFor     = 10 * time.Second // how long a slower pace lasts after AWS asked for it
	mostSlowed  = 3                // halvings
	paceAgainIn = time.Second      // when to ask again for a turn that did not come in time
)

var errPace = errors.New("AWS takes no more calls of this kind right now")

func newPace(l limits) *pace {
	return &pace{limits: l, bucket: rate.NewLimiter(rate.Limit(l.perSecond), l.burst), busy: map[string]bool{}}
}

// wait returns when the call may be made, at the latest when ctx ends: then
// with an error to come again with. Where the call begins an operation, its
// account is busy from then on, until it is freed.
func (p *pace) wait(ctx context.Context, n need) error {
	w := &waiter{need: n, ready: make(chan struct{})}
	if ctx.Err() == nil {
		p.enter(w)
		select {
		case <-w.ready:
			return nil
		case <-ctx.Done():
		}
		if !p.leave(w) {
			return nil // its turn came at the last moment
		}
	}
	return bot.Later(errPace, paceAgainIn)
}

func (p *pace) enter(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, _ := slices.BinarySearchFunc(p.waiting, w, func(a, b *waiter) int {
		return cmp.Or(cmp.Compare(b.urgency, a.urgency), -1) // behind those that are as urgent
	})
	p.waiting = slices.Insert(p.waiting, at, w)
	p.serve()
}

// leave reports whether w was still waiting.
func (p *pace) leave(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.waiting, w)
	if at < 0 {
		return false
	}
	p.waiting = slices.Delete(p.waiting, at, at+1)
	return true
}

// free says that the operation in an account is over.
func (p *pace) free(account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, account)
	p.serve()
}

// serve lets calls be made for as long as there are tokens and somebody can
// use them. The caller holds the lock.
func (p *pace) serve() {
	for len(p.waiting) > 0 && p.token() {
		w := p.next()
		if w == nil {
			return // the token is kept until there is a place
		}
		p.waiting = slices.DeleteFunc(p.waiting, func(o *waiter) bool { return o == w })
		if w.begins != "" {
			p.busy[w.begins] = true
		}
		p.inHand = false
		close(w.ready)
	}
}

// token reports whether one is in hand; if not, serve is called when one is.
func (p *pace) token() bool {
	if p.inHand || p.coming {
		return p.inHand
	}
	wait := p.bucket.Reserve().Delay()
	if wait == 0 {
		p.inHand = true
		return true
	}
	p.coming = true
	time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.coming, p.inHand = false, true
		p.serve()
	})
	return false
}

// next is the most urgent call that can be made. One that waits for a place
// lends its urgency to a call that may free the place, so that what is urgent
// is not held up by what was begun before it and is never looked at.
func (p *pace) next() *waiter {
	for _, w := range p.waiting {
		full := p.limits.places > 0 && len(p.busy) >= p.limits.places
		if w.begins == "" || !p.busy[w.begins] && !full {
			return w
		}
		at := slices.IndexFunc(p.waiting, func(o *waiter) bool {
			return o.settles != "" && (o.settles == w.begins || full && !p.busy[w.begins])
		})
		if at >= 0 {
			return p.waiting[at]
		}
	}
	return nil
}

// slow halves the pace for a moment: AWS said that it was too fast.
func (p *pace) slow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slowed = min(p.slowed+1, mostSlowed)
	p.bucket.SetLimit(rate.Limit(p.limits.perSecond / float64(int(1)<<p.slowed)))
	p.bucket.SetBurst(1)
	if p.recover != nil {
		p.recover.Stop()
	}
	p.recover = time.AfterFunc(slowFor, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.slowed = 0
		p.bucket.SetLimit(rate.Limit(p.limits.perSecond))
		p.bucket.SetBurst(p.limits.burst)
	})
}
