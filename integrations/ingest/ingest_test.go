package ingest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/activity/activitytest"
	"jitbot/bot"
	"jitbot/internal/secret"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
)

const (
	mine   = "c6d1a0c6f1e94b0c8a6d5f1f0a1b2c3d-deploys"
	old    = "00d1a0c6f1e94b0c8a6d5f1f0a1b2c3d-before"
	others = "ffd1a0c6f1e94b0c8a6d5f1f0a1b2c3d-proxy"
)

// world is a server with two senders, an Intake for the first, and what the
// first has to send.
type world struct {
	*testing.T
	server  *Server
	handler http.Handler
	in      *activitytest.Intake
	log     *bytes.Buffer

	mu      sync.Mutex
	now     time.Time
	refused []bot.Refusal
	pending []string
	n       int
}

// inbox notes refusals.
type inbox struct {
	bot.Inbox
	w *world
}

func (i inbox) Refused(_ context.Context, r bot.Refusal) {
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	i.w.refused = append(i.w.refused, r)
}

func setup(t *testing.T) *world {
	w := &world{T: t, in: &activitytest.Intake{}, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), log: &bytes.Buffer{}}
	w.restart()
	return w
}

// restart is a new server with the same configuration.
func (w *world) restart() {
	w.Helper()
	c := Config{Senders: map[string]Sender{
		"deploys": {Secret: secret.Of(mine), OldSecret: secret.Of(old), Watch: activity.Watched{Resources: []string{"prod-shop"}}, PerMinute: 1200},
		"proxy":   {Secret: secret.Of(others), Watch: activity.Watched{Kinds: []string{"aws_session"}}},
	}}
	var err error
	w.server, err = Open(c, bot.Deps{Now: w.clock, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	if err != nil {
		w.Fatal(err)
	}
	mux := http.NewServeMux()
	w.server.Mount(mux, inbox{w: w})
	w.handler = mux
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// reading has the sender's source read until the test ends.
func (w *world) reading() *world {
	ctx, cancel := context.WithCancel(w.Context())
	var wg sync.WaitGroup
	for _, s := range w.server.Sources() {
		wg.Go(func() { _ = s.Read(ctx, w.in) })
	}
	w.Cleanup(func() { cancel(); wg.Wait() })
	return w
}

func sign(key, at, sender, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("v1:" + at + ":" + sender + ":" + body))
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// request is a good request of the first sender's.
func (w *world) request(body string) *http.Request {
	r := httptest.NewRequestWithContext(w.Context(), http.MethodPost, "/activity", strings.NewReader(body))
	at := fmt.Sprint(w.clock().Unix())
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Jit-Sender", "deploys")
	r.Header.Set("Jit-Time", at)
	r.Header.Set("Jit-Signature", sign(mine, at, "deploys", body))
	return r
}

func (w *world) do(r *http.Request) (status int, body string) {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

func (w *world) send(body string) string {
	w.Helper()
	status, answer := w.do(w.request(body))
	if status != http.StatusOK {
		w.Fatalf("%d %s", status, answer)
	}
	return strings.TrimSpace(answer)
}

// line is one more action.
func (w *world) line(text string) (string, activity.Record) {
	w.Helper()
	w.n++
	r := activity.Record{
		Family: "jsonl/deploys", ID: fmt.Sprint(w.n), At: w.clock().Add(time.Duration(w.n-10_000) * time.Millisecond),
		Service: "deploys", Verb: "roll out", Resource: text, Outcome: jit.ActivityOK, Actor: text, Detail: text, Grant: text,
	}
	b, err := json.Marshal(map[string]any{"id": r.ID, "time": r.At, "action": r.Verb, "resource": text, "actor": text, "detail": text, "grant": text})
	if err != nil {
		w.Fatal(err)
	}
	return string(b) + "\n", r
}

func TestSendersKeepTheLawsOfSources(t *testing.T) {
	t.Parallel()
	activitytest.TestSource(t, func(t *testing.T) activitytest.Harness {
		w := setup(t)
		put := func(text string) activity.Record {
			line, r := w.line(text)
			w.pending = append(w.pending, line)
			return r
		}
		return activitytest.Harness{
			Open: func(*testing.T) activity.Source {
				w.restart()
				return w.server.Sources()[0]
			},
			Tell: func(_ *testing.T, n int) (out []activity.Record) {
				for range n {
					out = append(out, put("ann"))
				}
				return out
			},
			Say:   func(_ *testing.T, text string) activity.Record { return put(text) },
			Spoil: func(*testing.T) { w.n++; w.pending = append(w.pending, fmt.Sprintf("{\"id\":\"%d\"}\n", w.n)) },
			Meanwhile: func(ctx context.Context) error {
				for len(w.pending) > 0 {
					if status, _ := w.do(w.request(w.pending[0]).WithContext(ctx)); status != http.StatusOK {
						return fmt.Errorf("status %d", status)
					}
					w.pending = w.pending[1:]
				}
				return nil
			},
			Secrets: []string{mine, old, others},
		}
	})
}

func TestT01_T05_WhatNobodySignedIsRefusedAndTold401AndNothingElse(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	body, _ := w.line("ann")
	now := w.clock().Unix()
	signedAt := func(at string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Jit-Time", at)
			r.Header.Set("Jit-Signature", sign(mine, at, "deploys", body))
		}
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	twice := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Add(name, r.Header.Get(name)) }
	}
	good := w.request(body).Header.Get("Jit-Signature")
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
		code   string
	}{
		{"no sender", func(r *http.Request) { r.Header.Del("Jit-Sender") }, 401, "sender.missing"},
		{"no time", func(r *http.Request) { r.Header.Del("Jit-Time") }, 401, "time.missing"},
		{"no signature", func(r *http.Request) { r.Header.Del("Jit-Signature") }, 401, "signature.missing"},
		{"an empty signature", header("Jit-Signature", ""), 401, "signature.missing"},
		{"two senders", twice("Jit-Sender"), 401, "sender.repeated"},
		{"two times", twice("Jit-Time"), 401, "time.repeated"},
		{"two signatures", twice("Jit-Signature"), 401, "signature.repeated"},
		{"upper case", header("Jit-Signature", "v1="+strings.ToUpper(good[3:])), 401, "signature.malformed"},
		{"another scheme", header("Jit-Signature", "v0="+good[3:]), 401, "signature.malformed"},
		{"cut off", header("Jit-Signature", good[:60]), 401, "signature.malformed"},
		{"no hex", header("Jit-Signature", "v1="+strings.Repeat("g", 64)), 401, "signature.malformed"},
		{"of another body", header("Jit-Signature", sign(mine, fmt.Sprint(now), "deploys", body+" ")), 401, "signature.wrong"},
		{"of another sender", header("Jit-Sender", "proxy"), 401, "signature.wrong"},
		{"of nobody", header("Jit-Sender", "nobody"), 401, "signature.wrong"},
		{"signed by another", header("Jit-Signature", sign(others, fmt.Sprint(now), "deploys", body)), 401, "signature.wrong"},
		{"signed with nothing", header("Jit-Signature", sign("", fmt.Sprint(now), "deploys", body)), 401, "signature.wrong"},
		{"of another time", header("Jit-Time", fmt.Sprint(now-1)), 401, "signature.wrong"},
		{"301 s old", signedAt(fmt.Sprint(now - 301)), 401, "signature.stale"},
		{"301 s ahead", signedAt(fmt.Sprint(now + 301)), 401, "signature.stale"},
		{"a time with a sign", signedAt("+" + fmt.Sprint(now)[1:]), 401, "time.malformed"},
		{"a negative time", signedAt("-" + fmt.Sprint(now)), 401, "time.malformed"},
		{"a huge time", signedAt("1099511627776"), 401, "time.malformed"},
		{"a time with a space", signedAt(" " + fmt.Sprint(now)[1:]), 401, "time.malformed"},
		{"other digits", signedAt("١٧٧٢٤٤٢٠٠٠"), 401, "time.malformed"},
		{"a query", func(r *http.Request) { r.URL.RawQuery = "sender=proxy" }, 400, "request.query"},
		{"an empty query", func(r *http.Request) { r.URL.ForceQuery = true }, 400, "request.query"},
		{"a GET", func(r *http.Request) { r.Method = http.MethodGet }, 405, "request.method"},
		{"a method override", func(r *http.Request) { r.Method = http.MethodPut; r.Header.Set("X-Http-Method-Override", "POST") }, 405, "request.method"},
		{"a form", header("Content-Type", "application/x-www-form-urlencoded"), 415, "request.type"},
		{"no type", header("Content-Type", ""), 415, "request.type"},
		{"compressed", header("Content-Encoding", "gzip"), 415, "request.type"},
	} {
		w.refused = nil
		r := w.request(body)
		c.change(r)
		status, answer := w.do(r)
		if status != c.status || answer != "" {
			t.Errorf("%s: %d %q, want %d and nothing", c.name, status, answer, c.status)
		}
		if len(w.refused) != 1 || string(w.refused[0].Code) != c.code || strings.Contains(w.refused[0].Cause, "roll out") {
			t.Errorf("%s: recorded as %+v, want %s", c.name, w.refused, c.code)
		}
		for _, s := range []string{mine, old, others, good[3:]} {
			if strings.Contains(fmt.Sprint(w.refused)+w.log.String(), s) {
				t.Errorf("%s: a secret or signature is in %+v", c.name, w.refused)
			}
		}
	}
	if n := len(w.in.Records()); n > 0 {
		t.Errorf("%d records were taken", n)
	}
}

func TestT05_ABodyOfAMebibyteIsTakenAndOneMoreByteIsNot(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	body, _ := w.line("ann")
	body += strings.Repeat("\n", 1<<20-len(body))
	if got := w.send(body); got != `{"taken":1}` {
		t.Errorf("got %s", got)
	}
	if status, _ := w.do(w.request(body + "\n")); status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d", status)
	}
}

