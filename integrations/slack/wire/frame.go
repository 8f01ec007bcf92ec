package wire

// FrameType is what a frame of Socket Mode carries.
type FrameType string

// The frames of Socket Mode. The last three carry an envelope, which has to be
// acknowledged by its id.
const (
	Hello      FrameType = "hello"      // the socket is open
	Disconnect FrameType = "disconnect" // it will be closed: open another
	Commands   FrameType = "slash_commands"
	Actions    FrameType = "interactive"
	Events     FrameType = "events_api"
)

// Frame is one message over a socket, its payload not read yet.
type Frame struct {
	Type     FrameType
	Envelope string // id, to be acknowledged; empty in hello and disconnect
	Payload  []byte // for [ParseCommandJSON], [ParseInteractionJSON] or [ParseEvent]
	Answer   bool   // the acknowledgement may carry a payload
	Reason   string // disconnect: warning, refresh_requested, link_disabled, too_many_websockets
	App      string // hello: the app the socket is for
}

// frameFields is a frame as it comes.
type frameFields struct {
	Type       FrameType `json:"type"`
	Envelope   string    `json:"envelope_id"`
	Payload    inside    `json:"payload"`
	Answer     flag      `json:"accepts_response_payload"`
	Reason     string    `json:"reason"`
	Connection struct {
		App string `json:"app_id"`
	} `json:"connection_info"`
}

// ParseFrame reads a message over a socket. A type that is not known is a
// [*Refusal] with the code type.unknown; its Frame has the envelope all the
// same, so that it can be acknowledged.
func ParseFrame(data []byte) (Frame, error) {
	var in frameFields
	if err := decode(data, &in); err != nil {
		return Frame{}, err
	}
	f := Frame{Type: in.Type, Envelope: in.Envelope, Payload: in.Payload, Answer: bool(in.Answer), Reason: in.Reason, App: in.Connection.App}
	var c checks
	c.may("envelope_id", in.Envelope, isToken(in.Envelope))
	c.may("connection_info.app_id", f.App, isID(f.App, appID))
	switch in.Type {
	case Hello:
	case Disconnect:
		c.may("reason", in.Reason, isToken(in.Reason))
	case Commands, Actions, Events:
		c.need("envelope_id", in.Envelope, true)
		c.need("payload", string(in.Payload), true)
	case "":
		c.fail("field.missing", "type", "is missing")
	default:
		if err := c.err(); err != nil {
			return Frame{}, err
		}
		return f, refuse("type.unknown", "a frame of a type that is not used here")
	}
	if err := c.err(); err != nil {
		return Frame{}, err
	}
	return f, nil
}
