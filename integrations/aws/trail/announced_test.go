package trail

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/internal/loopback/awsfake"
)

var toQueue = awsfake.Trail{Bucket: "logs", Queue: "jitbot-trail", Lag: 5 * time.Minute, Receives: 3}

func queueConfig() Config {
	return Config{SQS: &Queue{
		Queue: address + "/" + account + "/jitbot-trail", Region: home, Buckets: []string{"logs"}, Accounts: []string{account},
	}}
}

func (w *world) queued(want, wantDead int) {
	w.Helper()
	n, dead := w.aws.Queued()
	if n != want || len(dead) != wantDead {
		w.Errorf("the queue holds %d and %d dead letters, want %d and %d", n, len(dead), want, wantDead)
	}
}

func TestObjectsAreReadInEveryFormTheyAreAnnouncedIn(t *testing.T) {
	for name, form := range map[string]awsfake.Wrap{
		"S3": awsfake.ByS3, "SNS": awsfake.BySNS, "EventBridge": awsfake.ByEventBridge, "CloudTrail's own topic": awsfake.ByCloudTrail,
	} {
		t.Run(name, func(t *testing.T) {
			trail := toQueue
			trail.Wrap, trail.Prefix = form, "with space+plus"
			inWorld(t, trail, func(w *world) {
				w.does("grt_1", 2)
				s := w.open(queueConfig())
				w.read(s)
				w.want(0)
				time.Sleep(10 * time.Minute)
				w.read(s)
				w.want(3)
				w.queued(0, 0)
				time.Sleep(30 * time.Minute)
				start := now()
				w.read(s)
				if got := w.intake.until; got.Before(start.Add(-21*time.Minute)) || got.After(start) {
					w.Errorf("told until %s", got)
				}
			})
		})
	}
}

func TestSingleEventsAreReadOutOfTheQueue(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		for i := range 5 {
			w.aws.Send(fmt.Sprintf(`{"version":"0","id":"x","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":%s}`, plainRecord(fmt.Sprintf("e%d", i), "")))
		}
		w.aws.Send(`{"version":"0","detail-type":"AWS Console Sign In via CloudTrail","source":"aws.signin","detail":` + plainRecord("signin", "") + `}`)
		w.read(w.open(queueConfig()))
		w.want(6)
		w.queued(0, 0)
	})
}

func TestAQueueThatRepeatsAndMixesUpIsReadOnce(t *testing.T) {
	trail := toQueue
	trail.Receives = 0
	inWorld(t, trail, func(w *world) {
		w.aws.Unruly()
		for i := range 12 {
			key := w.put(2*i, 2, now().Add(time.Duration(i)*time.Minute))
			w.aws.Announce("logs", key)
		}
		w.read(w.open(queueConfig()))
		w.want(24)
		if w.intake.again != 0 {
			w.Errorf("%d records twice", w.intake.again)
		}
		w.queued(0, 0)
	})
}

func TestNothingIsDeletedBeforeItIsTaken(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		w.aws.Announce("logs", w.put(0, 2, now()))
		w.intake.failAt = 1
		s := w.open(queueConfig())
		if err := s.Read(w.Context(), w.intake); err == nil {
			w.Error("no error")
		}
		w.queued(1, 0)
		if !w.intake.until.IsZero() {
			w.Error("it claims to have told all")
		}
		time.Sleep(unseen)
		w.read(s)
		w.want(2)
		w.queued(0, 0)
	})
}

func TestAQueueReadByAProcessThatIsKilledAtAnyStepLosesNothing(t *testing.T) {
	trail := toQueue
	trail.Receives = 0
	inWorld(t, trail, func(w *world) {
		for step := 1; step < 9; step++ {
			*w.intake = *newIntake()
			for i := range 6 {
				w.aws.Announce("logs", w.put(100*step+i, 1, now()))
			}
			w.intake.failAt = step
			_ = w.open(queueConfig()).Read(w.Context(), w.intake)
			w.intake.failAt = 0
			time.Sleep(unseen)
			w.read(w.open(queueConfig()))
			w.want(6)
			if w.intake.again != 0 {
				w.Errorf("step %d: %d twice", step, w.intake.again)
			}
			w.queued(0, 0)
		}
	})
}

