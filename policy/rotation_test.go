package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/policy"
)

func rotation(t *testing.T, zone, start, every string) policy.Rotation {
	t.Helper()
	src := fmt.Sprintf("version: 1\non_call:\n  r: {rotation: {start: %q, every: %s, timezone: %s, members: [a@example.com, b@example.com, c@example.com]}}\nrules: []\n", start, every, zone)
	p, err := policy.Load("policy.yaml", []byte(src), options())
	if err != nil {
		t.Fatal(err)
	}
	r, ok := p.Rotation("r")
	if !ok {
		t.Fatal("not a rotation")
	}
	return r
}

func TestShiftsHandOverAtTheSameLocalTimeAllYear(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, zone, start, every, at, who, since, until string }{
		{"first", "Europe/Berlin", "2026-01-05T09:00", "7d", "2026-01-05T08:00:00Z", "a", "2026-01-05T08:00:00Z", "2026-01-12T08:00:00Z"},
		{"one second before the handover", "Europe/Berlin", "2026-01-05T09:00", "7d", "2026-01-12T07:59:59Z", "a", "2026-01-05T08:00:00Z", "2026-01-12T08:00:00Z"},
		{"second", "Europe/Berlin", "2026-01-05T09:00", "7d", "2026-01-12T08:00:00Z", "b", "2026-01-12T08:00:00Z", "2026-01-19T08:00:00Z"},
		{"over the change to summer time", "Europe/Berlin", "2026-01-05T09:00", "7d", "2026-03-30T06:59:59Z", "c", "2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z"},
		{"in summer", "Europe/Berlin", "2026-01-05T09:00", "7d", "2026-03-30T07:00:00Z", "a", "2026-03-30T07:00:00Z", "2026-04-06T07:00:00Z"},
		{"over the change to winter time", "Europe/Berlin", "2026-01-05T09:00", "7d", "2026-10-26T07:30:00Z", "c", "2026-10-19T07:00:00Z", "2026-10-26T08:00:00Z"},
		{"a handover in the hour that is skipped", "Europe/Berlin", "2026-03-28T02:30", "1d", "2026-03-29T01:00:00Z", "a", "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"},
		{"after the hour that is skipped", "Europe/Berlin", "2026-03-28T02:30", "1d", "2026-03-29T01:30:00Z", "b", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"},
		{"a handover in the hour that comes twice is at the first", "Europe/Berlin", "2026-10-24T02:30", "1d", "2026-10-25T00:30:00Z", "b", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"nobody takes back the second of the two hours", "Europe/Berlin", "2026-10-24T02:30", "1d", "2026-10-25T01:10:00Z", "b", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"the southern half", "Australia/Sydney", "2026-04-01T09:00", "7d", "2026-04-07T23:00:00Z", "b", "2026-04-07T23:00:00Z", "2026-04-14T23:00:00Z"},
		{"half an hour of summer time", "Australia/Lord_Howe", "2026-04-01T09:00", "7d", "2026-04-07T22:30:00Z", "b", "2026-04-07T22:30:00Z", "2026-04-14T22:30:00Z"},
		{"an offset of half an hour", "Asia/Kolkata", "2026-04-01T09:00", "1d", "2026-04-02T03:30:00Z", "b", "2026-04-02T03:30:00Z", "2026-04-03T03:30:00Z"},
		{"half days", "UTC", "2026-04-01T09:00", "12h", "2026-04-01T21:00:00Z", "b", "2026-04-01T21:00:00Z", "2026-04-02T09:00:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := rotation(t, tt.zone, tt.start, tt.every).At(instant(t, tt.at))
			if len(s.People) != 1 || s.People[0] != tt.who+"@example.com" {
				t.Errorf("on call: %v, want %s", s.People, tt.who)
			}
			if !s.Since.Equal(instant(t, tt.since)) || !s.Until.Equal(instant(t, tt.until)) {
				t.Errorf("from %v to %v, want %s to %s", s.Since.UTC(), s.Until.UTC(), tt.since, tt.until)
			}
		})
	}
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestBeforeTheStartNobodyIsOnCall(t *testing.T) {
	t.Parallel()
	s := rotation(t, "UTC", "2026-01-05T09:00", "7d").At(instant(t, "2026-01-05T08:59:59Z"))
	if len(s.People) != 0 || !s.Until.Equal(instant(t, "2026-01-05T09:00:00Z")) {
		t.Errorf("got %+v", s)
	}
	if got := (policy.Rotation{}).At(noon); len(got.People) != 0 {
		t.Errorf("the zero rotation has %v on call", got.People)
	}
}

func TestShiftsFollowOneAnotherWithoutGapOrOverlap(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"} {
		for _, every := range []string{"1d", "7d", "12h"} {
			r := rotation(t, zone, "2026-01-05T02:30", every)
			s := r.At(instant(t, "2026-01-06T12:00:00Z"))
			for range 400 {
				next := r.At(s.Until)
				if !next.Since.Equal(s.Until) || next.People[0] == s.People[0] || !next.Until.After(next.Since) {
					t.Fatalf("%s: after %v comes %v", zone, s, next)
				}
				if last := r.At(s.Until.Add(-time.Second)); last.People[0] != s.People[0] {
					t.Fatalf("%s: %v does not last to its end", zone, s)
				}
				s = next
			}
		}
	}
}

func TestARotationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{every: 7d, members: [a@example.com]}`:                                                    `"start" is missing`,
		`{start: "2026-01-05", every: 7d, members: [a@example.com]}`:                               "is not a local date and time",
		`{start: "2026-01-05T09:00Z", every: 7d, members: [a@example.com]}`:                        "is not a local date and time",
		`{start: "2026-01-05T09:00", members: [a@example.com]}`:                                    `"every" is missing`,
		`{start: "2026-01-05T09:00", every: 90m, members: [a@example.com]}`:                        "must be whole hours or days",
		`{start: "2026-01-05T09:00", every: 0d, members: [a@example.com]}`:                         "not a duration",
		`{start: "2026-01-05T09:00", every: 7d}`:                                                   `"members" is missing`,
		`{start: "2026-01-05T09:00", every: 7d, members: []}`:                                      "is empty; name who takes turns",
		`{start: "2026-01-05T09:00", every: 7d, members: [group:sre]}`:                             "is not an e-mail address",
		`{start: "2026-01-05T09:00", every: 7d, members: [a@example.com], timezone: CEST}`:         "is not a time zone",
		`{start: "2026-01-05T09:00", every: 7d, members: [a@example.com], timezone: Local}`:        "is not a time zone",
		`{start: "2026-01-05T09:00", every: 7d, members: [a@example.com], order: [a@example.com]}`: `unknown key "order"`,
	} {
		got := problems(t, "version: 1\non_call:\n  r: {rotation: "+body+"}\nrules: []\n", options())
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %q in it", body, got, want)
		}
	}
}
