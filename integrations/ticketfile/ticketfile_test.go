package ticketfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/integrations/ticketfile"
)

const file = `
tickets:
  - {id: OPS-7, open: true, assignee: Ann@example.com}
  - {id: OPS-8, open: false}
incidents:
  - {id: INC-42, opened_by: bo@example.com, since: "2026-03-02T08:00:00Z"}
`

func open(t *testing.T, text string, maxAge time.Duration, now time.Time) (*ticketfile.Source, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tickets.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ticketfile.Open(ticketfile.Config{Path: path, MaxAge: maxAge}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

func TestTicketsAndIncidentsAreReadFromTheFile(t *testing.T) {
	t.Parallel()
	s, _ := open(t, file, 0, time.Now())
	got, err := s.Ticket(t.Context(), "OPS-7")
	if err != nil || !got.Open || got.Assignee != "ann@example.com" {
		t.Errorf("OPS-7: %+v, %v", got, err)
	}
	if got, err := s.Ticket(t.Context(), "OPS-8"); err != nil || got.Open {
		t.Errorf("OPS-8: %+v, %v", got, err)
	}
	if _, err := s.Ticket(t.Context(), "OPS-9"); !errors.Is(err, bot.ErrNoTicket) {
		t.Errorf("a ticket nobody knows: %v", err)
	}
	incidents, err := s.Incidents(t.Context())
	if err != nil || len(incidents) != 1 || incidents[0].OpenedBy != "bo@example.com" || incidents[0].Since.Hour() != 8 {
		t.Errorf("incidents: %+v, %v", incidents, err)
	}
}

func TestAMissingBrokenOrOldFileIsAnOutageAndNotAClosedTicket(t *testing.T) {
	t.Parallel()
	broken, _ := open(t, "tickets: [{id: OPS-7, opne: true}]", 0, time.Now())
	old, _ := open(t, file, time.Hour, time.Now().Add(2*time.Hour))
	missing, path := open(t, file, 0, time.Now())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*ticketfile.Source{"broken": broken, "old": old, "missing": missing} {
		if _, err := s.Ticket(t.Context(), "OPS-7"); err == nil || errors.Is(err, bot.ErrNoTicket) {
			t.Errorf("%s: %v, want an outage", name, err)
		}
	}
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	t.Parallel()
	s, path := open(t, file, 0, time.Now())
	if _, err := s.Ticket(t.Context(), "OPS-7"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("tickets: [{id: OPS-7, open: false}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Ticket(t.Context(), "OPS-7"); err != nil || got.Open {
		t.Errorf("after the change: %+v, %v", got, err)
	}
}