func TestMessagesThatAreNotUnderstoodAreCountedAndLeftForTheDeadLetters(t *testing.T) {
	deep := `{"Type":"Notification","Message":"x"}`
	for range 4 {
		b, _ := json.Marshal(map[string]string{"Type": "Notification", "Message": deep})
		deep = string(b)
	}
	for name, body := range map[string]string{
		"no JSON":                 `hello`,
		"another notification":    `{"Type":"SubscriptionConfirmation","Message":"x","Token":"y"}`,
		"another event":           `{"detail-type":"EC2 Instance State-change Notification","source":"aws.ec2","detail":{}}`,
		"a key twice":             `{"Records":[],"Records":[{"eventSource":"aws:s3"}]}`,
		"no bucket":               `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"object":{"key":"k"}}}]}`,
		"another source":          `{"Records":[{"eventSource":"aws:ses","s3":{"bucket":{"name":"logs"},"object":{"key":"k"}}}]}`,
		"a key that is no key":    `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"logs"},"object":{"key":"%zz"}}}]}`,
		"an object without a key": `{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"logs"}}}`,
		"wrapped without end":     deep,
		"an empty object":         `{}`,
		"a list":                  `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, toQueue, func(w *world) {
				w.aws.Send(body)
				w.aws.Announce("logs", w.put(0, 1, now()))
				s := w.open(queueConfig())
				for range 6 {
					w.read(s)
					time.Sleep(unseen)
				}
				w.want(1)
				if w.intake.bad[badMessage] != 1 {
					w.Errorf("%v", w.intake.bad)
				}
				w.queued(0, 1)
			})
		})
	}
}

func TestAMessageThatIsLeftAloneDoesNotHoldUpWhatIsKnown(t *testing.T) {
	trail := toQueue
	trail.Receives = 0
	inWorld(t, trail, func(w *world) {
		w.aws.Send("hello")
		w.aws.Announce("logs", w.put(0, 1, now()))
		s := w.open(queueConfig())
		time.Sleep(25 * time.Minute)
		w.read(s)
		w.read(s)
		if w.intake.until.IsZero() {
			w.Error("nothing is known")
		}
		w.queued(1, 0)
	})
}

func TestAMessageThatNamesAForeignBucketIsRefused(t *testing.T) {
	for name, form := range map[string]awsfake.Wrap{
		"S3": awsfake.ByS3, "SNS": awsfake.BySNS, "EventBridge": awsfake.ByEventBridge, "CloudTrail's own topic": awsfake.ByCloudTrail,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, toQueue, func(w *world) {
				w.aws.PutObject("logs2", "AWSLogs/1/CloudTrail/x/f.json.gz", file(w, 0, 1))
				w.aws.Send(awsfake.Notification(form, "logs2", "AWSLogs/1/CloudTrail/x/f.json.gz", now()))
				s := w.open(queueConfig())
				w.read(s)
				time.Sleep(unseen)
				w.read(s)
				w.want(0)
				if w.intake.bad[badBucket] != 1 {
					w.Errorf("%v", w.intake.bad)
				}
				w.queued(1, 0)
				for _, c := range w.aws.Calls() {
					if c.Action == "GetObject" {
						w.Error("it was read")
					}
				}
			})
		})
	}
}

func TestWhatTellsOfNoLogIsDeleted(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		w.aws.Send(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"logs"}`)
		w.aws.Announce("logs", "AWSLogs/1/CloudTrail-Digest/x/f.json.gz")
		w.aws.Announce("logs", "AWSLogs/1/CloudTrail-Insight/x/f.json.gz")
		w.aws.Send(strings.Replace(awsfake.Notification(awsfake.ByS3, "logs", "AWSLogs/1/CloudTrail/f", now()), "ObjectCreated:Put", "ObjectRemoved:Delete", 1))
		w.read(w.open(queueConfig()))
		w.want(0)
		w.queued(0, 0)
		if len(w.intake.bad) > 0 || len(w.intake.gaps) > 0 {
			w.Errorf("%v %v", w.intake.bad, w.intake.gaps)
		}
	})
}

func TestAnObjectThatIsGoneOrBrokenLeavesAGap(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		w.aws.Announce("logs", w.aws.LogKey(home, now()))
		key := w.aws.LogKey(home, now())
		w.aws.PutObject("logs", key, file(w, 0, 3)[:60])
		w.aws.Announce("logs", key)
		w.aws.Announce("logs", w.put(10, 1, now()))
		w.read(w.open(queueConfig()))
		w.want(1)
		w.queued(0, 0)
		if len(w.intake.gaps) != 2 || w.intake.bad[activity.BadTruncated] != 2 {
			w.Errorf("%v, %v", w.intake.gaps, w.intake.bad)
		}
	})
}

