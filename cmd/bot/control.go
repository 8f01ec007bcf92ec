package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"time"
)

// A running jitbot takes an operator's commands over a socket in its data
// folder, which only its own user can open. Commands that read go straight to
// the store's file instead.

const controlName = "control.sock"

// longestSocket is how long the path of a socket may be everywhere.
const longestSocket = 103

// order is one command for a running jitbot.
type order struct {
	Do     string `json:"do"` // end, accept-clock, accept-drift, fix-drift, note-export
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason,omitempty"`
	Actor  string `json:"actor"` // os:<user>

	Export map[string]any `json:"export,omitempty"` // note-export: what is exported
}

// patience is for how long an answer to an order is waited for. A review looks at
// half a year.
func (o order) patience() time.Duration {
	if o.Do == orderReview {
		return 15 * time.Minute
	}
	return 15 * time.Second
}

type controlListener struct {
	app *app
	ln  net.Listener
}

func (a *app) listenControl(ctx context.Context) (*controlListener, error) {
	path := filepath.Join(a.cfg.Data, controlName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err) // the store's lock is ours: nobody else listens on it
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	switch {
	case err != nil && len(path) > longestSocket:
		return nil, fmt.Errorf("control socket: the path of the data folder, %s, is too long for a socket in it: choose a shorter one, so that %d bytes do for %s", a.cfg.Data, longestSocket, path)
	case err != nil:
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), ln.Close())
	}
	return &controlListener{a, ln}, nil
}

func (c *controlListener) run(ctx context.Context) {
	f := &front{bodies: true}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /order", c.take)
	mux.HandleFunc("POST "+importPath, c.importActivity)
	mux.HandleFunc("POST "+historyPath, c.importHistory)
	f.stand(mux)
	if err := serveHTTP(ctx, c.ln, f); err != nil {
		c.app.log.Error("the control socket closed", "cause", err)
	}
}

func (c *controlListener) take(w http.ResponseWriter, r *http.Request) {
	var o order
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	control := http.NewResponseController(w)
	until := time.Now().Add(o.patience())
	if err := errors.Join(control.SetReadDeadline(until), control.SetWriteDeadline(until)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := c.app.obey(r.Context(), o); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

// obey carries out an order.
func (a *app) obey(ctx context.Context, o order) error {
	switch o.Do {
	case "end":
		return a.service.EndGrant(ctx, o.ID, o.Actor, "cli", o.Reason)
	case orderAcceptDrift:
		return a.service.AcceptDrift(ctx, o.ID, o.Actor, "cli", o.Reason)
	case orderFixDrift:
		return a.service.FixDrift(ctx, o.ID, o.Actor, "cli", o.Reason)
	case orderReview:
		return a.postReview(ctx, o.ID, o.Actor)
	case "accept-clock":
		return a.service.AcceptClock(ctx, o.Actor)
	case "note-export":
		return a.service.NoteExport(ctx, o.Actor, o.Export)
	default:
		return fmt.Errorf("unknown order %q", o.Do)
	}
}

var errNotRunning = errors.New("no jitbot runs on this data folder")

// sendOrder hands an order to the jitbot that runs on dir.
func sendOrder(ctx context.Context, dir string, o order) error {
	o.Actor = osActor()
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	client := controlClient(dir)
	client.Timeout = o.patience()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://jitbot/order", bytes.NewReader(raw))
	if err != nil {
		return err
	}
	answer, err := client.Do(req)
	if late := new(url.Error); errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("the jitbot that runs on %s did not answer within %s; its log says what became of it", dir, o.patience())
	}
	if err != nil {
		return fmt.Errorf("%w (%w)", errNotRunning, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return errors.New(string(bytes.TrimSpace(said)))
	}
	return nil
}

// controlClient calls the jitbot that runs on dir.
func controlClient(dir string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, controlName))
	}}}
}

// running reports whether a jitbot runs on dir.
func running(ctx context.Context, dir string) bool {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, controlName))
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}

// osActor is who acts on the command line, as the log names them.
func osActor() string {
	u, err := user.Current()
	if err != nil {
		return fmt.Sprintf("os:%d", os.Geteuid())
	}
	return "os:" + u.Username
}
