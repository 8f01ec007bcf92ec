package trail

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

var lookupConfig = Config{Lookup: &Lookup{Accounts: []string{account}, Regions: []string{home}}}

func TestWhatASessionDidIsFoundInItsRegionAndTheGlobalOne(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now())}
		w.does("grt_1", 3)
		w.does("grt_2", 2) // somebody else's
		start := now()
		w.read(w.open(lookupConfig))
		w.want(3)
		for _, r := range w.intake.records {
			if r.Session != "grt_1" || r.Scope != prodDB || r.Service != "iam" || r.Verb != "GetRole" || r.SourceIdentity != "ann@example.com" || r.Region != "us-east-1" {
				w.Errorf("%+v", r)
			}
		}
		if want := start.Add(-15 * time.Minute); !w.intake.until.Equal(want) {
			w.Errorf("told until %s, want %s", w.intake.until, want)
		}
		if w.intake.newest.IsZero() {
			w.Error("no sign of life")
		}
	})
}

func TestManyPagesAreReadAtThePaceAWSAllows(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now())}
		for i := range 320 {
			w.aws.Tell(made(fmt.Sprintf("e%03d", i), now().Add(time.Duration(i)*time.Second), "grt_1"))
		}
		time.Sleep(time.Hour)
		start := now()
		w.read(w.open(lookupConfig))
		w.want(320)
		if took := now().Sub(start); took < 3*time.Second || took > 6*time.Second { // 7 pages
			w.Errorf("it took %s", took)
		}
		for _, c := range w.aws.Calls() {
			if c.Outcome != "ok" {
				w.Errorf("%s was refused: %s", c.Action, c.Outcome)
			}
		}
	})
}

func TestThrottlingMakesItSlowerAndLosesNothing(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now())}
		for i := range 120 {
			w.aws.Tell(made(fmt.Sprintf("e%03d", i), now().Add(time.Duration(i)*time.Second), "grt_1"))
		}
		time.Sleep(time.Hour)
		w.aws.Break("LookupEvents", awsfake.Throttle, 3)
		start := now()
		w.read(w.open(lookupConfig))
		w.want(120)
		if took := now().Sub(start); took < 2*time.Second {
			w.Errorf("it went on after %s", took)
		}
	})
}

func TestWhatGoesOnBeingThrottledIsAnErrorAndNotTheEnd(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now())}
		w.does("grt_1", 1)
		w.aws.Break("LookupEvents", awsfake.Throttle, 1000)
		s := w.open(lookupConfig)
		if err := s.Read(w.Context(), w.intake); err == nil || !throttled(err) {
			w.Errorf("%v", err)
		}
		if !w.intake.until.IsZero() {
			w.Error("it claims to have told all")
		}
		w.aws.Heal()
		w.read(s)
		w.want(1)
	})
}

func TestOneRegionThatFailsHoldsUpNoOther(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now())}
		w.aws.Tell(made("e1", now(), "grt_1")) // at home
		w.does("grt_1", 1)                     // global
		for _, kind := range []awsfake.FaultKind{awsfake.Refuse, awsfake.DropAfter, awsfake.HalfBody, awsfake.Unavailable} {
			*w.intake = *newIntake()
			w.intake.subjects = []activity.Subject{subject("grt_1", now().Add(-time.Hour))}
			w.aws.Break("LookupEvents", kind, 1)
			s := w.open(lookupConfig)
			if err := s.Read(w.Context(), w.intake); err == nil {
				w.Errorf("%s: no error", kind)
			}
			w.want(1)
			if !w.intake.until.IsZero() {
				w.Errorf("%s: it claims to have told all", kind)
			}
			w.read(s)
			w.want(2)
		}
	})
}

func TestAHungCallEndsByItsDeadline(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now())}
		w.does("grt_1", 1)
		w.aws.Break("LookupEvents", awsfake.Hang, 1)
		start := now()
		if err := w.open(lookupConfig).Read(w.Context(), w.intake); err == nil {
			w.Error("no error")
		}
		if took := now().Sub(start); took > 10*time.Second {
			w.Errorf("it took %s", took)
		}
	})
}

func TestLateEventsAreFoundByTheOverlapAndByTheFinalPass(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		from := now()
		sub := subject("grt_1", from)
		sub.To = from.Add(time.Hour)
		w.intake.subjects = []activity.Subject{sub}
		told := func(id string, at time.Time, late time.Duration) {
			m := made(id, at, "grt_1")
			m.Late = late
			w.aws.Tell(m)
		}
		told("soon", from.Add(time.Minute), 5*time.Minute)
		told("late", from.Add(2*time.Minute), 25*time.Minute)
		told("very-late", from.Add(3*time.Minute), 8*time.Hour)
		s := w.open(lookupConfig)
		for range 26 * 60 {
			w.read(s)
			time.Sleep(time.Minute)
			if at := now().Sub(from); at > 70*time.Minute && at < 9*time.Hour && len(w.intake.records) != 2 {
				w.Fatalf("after %s: %d", at, len(w.intake.records))
			}
		}
		w.want(3)
		calls := len(w.aws.Calls())
		if calls > 2*(100+10) {
			w.Errorf("%d calls for a grant of an hour", calls)
		}
		w.read(s)
		if len(w.aws.Calls()) != calls {
			w.Error("a grant that is over is asked for again")
		}
	})
}

