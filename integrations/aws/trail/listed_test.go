package trail

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jitbot/activity"
	"jitbot/internal/loopback/awsfake"
)

var (
	bucketConfig = Config{S3: &Bucket{Bucket: "logs", Accounts: []string{account}, Regions: []string{home}}}
	toBucket     = awsfake.Trail{Bucket: "logs", Lag: 5 * time.Minute}
)

// put puts an object of n records, the first being number from, into the bucket
// as of an instant.
func (w *world) put(from, n int, at time.Time) (key string) {
	w.Helper()
	key = w.aws.LogKey(home, at)
	w.aws.PutObject("logs", key, file(w, from, n))
	return key
}

func TestWhatATrailDeliversIsRead(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		start := now()
		w.does("grt_1", 3)
		s := w.open(bucketConfig)
		w.read(s)
		w.want(0)
		if !w.intake.until.IsZero() {
			w.Error("it claims to know something before anything was delivered")
		}
		time.Sleep(10 * time.Minute)
		w.read(s)
		w.want(4) // the session's three, and that it was opened
		time.Sleep(30 * time.Minute)
		w.read(s)
		if want := now().Add(-20 * time.Minute); !w.intake.until.Equal(want) || w.intake.until.Before(start) {
			w.Errorf("told until %s, want %s", w.intake.until, want)
		}
		if w.intake.again != 0 {
			w.Errorf("%d records were read twice", w.intake.again)
		}
	})
}

func TestASilentTrailIsNotTakenForNobodyDoingAnything(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		w.put(0, 1, now())
		last := now()
		s := w.open(bucketConfig)
		for range 5 {
			time.Sleep(time.Hour)
			w.read(s)
		}
		if want := last.Add(time.Hour).Truncate(time.Second); !w.intake.until.Equal(want) {
			w.Errorf("told until %s, want %s", w.intake.until, want)
		}
		again := w.open(bucketConfig) // another process knows it, too
		w.read(again)
		if want := last.Add(time.Hour).Truncate(time.Second); !w.intake.until.Equal(want) {
			w.Errorf("told until %s, want %s", w.intake.until, want)
		}
	})
}

func TestObjectsOnManyPagesAreEachReadOnce(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		for i := range 20 { // pages of three
			w.put(2*i, 2, now().Add(time.Duration(i)*time.Minute))
		}
		s := w.open(bucketConfig)
		w.read(s)
		w.want(40)
		w.read(s)
		w.read(w.open(bucketConfig))
		if n := len(w.intake.begun); w.intake.again != 0 || n > 60 {
			w.Errorf("%d twice, %d begun", w.intake.again, n)
		}
	})
}

func TestObjectsThatComeUpLateBehindTheLastOneAreRead(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		w.put(0, 1, now())
		s := w.open(bucketConfig)
		w.read(s)
		w.put(1, 1, now().Add(-20*time.Hour))
		w.put(2, 1, now().Add(-5*time.Minute))
		w.read(s)
		w.want(3)
	})
}

func TestAnObjectThatIsWrittenAgainIsReadAgain(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		key := w.put(0, 1, now())
		s := w.open(bucketConfig)
		w.read(s)
		w.aws.PutObject("logs", key, file(w, 0, 2))
		w.read(s)
		w.want(2)
	})
}

func TestABrokenObjectAmongGoodOnesLeavesAGapAndNothingElse(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		at := now().Truncate(time.Minute)
		w.put(0, 2, at)
		whole := file(w, 10, 2)
		w.aws.PutObject("logs", w.aws.LogKey(home, at.Add(time.Minute)), whole[:len(whole)-12])
		w.aws.PutObject("logs", w.aws.LogKey(home, at.Add(2*time.Minute)), []byte{0x1f, 0x8b, 8, 0})
		w.put(20, 2, at.Add(3*time.Minute))
		s := w.open(bucketConfig)
		w.read(s)
		if w.intake.bad[activity.BadTruncated] != 2 || len(w.intake.gaps) != 2 {
			w.Errorf("%v, %v", w.intake.bad, w.intake.gaps)
		}
		for _, id := range []string{"e0", "e1", "e10", "e20", "e21"} {
			if _, ok := w.intake.records[id]; !ok {
				w.Errorf("%s is missing", id)
			}
		}
		for _, g := range w.intake.gaps {
			if g.Why == "" || g.From.After(at) || g.To.Before(at.Add(time.Minute)) || g.To.Sub(g.From) > time.Hour {
				w.Errorf("%+v", g)
			}
		}
		w.read(s)
		w.read(w.open(bucketConfig))
		if len(w.intake.gaps) != 2 || w.intake.again != 0 {
			w.Error("it is read again and again")
		}
	})
}

