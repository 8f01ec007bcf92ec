package jit_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"jitbot/jit"
)

// asMap is what the data of an event has to be, byte for byte: the chain
// covers it.
func asMap(t *testing.T, details map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(details)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestAnEventsDataIsTheMapOfItsMovesAndDetailsInOrder(t *testing.T) {
	t.Parallel()
	details := map[string]any{
		"z": "last", "a": 1, "moved": true, "at": time.Date(2026, 3, 27, 9, 30, 0, 1000, time.UTC),
		"list": []string{"x", "<y>"}, "text": "a <b> & \"c\" \\ \n \x00 é \u2028 \xff", "é<": "name", "map": map[string]int{"b": 1, "a": 2},
	}
	c := jit.Record(jit.Event{Kind: "test"}).Detail("z", "first")
	for name, value := range details {
		c.Detail(name, value)
	}
	holding := jit.Holding{ID: `hld_"1`, State: jit.HoldingPresent}
	if err := errors.Join(c.Request(jit.Request{ID: "req_1"}, jit.RequestPending), c.Holding(holding, jit.HoldingRemoving)); err != nil {
		t.Fatal(err)
	}
	details["moves"] = []jit.Move{{ID: "req_1", To: "pending"}, {ID: `hld_"1`, From: "present", To: "removing"}}
	e, err := c.Event()
	if want := asMap(t, details); err != nil || string(e.Data) != want {
		t.Errorf("got  %s, %v\nwant %s", e.Data, err, want)
	}
}

func TestADetailNamedLikeTheMovesGivesWayToThem(t *testing.T) {
	t.Parallel()
	c := jit.Record(jit.Event{Kind: "test"}).Detail("moves", "mine")
	if e, err := c.Event(); err != nil || string(e.Data) != `{"moves":"mine"}` {
		t.Errorf("without moves: %s, %v", e.Data, err)
	}
	if err := c.Request(jit.Request{ID: "req_1"}, jit.RequestPending); err != nil {
		t.Fatal(err)
	}
	if e, err := c.Event(); err != nil || string(e.Data) != `{"moves":[{"id":"req_1","from":"","to":"pending"}]}` {
		t.Errorf("with moves: %s, %v", e.Data, err)
	}
}

func TestADetailThatIsNoJSONIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := jit.Record(jit.Event{Kind: "test"}).Detail("bad", func() {}).Event(); err == nil {
		t.Error("a function was written down")
	}
}

func FuzzTextsInAnEventAreWrittenAsEncodingJSONDoes(f *testing.F) {
	for _, text := range []string{"plain", `"`, `\`, "<&>", "é", "\u2028", "\xff", "\x7f", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // an empty detail is left out
		}
		e, err := jit.Record(jit.Event{Kind: "test"}).Detail(text, text).Event()
		if want := asMap(t, map[string]any{text: text}); err != nil || string(e.Data) != want {
			t.Errorf("got %s, %v, want %s", e.Data, err, want)
		}
	})
}
