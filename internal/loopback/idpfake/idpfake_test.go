package idpfake_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"jitbot/internal/loopback/idpfake"
)

const (
	redirect  = "http://127.0.0.1:1/s/callback"
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // with its challenge from RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

type office struct {
	t      *testing.T
	idp    *idpfake.Server
	issuer string
	client *http.Client
	now    time.Time
}

func setup(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var err error
	o.idp, err = idpfake.New(idpfake.Config{
		Users:    []idpfake.User{{Email: "ann@example.com", Name: "Ann <b>Weber</b>"}, {Email: "bo@example.com", Name: "Bo Lund"}},
		ClientID: "jitbot", ClientSecret: "s3cret", RedirectURI: redirect, Now: func() time.Time { return o.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	var stop func()
	if o.issuer, stop, err = o.idp.Start(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return o
}

func request() url.Values {
	return url.Values{
		"client_id": {"jitbot"}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"the state"}, "nonce": {"the nonce"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
}

func exchange(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
		"client_id": {"jitbot"}, "client_secret": {"s3cret"},
	}
}

func (o *office) do(r *http.Request, err error) (*http.Response, string) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	resp, err := o.client.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp, string(body)
}

func (o *office) get(path string) (*http.Response, string) {
	o.t.Helper()
	return o.do(http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.issuer+path, nil))
}

func (o *office) post(path string, form url.Values) (*http.Response, string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.issuer+path, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return o.do(r, err)
}

// page opens the page and returns the id of its request.
func (o *office) page() string {
	o.t.Helper()
	_, body := o.get(idpfake.Authorize + "?" + request().Encode())
	if !strings.Contains(body, "Ann &lt;b&gt;Weber") || !strings.Contains(body, `value="bo@example.com"`) {
		o.t.Fatalf("the page reads %s", body)
	}
	m := regexp.MustCompile(`name="request" value="(\w+)"`).FindStringSubmatch(body)
	if m == nil {
		o.t.Fatalf("the page has no request: %s", body)
	}
	return m[1]
}

func TestThePageSendsTheBrowserBackAsWhomItChose(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for do, want := range map[string]string{"sign-in": "code=", "cancel": "error=access_denied"} {
		form := url.Values{"request": {o.page()}, "user": {"bo@example.com"}, "do": {do}}
		resp, _ := o.post(idpfake.Authorize, form)
		if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, redirect+"?") || !strings.Contains(to, want) || !strings.Contains(to, "state=the+state") {
			t.Errorf("%s: %d to %s", do, resp.StatusCode, to)
		}
		if again, _ := o.post(idpfake.Authorize, form); again.StatusCode != http.StatusBadRequest {
			t.Errorf("the page worked twice: %d", again.StatusCode)
		}
	}
}

func TestARequestThatIsNotStrictGetsNoPage(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for key, bad := range map[string]string{
		"client_id": "other", "redirect_uri": redirect + "/x", "response_type": "token", "scope": "email",
		"code_challenge_method": "plain", "code_challenge": "", "state": "", "nonce": "",
	} {
		q := request()
		q.Set(key, bad)
		if resp, body := o.get(idpfake.Authorize + "?" + q.Encode()); resp.StatusCode != http.StatusBadRequest || strings.Contains(body, "<form") {
			t.Errorf("%s=%q: %d", key, bad, resp.StatusCode)
		}
		if to, err := o.idp.SignIn(o.issuer+idpfake.Authorize+"?"+q.Encode(), "ann@example.com"); err == nil {
			t.Errorf("%s=%q: signed in, back to %s", key, bad, to)
		}
	}
	if n := len(o.idp.Asked()); n != 0 {
		t.Errorf("%d requests were taken", n)
	}
}

func (o *office) code() string {
	o.t.Helper()
	back, err := o.idp.SignIn(o.issuer+idpfake.Authorize+"?"+request().Encode(), "ann@example.com")
	if err != nil {
		o.t.Fatal(err)
	}
	return back.Query().Get("code")
}

func TestACodeIsExchangedOnceByItsClientAlone(t *testing.T) {
	t.Parallel()
	o := setup(t)
	form := exchange(o.code())
	if resp, body := o.post(idpfake.Token, form); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"id_token":"eyJ`) {
		t.Errorf("the first time: %d %s", resp.StatusCode, body)
	}
	if resp, body := o.post(idpfake.Token, form); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid_grant") {
		t.Errorf("the second time: %d %s", resp.StatusCode, body)
	}
	for key, bad := range map[string]string{
		"client_secret": "other", "client_id": "other", "code_verifier": strings.Repeat("x", 43), "redirect_uri": "http://127.0.0.1:2/", "grant_type": "password", "code": "x",
	} {
		form := exchange(o.code())
		form.Set(key, bad)
		if resp, body := o.post(idpfake.Token, form); resp.StatusCode < 400 || strings.Contains(body, "id_token") {
			t.Errorf("%s=%q: %d %s", key, bad, resp.StatusCode, body)
		}
	}
	form = exchange(o.code())
	o.now = o.now.Add(2 * time.Minute)
	if resp, body := o.post(idpfake.Token, form); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("two minutes later: %d %s", resp.StatusCode, body)
	}
}

func TestAFaultLastsUntilItIsHealed(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.idp.Break(idpfake.Keys, idpfake.Unavailable)
	if resp, _ := o.get(idpfake.Keys); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("broken: %d", resp.StatusCode)
	}
	o.idp.Break(idpfake.Keys, idpfake.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.issuer+idpfake.Keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := o.client.Do(r); err == nil {
		resp.Body.Close()
		t.Errorf("hanging: %d", resp.StatusCode)
	}
	if resp, _ := o.get(idpfake.Discovery); resp.StatusCode != http.StatusOK {
		t.Errorf("another endpoint: %d", resp.StatusCode)
	}
	o.idp.Heal()
	if resp, _ := o.get(idpfake.Keys); resp.StatusCode != http.StatusOK {
		t.Errorf("healed: %d", resp.StatusCode)
	}
}

func TestItServesThisMachineAlone(t *testing.T) {
	t.Parallel()
	o := setup(t)
	if _, _, err := o.idp.Start(t.Context(), "0.0.0.0:0"); err == nil {
		t.Error("it listens to others")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.issuer+idpfake.Discovery, nil)
	if err == nil {
		r.Host = "login.evil.example"
	}
	if resp, _ := o.do(r, err); resp.StatusCode != http.StatusForbidden {
		t.Errorf("by another name: %d", resp.StatusCode)
	}
}

func TestAProviderNeedsAllItNeeds(t *testing.T) {
	t.Parallel()
	whole := idpfake.Config{Users: []idpfake.User{{Email: "a@b.example"}}, ClientID: "x", ClientSecret: "x", RedirectURI: redirect, Now: time.Now}
	spoil := map[string]func(*idpfake.Config){
		"users": func(c *idpfake.Config) { c.Users = nil }, "id": func(c *idpfake.Config) { c.ClientID = "" }, "secret": func(c *idpfake.Config) { c.ClientSecret = "" },
		"redirect": func(c *idpfake.Config) { c.RedirectURI = "" }, "clock": func(c *idpfake.Config) { c.Now = nil },
	}
	for name, f := range maps.All(spoil) {
		c := whole
		f(&c)
		if _, err := idpfake.New(c); err == nil {
			t.Errorf("made without %s", name)
		}
	}
}
