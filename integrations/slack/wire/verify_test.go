package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

// The example of Slack's own documentation.
const (
	vectorSecret    = "8f742231b10e8888abcd99yyyzzz85a5"
	vectorStamp     = "1531420618"
	vectorSignature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	vectorBody      = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
		"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
		"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
		"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)

const vectorTime = 1531420618

func verifierAt(t testing.TB, seconds int64, secrets ...string) *Verifier {
	t.Helper()
	v, err := NewVerifier(secrets, func() time.Time { return time.Unix(seconds, 0) })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sign is written apart from the code under test.
func sign(secret, stamp, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte("v0:" + stamp + ":" + body))
	return "v0=" + hex.EncodeToString(m.Sum(nil))
}

func signedHeader(stamp, signature string) http.Header {
	h := http.Header{}
	h.Set("x-slack-request-timestamp", stamp)
	h.Set("x-slack-signature", signature)
	return h
}

// code fails the test if an error is not a Refusal.
func code(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("%T is not a *Refusal: %v", err, err)
	}
	if r.Cause == "" || len(r.Cause) > 200 {
		t.Errorf("the cause of %s is no short sentence: %q", r.Code, r.Cause)
	}
	return r.Code
}

func TestT01SlacksOwnExampleIsProved(t *testing.T) {
	t.Parallel()
	if err := verifierAt(t, vectorTime, vectorSecret).Verify(signedHeader(vectorStamp, vectorSignature), []byte(vectorBody)); err != nil {
		t.Error(err)
	}
}

func TestT01ARequestThatSlackDidNotSignIsRefused(t *testing.T) {
	t.Parallel()
	h := func(stamp, signature []string) http.Header {
		return http.Header{"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
	}
	stamp, good := []string{vectorStamp}, []string{vectorSignature}
	flipped := func(i int, c string) []string { return []string{vectorSignature[:i] + c + vectorSignature[i+1:]} }
	for name, c := range map[string]struct {
		header http.Header
		body   string
		want   string
	}{
		"no header at all":              {nil, vectorBody, "signature.missing"},
		"no signature":                  {h(stamp, nil), vectorBody, "signature.missing"},
		"an empty signature":            {h(stamp, []string{""}), vectorBody, "signature.missing"},
		"the token alone":               {http.Header{"Authorization": {"xyzz0WbapA4vBCDEFasx0q6G"}}, vectorBody, "signature.missing"},
		"the signature twice":           {h(stamp, []string{vectorSignature, vectorSignature}), vectorBody, "signature.repeated"},
		"a good one beside a bad one":   {h(stamp, []string{"v0=00", vectorSignature}), vectorBody, "signature.repeated"},
		"two in one header":             {h(stamp, []string{vectorSignature + "," + vectorSignature}), vectorBody, "signature.malformed"},
		"another scheme":                {h(stamp, []string{"v1=" + vectorSignature[3:]}), vectorBody, "signature.scheme"},
		"a scheme to come":              {h(stamp, []string{"v10=" + vectorSignature[3:]}), vectorBody, "signature.scheme"},
		"a scheme in capitals":          {h(stamp, []string{"V0=" + vectorSignature[3:]}), vectorBody, "signature.malformed"},
		"no scheme":                     {h(stamp, []string{vectorSignature[3:]}), vectorBody, "signature.malformed"},
		"sha256= as others write":       {h(stamp, []string{"sha256=" + vectorSignature[3:]}), vectorBody, "signature.malformed"},
		"capital hex digits":            {h(stamp, []string{"v0=" + strings.ToUpper(vectorSignature[3:])}), vectorBody, "signature.malformed"},
		"a digit short":                 {h(stamp, []string{vectorSignature[:66]}), vectorBody, "signature.malformed"},
		"a digit long":                  {h(stamp, []string{vectorSignature + "0"}), vectorBody, "signature.malformed"},
		"half a signature":              {h(stamp, []string{vectorSignature[:35]}), vectorBody, "signature.malformed"},
		"another such letter":           {h(stamp, flipped(9, "g")), vectorBody, "signature.malformed"},
		"a letter that is no digit":     {h(stamp, flipped(10, "g")), vectorBody, "signature.malformed"},
		"a space before":                {h(stamp, []string{" " + vectorSignature}), vectorBody, "signature.malformed"},
		"a space after":                 {h(stamp, []string{vectorSignature + " "}), vectorBody, "signature.malformed"},
		"the first digit changed":       {h(stamp, flipped(3, "b")), vectorBody, "signature.wrong"},
		"the last digit changed":        {h(stamp, flipped(66, "4")), vectorBody, "signature.wrong"},
		"another secret":                {h(stamp, []string{sign("another", vectorStamp, vectorBody)}), vectorBody, "signature.wrong"},
		"no secret":                     {h(stamp, []string{sign("", vectorStamp, vectorBody)}), vectorBody, "signature.wrong"},
		"the body changed":              {h(stamp, good), strings.Replace(vectorBody, "U2CERLKJA", "U2CERLKJB", 1), "signature.wrong"},
		"a byte added":                  {h(stamp, good), vectorBody + "\n", "signature.wrong"},
		"the body decoded":              {h(stamp, good), strings.ReplaceAll(vectorBody, "%2F", "/"), "signature.wrong"},
		"no body":                       {h(stamp, good), "", "signature.wrong"},
		"another timestamp":             {h([]string{"1531420619"}, good), vectorBody, "signature.wrong"},
		"time moved into the body":      {h([]string{"1531420618"}, []string{sign(vectorSecret, "153142061", "8:"+vectorBody)}), vectorBody, "signature.wrong"},
		"a MAC without the scheme name": {h(stamp, []string{"v0=" + mac(vectorStamp+":"+vectorBody)}), vectorBody, "signature.wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verifierAt(t, vectorTime, vectorSecret).Verify(c.header, []byte(c.body))
			if got := code(t, err); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for _, secret := range []string{vectorSecret, vectorSignature[3:40], "roadrunner", "xyzz0"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds %q: %v", secret, err)
				}
			}
		})
	}
}

