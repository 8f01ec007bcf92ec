package trail

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

var durations = strictyaml.Scalars{}

func TestTheSettingsAreReadStrictly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want []string // of what is wrong; none: it is fine
	}{
		"lookup":            {"lookup: {accounts: [\"111122223333\"], regions: [eu-central-1, eu-west-1]}", nil},
		"s3":                {"s3: {bucket: logs, prefix: a/AWSLogs/o-1, account: \"444455556666\", accounts: [\"111122223333\"], regions: [eu-central-1], data_events: [s3, lambda]}", nil},
		"sqs":               {"sqs: {queue: \"https://sqs.eu-central-1.amazonaws.com/111122223333/q\", buckets: [logs], accounts: [\"111122223333\"], data_events: [all]}", nil},
		"two":               {"lookup: {accounts: [\"111122223333\"], regions: [eu-central-1]}\ns3: {bucket: logs, accounts: [\"111122223333\"], regions: [eu-central-1]}", []string{"give one of"}},
		"none":              {"{}", []string{"give one of"}},
		"an unknown key":    {"lookup: {accounts: [\"111122223333\"], regions: [eu-central-1], user: x}", []string{"user"}},
		"nothing looked up": {"lookup: {}", []string{"accounts", "regions"}},
		"odd names": {
			"s3: {bucket: Logs_, prefix: /a, region: here, account: \"1\", accounts: [\"12\"], regions: [x], data_events: [all, s3]}",
			[]string{"bucket", "prefix", "region", "account", "accounts", "regions", "data_events"},
		},
		"two partitions": {"lookup: {accounts: [\"111122223333\"], regions: [eu-central-1, cn-north-1]}", []string{"partition"}},
		"twice":          {"lookup: {accounts: [\"111122223333\", \"111122223333\"], regions: [eu-central-1]}", []string{"twice"}},
		"no queue":       {"sqs: {queue: q, buckets: [\"..\"], accounts: [\"111122223333\"]}", []string{"queue", "buckets"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cfg Config
			err := strictyaml.Decode("config.yaml", []byte(c.in), &cfg, durations)
			if (err != nil) != (c.want != nil) {
				t.Fatal(err)
			}
			for _, word := range c.want {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q is not among %v", word, err)
				}
			}
			if _, err := Open("x", cfg, reach.New(reach.Config{}, nil), bot.Deps{}); (err != nil) != (c.want != nil) && name != "an unknown key" {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

func TestSilenceCannotBeShorterThanDelivery(t *testing.T) {
	t.Parallel()
	cfg := Config{S3: &Bucket{Bucket: "logs", Accounts: []string{account}, Regions: []string{home}, SilentAfter: time.Minute}}
	if _, err := Open("x", cfg, reach.New(reach.Config{}, nil), bot.Deps{}); err == nil || !strings.Contains(err.Error(), "silent_after") {
		t.Error(err)
	}
}

func TestASourceWatchesWhatIsInItsAccounts(t *testing.T) {
	t.Parallel()
	s := newLookup(common{}, *lookupConfig.Lookup)
	for name, c := range map[string]struct {
		params map[string]string
		want   bool
	}{
		"a role":            {map[string]string{"role": prodDB}, true},
		"a group":           {map[string]string{"account": account, "group": "g"}, true},
		"another account":   {map[string]string{"account": "999999999999"}, false},
		"another's role":    {map[string]string{"role": "arn:aws:iam::999999999999:role/R"}, false},
		"a database's role": {map[string]string{"role": "reader", "database": "orders"}, false},
		"nothing":           {nil, false},
	} {
		if got := s.Watches(jit.Holding{Entitlement: jit.Entitlement{Params: c.params}}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhatIsNotLoggedIsNamed(t *testing.T) {
	t.Parallel()
	if got := newLookup(common{}, *lookupConfig.Lookup).Misses(jit.Holding{}); !slices.Contains(got, "s3") {
		t.Error(got)
	}
	cfg := *bucketConfig.S3
	if got := newListed(common{}, cfg).Misses(jit.Holding{}); !slices.Contains(got, "s3") {
		t.Error(got)
	}
	cfg.DataEvents = []string{"s3"}
	if got := newListed(common{}, cfg).Misses(jit.Holding{}); slices.Contains(got, "s3") || !slices.Contains(got, "lambda") {
		t.Error(got)
	}
	q := *queueConfig().SQS
	q.DataEvents = []string{"all"}
	if got := newAnnounced(common{}, q).Misses(jit.Holding{}); len(got) > 0 {
		t.Error(got)
	}
}

func TestNeedsAreWhatEachSourceCalls(t *testing.T) {
	t.Parallel()
	required := func(c Config) (out []string) {
		for _, n := range Needs(c, "aws") {
			if !n.Optional {
				for _, a := range n.Actions {
					out = append(out, n.Account+" "+a+" "+strings.Join(n.Resources, ","))
				}
			}
			if n.Why == "" {
				t.Errorf("%v: why?", n)
			}
		}
		return out
	}
	lookup := Config{Lookup: &Lookup{Accounts: []string{account, "444455556666"}, Regions: []string{home}}}
	bucket := Config{S3: &Bucket{Bucket: "logs", Prefix: "p", Account: "444455556666", Accounts: []string{account}, Regions: []string{home}}}
	queue := queueConfig()
	for _, c := range []struct {
		cfg  Config
		want []string
	}{
		{lookup, []string{account + " cloudtrail:LookupEvents *", "444455556666 cloudtrail:LookupEvents *"}},
		{bucket, []string{"444455556666 s3:GetObject arn:aws:s3:::logs/p/AWSLogs/*", "444455556666 s3:ListBucket arn:aws:s3:::logs"}},
		{queue, []string{
			" sqs:ReceiveMessage arn:aws:sqs:eu-central-1:111122223333:jitbot-trail", " sqs:DeleteMessage arn:aws:sqs:eu-central-1:111122223333:jitbot-trail",
			" sqs:ChangeMessageVisibility arn:aws:sqs:eu-central-1:111122223333:jitbot-trail", " sqs:GetQueueAttributes arn:aws:sqs:eu-central-1:111122223333:jitbot-trail",
			" s3:GetObject arn:aws:s3:::logs/*",
		}},
	} {
		if diff := cmp.Diff(c.want, required(c.cfg)); diff != "" {
			t.Error(diff)
		}
	}
}

// asSession has all calls made with a session that may do only what allow says.
func (w *world) asSession(policy string) {
	w.Helper()
	id, secret, token, err := w.aws.OpenByHand("ProdDB", "doctor", policy)
	if err != nil {
		w.Fatal(err)
	}
	w.key = [3]string{id, secret, token}
}

func checkAllOf(w *world, s any) (good, bad int, text string) {
	for _, f := range s.(bot.Checker).Check(w.Context()) {
		if text += f.What + " / " + f.Hint + "\n"; f.OK {
			good++
			continue
		}
		if bad++; f.Hint == "" {
			w.Errorf("no hint for %s", f.What)
		}
	}
	return good, bad, text
}

func TestTheDoctorFindsAllWellAndChangesNothing(t *testing.T) {
	inWorld(t, toQueue, func(w *world) {
		w.does("grt_1", 1)
		time.Sleep(10 * time.Minute)
		for _, cfg := range []Config{lookupConfig, bucketConfig, queueConfig()} {
			before, _ := w.aws.Queued()
			good, bad, text := checkAllOf(w, w.open(cfg))
			if bad > 0 || good == 0 {
				w.Error(text)
			}
			if after, _ := w.aws.Queued(); before > 0 && after != before {
				w.Errorf("the queue holds %d, not %d", after, before)
			}
		}
		if w.intake.takes > 0 || len(w.intake.begun) > 0 {
			w.Error("something was taken")
		}
	})
}

func TestTheDoctorSaysWhatIsLacking(t *testing.T) {
	const logs = "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/11/23/x.json.gz"
	for name, c := range map[string]struct {
		cfg   Config
		trail awsfake.Trail
		may   string // what the session may call
		say   string
	}{
		"no right to look up":   {lookupConfig, toQueue, `["s3:*"]`, "cloudtrail:LookupEvents"},
		"no right to list":      {bucketConfig, toQueue, `["s3:GetObject"]`, "s3:ListBucket"},
		"no right to read":      {bucketConfig, toQueue, `["s3:ListBucket"]`, "s3:GetObject"},
		"no right to the queue": {queueConfig(), toQueue, `["s3:*"]`, "sqs:GetQueueAttributes"},
		"no right to delete":    {queueConfig(), toQueue, `["s3:*","sqs:GetQueueAttributes"]`, "sqs:ReceiveMessage"},
		"a trail that is off":   {bucketConfig, awsfake.Trail{Bucket: "logs", Stopped: true}, `["*"]`, "is off"},
		"no such bucket":        {bucketConfig, awsfake.Trail{}, `["*"]`, "Create the trail's bucket"},
		"no logs":               {Config{S3: &Bucket{Bucket: "logs", Prefix: "other", Accounts: []string{account}, Regions: []string{home}}}, toQueue, `["*"]`, "Correct prefix"},
		"no such queue":         {queueConfig(), awsfake.Trail{Bucket: "logs"}, `["*"]`, "Create the queue"},
		"no such bucket told":   {func() Config { c := queueConfig(); c.SQS.Buckets = []string{"nowhere"}; return c }(), toQueue, `["*"]`, "Create the bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, c.trail, func(w *world) {
				if c.trail.Bucket != "" {
					w.aws.PutObject("logs", logs, file(w, 0, 1))
				}
				w.asSession(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":` + c.may + `,"Resource":"*"}}`)
				_, bad, text := checkAllOf(w, w.open(c.cfg))
				if bad == 0 || !strings.Contains(text, c.say) {
					w.Errorf("%q is not said:\n%s", c.say, text)
				}
			})
		})
	}
}

func TestAQueueWithoutDeadLettersIsPointedOut(t *testing.T) {
	trail := toQueue
	trail.Receives = 0
	inWorld(t, trail, func(w *world) {
		if _, bad, text := checkAllOf(w, w.open(queueConfig())); bad > 0 || !strings.Contains(text, "dead letters") {
			w.Error(text)
		}
	})
}
