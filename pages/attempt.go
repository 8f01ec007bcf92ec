package pages

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"jitbot/bot"
	"jitbot/internal/secret"
)

// An attempt is kept by the browser that makes it, in a cookie that only jitbot
// can read or make: then any replica can finish it, and nobody can have it begin
// earlier, or be less fresh, than it did. Cookies are named after what they are
// for, so that several links can be open in one browser.

// newAttempt returns an attempt whose every part is new.
func newAttempt(now time.Time, fresh bool) bot.Attempt {
	return bot.Attempt{State: random(), Nonce: random(), Verifier: random(), Began: now, Fresh: fresh}
}

// random is 256 bits as 43 letters, digits, - and _: also a verifier by RFC
// 7636, section 4.1.
func random() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// seal encrypts, and knows again what it encrypted.
type seal struct{ box cipher.AEAD }

func newSeal(key secret.Value) (seal, error) {
	derived, err := hkdf.Key(sha256.New, []byte(key.Reveal()), nil, "jitbot sign-in attempt", 32)
	if err != nil {
		return seal{}, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return seal{}, err
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	return seal{box}, err
}

// close seals plain; it opens under the same name only.
func (s seal) close(name string, plain []byte) string {
	sealed := s.box.Seal(nil, nil, plain, []byte(name)) //nolint:gosec // G407: this kind of box makes a random nonce itself and takes none
	return base64.RawURLEncoding.EncodeToString(sealed)
}

func (s seal) open(name, sealed string) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, false
	}
	plain, err := s.box.Open(nil, nil, raw, []byte(name))
	return plain, err == nil
}

// attempted is what the cookie holds.
type attempted struct {
	Token   string
	Attempt bot.Attempt
}

// keep has the browser keep an attempt.
func (s *signIn) keep(w http.ResponseWriter, token string, a bot.Attempt) error {
	plain, err := json.Marshal(attempted{token, a})
	if err != nil {
		return err
	}
	name := attemptCookie(a.State)
	s.setCookie(w, name, s.seal.close(name, plain))
	return nil
}

// kept returns the attempt with a state that this browser makes, and the token
// it is for.
func (s *signIn) kept(r *http.Request, state string) (token string, a bot.Attempt, ok bool) {
	if !tokenForm.MatchString(state) {
		return "", a, false
	}
	name := attemptCookie(state)
	plain, ok := s.seal.open(name, s.cookie(r, name))
	if !ok {
		return "", a, false
	}
	var kept attempted
	if err := json.Unmarshal(plain, &kept); err != nil {
		return "", a, false
	}
	a = kept.Attempt
	same := subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) == 1
	return kept.Token, a, same && s.Now().Sub(a.Began) < signInTime
}

// browser is what this browser was given when somebody signed in through a
// link, or empty.
func (s *signIn) browser(r *http.Request, token string) string {
	value := s.cookie(r, browserCookie(token))
	if !tokenForm.MatchString(value) {
		return ""
	}
	return value
}

func attemptCookie(state string) string { return "jit-attempt-" + short(state) }
func browserCookie(token string) string { return "jit-signed-in-" + short(token) }

// short tells cookies apart without saying what they are named after.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// hostOnly is the prefix with which a browser takes a cookie over https only,
// from no other host, and for no other path than all.
const hostOnly = "__Host-"

// setCookie sets a cookie that scripts cannot read and that comes along when the
// provider sends the browser back, but with no form of another site.
func (s *signIn) setCookie(w http.ResponseWriter, name, value string) {
	c := &http.Cookie{ //nolint:gosec // G124: over plain http, which is this computer alone, Secure would lose it
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(signInTime.Seconds()),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func (s *signIn) forget(w http.ResponseWriter, name string) { s.setCookie(w, name, "") }

func (s *signIn) cookieName(name string) string {
	if s.secure {
		return hostOnly + name
	}
	return name
}

// cookie is a cookie's value, or empty. One that is there twice is nobody's:
// the second may have been planted.
func (s *signIn) cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(s.cookieName(name))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}
