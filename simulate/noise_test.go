package simulate

import (
	"strings"
	"testing"
	"time"
)

func TestLogsLoseDelayAndDoubleAsMuchAsIsSaid(t *testing.T) {
	t.Parallel()
	clean, noisy := made(t, Options{Rules: 80, Clean: true}), made(t, Options{Rules: 80})
	logged := 0 // what a source could have told at all
	for _, d := range clean.Deeds {
		if !d.data || !d.area.account.trail {
			logged++
		}
	}
	seen := map[string]bool{}
	late, twice, wrong := 0, 0, 0
	for i, d := range noisy.Deeds {
		if i > 0 && d.Known.Before(noisy.Deeds[i-1].Known) {
			t.Fatal("deeds do not stand in the order in which they became known")
		}
		if seen[d.ID] {
			twice++
			continue
		}
		seen[d.ID] = true
		if d.Known.Sub(d.At) > 10*time.Minute {
			late++
		}
		if d.Hearsay {
			wrong++
		}
		if d.data && d.area.account.trail {
			t.Fatalf("%s is told of by a trail without data events", d.Action)
		}
	}
	between := func(what string, n int, least, most float64) {
		t.Helper()
		if s := float64(n) / float64(logged); s < least || s > most {
			t.Errorf("%s: %.4f, want %.4f to %.4f", what, s, least, most)
		}
	}
	between("lost", logged-len(seen), .017, .028) // with the gap
	between("doubled", twice, .003, .007)
	between("late", late, .008, .013)
	between("mistaken", wrong, .0005, .03)
}

func TestATrailTellsNothingOfSixHours(t *testing.T) {
	t.Parallel()
	clean, noisy := made(t, Options{Rules: 200, People: 400, Clean: true}), made(t, Options{Rules: 200, People: 400})
	left := map[string]bool{}
	for _, d := range noisy.Deeds {
		left[d.ID] = true
	}
	gone := map[string][]time.Time{} // by account
	for _, d := range clean.Deeds {
		if !left[d.ID] && !d.data {
			gone[d.area.account.id] = append(gone[d.area.account.id], d.At)
		}
	}
	most := 0
	for _, times := range gone {
		for _, from := range times {
			n := 0
			for _, at := range times {
				if !at.Before(from) && at.Before(from.Add(gapLength)) {
					n++
				}
			}
			most = max(most, n)
		}
	}
	if most < 10 {
		t.Errorf("no stretch lost more than %d", most)
	}
}

func TestDataIsWhatTheFilesTell(t *testing.T) {
	t.Parallel()
	g := made(t, Options{Rules: 60})
	d, err := Data(g)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, deed := range g.Deeds {
		ids[deed.ID] = true
	}
	n := len(d.Past.Doors)
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if l := g.Lines[i]; c.ID != l.ID || c.Outcome.String() != l.Outcome || string(c.State) != l.State || string(c.Facts) != string(l.Facts) {
			t.Fatalf("case %d is %+v, its line %+v", i, c, l)
		}
		if c.Grant == nil {
			continue
		}
		n += c.Grant.Use.Actions
		unlogged := strings.Contains(strings.Join(c.Grant.Evidence.Unlogged, " "), "s3")
		if a := g.asked[i].area.account; unlogged != a.trail {
			t.Fatalf("grant %s: data logged %t in %+v", c.Grant.ID, !unlogged, a)
		}
	}
	if n != len(ids) {
		t.Errorf("%d actions, and the files tell of %d", n, len(ids))
	}
}
