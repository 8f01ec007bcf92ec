package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"jitbot/bot"
	"jitbot/integrations/oidc"
	"jitbot/internal/loopback/idpfake"
	"jitbot/internal/secret"
)

const (
	clientSecret = "CANARY-client-secret/with+signs"
	redirect     = "https://jit.example.com/s/callback"
	ann          = "ann@example.com"
)

// office is a company with a sign-in and a jitbot that uses it.
type office struct {
	t        *testing.T
	idp      *idpfake.Server
	issuer   string
	provider *oidc.Provider
	config   oidc.Config
	now      time.Time
}

func (o *office) clock() time.Time { return o.now }

func setup(t *testing.T, change func(*oidc.Config)) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 500_000_000, time.UTC)}
	var err error
	o.idp, err = idpfake.New(idpfake.Config{
		Users:    []idpfake.User{{Email: ann, Name: "Ann Weber"}, {Email: "bo@example.com", Name: "Bo Lund"}},
		ClientID: "jitbot", ClientSecret: clientSecret, RedirectURI: redirect, Now: o.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	var stop func()
	if o.issuer, stop, err = o.idp.Start(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	o.config = oidc.Config{Issuer: o.issuer, ClientID: "jitbot", ClientSecret: secret.Of(clientSecret)}
	if change != nil {
		change(&o.config)
	}
	o.provider = o.open(http.Client{Timeout: 5 * time.Second})
	return o
}

func (o *office) open(client http.Client) *oidc.Provider {
	o.t.Helper()
	p, err := oidc.Open(o.config, bot.Deps{HTTP: &client, Now: o.clock}, redirect)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func (o *office) attempt(fresh bool) bot.Attempt {
	return bot.Attempt{
		State: "CANARY-state-" + oauth2.GenerateVerifier(), Nonce: "CANARY-nonce-" + oauth2.GenerateVerifier(),
		Verifier: "CANARY-verifier-" + oauth2.GenerateVerifier(), Began: o.clock(), Fresh: fresh,
	}
}

// code is what the browser brings back of an attempt in which who signed in.
func (o *office) code(a bot.Attempt, who string) string {
	o.t.Helper()
	address, err := o.provider.Begin(o.t.Context(), a)
	if err != nil {
		o.t.Fatal(err)
	}
	back, err := o.idp.SignIn(address, who)
	if err != nil {
		o.t.Fatal(err)
	}
	if got := back.Query().Get("state"); got != a.State {
		o.t.Fatalf("the browser came back with the state %q", got)
	}
	return back.Query().Get("code")
}

// finish is a whole sign-in of ann, and sees to it that no error tells a secret.
func (o *office) finish(a bot.Attempt) (bot.Identity, error) {
	o.t.Helper()
	code := o.code(a, ann)
	id, err := o.provider.Finish(o.t.Context(), code, a)
	o.quiet(err, code, a.State, a.Nonce, a.Verifier)
	return id, err
}

func (o *office) quiet(err error, secrets ...string) {
	o.t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		text := e.Error()
		for _, s := range append(secrets, clientSecret, "CANARY", "eyJ") {
			if strings.Contains(text, s) || strings.Contains(text, url.QueryEscape(s)) {
				o.t.Errorf("an error tells %q: %s", s, text)
			}
		}
		if len(text) > 700 {
			o.t.Errorf("an error of %d bytes", len(text))
		}
	}
}

func TestWhoSignsInIsKnownByTheirVerifiedEMail(t *testing.T) {
	t.Parallel()
	o := setup(t, nil)
	id, err := o.finish(o.attempt(false))
	if err != nil {
		t.Fatal(err)
	}
	want := bot.Identity{Email: ann, Name: "Ann Weber", At: o.now.Truncate(time.Second)}
	if diff := cmp.Diff(want, id); diff != "" {
		t.Error(diff)
	}
}

func TestTheBrowserIsSentOffWithStateNonceAndAChallenge(t *testing.T) {
	t.Parallel()
	o := setup(t, func(c *oidc.Config) { c.ACR = "gold silver" })
	a := o.attempt(false)
	o.code(a, ann)
	a.Fresh = true
	o.code(a, ann)
	asked := o.idp.Asked()
	want := url.Values{
		"client_id": {"jitbot"}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {a.State}, "nonce": {a.Nonce}, "code_challenge": {oauth2.S256ChallengeFromVerifier(a.Verifier)}, "code_challenge_method": {"S256"},
	}
	if diff := cmp.Diff(want, asked[0]); diff != "" {
		t.Error(diff)
	}
	want["max_age"], want["prompt"], want["acr_values"] = []string{"0"}, []string{"login"}, []string{"gold silver"}
	if diff := cmp.Diff(want, asked[1]); diff != "" {
		t.Error("a step-up: " + diff)
	}
}

func TestT08NoForgedTokenIsBelieved(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		forgery idpfake.Forgery
		says    string
	}{
		"issuer":                    {idpfake.WrongIssuer, "different provider"},
		"audience":                  {idpfake.WrongAudience, "audience"},
		"authorized party":          {idpfake.WrongParty, "azp"},
		"nonce":                     {idpfake.WrongNonce, "nonce"},
		"expired":                   {idpfake.Expired, "expired"},
		"none":                      {idpfake.Unsigned, "none"},
		"HS256 with the public key": {idpfake.SignedWithPublicKey, "HS256"},
		"another key":               {idpfake.OtherKey, "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setup(t, nil)
			o.idp.Forge(tt.forgery)
			id, err := o.finish(o.attempt(false))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%+v, %v; want an error about %q", id, err, tt.says)
			}
			if u := (*bot.UserError)(nil); errors.As(err, &u) || errors.Is(err, bot.ErrNotFresh) {
				t.Errorf("%v blames the person", err)
			}
		})
	}
}

