package k8saudit

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/activity/activitytest"
	"jitbot/activity/logfile"
	"jitbot/bot"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

var update = flag.Bool("update", false, "write the golden files anew")

type out struct {
	records []activity.Record
	bad     activity.Bad
}

func (o *out) Add(r *activity.Record) { o.records = append(o.records, activitytest.Clone(r)) }

func (o *out) Skip(why string, n int64) { o.bad[why] += n }

var (
	now  = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	prod = Format{Name: "eks", Cluster: "prod-eks"}
)

func read(t *testing.T, text string) *out {
	t.Helper()
	o := &out{bad: activity.Bad{}}
	if err := Stream(t.Context(), strings.NewReader(text), prod, o, now); err != nil {
		t.Fatal(err)
	}
	return o
}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLinesAndListsTellTheSame(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "records.golden")
	for i, name := range []string{"audit.log", "list.json", "laid-out.json"} {
		o := read(t, sample(t, name))
		var b bytes.Buffer
		for _, r := range o.records {
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(line, '\n'))
		}
		fmt.Fprintln(&b, o.bad)
		if *update && i == 0 {
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(sample(t, "records.golden"), b.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAnIDThatAClientUsesAgainHidesNothing(t *testing.T) {
	t.Parallel()
	lines := strings.SplitAfter(sample(t, "audit.log"), "\n")
	o := read(t, lines[1]+strings.ReplaceAll(lines[2], "0b1f-02", "0b1f-01")+lines[1])
	ids := map[string]int{}
	for _, r := range o.records {
		ids[r.ID]++
	}
	if len(ids) != 2 {
		t.Errorf("%v", ids)
	}
}

func TestWhoIsImpersonatedSaysNothingOfWhoseItIs(t *testing.T) {
	t.Parallel()
	line := strings.Replace(strings.SplitAfter(sample(t, "audit.log"), "\n")[12], `"impersonatedUser":{`, `"impersonatedUser":{"extra":{"accessKeyId":["AKIAOTHER"],"sessionName":["jit-other"]},`, 1)
	o := read(t, line)
	if len(o.records) != 1 {
		t.Fatalf("%v", o.bad)
	}
	if r := o.records[0]; r.Login != "ann@example.com" || r.Actor != r.Login || r.AccessKey+r.Session != "" || !strings.Contains(r.Detail, "as system:admin") {
		t.Errorf("%+v", r)
	}
}

func TestAnAuthenticatorThatSaysTwoThingsSaysNothing(t *testing.T) {
	t.Parallel()
	line := strings.Replace(strings.SplitAfter(sample(t, "audit.log"), "\n")[11], `["ASIAEXAMPLE"]`, `["ASIAEXAMPLE","ASIAOTHER"]`, 1)
	if o := read(t, line); len(o.records) != 1 || o.records[0].AccessKey != "" || o.records[0].Session != "jit-grt_01" {
		t.Errorf("%+v, %v", o.records, o.bad)
	}
}

func TestABadEventIsSetAsideForWhatItIs(t *testing.T) {
	t.Parallel()
	good := strings.SplitAfter(sample(t, "audit.log"), "\n")[1]
	for _, c := range []struct{ name, line, why string }{
		{"another kind", strings.Replace(good, `"Event"`, `"Pod"`, 1), activity.BadShape},
		{"another version", strings.Replace(good, "audit.k8s.io/v1", "audit.k8s.io/v1beta1", 1), activity.BadVersion},
		{"no id", strings.Replace(good, "0b1f-01", "", 1), activity.BadID},
		{"no user", strings.Replace(good, "ann@example.com", "", 1), activity.BadShape},
		{"no verb", strings.Replace(good, `"get"`, `""`, 1), activity.BadShape},
		{"no time", strings.Replace(good, "requestReceivedTimestamp", "something", 1), activity.BadTime},
		{"a time that is none", strings.Replace(good, `"2026-03-02T08:00:01.123456Z"`, `"now"`, 1), activity.BadShape},
		{"the year 9999", strings.ReplaceAll(good, "2026-", "9999-"), activity.BadTime},
		{"bad text", strings.Replace(good, "kubectl", "kube\xffctl", 1), activity.BadText},
		{"a key twice", strings.Replace(good, `"verb":"get"`, `"verb":"get","verb":"list"`, 1), activity.BadShape},
		{"a user in other letters", strings.Replace(good, `"username":"ann@example.com"`, `"username":"ann@example.com","userName":"bo"`, 1), activity.BadShape},
		{"deep", strings.Replace(good, `"level":"Metadata"`, `"level":`+strings.Repeat("[", 100)+strings.Repeat("]", 100), 1), activity.BadTooDeep},
		{"rubbish", "rubbish\n", activity.BadShape},
		{"long", `{"kind":"` + strings.Repeat("x", 1<<20) + "\"}\n", activity.BadTooLong},
	} {
		o := read(t, good+c.line+good)
		if len(o.records) != 2 || !maps.Equal(o.bad, activity.Bad{c.why: 1}) {
			t.Errorf("%s: %d records, %v", c.name, len(o.records), o.bad)
		}
	}
}

func TestABadItemOfAListCostsOnlyItself(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"list.json", "laid-out.json"} {
		all := sample(t, name)
		o := read(t, strings.Replace(all, "0b1f-04", "", 1))
		if len(o.records) != 11 || !maps.Equal(o.bad, activity.Bad{activity.BadID: 1}) {
			t.Errorf("%s: %d records, %v", name, len(o.records), o.bad)
		}
		o = read(t, all[:len(all)/2])
		if o.bad[activity.BadTruncated] != 1 {
			t.Errorf("%s, cut off: %d records, %v", name, len(o.records), o.bad)
		}
	}
	if o := read(t, "{\n \"kind\": \"List\", \"items\": [ {\n \"a\": \""+strings.Repeat("x", 5<<20)+"\"} ] }"); o.bad[activity.BadTooLong] != 1 {
		t.Errorf("a long item: %v", o.bad)
	}
	if o := read(t, "{\n \"kind\": \"Pod\"\n}\n"); o.bad[activity.BadShape] != 1 {
		t.Errorf("no list: %v", o.bad)
	}
	if o := read(t, "{\n \"items\": [ {\"auditID\": rubbish"); o.bad[activity.BadShape] != 1 {
		t.Errorf("rubbish: %v", o.bad)
	}
}

func TestAListOfAnyLengthIsReadInConstantMemory(t *testing.T) {
	t.Parallel()
	item := strings.TrimSpace(strings.SplitAfter(sample(t, "audit.log"), "\n")[1])
	const n = 20_000 // 15 MB
	r := io.MultiReader(strings.NewReader("{\"kind\":\"EventList\",\n\"items\":[\n"+item), &repeated{text: ",\n" + item, n: n - 1}, strings.NewReader("]}"))
	c := &count{}
	if err := Stream(t.Context(), r, prod, c, now); err != nil || c.n != n || c.bad != 0 {
		t.Errorf("%d of %d events, %d bad, %v", c.n, n, c.bad, err)
	}
}

type count struct{ n, bad int64 }

func (c *count) Add(*activity.Record)   { c.n++ }
func (c *count) Skip(_ string, n int64) { c.bad += n }

// repeated is a text n times.
type repeated struct {
	text string
	n    int
	rest string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// world is the log of a cluster, with the source that follows it.
type world struct {
	*testing.T
	path string
	n    int
	at   time.Time
	cfg  Config
}

func setup(t *testing.T) *world {
	w := &world{T: t, path: filepath.Join(t.TempDir(), "audit.log"), at: now.Add(-time.Hour)}
	w.cfg.Path = w.path
	w.put("")
	return w
}

func (w *world) put(text string) {
	w.Helper()
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		w.Fatal(err)
	}
	if err := f.Close(); err != nil {
		w.Fatal(err)
	}
}

func (w *world) open() Source {
	return Open("eks", w.cfg, bot.Deps{Now: func() time.Time { return w.at.Add(time.Minute) }})
}

func (w *world) say(text string) activity.Record {
	w.Helper()
	w.n++
	w.at = w.at.Add(time.Second)
	id := fmt.Sprintf("a-%d", w.n)
	e := map[string]any{
		"kind": "Event", "apiVersion": version, "auditID": id, "stage": "ResponseComplete", "verb": "get", "userAgent": text, "sourceIPs": []string{text},
		"user":      map[string]any{"username": text, "extra": map[string]any{"accessKeyId": []string{text}, "sessionName": []string{text}, "canonicalArn": []string{text}}},
		"objectRef": map[string]any{"resource": "pods", "namespace": "shop", "name": text}, "responseStatus": map[string]any{"code": 404, "reason": text},
		"requestReceivedTimestamp": w.at, "stageTimestamp": w.at,
	}
	line, err := json.Marshal(e)
	if err != nil {
		w.Fatal(err)
	}
	w.put(string(line) + "\n")
	return activity.Record{
		Family: "k8s/eks", ID: base36(w.at.UnixMicro()) + ":" + id, At: w.at, Service: "k8s", Verb: "get pods", Resource: "shop/" + text,
		Outcome: jit.ActivityFailed, Code: text, Actor: text, Login: text, Agent: text, Origin: text, AccessKey: text, Session: text, Scope: text, ReadOnly: true,
	}
}

func base36(n int64) string {
	var b []byte
	for ; n > 0; n /= 36 {
		b = append([]byte{"0123456789abcdefghijklmnopqrstuvwxyz"[n%36]}, b...)
	}
	return string(b)
}

func TestAnAuditLogKeepsTheLawsOfSources(t *testing.T) {
	t.Parallel()
	activitytest.TestSource(t, func(t *testing.T) activitytest.Harness {
		w := setup(t)
		return activitytest.Harness{
			Open: func(*testing.T) activity.Source { return w.open() },
			Tell: func(_ *testing.T, n int) (out []activity.Record) {
				for range n {
					out = append(out, w.say("ann"))
				}
				return out
			},
			Say:   func(_ *testing.T, text string) activity.Record { return w.say(text) },
			Spoil: func(*testing.T) { w.put("{\"kind\":\"Event\"}\n") },
			Outage: func(*testing.T) (mend func()) {
				_ = os.Rename(w.path, w.path+".away")
				return func() { _ = os.Rename(w.path+".away", w.path) }
			},
		}
	})
}

func TestTheDoctorNamesAnotherVersion(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(strings.ReplaceAll(sample(t, "audit.log"), version, "audit.k8s.io/v1beta1"))
	found := w.open().Check(t.Context())
	if last := found[len(found)-1]; last.OK || !strings.Contains(last.Hint, "--audit-log-version") {
		t.Errorf("%+v", found)
	}
	w = setup(t)
	w.say("ann")
	for _, f := range w.open().Check(t.Context()) {
		if !f.OK {
			t.Errorf("%+v", f)
		}
	}
}

func TestSettingsAreCheckedWhereTheyStand(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"path: a\nwatch: {resources: [r]}\ncluster: prod\n": "",
		"path: a\nwatch: {resources: [r]}\nclustre: prod\n": `did you mean "cluster"?`,
		"path: ''\nwatch: {resources: [r]}\n":               "path: is empty",
	} {
		var cfg Config
		err := strictyaml.Decode("config.yaml", []byte(in), &cfg, nil)
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) && want != "" {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzEventsAreReadOrSetAside(f *testing.F) {
	for line := range strings.Lines(sample(f, "audit.log")) {
		f.Add([]byte(line))
		f.Add([]byte("{\n\"kind\":\"EventList\",\"items\":[" + line + "]}"))
	}
	f.Add([]byte("{\n\"items\":[{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := &count{}
		if err := Stream(t.Context(), bytes.NewReader(text), prod, c, now); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkEvent(b *testing.B) {
	line := []byte(strings.SplitAfter(sample(b, "audit.log"), "\n")[11])
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		prod.Read(line, 0, logfile.Nothing{})
	}
}
