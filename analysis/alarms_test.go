package analysis

import (
	"fmt"
	"math"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// home is a usual source, and away is not.
var (
	home = jit.Activity{Action: "s3:PutObject", Origin: "203.0.113.5"}
	away = jit.Activity{Action: "s3:PutObject", Origin: "198.51.100.7"}
)

// last is one more case, of ann's, shortly before the end.
func (w *world) last() *some { return w.n(1).by("ann").from(noon.Add(-2 * time.Hour)) }

// known is n sessions of ann's with what is usual, among 642 in all: 50 a week,
// of which one signal may raise an alarm with a chance of .0075.
// Hours are left out of it.
func (w *world) known(n int) *world {
	w.data.Limits = Standard()
	w.data.Limits.Session.HourSessions = math.MaxInt
	w.n(n).by("ann").did(1, home)
	w.n(642 - n).by("bo")
	return w
}

func TestUnusualSourcesAreFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	other := func(origin string) jit.Activity { a := away; a.Origin = origin; return a }
	table(t, unusualSource, []row{
		{"after 133 sessions from home", func(w *world) { w.known(133).last().did(1, away) }, true},
		{"after 132", func(w *world) { w.known(132).last().did(1, away) }, false},
		{"another address of the network", func(w *world) { w.known(133).last().did(1, other("203.0.113.250")) }, false},
		{"IPv6, another /48", func(w *world) { w.known(133).last().did(1, other("2001:db8:1::1")) }, true},
		{"a service acts on behalf of the person", func(w *world) { w.known(133).last().did(1, other("cloudformation.amazonaws.com")) }, false},
		{"AWS itself", func(w *world) { w.known(133).last().did(1, other("AWS Internal")) }, false},
		{"a service is the agent", func(w *world) {
			a := away
			a.Agent = "athena.amazonaws.com"
			w.known(133).last().did(1, a)
		}, false},
		{"somebody else was there lately: the office moved", func(w *world) {
			w.known(133)
			w.n(1).by("di").from(noon.Add(-3*day)).did(1, away)
			w.last().did(1, away)
		}, false},
		{"one who travels", func(w *world) {
			w.known(133)
			for i := range 9 {
				w.n(1).by("ann").from(noon.Add(-time.Duration(9-i)*day)).did(1, other(fmt.Sprintf("192.0.%d.1", i)))
			}
			w.last().did(1, away)
		}, false},
		{"not surely the person's", func(w *world) { a := away; a.Sure = .5; w.known(133).last().did(1, a) }, false},
		{"refused", func(w *world) { a := away; a.Outcome = jit.ActivityDenied; w.known(133).last().did(1, a) }, false},
	})
}

func TestTwoSourcesThatTakeTurnsAreUrgent(t *testing.T) {
	t.Parallel()
	for gap, urgent := range map[time.Duration]bool{4 * time.Minute: true, 6 * time.Minute: false} {
		w := newWorld(t)
		w.known(200).last().each(func(c *history.Case) {
			for i, a := range []jit.Activity{home, away, home} {
				a.At = c.Grant.From.Add(time.Duration(i) * gap)
				w.did(c, a)
			}
		})
		if f := w.one(unusualSource); f.Urgent != urgent {
			t.Errorf("%v apart, urgent is %v", gap, f.Urgent)
		}
	}
	w := newWorld(t)
	w.known(200).last().did(1, home).did(3, away)
	if f := w.one(unusualSource); f.Urgent {
		t.Error("one source after the other is urgent")
	}
}

func TestFirstSeenActionsAreFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	fresh := jit.Activity{Action: "s3:PutBucketPolicy", Origin: "203.0.113.5"}
	table(t, firstSeen, []row{
		{"after 133 of what is usual", func(w *world) { w.known(133).last().did(1, fresh) }, true},
		{"after 132", func(w *world) { w.known(132).last().did(1, fresh) }, false},
		{"a read", func(w *world) { a := fresh; a.ReadOnly = true; w.known(133).last().did(1, a) }, false},
		{"refused", func(w *world) { a := fresh; a.Outcome = jit.ActivityDenied; w.known(133).last().did(1, a) }, false},
		{"seen before", func(w *world) {
			w.known(133)
			w.n(2).by("di").from(noon.Add(-70*day)).did(1, fresh)
			w.last().did(1, fresh)
		}, false},
		{"new things are usual under the rule", func(w *world) {
			w.known(133)
			for i := range 9 {
				w.n(1).by("di").from(noon.Add(-time.Duration(9-i)*day)).did(1, jit.Activity{Action: fmt.Sprintf("x:Do%c", 'A'+i)})
			}
			w.last().did(1, fresh)
		}, false},
		{"one session that does the same a thousand times makes no history", func(w *world) {
			w.known(1)
			w.n(1).by("di").from(noon.Add(-9*day)).did(1000, home)
			w.last().did(1, fresh)
		}, false},
	})
}

func TestVolumeIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	read := jit.Activity{Action: "s3:GetObject", ReadOnly: true}
	usual := func(n int) func(w *world) {
		return func(w *world) {
			i := 0
			w.n(n).each(func(c *history.Case) {
				i++
				for range 1 + i%3 {
					w.did(c, read)
				}
			})
		}
	}
	table(t, volume, []row{
		{"50 after 20 sessions of few", func(w *world) { usual(20)(w); w.last().did(50, read) }, true},
		{"after 19", func(w *world) { usual(19)(w); w.last().did(50, read) }, false},
		{"49", func(w *world) { usual(20)(w); w.last().did(49, read) }, false},
		{"50 writes", func(w *world) { usual(20)(w); w.last().did(50, home) }, true},
		{"refused", func(w *world) {
			usual(20)(w)
			w.last().did(50, jit.Activity{Action: "s3:GetObject", Outcome: jit.ActivityDenied})
		}, false},
		{"while an incident is open", func(w *world) {
			usual(20)(w)
			w.last().did(50, read).each(func(c *history.Case) { c.Facts = []byte(`{"incidents":[{"id":"INC-1"}]}`) })
		}, false},
		{"much is usual", func(w *world) {
			i := 0
			w.n(20).each(func(c *history.Case) {
				i++
				for range 20 * (1 + i%4) {
					w.did(c, read)
				}
			})
			w.last().did(120, read)
		}, false},
	})
}

func TestThePOfAVolumeIsItsRank(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(20).did(2, jit.Activity{Action: "s3:GetObject", ReadOnly: true})
	w.last().did(60, jit.Activity{Action: "s3:GetObject", ReadOnly: true})
	if f := w.one(volume); f.P != 1./21 {
		t.Errorf("p is %v, want 1/21: no other of 20 is as much", f.P)
	}
}

func TestTwoSignalsThatAgreeRaiseWhatOneDoesNot(t *testing.T) {
	t.Parallel()
	fresh := jit.Activity{Action: "s3:PutBucketPolicy", Origin: "198.51.100.7"}
	w := newWorld(t)
	w.known(60).last().did(1, fresh) // each with a chance of 1/61: over .0075, under .0707
	for _, analysis := range []func(*Data) ([]Finding, error){unusualSource, firstSeen} {
		if f := w.one(analysis); f.Kind != "together" || f.P != 1./61 {
			t.Errorf("%+v", f)
		}
	}
	alone := newWorld(t)
	alone.known(60).last().did(1, away)
	alone.silent("one of the two", unusualSource)
}

func TestTheBudgetOfAlertsIsThatOfTheDefinition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.past.From = noon.Add(-70 * day)
	b := w.data.budget(5000) // 500 a week
	if math.Abs(b.alone-.00075) > 1e-9 || math.Abs(b.pairs-.02236) > 1e-5 {
		t.Errorf("%+v, want .00075 and .0224", b)
	}
	w.data.Alerts = 6
	if b := w.data.budget(5000); math.Abs(b.alone-.0015) > 1e-9 {
		t.Errorf("%+v, want twice as much for twice the alerts", b)
	}
}

func TestMoreAlarmsThanWereAllowedScaleTheChancesDown(t *testing.T) {
	t.Parallel()
	b := budget{alone: .004, pairs: .08}
	if got := b.within(3, 3); got != b {
		t.Errorf("%+v, want what it is", got)
	}
	if got := b.within(1, 3); got != b {
		t.Errorf("%+v, want no more than it is", got)
	}
	if got := b.within(12, 3); got != (budget{.001, .04}) {
		t.Errorf("%+v, want a quarter, and half for each of a pair", got)
	}
}

func TestHighRiskActionsAreNamed(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]bool{
		"iam:CreateAccessKey": true, "iam:AttachRolePolicy": true, "cloudtrail:StopLogging": true, "s3:PutBucketPolicy": true,
		"postgres:GRANT": true, "postgres:ALTER ROLE": true, "postgres:ROLE": true, "postgres:pg_read_file": true, "s3:GetObject": false, "postgres:READ": false,
		"iam:GetRole": false, "k8s:create rolebindings": true, "k8s:get rolebindings": false, "": false,
	} {
		if HighRisk(action) != want {
			t.Errorf("%s: %v", action, !want)
		}
	}
	w := newWorld(t)
	w.known(200).last().did(1, away).did(1, jit.Activity{Action: "iam:CreateAccessKey"})
	for _, g := range w.one(unusualSource).Figures {
		if g.Value == "iam:CreateAccessKey" {
			return
		}
	}
	t.Error("the alarm does not name what is always worth a look")
}