func TestAnObjectThatCannotBeReadNowIsAskedForAgainAndHoldsUpNoOther(t *testing.T) {
	for _, kind := range []awsfake.FaultKind{awsfake.Refuse, awsfake.Unavailable, awsfake.DropAfter, awsfake.HalfBody, awsfake.Throttle} {
		t.Run(kind.String(), func(t *testing.T) {
			inWorld(t, toBucket, func(w *world) {
				for i := range 4 {
					w.put(i, 1, now().Add(time.Duration(i)*time.Minute))
				}
				w.aws.Break("GetObject", kind, 1)
				s := w.open(bucketConfig)
				if err := s.Read(w.Context(), w.intake); err == nil {
					w.Error("no error")
				}
				w.want(3)
				if !w.intake.until.IsZero() || len(w.intake.gaps) > 0 || len(w.intake.bad) > 0 {
					w.Errorf("until %s, gaps %v, bad %v", w.intake.until, w.intake.gaps, w.intake.bad)
				}
				w.read(s)
				w.want(4)
			})
		})
	}
}

func TestAnObjectThatFailsForDaysIsNotForgotten(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		cfg := *bucketConfig.S3
		w.put(0, 1, now())
		s := w.open(Config{S3: &cfg})
		w.read(s)
		broken := w.aws.LogKey(home, now())
		w.aws.PutObject("logs", broken, file(w, 1, 1))
		w.aws.BreakObject("logs", broken, awsfake.Refuse)
		for day := range 4 {
			w.put(10+day, 1, now())
			if err := s.Read(w.Context(), w.intake); err == nil {
				w.Error("no error")
			}
			time.Sleep(24 * time.Hour)
		}
		w.want(5)
		w.aws.BreakObject("logs", broken, 0)
		w.read(w.open(Config{S3: &cfg}))
		w.want(6)
	})
}

func TestAnObjectThatChangedSinceItWasListedWaits(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		key := w.put(0, 1, now())
		s := w.open(bucketConfig).(*listed)
		client, err := s.client(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if _, err := s.take(w.Context(), w.intake, client, "logs", key, `"another"`); !errors.Is(err, errChanged) {
			w.Error(err)
		}
		w.want(0)
	})
}

// drip gives a byte every so often, n of them, and then nothing.
type drip struct {
	n     int
	every time.Duration
	stop  <-chan struct{}
}

func (d *drip) Read(b []byte) (int, error) {
	if d.n == 0 {
		<-d.stop
		return 0, io.ErrUnexpectedEOF
	}
	time.Sleep(d.every)
	d.n--
	b[0] = 'x'
	return 1, nil
}

func TestASlowBodyIsReadAndOneThatStopsIsNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		w := newWatch(cancel)
		defer w.stop()
		start := now()
		n, err := io.Copy(io.Discard, w.of(&drip{10, 20 * time.Second, ctx.Done()}))
		if n != 10 || err == nil || !errors.Is(context.Cause(ctx), errStalled) {
			t.Errorf("%d bytes, %v, %v", n, err, context.Cause(ctx))
		}
		if took := now().Sub(start); took != 10*20*time.Second+stalled {
			t.Errorf("it took %s", took)
		}
	})
}

func TestABodyThatStallsIsGivenUp(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		w.put(0, 1, now())
		w.aws.Break("GetObject", awsfake.Hang, 1)
		start := now()
		if err := w.open(bucketConfig).Read(w.Context(), w.intake); !errors.Is(err, errStalled) {
			w.Error(err)
		}
		if took := now().Sub(start); took > time.Minute {
			w.Errorf("it took %s", took)
		}
	})
}

func TestAListingThatFailsSaysNothingOfWhatWasTold(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		w.put(0, 1, now())
		w.aws.Break("ListObjectsV2", awsfake.HalfBody, 1)
		if err := w.open(bucketConfig).Read(w.Context(), w.intake); err == nil || !w.intake.until.IsZero() {
			w.Errorf("%v, %s", err, w.intake.until)
		}
	})
}

func TestAListingKilledAtAnyStepLosesNothingAndCountsNothingTwice(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		for i := range 8 {
			w.put(3*i, 3, now().Add(time.Duration(i)*time.Minute))
		}
		for step := 1; ; step++ {
			*w.intake = *newIntake()
			w.intake.failAt = step
			if err := w.open(bucketConfig).Read(w.Context(), w.intake); err == nil {
				if step < 9 {
					w.Errorf("only %d steps", step)
				}
				return
			}
			w.read(w.open(bucketConfig)) // another process
			w.want(24)
			if w.intake.again != 0 || w.intake.until.IsZero() {
				w.Errorf("step %d: %d twice, until %s", step, w.intake.again, w.intake.until)
			}
		}
	})
}