func TestT08ClaimsGivenTwiceOrInOtherLettersAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"EMAIL", "Email_Verified", "ſub", "Nonce"} {
		o := setup(t, nil)
		o.idp.Claim(name, "bo@example.com")
		if id, err := o.finish(o.attempt(false)); err == nil {
			t.Errorf("%s was taken: %+v", name, id)
		}
	}
}

func TestT08ATokenForSeveralApplicationsNamesJitbotAsItsUser(t *testing.T) {
	t.Parallel()
	for party, good := range map[any]bool{nil: false, "another": false, "jitbot": true} {
		o := setup(t, nil)
		o.idp.Claim("aud", []string{"another", "jitbot"})
		o.idp.Claim("azp", party)
		if id, err := o.finish(o.attempt(false)); (err == nil) != good {
			t.Errorf("azp %v: %+v, %v", party, id, err)
		}
	}
}

func TestT20OnlyAPlainAndVerifiedEMailStandsForAPerson(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		email, verified any
		want, says      string
	}{
		"capitals":                 {"Ann.Weber@Example.COM", true, "ann.weber@example.com", ""},
		"verified as text":         {ann, "true", ann, ""},
		"sub-address":              {"ann+x@example.com", true, "ann+x@example.com", ""},
		"not verified":             {ann, false, "", "does not say that your e-mail is yours"},
		"verified, it says not":    {ann, "false", "", "does not say that your e-mail is yours"},
		"verified as a number":     {ann, 1, "", "does not say that your e-mail is yours"},
		"nothing said of it":       {ann, nil, "", "does not say that your e-mail is yours"},
		"no e-mail":                {nil, true, "", "does not tell jitbot your e-mail"},
		"two at":                   {"ann@example.com@evil.example", true, "", "with one @"},
		"no at":                    {"ann.example.com", true, "", "with one @"},
		"no name":                  {"@example.com", true, "", "with one @"},
		"no dot":                   {"ann@localhost", true, "", "with one @"},
		"a domain with a dash":     {"ann@-example.com", true, "", "with one @"},
		"a quoted name":            {`"ann"@example.com`, true, "", "with one @"},
		"too long":                 {strings.Repeat("a", 65) + "@example.com", true, "", "with one @"},
		"Cyrillic a in the domain": {"ann@ex\u0430mple.com", true, "", "outside a-z"},
		"Cyrillic a in the name":   {"\u0430nn@example.com", true, "", "outside a-z"},
		"Kelvin sign":              {"\u212aim@example.com", true, "", "outside a-z"}, // k in lower case
		"full width":               {"ann\uff20example.com", true, "", "outside a-z"},
		"a line break":             {"ann@example.com\n", true, "", "control character"},
		"NUL":                      {"ann\x00@example.com", true, "", "control character"},
		"a space":                  {"ann @example.com", true, "", "space"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setup(t, nil)
			o.idp.Claim("email", tt.email)
			o.idp.Claim("email_verified", tt.verified)
			id, err := o.finish(o.attempt(false))
			if id.Email != tt.want || (err == nil) != (tt.says == "") {
				t.Fatalf("%+v, %v", id, err)
			}
			if u := (*bot.UserError)(nil); err != nil && (!errors.As(err, &u) || !strings.Contains(u.Say, tt.says) || u.Hint == "") {
				t.Errorf("says %v, want %q", err, tt.says)
			}
		})
	}
}