func TestAMessageIsHeldWhileItsObjectIsRead(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		w.aws.Announce("logs", w.put(0, 1, now()))
		s := w.open(queueConfig()).(*announced)
		inner := s.into
		s.into = func(b *activity.Batch) (func(*activity.Record), func(string, int64)) {
			add, skip := inner(b)
			return func(r *activity.Record) { time.Sleep(3 * unseen); add(r) }, skip // a large one
		}
		w.read(s)
		w.want(1)
		w.queued(0, 0)
		received, prolonged := 0, 0
		for _, c := range w.aws.Calls() {
			switch c.Action {
			case "ReceiveMessage":
				received++
			case "ChangeMessageVisibility":
				prolonged++
			}
		}
		if received != 2 || prolonged < 6 {
			w.Errorf("received %d times, prolonged %d times", received, prolonged)
		}
	})
}

func TestFaultsOfTheQueueLoseNothing(t *testing.T) {
	for _, action := range []string{"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetObject"} {
		for _, kind := range []awsfake.FaultKind{awsfake.Throttle, awsfake.Refuse, awsfake.DropAfter, awsfake.HalfBody, awsfake.Lie} {
			t.Run(action+", "+kind.String(), func(t *testing.T) {
				trail := toQueue
				trail.Receives = 0
				inWorld(t, trail, func(w *world) {
					for i := range 3 {
						w.aws.Announce("logs", w.put(i, 1, now()))
					}
					w.aws.Break(action, kind, 1)
					s := w.open(queueConfig())
					for range 4 {
						_ = s.Read(w.Context(), w.intake)
						time.Sleep(unseen)
					}
					lost := 0
					if action == "GetObject" && kind == awsfake.Lie { // an empty object is an empty object
						lost = 1
					}
					w.want(3 - lost)
					w.queued(0, 0)
					if w.intake.again != 0 || len(w.intake.bad) > 0 {
						w.Errorf("%d twice, %v", w.intake.again, w.intake.bad)
					}
				})
			})
		}
	}
}

func TestWhatFailedAndComesAgainIsNotYetTold(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		w.aws.Announce("logs", w.put(0, 1, now()))
		w.aws.Announce("logs", w.put(1, 1, now()))
		w.aws.Break("GetObject", awsfake.Refuse, 1)
		s := w.open(queueConfig())
		if err := s.Read(w.Context(), w.intake); err == nil {
			w.Error("no error")
		}
		w.read(s) // the other message is hidden, and the queue looks empty
		if !w.intake.until.IsZero() {
			w.Error("it claims to have told all")
		}
		time.Sleep(unseen)
		w.read(s)
		w.want(2)
		if w.intake.until.IsZero() {
			w.Error("it was not caught up")
		}
	})
}

func TestTheRegionOfAQueueIsInItsURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://sqs.eu-central-1.amazonaws.com/111122223333/q":     "eu-central-1",
		"https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q":    "cn-north-1",
		"http://127.0.0.1:8081/111122223333/q":                      "",
		"https://queue.sqs.eu-central-1.example.com/111122223333/q": "",
	} {
		if got := regionOf(url); got != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}

func TestAQueueTellsOfNothingFromBeforeItWasListenedToNorOfWhatItForgot(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		began := now()
		s := w.open(queueConfig())
		w.read(s)
		w.aws.Announce("logs", w.put(0, 1, now()))
		w.read(s)
		if w.intake.until.IsZero() || !w.intake.since.Equal(began) {
			w.Errorf("since %s until %s, want it from %s on", w.intake.since, w.intake.until, began)
		}
		time.Sleep(10 * 24 * time.Hour) // longer than the queue keeps anything
		w.aws.Announce("logs", w.put(1, 1, now()))
		s = w.open(queueConfig()) // another process
		start := now()
		w.read(s)
		if lost := start.Add(-defaultRetention); w.intake.since.Before(lost) || w.intake.since.After(now().Add(-defaultRetention)) {
			w.Errorf("since %s, want it from about %s on", w.intake.since, lost)
		}
	})
}

func TestAnEventDatedAheadDoesNotSpeakForAQueueThatFallsSilent(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		ahead := strings.ReplaceAll(plainRecord("e1", ""), "2026-11-23T09:12:13Z", now().AddDate(20, 0, 0).UTC().Format(time.RFC3339))
		w.aws.Send(`{"version":"0","id":"x","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":` + ahead + `}`)
		s := w.open(queueConfig())
		w.read(s)
		told := w.intake.until
		time.Sleep(24 * time.Hour)
		w.read(s)
		if w.intake.until.After(told.Add(2 * defaultSilence)) {
			w.Errorf("told until %s, and then until %s of a queue that nobody fills", told, w.intake.until)
		}
	})
}