func TestDigestsInsightsAndFoldersAreNoLogs(t *testing.T) {
	t.Parallel()
	at := "AWSLogs/111122223333/"
	for key, want := range map[string]bool{
		at + "CloudTrail/eu-central-1/2026/11/23/x.json.gz":            true,
		at + "CloudTrail/eu-central-1/2026/11/23/":                     false,
		at + "CloudTrail-Digest/eu-central-1/2026/11/23/x.json.gz":     false,
		at + "CloudTrail-Insight/eu-central-1/2026/11/23/x.json.gz":    false,
		at + "Config/eu-central-1/2026/11/23/x.json.gz":                false,
		"p/AWSLogs/o-a/1/CloudTrail/eu-central-1/2026/11/23/x.json.gz": true,
	} {
		if isLog(key) != want {
			t.Error(key)
		}
	}
}

func TestKeysBeginAsTheTrailHasThem(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"": "AWSLogs/", "logs": "logs/AWSLogs/", "a/b/": "a/b/AWSLogs/", "AWSLogs/o-a1": "AWSLogs/o-a1/",
		"logs/AWSLogs/o-a1": "logs/AWSLogs/o-a1/", "logs/AWSLogs": "logs/AWSLogs/", "AWSLogsX": "AWSLogsX/AWSLogs/",
	} {
		if got := (Bucket{Prefix: prefix}).base(); got != want {
			t.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
}

func TestATrailOfAnOrganizationIsReadByItsPrefix(t *testing.T) {
	inWorld(t, awsfake.Trail{Bucket: "logs", Prefix: "all", Org: "o-a1b2"}, func(w *world) {
		w.does("grt_1", 1)
		cfg := *bucketConfig.S3
		cfg.Prefix = "all/AWSLogs/o-a1b2"
		w.read(w.open(Config{S3: &cfg}))
		w.want(2)
		w.read(w.open(bucketConfig)) // another prefix has nothing
		w.want(2)
	})
}

func TestALargeObjectIsReadInConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes 10 MB of gzip")
	}
	inWorldAlone(t, toBucket, func(w *world) {
		key := w.aws.LogKey(home, now())
		body := large(w, 10<<20)
		w.aws.PutObject("logs", key, body)
		w.aws.PutObject("logs", w.aws.LogKey(home, now()), file(w, 0, 1))
		s := w.open(bucketConfig).(*listed)
		n := 0
		s.into = func(*activity.Batch) (func(*activity.Record), func(string, int64)) {
			return func(*activity.Record) { n++ }, func(why string, _ int64) { w.Error(why) }
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w.read(s)
		runtime.ReadMemStats(&after)
		grown := int64(after.TotalAlloc-before.TotalAlloc) - int64(len(body)) // the loopback copies it
		w.Logf("%d records in %d bytes, %d KiB besides", n, len(body), grown>>10)
		if n < 5_000 || grown > 12<<20 {
			w.Errorf("%d records, %d KiB", n, grown>>10)
		}
	})
}

// large packs records until they are so many bytes.
func large(t testing.TB, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(z, `{"Records":[`)
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 2000) // so that it takes fewer records
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			_, _ = z.Write([]byte(","))
		}
		for k := range noise {
			noise[k] = 'a' + byte(random.UintN(26))
		}
		_, _ = io.WriteString(z, plainRecord(fmt.Sprintf("%x", i), `,"noise":"`+string(noise)+`"`))
	}
	_, _ = io.WriteString(z, `]}`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheFirstListingGoesBackToTheOldestGrant(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		w.put(0, 1, now().Add(-10*24*time.Hour))
		w.put(1, 1, now().Add(-time.Hour))
		w.read(w.open(bucketConfig))
		w.want(1)
		*w.intake = *newIntake()
		w.intake.subjects = []activity.Subject{subject("grt_1", now().Add(-10*24*time.Hour))}
		w.read(w.open(bucketConfig))
		w.want(2)
		if !slices.ContainsFunc(w.intake.begun, func(p string) bool { return strings.HasPrefix(p, "logs/AWSLogs/") && strings.HasSuffix(p, `"`) }) {
			w.Errorf("parts are named %q", w.intake.begun)
		}
	})
}

func TestALaneThatWasEmptyWhenTheBucketWentAwayIsReadFromThenOn(t *testing.T) {
	inWorld(t, toBucket, func(w *world) {
		w.put(0, 1, now())
		s := w.open(bucketConfig)
		w.read(s)
		time.Sleep(5 * 24 * time.Hour)
		at := now().Add(-3 * 24 * time.Hour)
		w.aws.PutObject("logs", w.aws.LogKey("us-east-1", at), file(w, 1, 2))
		w.put(3, 1, at)
		w.read(s)
		w.want(4)
	})
}