func TestANameIsOneShortLineThatHidesNothing(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		" Ann\n\tWeber ":         "Ann Weber",
		"Ann\u202e rebeW\u200b":  "Ann rebeW",
		"Jörg Müller":            "Jörg Müller",
		strings.Repeat("ä", 100): strings.Repeat("ä", 79) + "…",
		"\x1b[31mAnn":            "[31mAnn",
		"":                       "",
	} {
		o := setup(t, nil)
		o.idp.Claim("name", raw)
		if id, err := o.finish(o.attempt(false)); err != nil || id.Name != want {
			t.Errorf("%q became %q, %v; want %q", raw, id.Name, err, want)
		}
	}
}

func TestAStepUpTakesOnlyAProofGivenSinceItBegan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		forgery idpfake.Forgery
		claim   any // auth_time in seconds against the beginning; nil: as it was
		fresh   bool
		want    error
	}{
		"just now":                           {fresh: true},
		"a moment before, by another clock":  {claim: -20, fresh: true},
		"a minute before":                    {claim: -60, fresh: true, want: bot.ErrNotFresh},
		"an hour before":                     {forgery: idpfake.OldAuthTime, fresh: true, want: bot.ErrNotFresh},
		"nobody says when":                   {forgery: idpfake.NoAuthTime, fresh: true, want: bot.ErrNotFresh},
		"an hour before, where that is fine": {forgery: idpfake.OldAuthTime},
		"nobody says when, which is fine":    {forgery: idpfake.NoAuthTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setup(t, nil)
			o.idp.Forge(tt.forgery)
			a := o.attempt(tt.fresh)
			if seconds, ok := tt.claim.(int); ok {
				o.idp.Claim("auth_time", a.Began.Unix()+int64(seconds))
			}
			id, err := o.finish(a)
			if !errors.Is(err, tt.want) || (err == nil) != (id.Email == ann) {
				t.Errorf("%+v, %v; want %v", id, err, tt.want)
			}
			if tt.forgery == idpfake.NoAuthTime && tt.fresh && !strings.Contains(err.Error(), "auth_time") {
				t.Errorf("%v does not say what is missing", err)
			}
		})
	}
}

func TestATimeOfProofThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []any{"now", -1, 0, 1e300, true, time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC).Unix()} {
		o := setup(t, nil)
		o.idp.Claim("auth_time", bad)
		if id, err := o.finish(o.attempt(false)); err == nil || !strings.Contains(err.Error(), "sign-in: ") {
			t.Errorf("%v: %+v, %v", bad, id, err)
		}
	}
}

func TestAStepUpTakesOnlyTheDemandedClass(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		acr   any
		fresh bool
		want  error
	}{
		"the first": {"gold", true, nil}, "the second": {"silver", true, nil},
		"another": {"bronze", true, bot.ErrNotFresh}, "both at once": {"gold silver", true, bot.ErrNotFresh},
		"none": {nil, true, bot.ErrNotFresh}, "none, where none is demanded": {nil, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setup(t, func(c *oidc.Config) { c.ACR = "gold silver" })
			o.idp.Claim("acr", tt.acr)
			if _, err := o.finish(o.attempt(tt.fresh)); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

func TestACodeWorksOnceAndWithItsVerifierAlone(t *testing.T) {
	t.Parallel()
	o := setup(t, nil)
	a := o.attempt(false)
	code := o.code(a, ann)
	if _, err := o.provider.Finish(t.Context(), code, a); err != nil {
		t.Fatal(err)
	}
	_, err := o.provider.Finish(t.Context(), code, a)
	o.quiet(err, code, a.State, a.Nonce, a.Verifier)
	if err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("the second time: %v", err)
	}
	code, other := o.code(a, ann), a
	other.Verifier = o.attempt(false).Verifier
	_, err = o.provider.Finish(t.Context(), code, other)
	o.quiet(err, code, a.Verifier, other.Verifier)
	if err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("with another verifier: %v", err)
	}
}

