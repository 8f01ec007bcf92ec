package awsfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const typeJSON = "application/x-amz-json-1.1"

// readJSONCall takes a call of the JSON protocol apart. Its members are laid
// out flat, as the Query protocol has them: MemberId.UserId.
func readJSONCall(target string, body []byte) (*call, error) {
	at := strings.LastIndexByte(target, '.') + 1
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, errors.New("the request is not a JSON object")
	}
	c := &call{target: target[:at], action: target[at:], form: url.Values{}}
	flatten(c.form, "", in)
	return c, nil
}

func flatten(form url.Values, prefix string, in map[string]any) {
	for name, v := range in {
		if inner, ok := v.(map[string]any); ok {
			flatten(form, prefix+name+".", inner)
			continue
		}
		form.Set(prefix+name, fmt.Sprint(v))
	}
}

func (c *call) contentType() string {
	if c.target != "" {
		return typeJSON
	}
	return "text/xml"
}

// resultText writes the answer of a call that went well.
func (c *call) resultText(result any, id string) []byte {
	if c.target == "" {
		return resultXML(c.op.service, c.action, result, id)
	}
	if result == nil {
		return []byte("{}")
	}
	text, err := json.Marshal(result)
	if err != nil {
		panic(fmt.Sprintf("loopback AWS: answer of %s: %v", c.action, err)) // a result type that JSON cannot write
	}
	return text
}

// errorText writes a refusal in the words of the protocol.
func (c *call) errorText(e *apiError, id string) []byte {
	if c.target == "" {
		return errorXML(c.op.service, e, id)
	}
	out := map[string]any{"__type": jsonCode(e.code), "Message": e.message, "RequestId": id}
	for name, v := range e.more {
		out[name] = v
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic("loopback AWS: error answer: " + err.Error()) // strings and numbers: cannot fail
	}
	return text
}

// jsonCode is what services of the JSON protocol call an error that those of
// the Query protocol have another name for.
func jsonCode(code string) string {
	switch code {
	case "Throttling":
		return "ThrottlingException"
	case "AccessDenied":
		return "AccessDeniedException"
	case "ValidationError":
		return "ValidationException"
	case "ExpiredToken":
		return "ExpiredTokenException"
	case "InvalidClientTokenId":
		return "UnrecognizedClientException"
	case "InvalidAction":
		return "UnknownOperationException"
	}
	return code
}

func refuseMore(code, message string, more map[string]any) *apiError {
	e := refuse(http.StatusBadRequest, code, message)
	e.more = more
	return e
}
