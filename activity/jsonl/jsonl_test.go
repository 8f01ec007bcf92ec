package jsonl

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/activity/activitytest"
	"jitbot/activity/logfile"
	"jitbot/jit"
)

type out struct {
	records []activity.Record
	bad     activity.Bad
}

func (o *out) Add(r *activity.Record) { o.records = append(o.records, activitytest.Clone(r)) }

func (o *out) Skip(why string, n int64) { o.bad[why] += n }

func read(t *testing.T, f Format, text string) *out {
	t.Helper()
	o := &out{bad: activity.Bad{}}
	if err := logfile.Stream(t.Context(), strings.NewReader(text), f, o, now); err != nil {
		t.Fatal(err)
	}
	return o
}

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const full = `{"time":"2026-03-02T08:00:00.5+01:00","actor":"ann","grant":"grt_1","action":"db:SELECT","resource":"orders","outcome":"denied","src":"10.0.0.7",` +
	`"id":"e1","scope":"prod","session":"s","login":"jit_1","person":"ann@example.com","access_key":"AKIA","source_identity":"ann@example.com",` +
	`"read_only":true,"code":"42501","agent":"psql","account":"1","region":"eu","detail":"more","something_else":{"a":[1]}}` + "\n"

func TestEveryFieldIsTaken(t *testing.T) {
	t.Parallel()
	want := activity.Record{
		Family: "jsonl/proxy", ID: "e1", At: time.Date(2026, 3, 2, 7, 0, 0, 500e6, time.UTC), Service: "db", Verb: "SELECT", Resource: "orders",
		Outcome: jit.ActivityDenied, Code: "42501", Actor: "ann", Origin: "10.0.0.7", Agent: "psql", Account: "1", Region: "eu", Detail: "more",
		ReadOnly: true, Scope: "prod", AccessKey: "AKIA", SourceIdentity: "ann@example.com", Session: "s", Login: "jit_1", Person: "ann@example.com",
	}
	got := read(t, Format{Name: "proxy"}, full)
	if diff := cmp.Diff([]activity.Record{want}, got.records); diff != "" {
		t.Error(diff)
	}
}

func TestAGrantIsBelievedOnlyWhereThatIsSaid(t *testing.T) {
	t.Parallel()
	if got := read(t, Format{Name: "proxy"}, full).records[0].Grant; got != "" {
		t.Errorf("believed %q of anybody", got)
	}
	if got := read(t, Format{Name: "proxy", TrustGrant: true}, full).records[0].Grant; got != "grt_1" {
		t.Errorf("got %q", got)
	}
}

func TestTheServiceIsNamedByTheActionOrIsTheSystem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fields, want string }{
		{`"action":"s3:GetObject"`, "s3 GetObject"},
		{`"action":"deploy"`, "proxy deploy"},
		{`"action":"a:b:c"`, "a b:c"},
		{`"action":":b"`, "proxy :b"},
		{`"service":"k8s","action":"get:pods"`, "k8s get:pods"},
	} {
		got := read(t, Format{Name: "proxy"}, `{"time":"2026-03-02T08:00:00Z","actor":"ann",`+c.fields+"}").records
		if len(got) != 1 || got[0].Service+" "+got[0].Verb != c.want || got[0].Outcome != jit.ActivityOK {
			t.Errorf("%s: %+v", c.fields, got)
		}
	}
}

func TestTheSameLineTwiceIsTwoActionsAndTheSameFileTwiceIsOne(t *testing.T) {
	t.Parallel()
	const line = `{"time":"2026-03-02T08:00:00Z","actor":"ann","action":"deploy"}` + "\n"
	ids := map[string]bool{}
	for range 2 {
		for _, r := range read(t, Format{Name: "proxy"}, line+line).records {
			ids[r.ID] = true
		}
	}
	if len(ids) != 2 {
		t.Errorf("%d actions: %v", len(ids), ids)
	}
}