func TestATimeIsGoodFiveMinutesEitherWayAndAnOldSecretAsLongAsItIsNamed(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	for i, off := range []int64{-300, 0, 300} {
		body, _ := w.line("ann")
		r, at := w.request(body), fmt.Sprint(w.clock().Unix()+off)
		r.Header.Set("Jit-Time", at)
		r.Header.Set("Jit-Signature", sign([]string{mine, old, mine}[i], at, "deploys", body))
		if status, answer := w.do(r); status != http.StatusOK || strings.TrimSpace(answer) != `{"taken":1}` {
			t.Errorf("%d s off: %d %s", off, status, answer)
		}
	}
}

func TestT03_T45_TheSameRequestHasTheSameAnswerAndNoSecondEffect(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	line, _ := w.line("ann")
	ahead := fmt.Sprintf(`{"time":%q,"actor":"ann","action":"x"}`, w.clock().Add(6*time.Minute).Format(time.RFC3339))
	body := line + "rubbish\n" + ahead + "\n"
	at := w.clock()
	first := w.send(body)
	bad := w.in.Skipped()
	r := w.request(body)
	w.now = w.now.Add(4 * time.Minute) // the line ahead would be good by now
	w.restart()
	w.reading()
	status, again := w.do(r)
	if status != http.StatusOK || strings.TrimSpace(again) != first || first != `{"taken":1,"bad":[{"line":2,"why":"not of a known shape"},{"line":3,"why":"no instant that can be"}]}` {
		t.Errorf("first %s, then %d %s", first, status, again)
	}
	if fmt.Sprint(w.in.Skipped()) != fmt.Sprint(bad) || len(w.in.Records()) != 1 || w.in.Again() != 0 {
		t.Errorf("then %v, %d records", w.in.Skipped(), len(w.in.Records()))
	}
	w.now = at.Add(301 * time.Second)
	if status, _ := w.do(r); status != http.StatusUnauthorized {
		t.Errorf("after its time: %d", status)
	}
	w.send(body[:len(line)]) // signed anew
	if len(w.in.Records()) != 1 || w.in.Again() != 1 {
		t.Errorf("%d records, %d of them again", len(w.in.Records()), w.in.Again())
	}
}

