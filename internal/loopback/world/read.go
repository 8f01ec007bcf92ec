package world

import (
	"bytes"
	"os"
	"path/filepath"

	"jitbot/jit"
	"jitbot/storage"
)

// Request returns the newest request of a person.
func (w *World) Request(user string) jit.Request {
	w.T.Helper()
	var out jit.Request
	w.mustBe(w.Store.Read(w.T.Context(), func(v storage.View) error {
		all, err := v.Requests(storage.RequestFilter{For: user + "@example.com", Limit: 1})
		if len(all) > 0 {
			out = all[0]
		}
		return err
	}))
	return out
}

// Grant returns the newest grant of a person.
func (w *World) Grant(user string) jit.Grant {
	w.T.Helper()
	var out jit.Grant
	w.mustBe(w.Store.Read(w.T.Context(), func(v storage.View) error {
		all, err := v.Grants(storage.GrantFilter{Principal: user + "@example.com", Limit: 1})
		if len(all) > 0 {
			out = all[0]
		}
		return err
	}))
	return out
}

// Events returns the newest events of a kind, oldest first; all kinds if it is
// empty.
func (w *World) Events(kind string) []jit.Event {
	w.T.Helper()
	var out []jit.Event
	w.mustBe(w.Store.Read(w.T.Context(), func(v storage.View) (err error) {
		out, err = v.Events(storage.EventFilter{Kind: kind, Limit: 100_000, Newest: true})
		return err
	}))
	return out
}

// Holdings returns the holdings of a grant.
func (w *World) Holdings(grant string) []jit.Holding {
	w.T.Helper()
	var out []jit.Holding
	w.mustBe(w.Store.Read(w.T.Context(), func(v storage.View) (err error) {
		out, err = v.Holdings(storage.HoldingFilter{Grants: []string{grant}})
		return err
	}))
	return out
}

// Dir is the folder of the store.
func (w *World) Dir() string { return w.dir }

// Find names a file of the store that holds a text, plain or as part of
// something longer; empty: none does.
func (w *World) Find(text string) string {
	w.T.Helper()
	files, err := os.ReadDir(w.dir)
	w.mustBe(err)
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(w.dir, f.Name()))
		if err == nil && bytes.Contains(raw, []byte(text)) {
			return f.Name()
		}
	}
	return ""
}