func TestTheSecretIsSentTheWayTheProviderTakesIt(t *testing.T) {
	t.Parallel()
	for _, methods := range []any{nil, []string{"client_secret_basic"}, []string{"client_secret_post"}, []string{"private_key_jwt"}} {
		o := setup(t, nil)
		o.idp.Announce("token_endpoint_auth_methods_supported", methods)
		if _, err := o.finish(o.attempt(false)); err != nil {
			t.Errorf("%v: %v", methods, err)
		}
	}
	o := setup(t, func(c *oidc.Config) { c.ClientSecret = secret.Of("CANARY-wrong") })
	if _, err := o.finish(o.attempt(false)); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("a wrong secret: %v", err)
	}
}

func TestNewKeysOfTheProviderAreTakenAtOnce(t *testing.T) {
	t.Parallel()
	o := setup(t, nil)
	for range 3 {
		if _, err := o.finish(o.attempt(false)); err != nil {
			t.Fatal(err)
		}
		if err := o.idp.RotateKey(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAProviderThatIsDownIsAskedAgainAtTheNextUse(t *testing.T) {
	t.Parallel()
	o := setup(t, nil)
	o.idp.Break(idpfake.Discovery, idpfake.Unavailable)
	if _, err := o.provider.Begin(t.Context(), o.attempt(false)); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("while it is down: %v", err)
	}
	o.idp.Heal()
	if _, err := o.finish(o.attempt(false)); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

func TestNothingOfTheProviderTakesForEverOrGoesElsewhere(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]idpfake.Fault{
		"down": idpfake.Unavailable, "hanging": idpfake.Hang, "flooding": idpfake.Flood, "redirecting": idpfake.Elsewhere, "redirecting aside": idpfake.Aside,
	} {
		for _, path := range []string{idpfake.Discovery, idpfake.Keys, idpfake.Token} {
			t.Run(name+" "+path, func(t *testing.T) {
				t.Parallel()
				o := setup(t, nil)
				a := o.attempt(false)
				code := o.code(a, ann) // discovers
				if path == idpfake.Discovery {
					code = "CANARY-code"
				}
				o.provider = o.open(http.Client{Timeout: 400 * time.Millisecond})
				o.idp.Break(path, fault)
				began := time.Now()
				id, err := o.provider.Finish(t.Context(), code, a)
				o.quiet(err, code, a.State, a.Nonce, a.Verifier)
				if took := time.Since(began); err == nil || took > 10*time.Second {
					t.Errorf("%+v, %v after %s", id, err, took)
				}
				followed := fault == idpfake.Aside && path != idpfake.Token // where nothing was sent, on the same host
				if (fault == idpfake.Elsewhere || fault == idpfake.Aside) && !followed && !strings.Contains(err.Error(), "redirects") {
					t.Errorf("the redirect was followed: %v", err)
				}
			})
		}
	}
}

func TestACallThatIsGivenUpSaysSo(t *testing.T) {
	t.Parallel()
	o := setup(t, nil)
	o.idp.Break(idpfake.Discovery, idpfake.Hang)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.provider.Begin(ctx, o.attempt(false)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAProviderThatIsAnotherOrUnsafeIsRefused(t *testing.T) {
	t.Parallel()
	for key, value := range map[string]any{
		"issuer": "https://login.example.org", "authorization_endpoint": "http://login.example.org/a",
		"token_endpoint": "javascript:alert(1)", "jwks_uri": nil,
	} {
		o := setup(t, nil)
		o.idp.Announce(key, value)
		if address, err := o.provider.Begin(t.Context(), o.attempt(false)); err == nil {
			t.Errorf("%s: sent to %s", key, address)
		}
	}
}

func TestAnAttemptThatLacksSomethingGoesNowhere(t *testing.T) {
	t.Parallel()
	o := setup(t, nil)
	for name, spoil := range map[string]func(*bot.Attempt){
		"state": func(a *bot.Attempt) { a.State = "" }, "nonce": func(a *bot.Attempt) { a.Nonce = "short" },
		"verifier": func(a *bot.Attempt) { a.Verifier = strings.Repeat("x", 42) }, "time": func(a *bot.Attempt) { a.Began = time.Time{} },
	} {
		a := o.attempt(false)
		spoil(&a)
		if _, err := o.provider.Begin(t.Context(), a); err == nil {
			t.Errorf("begun without its %s", name)
		}
		if _, err := o.provider.Finish(t.Context(), "code", a); err == nil {
			t.Errorf("finished without its %s", name)
		}
	}
	if len(o.idp.Asked()) != 0 {
		t.Error("somebody was sent off")
	}
}