func TestWhatWasDoneLongAgoOrIsYetToComeIsRefusedAlone(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	var body strings.Builder
	for _, off := range []time.Duration{-31 * 24 * time.Hour, -29 * 24 * time.Hour, 0, 4 * time.Minute, 6 * time.Minute, 1e6 * time.Hour} {
		fmt.Fprintf(&body, `{"time":%q,"actor":"ann","action":"x"}`+"\n", w.clock().Add(off).Format(time.RFC3339))
	}
	want := `{"taken":3,"bad":[{"line":1,"why":"older than 30 days"},{"line":5,"why":"no instant that can be"},{"line":6,"why":"no instant that can be"}]}`
	if got := w.send(body.String()); got != want || len(w.in.Records()) != 3 {
		t.Errorf("%s, %d records", got, len(w.in.Records()))
	}
}

func TestOnlyWhatASenderSaysItToldMovesUntil(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	line, r := w.line("ann")
	w.send(line)
	if p := w.in.Progress(); !p.Until.IsZero() || !p.Newest.Equal(r.At) {
		t.Errorf("until %v, newest %v", p.Until, p.Newest)
	}
	until := w.clock().Add(-time.Second)
	w.send(fmt.Sprintf(`{"until":%q}`, until.Format(time.RFC3339)))
	if p := w.in.Progress(); !p.Until.Equal(until) {
		t.Errorf("until %v", p.Until)
	}
	w.send(fmt.Sprintf(`{"until":%q}`, w.clock().Add(4*time.Minute).Format(time.RFC3339)))
	if p := w.in.Progress(); !p.Until.Equal(w.clock()) {
		t.Errorf("until %v, which is yet to come", p.Until)
	}
	w.send(`{"until":"9999-01-01T00:00:00Z"}`)
	if p := w.in.Progress(); !p.Until.Equal(w.clock()) {
		t.Errorf("until %v", p.Until)
	}
}

