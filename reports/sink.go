package reports

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"jitbot/bot"
)

// Sink is a place outside that records are exported to. Its methods are called
// by one goroutine at a time.
type Sink interface {
	// Send hands over a batch, in order. Once it returns nil the sink has taken
	// all of it, as surely as the sink can know. After an error it is called
	// again with the same records, or with more after them. An error that
	// [bot.Later] marked says how long to wait; a [RefusedError] says that some
	// of it will never be taken, and the rest was.
	Send(ctx context.Context, batch []Record) error
	// Check proves that the sink would take records, without giving it any.
	bot.Checker
	// Close lets go of what the sink holds open.
	Close() error
}

// RefusedError says that a sink took a batch except for some records that it
// said it never will take.
type RefusedError struct {
	Count int
	Why   string
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%d records were refused for good: %s", e.Count, e.Why)
}

// Wanted is which records a sink gets, as its configuration says. The zero value
// is all that come to be from its first start on.
type Wanted struct {
	// Kinds of events, such as grant.active, or grant.* for all that begin so.
	// Empty: all.
	Kinds []string `yaml:"kinds"`
	// Activities says whether it also gets what was done with grants. Default:
	// yes.
	Activities *bool `yaml:"activities"`
	// From is where a sink begins that is new: now, the default, or beginning.
	From string `yaml:"from"`
}

// Where a new sink begins.
const (
	FromNow       = "now"
	FromBeginning = "beginning"
)

var kindPattern = regexp.MustCompile(`^[a-z][a-z_.]*\*?$|^\*$`)

// Check reports what is wrong with w.
func (w Wanted) Check(report func(key, text string)) {
	for _, k := range w.Kinds {
		if !kindPattern.MatchString(k) {
			report("kinds", fmt.Sprintf("%q is no kind of event; write grant.active, or grant.* for all that begin so", k))
		}
	}
	if w.From != "" && w.From != FromNow && w.From != FromBeginning {
		report("from", fmt.Sprintf("%q is neither now nor beginning", w.From))
	}
}

// WantsActivities reports whether activities are wanted.
func (w Wanted) WantsActivities() bool { return w.Activities == nil || *w.Activities }

// WantsEvent reports whether events of a kind are wanted.
func (w Wanted) WantsEvent(kind string) bool {
	return len(w.Kinds) == 0 || slices.ContainsFunc(w.Kinds, func(k string) bool {
		begin, many := strings.CutSuffix(k, "*")
		return k == kind || many && strings.HasPrefix(kind, begin)
	})
}

// AsRefused tells what a sink will never take from what it has not taken yet.
func AsRefused(err error) (*RefusedError, bool) {
	var r *RefusedError
	return r, errors.As(err, &r)
}
