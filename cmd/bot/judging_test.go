package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

func TestOfTooManyRequestsTheNewestAreLookedAt(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Dir: filepath.Join(t.TempDir(), "data"), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	var lines strings.Builder
	for day := range 100 { // one a day
		fmt.Fprintf(&lines, `{"id":"OPS-%d","at":%q,"user":"ann@example.com","resource":"db","outcome":"deny","state":"denied"}`+"\n", day, at.AddDate(0, 0, -day-1).Format(time.RFC3339))
	}
	in := history.Importing{Store: s, At: func(storage.View) (time.Time, error) { return at, nil }, Clean: strings.TrimSpace, Actor: "os:root"}
	if got, err := in.Import(t.Context(), strings.NewReader(lines.String())); err != nil || got.Requests != 100 {
		t.Fatalf("%+v, %v", got, err)
	}
	for most, want := range map[int]int{1000: 90, 90: 90, 40: 40, 1: 1} {
		err := s.Read(t.Context(), func(v storage.View) error {
			from, err := lookedBack(v, at, 90*24*time.Hour, most)
			if err != nil {
				return err
			}
			n, err := v.CountRequests(storage.RequestFilter{Since: from, Before: at})
			if n != want || from.Before(at.Add(-90*24*time.Hour)) {
				t.Errorf("of at most %d: %d since %s, not %d", most, n, from, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
