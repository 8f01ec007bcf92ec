package otlp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"jitbot/bot"
	"jitbot/integrations/otlp"
	"jitbot/internal/secret"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
	"jitbot/reports"
)

var nine = time.Date(2026, 3, 2, 9, 0, 0, 123456000, time.UTC)

// receiver is a collector that decodes what it gets.
type receiver struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	got   []*logs.LogRecord
	raw   [][]byte
	about map[string]string
	calls int
	// answer, if not nil, decides on a call before it is taken; 0 takes it.
	answer func(w http.ResponseWriter, n int) (status int)
	reject int64
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, about: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	r.calls++
	message := new(collector.ExportLogsServiceRequest)
	kind := q.Header.Get("Content-Type")
	switch kind {
	case "application/json":
		err = protojson.Unmarshal(body, message)
	case "application/x-protobuf":
		err = proto.Unmarshal(body, message)
	default:
		err = fmt.Errorf("type %q", kind)
	}
	if err != nil || q.URL.Path != "/v1/logs" || q.Method != http.MethodPost {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	if r.answer != nil {
		if status := r.answer(w, count(message)); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	r.keep(message, body, q)
	reply := new(collector.ExportLogsServiceResponse)
	if r.reject > 0 {
		reply.PartialSuccess = &collector.ExportLogsPartialSuccess{RejectedLogRecords: r.reject, ErrorMessage: "too old"}
	}
	out, _ := proto.Marshal(reply)
	if kind == "application/json" {
		out, _ = protojson.Marshal(reply)
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(out)
}

func count(m *collector.ExportLogsServiceRequest) (n int) {
	for _, x := range m.GetResourceLogs() {
		for _, y := range x.GetScopeLogs() {
			n += len(y.GetLogRecords())
		}
	}
	return n
}

func (r *receiver) keep(m *collector.ExportLogsServiceRequest, body []byte, q *http.Request) {
	r.raw = append(r.raw, body)
	r.about["authorization"] = q.Header.Get("Authorization")
	for _, x := range m.GetResourceLogs() {
		for _, kv := range x.GetResource().GetAttributes() {
			r.about[kv.GetKey()] = kv.GetValue().GetStringValue()
		}
		for _, y := range x.GetScopeLogs() {
			r.got = append(r.got, y.GetLogRecords()...)
		}
	}
}

func attributes(t *testing.T, l *logs.LogRecord) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, kv := range l.GetAttributes() {
		if _, twice := out[kv.GetKey()]; twice {
			t.Errorf("%s is there twice", kv.GetKey())
		}
		out[kv.GetKey()] = kv.GetValue().GetStringValue()
	}
	return out
}

func records(text string) []reports.Record {
	about := reports.About{
		Request: jit.Request{ID: "req_1", For: "ann@example.com", Reason: text, Ticket: "INC-42"},
		Grant:   jit.Grant{ID: "grt_1", Principal: "ann@example.com", Resource: "prod-db", Rule: "prod-by-approval"},
	}
	return []reports.Record{
		{About: about, Event: jit.Event{Seq: 7, At: nine, Kind: jit.EventGrantActive, Actor: jit.ActorJitbot, Grant: "grt_1", Request: "req_1", Resource: "prod-db", Outcome: "ok", Data: json.RawMessage(`{}`)}},
		{About: about, Event: jit.Event{Seq: 8, At: nine, Kind: jit.EventGrantEnded, Actor: text, Grant: "grt_1", Outcome: "ok", Data: json.RawMessage(`{}`)}},
		{About: about, Activity: &jit.Activity{
			ID: "a-1", Source: "trail", At: nine, Grant: "grt_1", Actor: text, Action: "s3:GetObject", Resource: "arn:aws:s3:::orders/1", Outcome: jit.ActivityOK,
			Origin: "203.0.113.7", Account: "111122223333", Region: "eu-central-1", Agent: text, Detail: text, Stray: true, Scope: "arn:aws:iam::1:role/x",
		}},
	}
}

func open(t *testing.T, c otlp.Config) *otlp.Sink {
	t.Helper()
	s, err := otlp.Open(c, "1.0", func() time.Time { return nine.Add(time.Minute) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestLogsAreDecodedAsWhatHappenedInBothEncodings(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{otlp.Protobuf, otlp.JSON} {
		r := receive(t)
		s := open(t, otlp.Config{URL: r.URL + "/v1/logs", Encoding: encoding, Headers: map[string]secret.Value{"authorization": secret.Of("Bearer CANARY-4711")}})
		hostile := "a\nb\x00\x1b[31m\u202e\xff \",\"jit.grant\":\"grt_2"
		if err := s.Send(t.Context(), records(hostile)); err != nil {
			t.Fatal(err)
		}
		if r.about["service.name"] != "jitbot" || r.about["service.version"] != "1.0" || r.about["authorization"] != "Bearer CANARY-4711" {
			t.Errorf("%s: %v", encoding, r.about)
		}
		if len(r.got) != 3 {
			t.Fatalf("%s: %d logs", encoding, len(r.got))
		}
		clean := strings.ToValidUTF8(hostile, "\uFFFD")
		for i, want := range []map[string]string{
			{"user.id": "jitbot", "jit.person": "ann@example.com", "jit.grant": "grt_1", "jit.rule": "prod-by-approval", "jit.ticket": "INC-42", "jit.reason": clean},
			{"user.id": clean, "jit.grant": "grt_1"},
			{"user.id": "ann@example.com", "user.email": "ann@example.com", "client.address": "203.0.113.7", "cloud.provider": "aws", "cloud.account.id": "111122223333", "cloud.region": "eu-central-1", "cloud.resource_id": "arn:aws:s3:::orders/1", "session.id": clean, "jit.grant": "grt_1"},
		} {
			got := attributes(t, r.got[i])
			for key, value := range want {
				if got[key] != value {
					t.Errorf("%s %d: %s is %q, want %q", encoding, i, key, got[key], value)
				}
			}
			if r.got[i].GetTimeUnixNano() != uint64(nine.UnixNano()) || r.got[i].GetObservedTimeUnixNano() != uint64(nine.Add(time.Minute).UnixNano()) {
				t.Errorf("%s %d: times", encoding, i)
			}
			if !json.Valid([]byte(r.got[i].GetBody().GetStringValue())) {
				t.Errorf("the body is %q", r.got[i].GetBody())
			}
		}
		names := r.got[0].GetEventName() + " " + r.got[1].GetEventName() + " " + r.got[2].GetEventName()
		if names != "jit.grant.created jit.grant.ended jit.grant.used" || r.got[2].GetSeverityNumber() != logs.SeverityNumber_SEVERITY_NUMBER_ERROR {
			t.Errorf("%s: %s, %s", encoding, names, r.got[2].GetSeverityNumber())
		}
		for _, raw := range r.raw {
			if strings.Contains(string(raw), "CANARY") {
				t.Error("the key is in the message")
			}
		}
	}
}

func TestTheJSONIsThatOfOTLP(t *testing.T) {
	t.Parallel()
	r := receive(t)
	if err := open(t, otlp.Config{URL: r.URL + "/v1/logs", Encoding: otlp.JSON}).Send(t.Context(), records("x")[:1]); err != nil {
		t.Fatal(err)
	}
	var got struct {
		ResourceLogs []struct {
			ScopeLogs []struct {
				LogRecords []struct {
					TimeUnixNano   string `json:"timeUnixNano"`
					SeverityNumber int    `json:"severityNumber"`
					EventName      string `json:"eventName"`
					Body           struct {
						StringValue string `json:"stringValue"`
					} `json:"body"`
				} `json:"logRecords"`
			} `json:"scopeLogs"`
		} `json:"resourceLogs"`
	}
	if err := json.Unmarshal(r.raw[0], &got); err != nil {
		t.Fatal(err)
	}
	l := got.ResourceLogs[0].ScopeLogs[0].LogRecords[0]
	if l.TimeUnixNano != fmt.Sprint(nine.UnixNano()) || l.SeverityNumber != 9 || l.EventName != "jit.grant.created" || l.Body.StringValue == "" {
		t.Errorf("got %+v", l)
	}
}

func TestAReceiverThatIsBusySaysWhenToTryAgain(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "": 0, "-1": 0, "99999999": time.Hour,
		nine.Add(3 * time.Minute).Truncate(time.Second).Format(http.TimeFormat): 2 * time.Minute,
	} {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
			r := receive(t)
			r.answer = func(w http.ResponseWriter, _ int) int { w.Header().Set("Retry-After", header); return status }
			err := open(t, otlp.Config{URL: r.URL + "/v1/logs"}).Send(t.Context(), records("x"))
			if after, ok := bot.IsLater(err); !ok || (after-want).Abs() > time.Second {
				t.Errorf("%d with %q: %v, after %s", status, header, err, after)
			}
		}
	}
}

func TestNothingButAnAnswerOfOTLPCountsAsTaken(t *testing.T) {
	t.Parallel()
	elsewhere := receive(t)
	for name, answer := range map[string]http.HandlerFunc{
		"a page":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello</html>")) },
		"a refusal": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"no right":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"too much":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) },
		"half of it": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "50")
			_, _ = w.Write([]byte("x"))
		},
		"another place": func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, elsewhere.URL+"/v1/logs", http.StatusTemporaryRedirect)
		},
		"created": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) },
	} {
		server := httptest.NewServer(answer)
		s := open(t, otlp.Config{URL: server.URL + "/v1/logs"})
		if err := s.Send(t.Context(), records("x")); err == nil {
			t.Errorf("%s counts as taken", name)
		}
		if f := s.Check(t.Context()); f[0].OK {
			t.Errorf("%s: the doctor finds it well", name)
		}
		server.Close()
		if err := s.Send(t.Context(), records("x")); err == nil {
			t.Errorf("nobody counts as taken")
		}
	}
	if elsewhere.calls != 0 {
		t.Error("a redirect was followed")
	}
}

func TestPartialSuccessIsCountedAndNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{otlp.Protobuf, otlp.JSON} {
		r := receive(t)
		r.reject = 2
		err := open(t, otlp.Config{URL: r.URL + "/v1/logs", Encoding: encoding}).Send(t.Context(), records("x"))
		if refused, ok := reports.AsRefused(err); !ok || refused.Count != 2 || refused.Why != "too old" {
			t.Errorf("%s: %v", encoding, err)
		}
	}
}

func TestWhatIsTooLargeIsSentInPiecesAndInOrder(t *testing.T) {
	t.Parallel()
	r := receive(t)
	r.answer = func(_ http.ResponseWriter, n int) int {
		if n > 2 {
			return http.StatusRequestEntityTooLarge
		}
		return 0
	}
	var batch []reports.Record
	for i := range 11 {
		one := records("x")[0]
		one.Event.Seq = int64(i)
		batch = append(batch, one)
	}
	if err := open(t, otlp.Config{URL: r.URL + "/v1/logs"}).Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	for i, l := range r.got {
		for _, kv := range l.GetAttributes() {
			if kv.GetKey() == "jit.seq" && kv.GetValue().GetIntValue() != int64(i) {
				t.Errorf("log %d is event %d", i, kv.GetValue().GetIntValue())
			}
		}
	}
	if len(r.got) != len(batch) {
		t.Errorf("%d logs", len(r.got))
	}
}