func mac(text string) string {
	m := hmac.New(sha256.New, []byte(vectorSecret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

func TestT02ATimestampIsTenDigitsAndStandsOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stamps []string
		want   string
	}{
		"none":                 {nil, "timestamp.missing"},
		"an empty one":         {[]string{""}, "timestamp.missing"},
		"twice the same":       {[]string{vectorStamp, vectorStamp}, "timestamp.repeated"},
		"two different":        {[]string{vectorStamp, "1531420619"}, "timestamp.repeated"},
		"two to the 40":        {[]string{"1099511627776"}, "timestamp.malformed"},
		"more than 64 bits":    {[]string{"18446744075240972234"}, "timestamp.malformed"}, // wraps round to the right one
		"negative":             {[]string{"-1531420618"}, "timestamp.malformed"},
		"negative, ten long":   {[]string{"-153142061"}, "timestamp.malformed"},
		"a plus":               {[]string{"+1531420618"}, "timestamp.malformed"},
		"+1":                   {[]string{"+1"}, "timestamp.malformed"},
		"a plus, ten long":     {[]string{"+153142061"}, "timestamp.malformed"},
		"a leading zero":       {[]string{"01531420618"}, "timestamp.malformed"},
		"a space before":       {[]string{" 1531420618"}, "timestamp.malformed"},
		"a space after":        {[]string{"1531420618 "}, "timestamp.malformed"},
		"milliseconds":         {[]string{"1531420618000"}, "timestamp.malformed"},
		"a fraction":           {[]string{"1531420618.0"}, "timestamp.malformed"},
		"an exponent":          {[]string{"1531420e03"}, "timestamp.malformed"},
		"hexadecimal":          {[]string{"0x5b47a0ca"}, "timestamp.malformed"},
		"an underscore":        {[]string{"1_53142061"}, "timestamp.malformed"},
		"Arabic-Indic digits":  {[]string{"١٥٣١٤٢٠٦١٨"}, "timestamp.malformed"},
		"five such, ten bytes": {[]string{"١٥٣١٤"}, "timestamp.malformed"},
		"a date":               {[]string{"2018-07-12"}, "timestamp.malformed"},
		"a NUL":                {[]string{"153142061\x00"}, "timestamp.malformed"},
		"a colon":              {[]string{"1531420618:"}, "timestamp.malformed"},
		"zero":                 {[]string{"0000000000"}, "signature.stale"},
		"the last of ten":      {[]string{"9999999999"}, "signature.stale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{"X-Slack-Request-Timestamp": c.stamps, "X-Slack-Signature": {sign(vectorSecret, strings.Join(c.stamps, ","), vectorBody)}}
			if got := code(t, verifierAt(t, vectorTime, vectorSecret).Verify(h, []byte(vectorBody))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestT02TheClockMayBe300SecondsOffEitherWay(t *testing.T) {
	t.Parallel()
	for off, want := range map[int64]string{
		-300: "", 300: "", 0: "", -301: "signature.stale", 301: "signature.stale", 1 << 40: "signature.stale", -(1 << 40): "signature.stale",
	} {
		err := verifierAt(t, vectorTime+off, vectorSecret).Verify(signedHeader(vectorStamp, vectorSignature), []byte(vectorBody))
		if got := code(t, err); got != want {
			t.Errorf("a clock %d s ahead: got %q, want %q", off, got, want)
		}
	}
}

func TestT01TheVerificationTokenAloneProvesNothing(t *testing.T) {
	t.Parallel()
	h := signedHeader(vectorStamp, "v0="+strings.Repeat("0", 64))
	h.Set("X-Slack-Token", "xyzz0WbapA4vBCDEFasx0q6G")
	if got := code(t, verifierAt(t, vectorTime, vectorSecret).Verify(h, []byte(vectorBody))); got != "signature.wrong" {
		t.Errorf("got %q", got)
	}
}

func TestWhileTheSecretIsChangedEitherIsGood(t *testing.T) {
	t.Parallel()
	v := verifierAt(t, vectorTime, "old", "new")
	for secret, want := range map[string]string{"old": "", "new": "", "oldnew": "signature.wrong"} {
		got := code(t, v.Verify(signedHeader(vectorStamp, sign(secret, vectorStamp, "a=b")), []byte("a=b")))
		if got != want {
			t.Errorf("%s: got %q, want %q", secret, got, want)
		}
	}
}

func TestT09AVerifierWithoutASecretIsNotMade(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {}, {""}, {" \n"}, {"sesame", ""}, {"", "sesame"}, {"sesame", "b", "c"}} {
		_, err := NewVerifier(secrets, time.Now)
		if err == nil || !strings.Contains(err.Error(), "slack.signing_secret") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: %v", secrets, err)
		}
	}
	if _, err := NewVerifier([]string{"sesame"}, nil); err == nil {
		t.Error("a verifier without a clock")
	}
	var zero Verifier
	if got := code(t, zero.Verify(signedHeader(vectorStamp, sign("", vectorStamp, "")), nil)); got != "signature.wrong" {
		t.Errorf("the zero Verifier: %q", got)
	}
}

func TestAVerifierDoesNotShowItsSecret(t *testing.T) {
	t.Parallel()
	v := verifierAt(t, vectorTime, vectorSecret)
	if err := v.Verify(signedHeader(vectorStamp, vectorSignature), []byte(vectorBody)); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if text := fmt.Sprintf(verb, v); strings.Contains(text, vectorSecret) || strings.Contains(text, hex.EncodeToString([]byte(vectorSecret))) {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}

func TestManyAtOnceAreToldApart(t *testing.T) {
	t.Parallel()
	v := verifierAt(t, vectorTime, "old", "new")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range 200 {
				body := fmt.Sprintf("text=%d-%d", i, n)
				good := v.Verify(signedHeader(vectorStamp, sign("new", vectorStamp, body)), []byte(body))
				bad := v.Verify(signedHeader(vectorStamp, sign("new", vectorStamp, body)), []byte(body+"0"))
				if good != nil || bad == nil {
					t.Errorf("%s: %v, %v", body, good, bad)
					return
				}
			}
		})
	}
	wg.Wait()
}

// FuzzVerify: nothing panics, the signed body is taken and no other, and what
// arrives without our secret never is. The seeds are in testdata.
func FuzzVerify(f *testing.F) {
	v := verifierAt(f, vectorTime, vectorSecret)
	f.Fuzz(func(t *testing.T, stamp, signature string, body, other []byte) {
		if err := v.Verify(http.Header{"X-Slack-Request-Timestamp": {stamp}, "X-Slack-Signature": {signature}}, body); err == nil &&
			signature != sign(vectorSecret, stamp, string(body)) {
			t.Fatal("a signature that is not ours was taken")
		} else if err != nil {
			code(t, err)
		}
		h := signedHeader(vectorStamp, sign(vectorSecret, vectorStamp, string(body)))
		if err := v.Verify(h, body); err != nil {
			t.Fatalf("the signed body was refused: %v", err)
		}
		if err := v.Verify(h, other); (err == nil) != bytes.Equal(body, other) {
			t.Fatalf("another body: %v", err)
		}
	})
}

var slash = url.Values{
	"token": {"gIkuvaNzQIHg97ATvDxqgjtO"}, "team_id": {"T0001"}, "team_domain": {"example"}, "channel_id": {"C2147483705"},
	"channel_name": {"ops"}, "user_id": {"U2147483697"}, "user_name": {"steve"}, "command": {"/jit"},
	"text":       {"request aws/acct-017/admin 1h INC-48213 checkout latency, need to read the replica lag"},
	"api_app_id": {"A123456"}, "is_enterprise_install": {"false"},
	"response_url": {"https://hooks.slack.com/commands/T0001/1234567890/abcdefghijklmnopqrstuvwx"}, "trigger_id": {"13345224609.738474920.8088930838d88f008e0"},
}.Encode()

// BenchmarkVerify is a command of the usual size, ours beside slack-go's.
func BenchmarkVerify(b *testing.B) {
	now := time.Now()
	stamp, body := strconv.FormatInt(now.Unix(), 10), []byte(slash)
	h := signedHeader(stamp, sign(vectorSecret, stamp, slash))
	b.Run("wire", func(b *testing.B) {
		v, _ := NewVerifier([]string{vectorSecret}, time.Now)
		b.ReportAllocs()
		for b.Loop() {
			if err := v.Verify(h, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("slack-go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v, err := slack.NewSecretsVerifier(h, vectorSecret)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := v.Write(body); err != nil {
				b.Fatal(err)
			}
			if err := v.Ensure(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkParseCommand is what follows the proof.
func BenchmarkParseCommand(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCommand([]byte(slash)); err != nil {
			b.Fatal(err)
		}
	}
}