func TestABodyOfOneValueMayBeLaidOutOverLines(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	r := w.request("{\n \"time\": \"2026-03-02T08:00:00Z\",\n \"actor\": \"ann\",\n \"action\": \"x\"\n}\n")
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	if status, answer := w.do(r); status != http.StatusOK || len(w.in.Records()) != 1 {
		t.Errorf("%d %s", status, answer)
	}
	for _, nothing := range []string{"", "\n\r\n"} {
		if got := w.send(nothing); got != `{"taken":0}` {
			t.Errorf("%q: %s", nothing, got)
		}
	}
}

func TestLinesOfWindowsAndAMarkAtTheStartDoNoHarm(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	one, _ := w.line("ann")
	two, _ := w.line("bo")
	if got := w.send("\xef\xbb\xbf" + strings.TrimSpace(one) + "\r\n\r\n" + strings.TrimSpace(two)); got != `{"taken":2}` {
		t.Errorf("got %s", got)
	}
}

func TestOnlyAHundredBadLinesAreListedAndAllAreCounted(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	var a answer
	if err := json.Unmarshal([]byte(w.send(strings.Repeat("rubbish\n", 250))), &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Bad) != 100 || a.MoreBad != 150 || w.in.Skipped()[activity.BadShape] != 250 {
		t.Errorf("%d listed, %d more, counted %v", len(a.Bad), a.MoreBad, w.in.Skipped())
	}
}

func TestASenderIsHeldToItsPaceAndWhoDidNotSignTakesNoneOfIt(t *testing.T) {
	t.Parallel()
	w := setup(t).reading()
	body, _ := w.line("ann")
	unsigned := w.request(body)
	unsigned.Header.Del("Jit-Signature")
	for range 1000 {
		w.do(unsigned)
	}
	n := 0
	for ; ; n++ {
		rec := httptest.NewRecorder()
		if w.handler.ServeHTTP(rec, w.request(body)); rec.Code == http.StatusOK {
			continue
		}
		if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") != "1" {
			t.Errorf("%d, Retry-After %q", rec.Code, rec.Header().Get("Retry-After"))
		}
		break
	}
	if n != 300 { // a quarter of a minute's
		t.Errorf("%d were taken at once", n)
	}
	w.mu.Lock()
	w.now = w.now.Add(time.Second)
	w.mu.Unlock()
	for range 20 {
		w.send(body)
	}
	if last := w.refused[len(w.refused)-1]; last.Code != "limit.reached" {
		t.Errorf("recorded as %+v", last)
	}
}

