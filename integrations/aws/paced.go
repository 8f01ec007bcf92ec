package aws

import (
	"context"
	"strings"
	"sync"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"

	"jitbot/jit"
)

// What AWS takes of each API, of one account. Those of sso-admin are published
// and cannot be raised; the others are not published and stay below what is
// seen to work.
var (
	centerLimits = limits{perSecond: 20, burst: 4, places: 10}
	storeLimits  = limits{perSecond: 20, burst: 10}
	iamWrites    = limits{perSecond: 15, burst: 30}
)

// Who goes first. Within each class the sensitivity of the resource counts.
const (
	looking urgency = 0  // lists and checks
	giving  urgency = 10 // and reading back what was given
	removal urgency = 20 // and reading back that it is gone
)

// urgencyOf is how urgent it is to do something for h.
func urgencyOf(h jit.Holding) urgency {
	class := giving
	if ending(h) {
		class = removal
	}
	return class + urgency(h.Weight())
}

type needKey struct{}

// needing is ctx for calls with that need.
func needing(ctx context.Context, n need) context.Context {
	return context.WithValue(ctx, needKey{}, n)
}

func needOf(ctx context.Context) need {
	n, _ := ctx.Value(needKey{}).(need)
	return n
}

// place is what an operation takes from its first call until it is over.
type place struct {
	account string

	mu    sync.Mutex
	at    *pace // nil: not taken, or given back
	spent bool
	given *time.Timer // gives it back whoever forgot to
}

type placeKey struct{}

// taking is ctx for the call that begins an operation.
func taking(ctx context.Context, p *place) context.Context {
	return context.WithValue(ctx, placeKey{}, p)
}

// longestOperation is after how long nobody waits for an operation to be over
// any more: whoever began it is gone.
const longestOperation = 15 * time.Minute

func (p *place) taken(at *pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.spent = at, true
	p.given = time.AfterFunc(longestOperation, p.free)
}

func (p *place) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at != nil {
		p.given.Stop()
		p.at.free(p.account)
	}
	p.at = nil
}

// paceOf is the pace of one API in one account.
func (c *clients) paceOf(api, account string, l limits) *pace {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := api + " " + account
	if c.paces[key] == nil {
		c.paces[key] = newPace(l)
	}
	return c.paces[key]
}

// paced makes a client wait for its turn before every call, a repeated one
// too, whose operation counts.
func paced(p *pace, counts func(operation string) bool) func(*middleware.Stack) error {
	wait := middleware.FinalizeMiddlewareFunc("jitbotPace", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if counts(awsmiddleware.GetOperationName(ctx)) {
			if err := p.turn(ctx); err != nil {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, err
			}
		}
		out, meta, err := next.HandleFinalize(ctx, in)
		if throttled(err) {
			p.slow()
		}
		return out, meta, err //nolint:wrapcheck // the SDK looks at the error as it came
	})
	return func(s *middleware.Stack) error { return s.Finalize.Insert(wait, "Retry", middleware.After) }
}

// turn waits for a call's turn, and takes the place of the operation that it
// begins, once.
func (p *pace) turn(ctx context.Context) error {
	n := needOf(ctx)
	begins, _ := ctx.Value(placeKey{}).(*place)
	if begins == nil || begins.spent {
		return p.wait(ctx, n)
	}
	n.begins = begins.account
	if err := p.wait(ctx, n); err != nil {
		return err
	}
	begins.taken(p)
	return nil
}

func throttled(err error) bool {
	if err == nil {
		return false
	}
	_, known := retry.DefaultThrottleErrorCodes[code(err)]
	return known && code(err) != "LimitExceededException"
}

func everyCall(string) bool { return true }

func writesOnly(operation string) bool {
	return !strings.HasPrefix(operation, "Get") && !strings.HasPrefix(operation, "List")
}
