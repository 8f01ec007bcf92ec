package history

import (
	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"jitbot/policy"
)

// What is frozen was written by encoding/json; this reads it alike in one pass,
// as a replay reads a hundred thousand of each.
var asWritten = jsonv1.DefaultOptionsV1()

// readAsk reads what a request was judged as.
func readAsk(raw []byte, into *policy.Request) bool {
	return json.Unmarshal(raw, into, asWritten) == nil
}

// implied is what a case says of what it was judged as.
func (c *Case) implied() policy.Request {
	ask := policy.Request{User: c.User, By: c.By, Resource: c.Resource, Duration: c.Asked, Reason: c.Reason, Ticket: c.Ticket}
	_ = ask.Kind.UnmarshalText([]byte(c.Kind)) // an unknown kind is access, and does not reproduce
	return ask
}

// Judged reads what a case was judged as; false: that cannot be read.
func (c *Case) Judged(into *policy.Request) bool {
	if len(c.Ask) == 0 {
		*into = c.implied()
		return true
	}
	return readAsk(c.Ask, into)
}

// readFacts reads frozen facts; none are none.
func readFacts(raw []byte, into *policy.Facts) bool {
	return len(raw) == 0 || json.Unmarshal(raw, into, asWritten) == nil
}
