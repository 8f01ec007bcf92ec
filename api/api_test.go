package api_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"jitbot/api"
	"jitbot/bot"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

// serving is a world whose endpoints are served, with ann holding prod-db.
type serving struct {
	*world.World
	t     *testing.T
	h     http.Handler
	grant jit.Grant
}

func serve(t *testing.T) *serving {
	t.Helper()
	w := world.New(t, world.Setup{})
	w.Say("ann", "request prod-db 1h orders are stuck")
	w.Press("bo", "approve", w.Request("ann").ID)
	g := w.UntilGrant("ann", jit.GrantActive)
	return &serving{w, t, api.New(w.Service, slog.New(slog.NewTextHandler(logOf{w}, nil))), g}
}

type logOf struct{ w *world.World }

func (l logOf) Write(p []byte) (int, error) { return l.w.WriteLog(p) }

// ask sends a request and returns the status and the body.
func (s *serving) ask(r *http.Request) (*http.Response, string) {
	s.t.Helper()
	rec := httptest.NewRecorder()
	s.h.ServeHTTP(rec, r)
	answer := rec.Result()
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		s.t.Errorf("%s: Cache-Control is %q", r.URL.Path, got)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, string(body)
}

func request(path, token, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// post sends JSON and decodes the answer; of a refusal it returns the code.
func post[O any](s *serving, path, token, body string) (out O, code string, answer *http.Response) {
	s.t.Helper()
	answer, text := s.ask(request(path, token, body))
	if answer.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			s.t.Fatal(err)
		}
		return out, "", answer
	}
	var p api.Problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Error == "" || p.Message == "" || strings.Contains(p.Message, "`") {
		s.t.Fatalf("%s: %d %q: %v", path, answer.StatusCode, text, err)
	}
	return out, p.Error, answer
}

// link has ann confirm a machine and returns its token.
func (s *serving) link() api.TokenAnswer {
	s.t.Helper()
	d, code, _ := post[api.DeviceAnswer](s, api.PathDevice, "", `{"machine": "laptop"}`)
	if code != "" {
		s.t.Fatal(code)
	}
	s.Press("ann", "machine-confirm", s.Say("ann", "link "+d.UserCode).Card.Buttons[0].ID)
	token, code, _ := post[api.TokenAnswer](s, api.PathToken, "", `{"device_code": "`+d.DeviceCode+`"}`)
	if code != "" {
		s.t.Fatal(code)
	}
	return token
}

func TestAMachineIsLinkedAndFetchesCredentialsInThreeRequests(t *testing.T) {
	t.Parallel()
	s := serve(t)
	d, _, _ := post[api.DeviceAnswer](s, api.PathDevice, "", `{"machine": "laptop"}`)
	if d.ExpiresIn != 600 || d.Interval != 5 || !strings.Contains(d.Message, "/jit link "+d.UserCode) {
		t.Errorf("the machine is told %d, %d, %q", d.ExpiresIn, d.Interval, d.Message)
	}
	poll := `{"device_code": "` + d.DeviceCode + `"}`
	for i, want := range []string{api.AuthorizationPending, api.SlowDown} {
		if _, code, answer := post[api.TokenAnswer](s, api.PathToken, "", poll); code != want || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("poll %d: %d %q", i, answer.StatusCode, code)
		}
	}
	s.Press("ann", "machine-confirm", s.Say("ann", "link "+d.UserCode).Card.Buttons[0].ID)
	token, code, _ := post[api.TokenAnswer](s, api.PathToken, "", poll)
	if code != "" || token.TokenType != "Bearer" || token.Scope != "credentials" || token.ExpiresIn != int(world.TokenLife/time.Second) || token.Person != "ann@example.com" || token.Name != "Ann Lee" {
		t.Fatalf("the token: %q, for %q, %q", code, token.Person, token.Scope)
	}
	if _, code, _ := post[api.TokenAnswer](s, api.PathToken, "", poll); code != api.ExpiredToken {
		t.Errorf("a second time: %q", code)
	}
	c, code, _ := post[api.CredentialsAnswer](s, api.PathCredentials, token.AccessToken, `{"grant": "`+s.grant.ID+`"}`)
	session := s.AWS.Sessions()[0]
	if code != "" || c.AccessKeyID != session.AccessKeyID || c.SecretAccessKey == "" || c.SessionToken == "" || c.Grant != s.grant.ID || c.Resource != "prod-db" || c.Region != "eu-central-1" {
		t.Fatalf("the credentials: %q", code)
	}
	if !c.ExpiresAt.Equal(session.Expires) || !c.GrantEndsAt.Equal(s.grant.ExpiresAt) {
		t.Errorf("they end %s, the session %s, the grant %s", c.ExpiresAt, session.Expires, c.GrantEndsAt)
	}
	for what, secret := range map[string]string{"device code": d.DeviceCode, "token": token.AccessToken, "secret key": c.SecretAccessKey, "session token": c.SessionToken} {
		if strings.Contains(s.LogText(), secret) || s.Find(secret) != "" {
			t.Errorf("the %s is kept or logged", what)
		}
	}
}

func TestWhatIsNoPostOfJSONIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, path := range []string{api.PathDevice, api.PathToken, api.PathCredentials} {
		for name, c := range map[string]struct {
			change func(*http.Request)
			body   string
			want   int
		}{
			"a GET":               {func(r *http.Request) { r.Method = http.MethodGet }, "{}", http.StatusMethodNotAllowed},
			"a HEAD":              {func(r *http.Request) { r.Method = http.MethodHead }, "{}", http.StatusMethodNotAllowed},
			"a form":              {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, "machine=x", http.StatusUnsupportedMediaType},
			"no type":             {func(r *http.Request) { r.Header.Del("Content-Type") }, "{}", http.StatusUnsupportedMediaType},
			"another site":        {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, "{}", http.StatusForbidden},
			"nothing":             {nil, "", http.StatusBadRequest},
			"two values":          {nil, "{} {}", http.StatusBadRequest},
			"a key twice":         {nil, `{"grant": "a", "grant": "b", "machine": "a", "machine": "b"}`, http.StatusBadRequest},
			"a key in capitals":   {nil, `{"Grant": "a", "Machine": "b", "Device_Code": "c"}`, http.StatusBadRequest},
			"a number for a text": {nil, `{"grant": 1, "machine": 1, "device_code": 1}`, http.StatusBadRequest},
			"bad UTF-8":           {nil, "{\"machine\": \"\xff\"}", http.StatusBadRequest},
			"a flood":             {nil, `{"machine": "` + strings.Repeat("x", 20<<10) + `"}`, http.StatusRequestEntityTooLarge},
		} {
			r := request(path, "", c.body)
			if c.change != nil {
				c.change(r)
			}
			rec := httptest.NewRecorder()
			s.h.ServeHTTP(rec, r)
			if rec.Code != c.want {
				t.Errorf("%s, %s: %d %s", path, name, rec.Code, rec.Body)
			}
		}
	}
	if n := len(s.Events(jit.EventTokenAsked)); n != 0 {
		t.Errorf("%d machines were taken in", n)
	}
}

func TestATokenThatIsNotOneIsToldSoAndNothingElse(t *testing.T) {
	t.Parallel()
	s := serve(t)
	token := s.link()
	for name, header := range map[string]string{
		"none": "", "another kind": "Basic " + token.AccessToken, "an empty one": "Bearer ", "a guess": "Bearer jitbot_guess",
		"one too long": "Bearer " + strings.Repeat("x", 300), "the id of one": "Bearer " + token.TokenID,
	} {
		r := request(api.PathCredentials, "", `{"grant": "`+s.grant.ID+`"}`)
		r.Header.Set("Authorization", header)
		answer, body := s.ask(r)
		if answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") != "Bearer" || !strings.Contains(body, `"invalid_token"`) {
			t.Errorf("%s: %d %s", name, answer.StatusCode, body)
		}
	}
	s.Say("ann", "revoke-token "+token.TokenID)
	if _, code, _ := post[api.CredentialsAnswer](s, api.PathCredentials, token.AccessToken, `{}`); code != api.InvalidToken {
		t.Errorf("a revoked one: %q", code)
	}
	if n := len(s.AWS.Sessions()); n != 0 {
		t.Errorf("%d sessions were opened", n)
	}
}

