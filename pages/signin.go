package pages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"jitbot/bot"
	"jitbot/internal/secret"
)

// SignIns are the personal links that lead to the company's sign-in, and what
// they come to.
type SignIns interface {
	// PeekSignIn says what the link is for and changes nothing. Unknown, used
	// and expired links are bot.ErrNoSignIn. browser is what [SignIns].VerifySignIn
	// was given for this browser, or empty.
	PeekSignIn(ctx context.Context, token, browser string) (bot.SignInOffer, error)
	// VerifySignIn notes who signed in, and that only browser may go on. Errors
	// as PeekSignIn, and bot.ErrWrongPerson and bot.ErrNotKnown.
	VerifySignIn(ctx context.Context, token, browser string, id bot.Identity) (bot.SignInOffer, error)
	// UseSignIn does what the link is for, once, and says what came of it.
	// Errors as PeekSignIn, and bot.ErrLinkedBefore.
	UseSignIn(ctx context.Context, token, browser string) (bot.Card, error)
}

// IdentityProvider is the company's sign-in. A bot.UserError of it is for who
// signed in, bot.ErrNotFresh says that they have to do it anew.
type IdentityProvider interface {
	// Begin returns the address to send the browser of an attempt to.
	Begin(ctx context.Context, a bot.Attempt) (string, error)
	// Finish says who signed in, for the code the browser came back with.
	Finish(ctx context.Context, code string, a bot.Attempt) (bot.Identity, error)
}

// SignInCallback is the path browsers come back to from the provider. It is
// registered there and never changes.
const SignInCallback = "/s/callback"

// SignInConfig is what the pages of the sign-in need: all of it.
type SignInConfig struct {
	SignIns  SignIns
	Provider IdentityProvider
	BaseURL  string // where browsers reach jitbot: over https, cookies go no other way
	// Key is a secret that all replicas share and nobody else has. Cookies are
	// sealed with keys that are derived from it.
	Key secret.Value
	Now func() time.Time
	Log *slog.Logger
}

// signInTime is how long one may take at the provider, and then to press the
// button: as long as a link works.
const signInTime = 10 * time.Minute

type signIn struct {
	SignInConfig
	seal   seal
	secure bool
}

// NewSignIn returns the pages of the sign-in: GET and POST /s/{token}, GET
// /s/{token}/go and GET [SignInCallback]. They take the assets of [New]. What
// goes wrong is logged, without tokens, codes or anything of an attempt.
func NewSignIn(c SignInConfig) (http.Handler, error) {
	if c.SignIns == nil || c.Provider == nil || c.Now == nil || c.Log == nil || !c.Key.IsSet() {
		return nil, errors.New("pages of the sign-in: the sign-ins, provider, key, clock and log are needed")
	}
	sealing, err := newSeal(c.Key)
	if err != nil {
		return nil, fmt.Errorf("pages of the sign-in: %w", err)
	}
	s := &signIn{SignInConfig: c, seal: sealing, secure: strings.HasPrefix(c.BaseURL, "https://")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /s/{token}", s.offer)
	mux.HandleFunc("GET /s/{token}/go", s.begin)
	mux.HandleFunc("GET "+SignInCallback, s.back)
	mux.HandleFunc("POST /s/{token}", s.use)
	ours := http.NewCrossOriginProtection()
	ours.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { otherSite.show(w) }))
	return headers(ours.Handler(mux)), nil
}

// offer says what the link is for and, in the browser that signed in, asks for
// the last click. A preview that fetches it changes nothing.
func (s *signIn) offer(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	o, err := s.peek(r, token)
	switch {
	case err != nil:
		s.refuse(w, r, token, err)
	case o.Verified:
		show(w, http.StatusOK, confirmPage(o))
	default:
		show(w, http.StatusOK, startPage(o, token))
	}
}

func (s *signIn) peek(r *http.Request, token string) (bot.SignInOffer, error) {
	if !tokenForm.MatchString(token) {
		return bot.SignInOffer{}, bot.ErrNoSignIn
	}
	o, err := s.SignIns.PeekSignIn(r.Context(), token, s.browser(r, token))
	if err != nil {
		return o, fmt.Errorf("peek: %w", err)
	}
	return o, nil
}

// begin sends the browser to the provider. Whoever was led here past the page
// that says what it is for sees that page first.
func (s *signIn) begin(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	o, err := s.peek(r, token)
	if err != nil {
		s.refuse(w, r, token, err)
		return
	}
	if from := r.Header.Get("Sec-Fetch-Site"); from != "" && from != "same-origin" {
		http.Redirect(w, r, linkOf(token), http.StatusSeeOther) //nolint:gosec // G710: to ourselves; peek has seen that it is a token
		return
	}
	a := newAttempt(s.Now(), o.Approve)
	address, err := s.Provider.Begin(r.Context(), a)
	if err != nil {
		s.refuse(w, r, token, fmt.Errorf("begin: %w", err))
		return
	}
	if err := s.keep(w, token, a); err != nil {
		s.refuse(w, r, token, fmt.Errorf("begin: %w", err))
		return
	}
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// providerError is what an error of RFC 6749, section 4.1.2.1, looks like;
// others are not repeated.
var providerError = regexp.MustCompile(`^[a-z_]{1,40}$`)

// back takes a browser that returns from the provider, if it is the one that
// was sent there.
func (s *signIn) back(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	token, a, ok := s.kept(r, q.Get("state"))
	if !ok {
		notBegun.show(w)
		return
	}
	s.forget(w, attemptCookie(a.State))
	if q.Has("error") {
		s.turnedAway(w, r, token, q.Get("error"))
		return
	}
	id, err := s.Provider.Finish(r.Context(), q.Get("code"), a)
	if err != nil {
		s.refuse(w, r, token, fmt.Errorf("finish: %w", err))
		return
	}
	browser := random()
	if _, err := s.SignIns.VerifySignIn(r.Context(), token, browser, id); err != nil {
		s.refuseAs(w, r, token, id.Email, fmt.Errorf("verify: %w", err))
		return
	}
	s.setCookie(w, browserCookie(token), browser)
	http.Redirect(w, r, linkOf(token), http.StatusSeeOther)
}

func (s *signIn) turnedAway(w http.ResponseWriter, r *http.Request, token, code string) {
	if code == "access_denied" {
		cancelled.again(token).show(w)
		return
	}
	if !providerError.MatchString(code) {
		code = "an error that is none"
	}
	s.refuse(w, r, token, fmt.Errorf("the provider answered: %s", code))
}

// use does what the link is for, at the click of who signed in.
func (s *signIn) use(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	o, err := s.peek(r, token)
	if err != nil {
		s.refuse(w, r, token, err)
		return
	}
	if !o.Verified {
		notSignedIn.again(token).show(w)
		return
	}
	card, err := s.SignIns.UseSignIn(r.Context(), token, s.browser(r, token))
	s.forget(w, browserCookie(token))
	if err != nil {
		s.refuseAs(w, r, token, o.Email, fmt.Errorf("use: %w", err))
		return
	}
	show(w, http.StatusOK, donePage(card))
}

func linkOf(token string) string { return "/s/" + token }
