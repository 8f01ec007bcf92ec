package wire

import (
	"errors"

	"jitbot/internal/strictjson"
)

// decode reads a JSON payload; its errors are refusals such as json.duplicate.
func decode(payload []byte, into any) error {
	err := strictjson.DecodeWithin(MaxBody, payload, into)
	if err == nil {
		return nil
	}
	var e *strictjson.Error
	if errors.As(err, &e) {
		return refuse("json."+string(e.Kind), e.Error())
	}
	return refuse("json.syntax", "the payload could not be read")
}

// flag is a yes or no that Slack sends as a text in forms and as either over
// sockets. Absent, null and empty are no.
type flag bool

var errFlag = errors.New("neither yes nor no")

// UnmarshalJSON takes true, false, the same as texts, 1, 0 and null.
func (f *flag) UnmarshalJSON(b []byte) error {
	s := string(b)
	switch {
	case s == "null":
		s = ""
	case len(s) > 1 && s[0] == '"':
		s = s[1 : len(s)-1]
	}
	return f.set(s)
}

func (f *flag) set(s string) error {
	switch s {
	case "true", "1":
		*f = true
	case "false", "0", "":
		*f = false
	default:
		return errFlag
	}
	return nil
}

// flag takes a yes or no of a form.
func (c *checks) flag(field, value string, into *flag) {
	if into.set(value) != nil {
		c.fail("field.bad", field, "is neither yes nor no")
	}
}

// entity is an id that comes as an object or, in events, as a text.
type entity struct {
	ID         string `json:"id"`
	Team       string `json:"team_id"`
	Enterprise string `json:"enterprise_id"`
}

// looseEntity is an entity that may be a bare id.
type looseEntity entity

// UnmarshalJSON takes null, a text or an object.
func (e *looseEntity) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return strictjson.Decode(b, &e.ID)
	}
	return strictjson.Decode(b, (*entity)(e))
}