func TestALateEventIsFoundBeforeTheFinalReceiptAlsoWhereAnotherGrantOfThePersonRuns(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		from := now()
		ended := from.Add(time.Hour)
		person := func(grant string, from time.Time) activity.Subject {
			s := subject(grant, from)
			s.Marks = []activity.Mark{{Method: jit.ByIdentityCenter, Value: "ann"}}
			return s
		}
		m := made("late", from.Add(30*time.Minute), "ann")
		m.Late = 5 * time.Hour
		w.aws.Tell(m)
		s := w.open(lookupConfig)
		for now().Before(ended.Add(24 * time.Hour)) {
			first, second := person("grt_1", from), person("grt_2", from.Add(2*time.Hour))
			first.To, second.To = now(), now() // as the log gives them
			if until := ended.Add(12 * time.Hour); until.Before(first.To) {
				first.To = until
			}
			w.intake.subjects = []activity.Subject{first, second}
			w.read(s)
			time.Sleep(time.Minute)
		}
		w.want(1)
	})
}

func TestALookupKilledAtAnyStepLosesNothingAndCountsNothingTwice(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		subjects := []activity.Subject{subject("grt_1", now()), subject("grt_2", now())}
		for i := range 160 {
			w.aws.Tell(made(fmt.Sprintf("e%03d", i), now().Add(time.Duration(i)*time.Second), fmt.Sprintf("grt_%d", 1+i%2)))
		}
		time.Sleep(time.Hour)
		for step := 1; ; step++ {
			*w.intake = *newIntake()
			w.intake.subjects, w.intake.failAt = subjects, step
			err := w.open(lookupConfig).Read(w.Context(), w.intake)
			if err == nil {
				if step < 4 {
					w.Errorf("only %d steps", step)
				}
				return
			}
			if !errors.Is(err, errStore) || !w.intake.until.IsZero() && len(w.intake.records) < 160 {
				w.Fatalf("step %d: %v, %s", step, err, w.intake.until)
			}
			w.read(w.open(lookupConfig)) // another process
			w.want(160)
			if w.intake.until.IsZero() {
				w.Errorf("step %d: it was not caught up", step)
			}
		}
	})
}

func TestARoundReadsOnlyWhatIsNewAndForgetsWhatIsOver(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now()), subject("grt_2", now())}
		w.does("grt_1", 2)
		s := w.open(lookupConfig)
		w.read(s)
		time.Sleep(time.Hour)
		w.read(s)
		if w.intake.again = 0; strings.Count(string(w.intake.cursor), "grt_") != 4 {
			w.Errorf("cursor %s", w.intake.cursor)
		}
		time.Sleep(time.Minute)
		w.read(s)
		if w.intake.again != 0 {
			w.Errorf("%d records were read again", w.intake.again)
		}
		w.intake.subjects = w.intake.subjects[1:]
		w.read(s)
		if c := string(w.intake.cursor); strings.Contains(c, "grt_1") || !strings.Contains(c, "grt_2") {
			w.Errorf("cursor %s", c)
		}
	})
}

func TestDuplicatesAndAmendedEventsAreOneAction(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now())}
		w.does("grt_1", 1)
		s := w.open(lookupConfig)
		w.read(s)
		id := w.aws.Told()[len(w.aws.Told())-1].ID
		w.aws.Tell(w.aws.Told()[len(w.aws.Told())-1]) // twice
		w.aws.Amend(id, "AccessDenied")
		time.Sleep(time.Minute)
		w.read(s)
		w.want(1)
		if r := w.intake.records[id]; !r.Amends || r.Outcome != jit.ActivityDenied || r.Code != "AccessDenied" {
			w.Errorf("%+v", r)
		}
	})
}

func TestAnswersThatLieLoseNothingOnceTheyStop(t *testing.T) {
	inWorld(t, awsfake.Trail{}, func(w *world) {
		w.intake.subjects = []activity.Subject{subject("grt_1", now())}
		w.does("grt_1", 2)
		w.aws.Break("LookupEvents", awsfake.Lie, 2)
		s := w.open(lookupConfig)
		w.read(s)
		w.want(0)
		time.Sleep(time.Minute)
		w.read(s)
		w.want(2)
	})
}

func TestOneNameOfManyGrantsIsLookedUpOnce(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	person := func(grant string, from, to time.Time) activity.Subject {
		return activity.Subject{
			Grant: grant, From: from, To: to,
			Holdings: []jit.Holding{
				{Entitlement: jit.Entitlement{Kind: "aws_assignment", Params: map[string]string{"account": account}}},
				{Entitlement: jit.Entitlement{Kind: "aws_assignment", Params: map[string]string{"account": "999999999999"}}}, // not watched
				{Entitlement: jit.Entitlement{Kind: "postgres_role"}},
			},
			Marks: []activity.Mark{{Method: jit.ByIdentityCenter, Value: "ann"}, {Method: jit.BySourceIdentity, Value: "ann@example.com"}},
		}
	}
	s := newLookup(common{}, *lookupConfig.Lookup)
	got := s.targets([]activity.Subject{person("a", at, at.Add(time.Hour)), person("b", at.Add(-time.Hour), time.Time{})})
	if len(got) != 2 || got[0].user != "ann" || got[0].account != account || got[0].region != home || got[1].region != "us-east-1" {
		t.Fatalf("%+v", got)
	}
	if !got[0].from.Equal(at.Add(-time.Hour)) || !got[0].to.IsZero() {
		t.Errorf("%+v", got[0])
	}
}
