package sqlite_test

import (
	"encoding/json"
	"testing"
	"time"

	"jitbot/storage"
	"jitbot/storage/sqlite"
)

func receive(t *testing.T, s *sqlite.Store, key string) {
	t.Helper()
	d := storage.Delivery{Key: key, Chat: "web", At: noon, Body: json.RawMessage(`{"text":"what a person typed"}`)}
	err := s.Write(t.Context(), func(tx storage.Tx) error {
		_, err := tx.Receive(d, noon.Add(time.Minute))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatAPersonTypedIsGoneOnceItsDeliveryIsSettled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	receive(t, s, "settled")
	receive(t, s, "open")
	if err := s.Write(t.Context(), func(tx storage.Tx) error { return tx.Settle("settled") }); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, raw(t, dir), "SELECT key || ' ' || body FROM inbox ORDER BY key"); len(got) != 2 || got[0] != `open {"text":"what a person typed"}` || got[1] != "settled " {
		t.Errorf("kept: %q", got)
	}
}

// The lock says that the process before is gone; nobody works on what it had.
func TestWhatTheProcessBeforeHadTakenUpIsDueAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	receive(t, s, "settled")
	receive(t, s, "open")
	if err := s.Write(t.Context(), func(tx storage.Tx) error { return tx.Settle("settled") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err := open(t, dir).Write(t.Context(), func(tx storage.Tx) error {
		due, _, err := tx.NextDelivery()
		if err != nil {
			return err
		}
		left, err := tx.ClaimDeliveries(noon, noon.Add(time.Minute), 9)
		if len(left) != 1 || left[0].Key != "open" || !due.Equal(noon) {
			t.Errorf("claimed %v, due at %v", left, due)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
