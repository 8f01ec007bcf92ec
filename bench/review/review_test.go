package review

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// byRole leaves the marks of a session that is named after its grant.
type byRole struct{}

func (byRole) Marks(h jit.Holding) []activity.Mark {
	return []activity.Mark{{Method: jit.BySessionName, Scope: h.Entitlement.Params["role"], Value: h.Grant}}
}

func (byRole) Opens(h jit.Holding) string { return h.Entitlement.Params["role"] }

func grantID(i int) string { return fmt.Sprintf("grt_%016d", i) }

func world(tb testing.TB, dir string) (*activity.Log, storage.Store) {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), sqlite.Config{Dir: dir, Ballast: -1})
	if err != nil {
		tb.Fatal(err)
	}
	for from := 0; from < grants; from += 1000 {
		var changes []*jit.Change
		for i := from; i < from+1000; i++ {
			at := monday.Add(time.Duration(i) * seconds / grants * time.Second)
			g := jit.Grant{
				ID: grantID(i), Request: fmt.Sprintf("req_%d", i), Kind: jit.Access, Principal: email(i % users), Resource: "prod", Holdings: 1,
				CreatedAt: at.Add(-4 * time.Hour), ConfirmedAt: at.Add(-4 * time.Hour), NotAfter: at.Add(4 * time.Hour), ExpiresAt: at.Add(4 * time.Hour),
			}
			h := jit.Holding{
				ID: fmt.Sprintf("hld_%d", i), Grant: g.ID, Request: g.Request, Principal: g.Principal, Resource: "prod", NotAfter: g.NotAfter,
				Entitlement: jit.Entitlement{Kind: "session", Params: map[string]string{"role": roleARN(roleOf(i))}},
			}
			c := jit.Record(jit.Event{At: g.CreatedAt, Kind: jit.EventGrantActive, Grant: g.ID})
			if err := errors.Join(c.Grant(g, jit.GrantProvisioning), c.Holding(h, jit.HoldingWanted)); err != nil {
				tb.Fatal(err)
			}
			changes = append(changes, c)
		}
		if err := s.Write(tb.Context(), func(tx storage.Tx) error { return tx.Save(changes...) }); err != nil {
			tb.Fatal(err)
		}
	}
	log, err := activity.New(activity.Config{
		Store: s, At: func(storage.View) (time.Time, error) { return monday.Add(7 * 24 * time.Hour), nil },
		Marker: func(string) activity.Marker { return byRole{} },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return log, s
}

// perGrant and perAction are the review's questions.
type perGrant struct {
	n, kinds, ro int
	first, last  time.Time
}

type perAction struct{ n, people int }

const batch = 100_000

// tell has all actions told, and returns the answers as the actions themselves
// give them.
func tell(tb testing.TB, log *activity.Log, n int) (map[string]perGrant, map[string]perAction) {
	tb.Helper()
	byGrant, kinds := map[string]perGrant{}, map[[2]int]bool{}
	byAction, who := map[string]perAction{}, map[[3]int]bool{}
	in := log.Intake("trail")
	var b *activity.Batch
	names := make([]string, grants)
	for i := range names {
		names[i] = grantID(i)
	}
	each(n, func(i int, a *action) {
		var err error
		if b == nil {
			if b, _, err = in.Begin(tb.Context(), ""); err != nil {
				tb.Fatal(err)
			}
		}
		r := activity.Record{
			Family: "cloudtrail", ID: uuid(a.id), At: a.at, Service: service(a.action), Verb: verb(a.action), ReadOnly: a.ro, Outcome: jit.ActivityOK,
			Scope: roleARN(a.role), Session: "nobody", Actor: email(a.user), Account: "111122223333", Region: "eu-central-1",
		}
		if a.grant >= 0 {
			r.Session = names[a.grant]
		}
		b.Add(&r)
		if (i+1)%batch == 0 || i == n-1 {
			if err := in.Take(tb.Context(), b, activity.Progress{}); err != nil {
				tb.Fatal(err)
			}
			b = nil
		}
		if a.grant >= 0 {
			g := byGrant[names[a.grant]]
			if g.n == 0 {
				g.first = a.at
			}
			g.n, g.last = g.n+1, a.at
			if a.ro {
				g.ro++
			}
			if !kinds[[2]int{a.grant, a.action}] {
				kinds[[2]int{a.grant, a.action}] = true
				g.kinds++
			}
			byGrant[names[a.grant]] = g
		}
		key := roleARN(a.role) + " " + r.Service + ":" + r.Verb
		p := byAction[key]
		p.n++
		if !who[[3]int{a.role, a.action, a.user}] {
			who[[3]int{a.role, a.action, a.user}] = true
			p.people++
		}
		byAction[key] = p
	})
	return byGrant, byAction
}

func uuid(id [16]byte) string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ask answers both questions from the summaries.
func ask(tb testing.TB, log *activity.Log, s storage.Store) (map[string]perGrant, map[string]perAction) {
	tb.Helper()
	byGrant, byAction := map[string]perGrant{}, map[string]perAction{}
	err := s.Read(tb.Context(), func(v storage.View) error {
		err := activity.Uses(v, "grt_", "grt`", func(grant string, u activity.Use) error {
			did, denied := u.Kinds()
			byGrant[grant] = perGrant{u.Actions, did + denied, u.Reads, u.First, u.Last}
			return nil
		})
		if err != nil {
			return err
		}
		return log.Throughs(v, monday, monday.Add(7*24*time.Hour), func(t activity.Through) error {
			byAction[t.Scope+" "+t.Action] = perAction{t.Done + t.Denied, t.People}
			return nil
		})
	})
	if err != nil {
		tb.Fatal(err)
	}
	return byGrant, byAction
}

// walk answers them without keeping the answers, as a review that prints lines
// as it goes would.
func walk(tb testing.TB, log *activity.Log, s storage.Store) (n int) {
	tb.Helper()
	err := s.Read(tb.Context(), func(v storage.View) error {
		err := activity.Uses(v, "grt_", "grt`", func(_ string, u activity.Use) error { n += u.Actions; return nil })
		if err != nil {
			return err
		}
		return log.Throughs(v, monday, monday.Add(7*24*time.Hour), func(t activity.Through) error { n += t.People; return nil })
	})
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestSummariesGiveTheAnswersOfTheRows(t *testing.T) {
	t.Parallel()
	check(t, 30_000)
}

func check(tb testing.TB, n int) (*activity.Log, storage.Store, string, time.Duration) {
	tb.Helper()
	dir := tb.TempDir()
	log, s := world(tb, dir)
	tb.Cleanup(func() { _ = s.Close() })
	began := time.Now()
	wantGrant, wantAction := tell(tb, log, n)
	took := time.Since(began)
	gotGrant, gotAction := ask(tb, log, s)
	if !maps.Equal(wantGrant, gotGrant) {
		tb.Fatalf("of %d grants the summaries give %d, or others", len(wantGrant), len(gotGrant))
	}
	if !maps.Equal(wantAction, gotAction) {
		tb.Fatalf("of %d actions the summaries give %d, or others", len(wantAction), len(gotAction))
	}
	return log, s, dir, took
}

// BenchmarkWeek tells a week of actions and asks what the review asks.
func BenchmarkWeek(b *testing.B) {
	n := rows()
	for b.Loop() {
		log, s, dir, took := check(b, n)
		best := time.Hour
		for range 5 {
			began := time.Now()
			walk(b, log, s)
			best = min(best, time.Since(began))
		}
		b.ReportMetric(float64(best.Microseconds())/1000, "review-ms")
		b.ReportMetric(float64(n)/took.Seconds(), "told/s")
		_ = s.Close() // what it writes is moved into the file
		b.ReportMetric(float64(size(b, dir, ""))/float64(n), "B/event")
		b.ReportMetric(float64(summaries(b, dir))/float64(n), "summary-B/event")
	}
	b.ReportMetric(0, "ns/op")
}

func size(tb testing.TB, dir, name string) (n int64) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name != "" && d.Name() != name {
			return err
		}
		info, err := d.Info()
		n += info.Size()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// summaries is how many bytes the ledgers hold that the review reads.
func summaries(tb testing.TB, dir string) (n int64) {
	tb.Helper()
	r, err := sqlite.OpenReader(sqlite.Config{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	err = r.Read(tb.Context(), func(v storage.View) error {
		for _, ledger := range []string{"a.use", "a.through", "a.words"} {
			err := v.Leaves(ledger, "", "", func(key string, value []byte) error {
				n += int64(len(key) + len(value) + len(ledger) + 6)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
