package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

// The scheme: HMAC-SHA256 over v1:<time>:<sender>:<body>.
const (
	scheme          = "v1"
	senderHeader    = "Jit-Sender"
	timeHeader      = "Jit-Time"
	signatureHeader = "Jit-Signature"
	window          = 300 // seconds that a request may be off, either way
	timeDigits      = 10  // Unix seconds from 2001 until 2286
)

// refusal is why something was not let in. It holds nothing of the body, no
// secret and no MAC.
type refusal struct{ code, cause string }

func (r *refusal) Error() string { return r.code + ": " + r.cause }

// stamp is what the headers of a request say, before it is known to be true.
type stamp struct {
	sender, time string
	at           time.Time
	mac          [sha256.Size]byte
}

// readStamp reads the three headers, each of which has to stand there once, and
// refuses what was signed at another time than about now.
func readStamp(h http.Header, now time.Time) (s stamp, r *refusal) {
	if s.sender, r = once(h, senderHeader, "sender"); r != nil {
		return s, r
	}
	signature, r := once(h, signatureHeader, "signature")
	if r != nil {
		return s, r
	}
	if r := readMAC(signature, &s.mac); r != nil {
		return s, r
	}
	if s.time, r = once(h, timeHeader, "time"); r != nil {
		return s, r
	}
	return s, s.readTime(now)
}

func once(h http.Header, name, what string) (string, *refusal) {
	switch values := h[name]; {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", &refusal{what + ".missing", "there is no " + name}
	case len(values) > 1:
		return "", &refusal{what + ".repeated", name + " stands there more than once"}
	default:
		return values[0], nil
	}
}

// readMAC reads v1= and 64 lower-case hex digits: one spelling of one number.
func readMAC(text string, into *[sha256.Size]byte) *refusal {
	const start = scheme + "="
	if len(text) != len(start)+2*sha256.Size || text[:len(start)] != start {
		return &refusal{"signature.malformed", "the signature is not v1= and 64 hex digits"}
	}
	digits := text[len(start):]
	for i := range len(digits) {
		if c := digits[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return &refusal{"signature.malformed", "the signature is not v1= and 64 hex digits"}
		}
	}
	_, _ = hex.Decode(into[:], []byte(digits)) // they are hex digits
	return nil
}

// readTime takes ten ASCII digits and nothing else: a library would take signs,
// spaces or numbers that overflow.
func (s *stamp) readTime(now time.Time) *refusal {
	if len(s.time) != timeDigits {
		return &refusal{"time.malformed", "the time is not ten digits"}
	}
	var at int64
	for i := range timeDigits {
		c := s.time[i]
		if c < '0' || c > '9' {
			return &refusal{"time.malformed", "the time is not ten digits"}
		}
		at = at*10 + int64(c-'0')
	}
	if off := now.Unix() - at; off > window || off < -window {
		return &refusal{"signature.stale", "the time is more than 300 s away from this clock"}
	}
	s.at = time.Unix(at, 0).UTC()
	return nil
}

// signedWith reports, in constant time, whether the body was signed with one of
// the keys.
func (s *stamp) signedWith(keys [][]byte, body []byte) bool {
	good := false
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(scheme + ":" + s.time + ":" + s.sender + ":"))
		mac.Write(body)
		good = hmac.Equal(mac.Sum(nil), s.mac[:]) || good
	}
	return good
}
