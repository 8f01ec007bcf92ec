package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// A log is imported by the jitbot that runs on the folder, as only one process
// writes: the command reads the file, also one that jitbot's user may not read,
// and sends it over the control socket as it is.

const importPath = "/activity/import"

// sendImport has the jitbot that runs on the folder import a stream.
func sendImport(ctx context.Context, i importing, r io.Reader) fileReport {
	rep, err := i.send(ctx, r)
	if err != nil {
		rep.Error = err.Error()
	}
	return rep
}

func (i importing) send(ctx context.Context, r io.Reader) (rep fileReport, err error) {
	q := url.Values{"format": {i.Format}, "source": {i.Source}, "actor": {osActor()}}
	if r == nil {
		q.Set("until", i.Until.UTC().Format(time.RFC3339))
		q["resources"], q["kinds"], q["unlogged"] = i.tells.Resources, i.tells.Kinds, i.tells.Unlogged
		r = http.NoBody
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://jitbot"+importPath+"?"+q.Encode(), r)
	if err != nil {
		return rep, err
	}
	answer, err := controlClient(i.dir).Do(req)
	if err != nil {
		return rep, fmt.Errorf("the jitbot that runs on %s did not answer: %w", i.dir, err)
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return rep, err
	}
	if answer.StatusCode != http.StatusOK {
		return rep, errors.New(string(bytes.TrimSpace(raw)))
	}
	return rep, json.Unmarshal(raw, &rep)
}

// importActivity takes a log from a command. Who can open the socket is the user
// that jitbot runs as.
func (c *controlListener) importActivity(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})); err != nil { // a log may be long
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	q := r.URL.Query()
	i := importing{Format: q.Get("format"), Source: q.Get("source")}
	i.tells.Resources, i.tells.Kinds, i.tells.Unlogged = q["resources"], q["kinds"], q["unlogged"]
	var err error
	i.Until, err = parseWhen("until", q.Get("until"))
	if err = errors.Join(err, i.check()); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var body io.Reader = r.Body
	if !i.Until.IsZero() {
		body = nil
	}
	rep := c.app.cfg.Activity.take(r.Context(), i, body, c.app.intake(i.Source))
	if body != nil {
		c.app.log.Info("activity was imported", "source", i.Source, "format", rep.Format, "records", rep.Records, "by", q.Get("actor"))
	}
	_ = json.NewEncoder(w).Encode(rep) // the command may have gone
}
