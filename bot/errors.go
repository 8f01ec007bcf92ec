package bot

import (
	"errors"
	"fmt"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// UserError is a refusal in the words of the person it is for: what happened
// to the wish, and the next step. Code is stable and is what the event log and
// the tests go by. Cause is for the operator's log alone.
type UserError struct {
	Code  Code
	Say   string
	Hint  string
	Field string // of the form, if it is about one
	Cause error
}

// Code names a kind of refusal.
type Code string

// The codes.
const (
	CodeUnknownPerson Code = "person.unknown"
	CodeAccount       Code = "account.refused"   // a guest, a bot, somebody from outside, or one who left
	CodeAccountHeld   Code = "account.suspended" // it is somebody's no more, or not at the moment
	CodeAccountDoubt  Code = "account.unchecked" // the platform does not say what it is
	CodeBadInput      Code = "input.bad"
	CodeUnknownThing  Code = "thing.unknown" // no such id, or not yours to see: told alike
	CodeNoRule        Code = "rule.none"
	CodeDenied        Code = "rule.deny"
	CodeNoRight       Code = "right.none"
	CodeSelf          Code = "right.self"
	CodeChanged       Code = "state.changed"
	CodeLimit         Code = "limit.reached"
	CodeStoreDown     Code = "store.down"
	CodeClockDoubt    Code = "clock.doubt"
	CodeReviewOpen    Code = "review.open"
	CodeStepUp        Code = "step_up.missing"
	CodeProvider      Code = "provider.failed"
	CodeNoToken       Code = "token.unknown" // or revoked, or run out
	CodeOff           Code = "feature.off"
)

// Error is for the log.
func (e *UserError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Say, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Say)
}

// Unwrap returns the cause.
func (e *UserError) Unwrap() error { return e.Cause }

func refuse(code Code, say, hint string) *UserError {
	return &UserError{Code: code, Say: say, Hint: hint}
}

// at says which field of a form the refusal is about.
func (e *UserError) at(field string) *UserError {
	e.Field = field
	return e
}

func asUserError(err error) (*UserError, bool) {
	var u *UserError
	ok := errors.As(err, &u)
	return u, ok
}

// unknownThing answers alike for what does not exist and what is not the
// person's to see.
func unknownThing(id string) *UserError {
	return refuse(CodeUnknownThing, "There is nothing of yours with the id "+Shorten(clean(id), 40)+".", "`/jit mine` lists your requests and grants.")
}