func TestARefusalSaysWhyAndWhenAgain(t *testing.T) {
	t.Parallel()
	s := serve(t)
	token := s.link()
	fetch := func(grant string) (string, *http.Response) {
		_, code, answer := post[api.CredentialsAnswer](s, api.PathCredentials, token.AccessToken, `{"grant": "`+grant+`"}`)
		return code, answer
	}
	if code, answer := fetch("grt_nobody"); code != string(bot.CodeUnknownThing) || answer.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown grant: %d %q", answer.StatusCode, code)
	}
	s.AWS.Break("AssumeRole", awsfake.Unavailable, 100)
	if code, answer := fetch(s.grant.ID); code != api.ServerError || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("an outage of AWS: %d %q", answer.StatusCode, code)
	}
	s.AWS.Heal()
	for range 29 { // the one before counts: it may have been opened
		if code, _ := fetch(s.grant.ID); code != "" {
			t.Fatal(code)
		}
	}
	if code, answer := fetch(s.grant.ID); code != string(bot.CodeLimit) || answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") != "60" {
		t.Errorf("too many: %d %q, again in %q", answer.StatusCode, code, answer.Header.Get("Retry-After"))
	}
	s.Say("ann", "end")
	s.UntilGrant("ann", jit.GrantEnded)
	if code, answer := fetch(s.grant.ID); code != string(bot.CodeChanged) || answer.StatusCode != http.StatusConflict {
		t.Errorf("after its end: %d %q", answer.StatusCode, code)
	}
}

func TestWhereAMachineAsksFromIsWhatTheConnectionSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"directly":                        {"192.0.2.7:1234", nil, "192.0.2.7"},
		"by IPv6":                         {"[2001:db8::7]:1234", nil, "2001:db8::7"},
		"IPv4 in IPv6":                    {"[::ffff:192.0.2.7]:1234", nil, "192.0.2.7"},
		"from afar, saying it is another": {"192.0.2.7:1234", []string{"203.0.113.9"}, "192.0.2.7"},
		"this computer":                   {"127.0.0.1:1234", nil, "127.0.0.1"},
		"through a proxy here":            {"127.0.0.1:1234", []string{"10.0.0.1, 203.0.113.9"}, "203.0.113.9, as the proxy says"},
		"through two":                     {"[::1]:1234", []string{"203.0.113.1", " 203.0.113.9 "}, "203.0.113.9, as the proxy says"},
		"through one that says nonsense":  {"127.0.0.1:1234", []string{"203.0.113.9, <b>"}, "127.0.0.1"},
	} {
		s := serve(t)
		r := request(api.PathDevice, "", `{}`)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.remote, c.forwarded
		_, body := s.ask(r)
		var d api.DeviceAnswer
		if err := json.Unmarshal([]byte(body), &d); err != nil {
			t.Fatal(err)
		}
		if got := s.Say("ann", "link "+d.UserCode).Card.Fields[1].Value[0].Text; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestOneNetworkIsBoundedHoweverManyAddressesItHas(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ask := func(remote string) int {
		r := request(api.PathDevice, "", `{}`)
		r.RemoteAddr = remote
		answer, _ := s.ask(r)
		return answer.StatusCode
	}
	hosts := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "a"}
	for _, host := range hosts {
		if got := ask("[2001:db8:0:1::" + host + "]:1234"); got != http.StatusOK {
			t.Fatalf("%s: %d", host, got)
		}
	}
	if got := ask("[2001:db8:0:1::b]:1234"); got != http.StatusTooManyRequests {
		t.Errorf("an eleventh of the network: %d", got)
	}
	if got := ask("[2001:db8:0:2::1]:1234"); got != http.StatusOK {
		t.Errorf("of another network: %d", got)
	}
}