func TestTheDoctorSendsABatchOfNothing(t *testing.T) {
	t.Parallel()
	r := receive(t)
	if f := open(t, otlp.Config{URL: r.URL + "/v1/logs"}).Check(t.Context()); len(f) != 1 || !f[0].OK || len(r.got) != 0 || r.calls != 1 {
		t.Errorf("found %v, %d logs in %d calls", f, len(r.got), r.calls)
	}
}

func TestATimeThatIsOverEndsACall(t *testing.T) {
	t.Parallel()
	never := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-never }))
	defer server.Close()
	defer close(never)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := open(t, otlp.Config{URL: server.URL}).Send(ctx, records("x")); err == nil {
		t.Error("a call without an answer counts as taken")
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"url: http://otel.example.com:4318/v1/logs": "https", "url: 'https://u:hunter2@otel.example.com'": "without a name and password", "url: ftp://127.0.0.1": "https",
		"{url: 'https://x/v1/logs', encoding: xml}": "neither protobuf nor json", "{url: 'https://x/v1/logs', headers: {authorization: hunter2}}": "a secret is not written here",
		"{url: 'https://x/v1/logs', headers: {'a b': '${X}'}}": "no header", "{url: 'https://x/v1/logs', cert: x}": "belong together",
	} {
		var c otlp.Config
		err := strictyaml.Decode("c.yaml", []byte(text), &c, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
