package slackfake

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// socketEnd is the app's end of a socket, without a client library.
type socketEnd struct{ conn *websocket.Conn }

func dialURL(t *testing.T, url string) (socketEnd, error) {
	t.Helper()
	conn, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if res != nil {
		res.Body.Close()
	}
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return socketEnd{conn}, err
}

func dialSocket(t *testing.T, w *world) socketEnd {
	t.Helper()
	_, url, err := w.api.StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	k, err := dialURL(t, url)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k socketEnd) next(t *testing.T) map[string]any {
	t.Helper()
	_ = k.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, raw, err := k.conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	var frame map[string]any
	if err := json.Unmarshal(raw, &frame); err != nil {
		t.Fatal(err)
	}
	return frame
}

func (k socketEnd) write(t *testing.T, raw string) {
	t.Helper()
	if err := k.conn.WriteMessage(websocket.TextMessage, []byte(raw)); err != nil {
		t.Fatal(err)
	}
}