func TestABadLineCostsItselfAndSaysWhy(t *testing.T) {
	t.Parallel()
	const good = `{"time":"2026-03-02T08:00:00Z","actor":"ann","action":"deploy","outcome":"ok"}` + "\n"
	for _, c := range []struct{ name, line, why string }{
		{"no JSON", `time=now`, activity.BadShape},
		{"an array", `[]`, activity.BadShape},
		{"another kind of value", `{"time":1}`, activity.BadShape},
		{"nothing in it", `{}`, activity.BadTime},
		{"no actor", `{"time":"2026-03-02T08:00:00Z","action":"x"}`, activity.BadShape},
		{"no action", `{"time":"2026-03-02T08:00:00Z","actor":"ann","action":":"}`, activity.BadShape},
		{"no time", `{"actor":"ann","action":"x"}`, activity.BadTime},
		{"a time without a zone", `{"time":"2026-03-02T08:00:00","actor":"ann","action":"x"}`, activity.BadTime},
		{"the year 9999", `{"time":"9999-12-31T23:59:59Z","actor":"ann","action":"x"}`, activity.BadTime},
		{"an outcome nobody knows", `{"time":"2026-03-02T08:00:00Z","actor":"ann","action":"x","outcome":"maybe"}`, BadOutcome},
		{"a long id", `{"time":"2026-03-02T08:00:00Z","actor":"ann","action":"x","id":"` + strings.Repeat("i", maxID+1) + `"}`, activity.BadID},
		{"a key twice", `{"time":"2026-03-02T08:00:00Z","actor":"ann","actor":"bo","action":"x"}`, activity.BadShape},
		{"a key in other letters", `{"time":"2026-03-02T08:00:00Z","actor":"ann","ACTOR":"bo","action":"x"}`, activity.BadShape},
		{"bad text", "{\"actor\":\"\xff\"}", activity.BadText},
		{"a NUL", "{\"actor\":\"\x00\"}", activity.BadShape},
		{"deep", strings.Repeat("[", 5000), activity.BadTooDeep},
		{"long", `{"actor":"` + strings.Repeat("a", 1<<20) + `"}`, activity.BadTooLong},
		{"until is no time", `{"until":"soon"}`, activity.BadTime},
	} {
		got := read(t, Format{Name: "proxy"}, good+c.line+"\n"+good)
		if len(got.records) != 2 || !maps.Equal(got.bad, activity.Bad{c.why: 1}) {
			t.Errorf("%s: %d records, set aside %v", c.name, len(got.records), got.bad)
		}
	}
}

func TestALineThatSaysOnlyUntilIsNoAction(t *testing.T) {
	t.Parallel()
	o := &out{bad: activity.Bad{}}
	heard := Format{Name: "proxy"}.Read([]byte(`{"until":"2026-03-02T08:00:00Z"}`), 0, o)
	if !heard.Until.Equal(now.Add(-time.Hour)) || len(o.records)+len(o.bad) > 0 {
		t.Errorf("heard %+v, %+v", heard, o)
	}
	heard = Format{Name: "proxy"}.Read([]byte(`{"until":"2026-03-02T08:00:00Z","time":"2026-03-02T07:00:00Z","actor":"ann","action":"x"}`), 0, o)
	if !heard.Until.Equal(now.Add(-time.Hour)) || !heard.At.Equal(now.Add(-2*time.Hour)) || len(o.records) != 1 {
		t.Errorf("heard %+v, %+v", heard, o)
	}
}

func FuzzALineIsARecordOrSetAsideAndNeverBoth(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"until":"2026-03-02T08:00:00Z"}`))
	f.Add([]byte("{\"actor\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		o := &out{bad: activity.Bad{}}
		heard := Format{Name: "proxy"}.Read(text, 7, o)
		var bad int64
		for _, n := range o.bad {
			bad += n
		}
		if int64(len(o.records))+bad > 1 || bad == 1 && heard != (logfile.Heard{}) {
			t.Errorf("%d records, %v, heard %+v", len(o.records), o.bad, heard)
		}
		for _, r := range o.records {
			if r.ID == "" || r.Actor == "" || r.Verb == "" || r.Service == "" || r.Grant != "" {
				t.Errorf("%+v", r)
			}
		}
	})
}

func BenchmarkLine(b *testing.B) {
	o, f, text := discard{}, Format{Name: "proxy"}, []byte(strings.TrimSpace(full))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		f.Read(text, 0, o)
	}
}

type discard struct{}

func (discard) Add(*activity.Record) {}

func (discard) Skip(string, int64) {}
