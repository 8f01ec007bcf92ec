package wire

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFrameIsTakenApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want Frame
		code string
	}{
		"hello":             {`{"type":"hello","num_connections":2,"connection_info":{"app_id":"A1B"},"debug_info":{"host":"x"}}`, Frame{Type: Hello, App: "A1B"}, ""},
		"disconnect":        {`{"type":"disconnect","reason":"warning","debug_info":{"host":"x"}}`, Frame{Type: Disconnect, Reason: "warning"}, ""},
		"a command":         {`{"type":"slash_commands","envelope_id":"e-1","payload":{"text":"x"},"accepts_response_payload":true}`, Frame{Type: Commands, Envelope: "e-1", Payload: []byte(`{"text":"x"}`), Answer: true}, ""},
		"an event":          {`{"type":"events_api","envelope_id":"e-1","payload":{},"accepts_response_payload":false,"retry_attempt":1,"retry_reason":"timeout"}`, Frame{Type: Events, Envelope: "e-1", Payload: []byte(`{}`)}, ""},
		"no envelope":       {`{"type":"interactive","payload":{}}`, Frame{}, "field.missing"},
		"no payload":        {`{"type":"interactive","envelope_id":"e-1"}`, Frame{}, "field.missing"},
		"no type":           {`{"envelope_id":"e-1","payload":{}}`, Frame{}, "field.missing"},
		"a type of its own": {`{"type":"surprise","envelope_id":"e-1"}`, Frame{Type: "surprise", Envelope: "e-1"}, "type.unknown"},
		"two types":         {`{"type":"hello","type":"disconnect"}`, Frame{}, "json.duplicate"},
		"an app of no form": {`{"type":"hello","connection_info":{"app_id":"x y"}}`, Frame{}, "field.bad"},
		"no object":         {`[]`, Frame{}, "json.type"},
		"half of one":       {`{"type":`, Frame{}, "json.syntax"},
		"an id with spaces": {`{"type":"events_api","envelope_id":"a b","payload":{}}`, Frame{}, "field.bad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseFrame([]byte(c.text))
			code := ""
			if r := (*Refusal)(nil); errors.As(err, &r) {
				code = r.Code
			}
			if diff := cmp.Diff(c.want, got); diff != "" || code != c.code {
				t.Errorf("code %q, want %q; -want +got:\n%s", code, c.code, diff)
			}
		})
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte(`{"type":"hello","connection_info":{"app_id":"A1B"}}`))
	f.Add([]byte(`{"type":"disconnect","reason":"warning"}`))
	f.Add([]byte(`{"type":"slash_commands","envelope_id":"e-1","payload":{"text":"x"},"accepts_response_payload":true}`))
	f.Add([]byte(`{"type":"x","envelope_id":"e"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := ParseFrame(data)
		if err != nil {
			return
		}
		carries := frame.Type == Commands || frame.Type == Actions || frame.Type == Events
		if carries != (frame.Envelope != "" && len(frame.Payload) > 0) && carries {
			t.Errorf("%s without what it carries", frame.Type)
		}
	})
}
