package analysis

import (
	"fmt"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

func TestOutOfScopeIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	write := jit.Activity{Action: "s3:PutObject", Stray: true}
	read := jit.Activity{Action: "s3:GetObject", Stray: true, ReadOnly: true}
	table(t, outOfScope, []row{
		{"one write", func(w *world) { w.n(1).did(1, write) }, true},
		{"a write within", func(w *world) { w.n(1).did(9, jit.Activity{Action: "s3:PutObject"}) }, false},
		{"three reads", func(w *world) { w.n(1).did(3, read) }, true},
		{"two reads", func(w *world) { w.n(1).did(2, read) }, false},
		{"two reads in each of two grants", func(w *world) { w.n(2).did(2, read) }, false},
		{"listing what there is", func(w *world) {
			w.n(1).did(9, jit.Activity{Action: "s3:ListBuckets", Stray: true, ReadOnly: true}).did(9, jit.Activity{Action: "ec2:DescribeInstances", Stray: true, ReadOnly: true})
		}, false},
		{"denied", func(w *world) {
			w.n(1).did(9, jit.Activity{Action: "s3:PutObject", Stray: true, Outcome: jit.ActivityDenied})
		}, false},
		{"perhaps with what the person has anyway", func(w *world) {
			w.n(1).did(9, jit.Activity{Action: "s3:PutObject", Stray: true, Sure: .5})
		}, false},
		{"the log says that somebody else did it", func(w *world) {
			a := write
			a.Actor = "bo@example.com"
			w.n(2).by("ann", "bo").each(func(c *history.Case) {
				if c.User == "ann@example.com" {
					w.did(c, a)
				}
			})
		}, false},
		{"the log names the holder as we do, and here another", func(w *world) {
			a, b := write, write
			a.Actor, b.Actor, b.Stray = "stranger", "ann@example.com", false
			w.n(1).did(1, a).did(1, b)
		}, false},
		{"the log names people in its own way", func(w *world) {
			a := write
			a.Actor = "arn:aws:sts::1:assumed-role/DB/grt_0000"
			w.n(1).did(1, a)
		}, true},
		{"sources are incomplete, and it was seen all the same", func(w *world) {
			w.n(1).did(1, write).each(func(c *history.Case) { c.Grant.Evidence.Complete = false })
		}, true},
	})
}

// touching has each case work on one object of a bucket.
func (s *some) touching(bucket string) *some {
	i := 0
	return s.each(func(c *history.Case) {
		i++
		s.w.did(c, jit.Activity{Action: "s3:GetObject", ReadOnly: true, Resource: fmt.Sprintf("arn:aws:s3:::%s/%d", bucket, i%7)})
	})
}

func TestAScopeThatCouldBeNarrowerIsFound(t *testing.T) {
	t.Parallel()
	table(t, outOfScope, []row{
		{"30 sessions on one bucket of all", func(w *world) { w.n(30).touching("orders") }, true},
		{"29 are one too few", func(w *world) { w.n(29).touching("orders") }, false},
		{"one session on another bucket", func(w *world) { w.n(30).touching("orders"); w.n(1).touching("bills") }, false},
		{"one thing within, and one outside", func(w *world) {
			w.n(30).did(1, jit.Activity{Action: "s3:GetObject", ReadOnly: true, Resource: "arn:aws:s3:::orders/1"})
			w.n(1).did(1, jit.Activity{Action: "s3:GetObject", ReadOnly: true, Stray: true, Resource: "arn:aws:s3:::orders/2"})
		}, false},
		{"there is no scope to narrow", func(w *world) { w.n(30).of("cache").touching("orders") }, false},
		{"its scope says so", func(w *world) { w.n(30).of("queue").touching("orders") }, false},
		{"always the same object", func(w *world) {
			w.n(30).did(1, jit.Activity{Action: "s3:GetObject", Resource: "arn:aws:s3:::orders/1"})
		}, false},
	})
}