func TestWhatCannotBeKeptIsSaidToBeSentAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.in.Before = func(call string, n int) error {
		if call == "Take" && n == 0 {
			return errors.New("the disk is full")
		}
		return nil
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { done <- w.server.Sources()[0].Read(ctx, w.in) }()
	body, _ := w.line("ann")
	rec := httptest.NewRecorder()
	if w.handler.ServeHTTP(rec, w.request(body)); rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d", rec.Code)
	}
	if err := <-done; err == nil {
		t.Error("Read has no error")
	}
	w.reading()
	w.send(body)
	if len(w.in.Records()) != 1 {
		t.Errorf("%d records", len(w.in.Records()))
	}
}

func TestWithoutSendersThereIsNoAddress(t *testing.T) {
	t.Parallel()
	s, err := Open(Config{}, bot.Deps{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.Mount(mux, nil)
	rec := httptest.NewRecorder()
	if mux.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/activity", nil)); rec.Code != http.StatusNotFound {
		t.Errorf("%d", rec.Code)
	}
}

func TestSecretsThatAreShortOrSharedAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"none":   {Senders: map[string]Sender{"a": {}}},
		"short":  {Senders: map[string]Sender{"a": {Secret: secret.Of(mine[:31])}}},
		"shared": {Senders: map[string]Sender{"a": {Secret: secret.Of(mine)}, "b": {Secret: secret.Of(others), OldSecret: secret.Of(mine)}}},
	} {
		_, err := Open(c, bot.Deps{Now: time.Now})
		if err == nil || strings.Contains(err.Error(), mine[:31]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettingsAreCheckedWhereTheyStand(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"senders: {deploys: {secret: '${A}', old_secret: '${B}', watch: {resources: [r]}, per_minute: 10}}": "",
		"senders: {deploys: {watch: {resources: [r]}}}":                                                     `"secret" is missing`,
		"senders: {deploys: {secret: '${A}'}}":                                                              `"watch" is missing`,
		"senders: {deploys: {secret: '${A}', watch: {}}}":                                                   "name the resources",
		"senders: {deploys: {secret: hunter2, watch: {resources: [r]}}}":                                    "a secret is not written here",
		"senders: {De Ploys: {secret: '${A}', watch: {resources: [r]}}}":                                    "is not a name",
		"senders: {deploys: {secret: '${A}', watch: {resources: [r]}, per_minute: -1}}":                     "per_minute",
	} {
		var c Config
		err := strictyaml.Decode("config.yaml", []byte(in), &c, nil)
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) && want != "" || strings.Contains(got, "hunter2") {
			t.Errorf("%q: %v", in, err)
		}
		if want != "" {
			continue
		}
		if err := c.Resolve(func(name string) string { return strings.Repeat(name, 40) }); err != nil || c.Senders["deploys"].Secret.Reveal() != strings.Repeat("A", 40) {
			t.Errorf("resolve: %v", err)
		}
		if err := c.Resolve(func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "activity.ingest.senders.deploys.secret") {
			t.Errorf("resolve: %v", err)
		}
	}
}

func TestTheExampleOfTheDescriptionWorks(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "openssl", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not here")
		}
	}
	doc, err := os.ReadFile("../../docs/activity-format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```sh\n")
	script, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the description has no example")
	}
	w := setup(t).reading()
	w.now = time.Now()
	line, want := w.line("ann")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "activity.jsonl"), []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.handler)
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEPLOYS_SECRET="+mine, "JITBOT="+server.URL, "no_proxy=*")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != `{"taken":1}` || !w.in.Has(want) {
		t.Errorf("%v: %s; refused %v", err, out, w.refused)
	}
}

func FuzzNothingUnsignedIsTaken(f *testing.F) {
	f.Add("deploys", "1772442000", "v1="+strings.Repeat("0", 64), "{}")
	f.Add("nobody", "-1", "v0=", "")
	f.Fuzz(func(t *testing.T, sender, at, signature, body string) {
		w := setup(t)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/activity", strings.NewReader(body))
		r.Header = http.Header{"Content-Type": {"application/json"}, "Jit-Sender": {sender}, "Jit-Time": {at}, "Jit-Signature": {signature}}
		if status, answer := w.do(r); status != http.StatusUnauthorized || answer != "" {
			t.Errorf("%d %q", status, answer)
		}
	})
}
