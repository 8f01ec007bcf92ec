package trail

import (
	"testing"
	"time"
)

func TestEveryDayIsReadAsTheLibraryReadsIt(t *testing.T) {
	t.Parallel()
	for at := time.Date(2006, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2200; at = at.Add(24*time.Hour + 61*time.Second) {
		s := at.Format(time.RFC3339)
		got, ok := instant(s)
		if !ok || !got.Equal(at) || got.Location() != time.UTC {
			t.Fatalf("%s: %s, %v", s, got, ok)
		}
	}
}
