package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The v0 scheme, as Slack documents it under "Verifying requests from Slack".
const (
	signatureHeader = "X-Slack-Signature"
	timestampHeader = "X-Slack-Request-Timestamp"
	scheme          = "v0"
	window          = 300 // seconds that a request may be off, either way
	timestampDigits = 10  // Unix seconds from 2001 until 2286
)

// Verifier proves that a request came from Slack. It may be used concurrently.
// Its zero value refuses everything. It never shows its secrets.
type Verifier struct {
	keys []*sync.Pool // of *keyed; one pool a secret
	now  func() time.Time
}

// keyed is the work space of one check, so that a good request allocates nothing.
type keyed struct {
	mac    hash.Hash
	prefix [len(scheme) + 1 + timestampDigits + 1]byte // v0:1531420618:
	sum    [sha256.Size]byte
}

// NewVerifier makes a Verifier of the app's signing secret. While the secret
// is being changed there are two, and either is good. now is asked once for
// each request. An empty secret is an error that names the setting.
func NewVerifier(secrets []string, now func() time.Time) (*Verifier, error) {
	if n := len(secrets); n < 1 || n > 2 {
		return nil, errors.New("slack.signing_secret: one secret is needed, or two while it is being changed")
	}
	if now == nil {
		return nil, errors.New("slack: a verifier needs a clock")
	}
	v := &Verifier{now: now}
	for _, s := range secrets {
		if strings.TrimSpace(s) == "" {
			return nil, errors.New("slack.signing_secret: is empty, so anybody could sign")
		}
		v.keys = append(v.keys, &sync.Pool{New: func() any {
			return &keyed{mac: hmac.New(sha256.New, []byte(s))}
		}})
	}
	return v, nil
}

// Verify proves that Slack signed the body, to the byte, within the last 300
// seconds; a clock may be that much behind, too. It reads the two headers of
// the v0 scheme, each of which must stand there once; header is canonical, as
// net/http leaves it. Nothing else in the header or the body counts. A good
// request stays good until it is too old: telling a replay is for the
// delivery keys. An error is a [*Refusal].
func (v *Verifier) Verify(header http.Header, body []byte) error {
	var want [sha256.Size]byte
	if r := readSignature(header[signatureHeader], &want); r != nil {
		return r
	}
	stamp, at, r := readTimestamp(header[timestampHeader])
	if r != nil {
		return r
	}
	if len(v.keys) == 0 {
		return refuse("signature.wrong", "there is no secret to check with")
	}
	if d := v.now().Unix() - at; d > window || d < -window {
		return refuse("signature.stale", "the timestamp is more than 300 s away from this clock")
	}
	for _, pool := range v.keys {
		k := pool.Get().(*keyed)
		ok := k.signed(stamp, body, &want)
		pool.Put(k)
		if ok { // which of two secrets it was is no secret
			return nil
		}
	}
	return refuse("signature.wrong", "the signature is not of this body and secret")
}

// signed compares in constant time.
func (k *keyed) signed(stamp string, body []byte, want *[sha256.Size]byte) bool {
	k.mac.Reset()
	b := append(k.prefix[:0], scheme+":"...)
	b = append(b, stamp...)
	b = append(b, ':')
	k.mac.Write(b)
	k.mac.Write(body)
	return hmac.Equal(k.mac.Sum(k.sum[:0]), want[:])
}

// readSignature reads v0= and 64 lower-case hex digits. Another spelling of
// the same number is refused: Slack never sends one.
func readSignature(values []string, into *[sha256.Size]byte) *Refusal {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return refuse("signature.missing", "there is no signature")
	}
	if len(values) > 1 {
		return refuse("signature.repeated", "the signature header stands there more than once")
	}
	name, digits, found := strings.Cut(values[0], "=")
	if found && name != scheme && isScheme(name) {
		return refuse("signature.scheme", "the signature is of another scheme than v0")
	}
	if !found || name != scheme || len(digits) != 2*sha256.Size {
		return refuse("signature.malformed", "the signature is not v0= and 64 hex digits")
	}
	for i := range into {
		high, low := nibble(digits[2*i]), nibble(digits[2*i+1])
		if high > 15 || low > 15 {
			return refuse("signature.malformed", "the signature is not v0= and 64 hex digits")
		}
		into[i] = high<<4 | low
	}
	return nil
}

// isScheme tells a scheme that Slack may bring one day from rubbish.
func isScheme(name string) bool {
	return len(name) >= 2 && len(name) <= 4 && name[0] == 'v' && allOf(name[1:], isDigit)
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// readTimestamp takes ten ASCII digits and nothing else. A library would take
// signs, spaces around, underscores or numbers that overflow.
func readTimestamp(values []string) (string, int64, *Refusal) {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return "", 0, refuse("timestamp.missing", "there is no timestamp")
	}
	if len(values) > 1 {
		return "", 0, refuse("timestamp.repeated", "the timestamp header stands there more than once")
	}
	stamp := values[0]
	if len(stamp) != timestampDigits || !allOf(stamp, isDigit) {
		return "", 0, refuse("timestamp.malformed", "the timestamp is not ten digits")
	}
	var at int64
	for i := range timestampDigits {
		at = at*10 + int64(stamp[i]-'0')
	}
	return stamp, at, nil
}
