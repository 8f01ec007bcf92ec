package awsfake

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	g "maragu.dev/gomponents"
)

func get(t *testing.T, address, host string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

func TestThePageShowsWhatTheAccountHolds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, out := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1"), SourceIdentity: aws.String("ann")})
	w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_2")})
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":"*:grt_2"}}}]}`
	if err := w.SetRolePolicy("ProdDB", "ended", deny); err != nil {
		t.Fatal(err)
	}
	status, text, header := get(t, w.url, "")
	if status != http.StatusOK || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("status %d, header %v", status, header)
	}
	for _, want := range []string{
		"<title>Loopback AWS</title>", "operators", "<li>bo</li>", "grt_1", "grt_2", "AssumeRole", "1h0m left",
		`<span class="state open">`, `<span class="state denied">`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, *out.Credentials.SessionToken) || strings.Contains(text, *out.Credentials.SecretAccessKey) {
		t.Error("the page shows a secret")
	}
	for _, file := range []string{"/static/style.css", "/static/page.js"} {
		if status, _, _ := get(t, w.url+file, ""); status != http.StatusOK {
			t.Errorf("%s: status %d", file, status)
		}
	}
}

func TestNoTextOnThePagesBecomesMarkup(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script><a href="javascript:alert(2)">`
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	show := func(text string) string {
		n := Session{Name: text, Role: text, SourceIdentity: text, Expires: at}
		var b strings.Builder
		for _, page := range []g.Node{
			overview{
				Account: text, At: at, Groups: []shownGroup{{text, []string{text}}, {text, nil}}, Sessions: []shownSession{{n, text, text}},
				Ended: 1, Calls: []shownCall{{at, text, text, text, text, text}},
			}.page(),
			signIn{session: n, account: text, destination: text, left: text}.page(),
			signIn{refused: text}.page(),
		} {
			if err := page.Render(&b); err != nil {
				t.Fatal(err)
			}
		}
		return b.String()
	}
	got := show(hostile)
	if strings.ReplaceAll(got, html.EscapeString(hostile), "word") != show("word") {
		t.Errorf("the pages are\n%s\nwant them as with a word:\n%s", got, show("word"))
	}
	if n := strings.Count(got, html.EscapeString(hostile)); n != 22 {
		t.Errorf("the text is there %d times, want it in each of the 22 places", n)
	}
}

func TestAnEmptyAccountSaysSo(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := (overview{}).page().Render(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The account has no groups.", "No session is open.", "Nobody has called yet."} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestOnlyTheSameMachineIsServed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for host, want := range map[string]int{"evil.example": 403, "localhost:80": 200, "[::1]:80": 200, "10.0.0.1": 403} {
		if status, _, _ := get(t, w.url, host); status != want {
			t.Errorf("host %s: status %d, want %d", host, status, want)
		}
	}
	if _, _, err := w.Start(t.Context(), "0.0.0.0:0"); err == nil {
		t.Error("it started on every address of the machine")
	}
}

// signinToken asks for a console link's token.
func signinToken(t *testing.T, w *world, out *sts.AssumeRoleOutput, secret, more string) (int, string) {
	t.Helper()
	c := out.Credentials
	session, err := json.Marshal(map[string]string{"sessionId": *c.AccessKeyId, "sessionKey": secret, "sessionToken": *c.SessionToken})
	if err != nil {
		t.Fatal(err)
	}
	status, text, _ := get(t, w.url+"/federation?Action=getSigninToken"+more+"&Session="+url.QueryEscape(string(session)), "")
	var got struct{ SigninToken string }
	_ = json.Unmarshal([]byte(text), &got)
	return status, got.SigninToken
}

func TestAConsoleLinkSignsInOnceAndNotForLong(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, out := w.assume(t, sts.AssumeRoleInput{RoleSessionName: aws.String("grt_1")})
	if status, _ := signinToken(t, w, out, "wrong", ""); status != http.StatusBadRequest {
		t.Errorf("wrong credentials: status %d", status)
	}
	login := func() string {
		status, token := signinToken(t, w, out, *out.Credentials.SecretAccessKey, "")
		if status != http.StatusOK || token == "" {
			t.Fatalf("no token: status %d", status)
		}
		return w.url + "/federation?Action=login&SigninToken=" + token
	}
	link := login()
	if status, text, _ := get(t, link, ""); status != 200 || !strings.Contains(text, "Console sign-in of grt_1") {
		t.Errorf("first use: status %d", status)
	}
	if status, text, _ := get(t, link, ""); status != 403 || !strings.Contains(text, "used before") {
		t.Errorf("second use: status %d", status)
	}
	late := login()
	w.clock.pass(15 * time.Minute)
	if status, _, _ := get(t, late, ""); status != 403 {
		t.Errorf("late use: status %d", status)
	}
	denied := login()
	if err := w.SetRolePolicy("ProdDB", "ended", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`); err != nil {
		t.Fatal(err)
	}
	if status, text, _ := get(t, denied, ""); status != 403 || !strings.Contains(text, "was ended") {
		t.Errorf("after the end: status %d", status)
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64))
	f.Add("AWS4-HMAC-SHA256 Credential=,,=")
	f.Fuzz(func(t *testing.T, header string) {
		c, err := parseAuthorization(header)
		if err == nil && (len(c.signature) != 64 || len(c.signedHeaders) == 0) {
			t.Errorf("accepted %q as %+v", header, c)
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":["*"],"Condition":{"StringLike":{"aws:userid":"*:x"}}}}`)
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"iam:?et*","Resource":"*"}]}`)
	f.Add(`null`)
	f.Fuzz(func(_ *testing.T, text string) {
		p, err := parsePolicy(text)
		if err != nil {
			return
		}
		for _, st := range p.Statement { // must not panic, whatever it says
			st.applies("iam:GetUser", "arn:aws:iam::1:user/ann", facts{"aws:userid": "AROA:x"})
		}
	})
}
