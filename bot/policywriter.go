package bot

import (
	"context"
	"errors"

	"jitbot/jit"
)

// PolicyWriter puts a change of the policy where changes are made: into the
// file, or before the people who look after it. It decides nothing.
type PolicyWriter interface {
	// Propose puts c there and says where. The same Suggestion and After again,
	// as after a crash, is the same place and no second change. [ErrBaseMoved]:
	// the file is not c.Before any more, and nothing was changed. An error beside
	// a place says what is left to be done by hand: the change is there.
	Propose(ctx context.Context, c PolicyChange) (jit.Where, error)
}

// ErrBaseMoved says that the file a change was made for has changed meanwhile.
var ErrBaseMoved = errors.New("the policy file has changed meanwhile")

// PolicyChange is one change of the policy that two people want.
type PolicyChange struct {
	Suggestion string // its id
	Base       string // SHA-256 of Before, hex
	Before     []byte // the whole file
	After      []byte
	Title      string // one line
	Body       string // Markdown: what it rests on, what it would have changed, which way it goes
	Trailers   []Trailer
}

// Trailer is a line at the end of a commit's message.
type Trailer struct{ Name, Value string }

// String is Name: Value.
func (t Trailer) String() string { return t.Name + ": " + t.Value }