func TestAPrefixIsNarrowerOnlyWhereItSaysMoreOfTheResource(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		scope, prefix string
		want          bool
	}{
		{"*", "arn:aws:s3:::orders/", true},
		{"arn:aws:s3:::*", "arn:aws:s3:::orders/", true},
		{"arn:aws:s3:::orders*", "arn:aws:s3:::orders/", false},
		{"arn:aws:s3:::orders*", "arn:aws:s3:::orders-eu/", true},
		{"arn:aws:s3:::orders/", "arn:aws:s3:::orders/", false},
		{"arn:aws:*:orders*", "arn:aws:rds:eu-central-1:111122223333:orders/", false}, // service, region and account alone
		{"arn:aws:rds:*:*:db:orders-*", "arn:aws:rds:eu-central-1:111122223333:db:orders-", false},
		{"arn:aws:rds:*:*:db:orders-*", "arn:aws:rds:eu-central-1:111122223333:db:orders-eu-", true},
		{"arn:aws:rds:*:*:db:orders-*", "arn:aws:rds:", false},
		{"public.*", "arn:aws:s3:::orders/", false},
	} {
		if got := wider([]string{row.scope}, row.prefix); got != row.want {
			t.Errorf("%s against %s: %v", row.scope, row.prefix, got)
		}
	}
}

func TestOutsideIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	after := func(d time.Duration) func(*world) {
		return func(w *world) {
			w.n(1).each(func(c *history.Case) {
				w.did(c, jit.Activity{Action: "s3:GetObject", At: c.Grant.Ended.Add(d)})
			})
		}
	}
	door := history.Door{At: noon.Add(-day), Actor: "root", Scope: "arn:aws:iam::1:role/DB", Action: "s3:GetObject"}
	shut := door
	shut.Denied = true
	drift := jit.Drift{ID: "dft_1", State: jit.DriftOpen, Kind: jit.DriftStanding, Resource: "db", FirstSeen: noon.Add(-day)}
	with := func(change func(*jit.Drift)) func(*world) {
		return func(w *world) {
			x := drift
			change(&x)
			w.past.Drifts = []jit.Drift{x}
		}
	}
	table(t, outside, []row{
		{"six minutes after the end", after(6 * time.Minute), true},
		{"five minutes after the end", after(5 * time.Minute), false},
		{"the clock of a source is three minutes ahead", after(3 * time.Minute), false},
		{"later than anybody can know", func(w *world) {
			w.n(1).did(1, jit.Activity{Action: "s3:GetObject", At: noon.Add(time.Second)})
		}, false},
		{"denied after the end", func(w *world) {
			w.n(1).each(func(c *history.Case) {
				w.did(c, jit.Activity{Action: "s3:GetObject", At: c.Grant.Ended.Add(time.Hour), Outcome: jit.ActivityDenied})
			})
		}, false},
		{"perhaps with what the person has anyway", func(w *world) {
			w.n(1).each(func(c *history.Case) {
				w.did(c, jit.Activity{Action: "s3:GetObject", At: c.Grant.Ended.Add(time.Hour), Sure: .5})
			})
		}, false},
		{"a side door", func(w *world) { w.past.Doors = []history.Door{door, door} }, true},
		{"a side door that was shut", func(w *world) { w.past.Doors = []history.Door{shut} }, false},
		{"standing access", with(func(*jit.Drift) {}), true},
		{"access that came back", with(func(x *jit.Drift) { x.Kind = jit.DriftLeftover }), true},
		{"standing access that was accepted", with(func(x *jit.Drift) { x.State = jit.DriftAccepted }), false},
		{"it stood before anybody looked", with(func(x *jit.Drift) { x.Initial = true }), false},
		{"access that is missing", with(func(x *jit.Drift) { x.Kind = jit.DriftMissing }), false},
	})
}

func TestWhatIsOutsideIsUrgentAndSaysWhich(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(1).did(2, jit.Activity{Action: "s3:GetObject", Late: true})
	w.past.Doors = []history.Door{
		{At: noon.Add(-day), Actor: "root", Scope: "b", Action: "s3:GetObject"},
		{At: noon.Add(-day), Actor: "root", Scope: "a", Action: "s3:PutObject"},
		{At: noon.Add(-time.Hour), Actor: "eve", Scope: "a", Action: "s3:GetObject", ReadOnly: true},
	}
	all := w.find(outside)
	if len(all) != 3 || all[0].Kind != "after_end" || all[0].K != 2 || all[1].Subject != "door:a" || all[1].N != 2 || all[1].K != 1 || all[2].Subject != "door:b" {
		t.Fatalf("%+v", all)
	}
	for _, f := range all {
		if !f.Urgent || len(f.Edits) > 0 || len(f.Evidence) == 0 {
			t.Errorf("%+v", f)
		}
	}
}
