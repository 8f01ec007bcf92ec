package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// start is when everything here was made.
var start = time.Date(2026, 3, 27, 9, 30, 0, 0, time.UTC)

const saveBatch = 256 // grants in one write, as the reconciler takes them

func open(b testing.TB, dir string) *sqlite.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), sqlite.Config{Dir: dir, Ballast: -1})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func write(b testing.TB, s *sqlite.Store, fn func(tx storage.Tx) error) {
	b.Helper()
	if err := s.Write(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
}

// held makes n active grants of one holding each, all due at start plus i.
func held(b testing.TB, s *sqlite.Store, n int) (grants []jit.Grant, holdings []jit.Holding) {
	b.Helper()
	for i := range n {
		id := fmt.Sprintf("01kmq%021d", i)
		grants = append(grants, jit.Grant{
			ID: "grt_" + id, State: jit.GrantActive, Request: "req_" + id, Kind: jit.Access, Rule: "prod-by-approval",
			Principal: fmt.Sprintf("u%d@example.com", i%1000), Resource: "prod-db", Duration: time.Hour, Holdings: 1, CreatedAt: start,
			ConfirmedAt: start, NotAfter: start.Add(75 * time.Minute), ExpiresAt: start.Add(time.Hour), NextAt: start.Add(time.Hour),
		})
		holdings = append(holdings, jit.Holding{
			ID: "hld_" + id, State: jit.HoldingPresent, Grant: "grt_" + id, Request: "req_" + id, Principal: grants[i].Principal,
			Resource: "prod-db", Target: fmt.Sprintf("aws:111122223333:group/ops/u%d", i), NotAfter: start.Add(75 * time.Minute),
			Standing:    jit.NotStanding,
			Entitlement: jit.Entitlement{Kind: "aws_iam_group", Params: map[string]string{"account": "111122223333", "group": "prod-db-operators"}},
		})
	}
	for at := 0; at < n; at += 5000 {
		to := min(at+5000, n)
		write(b, s, func(tx storage.Tx) error {
			return tx.Save(changes(b, grants[at:to], holdings[at:to], jit.EventGrantActive)...)
		})
	}
	for i := range grants {
		grants[i].Version, holdings[i].Version = 1, 1
	}
	return grants, holdings
}

func changes(b testing.TB, grants []jit.Grant, holdings []jit.Holding, kind string) []*jit.Change {
	list := make([]*jit.Change, len(grants))
	for i, g := range grants {
		c := jit.Record(jit.Event{At: start, Kind: kind, Actor: jit.ActorJitbot, Origin: "reconciler", Request: g.Request, Grant: g.ID, Resource: g.Resource, Outcome: "ok"})
		h := holdings[i]
		var err error
		switch kind {
		case jit.EventGrantActive:
			err = errorsOf(c.Grant(g, jit.GrantActive), c.Holding(h, jit.HoldingPresent))
		case jit.EventGrantRevoking:
			err = errorsOf(c.Grant(g, jit.GrantRevoking), c.Holding(h, jit.HoldingRemoving))
		case jit.EventGrantEnded:
			absent := h
			absent.State = jit.HoldingAbsent
			err = errorsOf(c.Holding(h, jit.HoldingAbsent), c.End(g, []jit.Holding{absent}))
		}
		if err != nil {
			b.Fatal(err)
		}
		list[i] = c
	}
	return list
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkEnd is E1: 10,000 grants end at once. Each is written as revoking
// and as ended, with its holding, an event a time, and its receipt at the end.
// Beside it runs the least SQLite could do: one narrow row and one narrow event
// a grant, in as many commits as would do.
func BenchmarkEnd(b *testing.B) {
	const n = 10_000
	var ours, cpu, least []float64
	for range b.N {
		s := open(b, b.TempDir())
		grants, holdings := held(b, s, n)
		began, used := time.Now(), cpuTime(b)
		endAll(b, s, grants, holdings)
		cpu = append(cpu, micros(cpuTime(b)-used)/1000)
		ours = append(ours, micros(time.Since(began))/1000)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		least = append(least, micros(endNarrow(b, n))/1000)
	}
	b.ReportMetric(median(ours), "last-ms")
	b.ReportMetric(median(cpu), "cpu-ms")
	b.ReportMetric(median(least), "narrow-ms")
	b.ReportMetric(median(ours)/median(least), "x-narrow")
	b.ReportMetric(11_900/median(ours), "x-openbao")
	b.ReportMetric(0, "ns/op")
}

// cpuTime is what this process has used so far: on a shared machine it says
// more than the clock.
func cpuTime(b testing.TB) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func endNarrow(b testing.TB, n int) time.Duration {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "n.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`CREATE TABLE grants (id INTEGER PRIMARY KEY, who TEXT, state INTEGER, expires_at INTEGER, revoked_at INTEGER);
		CREATE INDEX due ON grants (expires_at) WHERE state = 1;
		CREATE TABLE audit (seq INTEGER PRIMARY KEY, grant_id INTEGER, body TEXT);
		WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 10000)
		INSERT INTO grants SELECT n, 'u' || n, 1, 1000, NULL FROM i`)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for at := 0; at < n; at += saveBatch {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		update, err1 := tx.Prepare("UPDATE grants SET state = 2, revoked_at = 1000 WHERE id = ? AND state = 1")
		insert, err2 := tx.Prepare(`INSERT INTO audit (grant_id, body) VALUES (?, '{"cause":"expired","adapter":"aws"}')`)
		if err := errorsOf(err1, err2); err != nil {
			b.Fatal(err)
		}
		for i := at; i < min(at+saveBatch, n); i++ {
			_, err1 := update.Exec(i + 1)
			_, err2 := insert.Exec(i + 1)
			if err := errorsOf(err1, err2); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func endAll(b testing.TB, s *sqlite.Store, grants []jit.Grant, holdings []jit.Holding) {
	for at := 0; at < len(grants); at += saveBatch {
		to := min(at+saveBatch, len(grants))
		gs, hs := slices.Clone(grants[at:to]), slices.Clone(holdings[at:to])
		for i := range gs {
			gs[i].NextAt, hs[i].NextAt = time.Time{}, start.Add(time.Hour)
			hs[i].Lease = jit.Lease{Fence: 1, Until: start.Add(61 * time.Minute)}
		}
		write(b, s, func(tx storage.Tx) error { return tx.Save(changes(b, gs, hs, jit.EventGrantRevoking)...) })
		for i := range gs {
			gs[i].State, hs[i].State, gs[i].Version, hs[i].Version = jit.GrantRevoking, jit.HoldingRemoving, 2, 2
			gs[i].EndedAt, gs[i].Outcome, gs[i].EndBy = start.Add(time.Hour), jit.Expired, jit.ActorJitbot
			hs[i].NextAt, hs[i].Lease.Until = time.Time{}, time.Time{}
		}
		write(b, s, func(tx storage.Tx) error {
			if err := tx.Save(changes(b, gs, hs, jit.EventGrantEnded)...); err != nil {
				return err
			}
			return tx.Queue(receipts(gs)...)
		})
	}
}

func receipts(grants []jit.Grant) []storage.Outgoing {
	list := make([]storage.Outgoing, len(grants))
	for i, g := range grants {
		list[i] = storage.Outgoing{
			Thread: g.Request, Slot: "receipt", Root: "card", Audience: "approvers", Chat: "slack", Channel: "access-prod",
			QueuedAt: start, NextAt: start, Card: []byte(`{"title":"prod-db ended","text":"asked for an hour because INC-42; did 3 things; 0 denied"}`),
		}
	}
	return list
}
