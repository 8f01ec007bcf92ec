package idpfake

import (
	"bytes"
	"maps"
	"net/http"
	"time"
)

// Forgery is one way in which an ID token is not to be believed.
type Forgery int

// The forgeries.
const (
	Honest              Forgery = iota
	WrongIssuer                 // of another provider
	WrongAudience               // made for another application
	WrongParty                  // made for several, and used by another
	WrongNonce                  // of another attempt
	Expired                     // a minute over
	EmailUnverified             // the e-mail is only claimed
	NoAuthTime                  // does not say when they signed in
	OldAuthTime                 // they signed in an hour ago
	Unsigned                    // alg none
	SignedWithPublicKey         // HS256, with the published key as the secret
	OtherKey                    // by a key that is not published, under the name of one that is
)

var forgedClaims = map[Forgery]func(c map[string]any, now time.Time){
	WrongIssuer:   func(c map[string]any, _ time.Time) { c["iss"] = "https://login.example.org" },
	WrongAudience: func(c map[string]any, _ time.Time) { c["aud"] = "another-application" },
	WrongParty: func(c map[string]any, _ time.Time) {
		c["aud"], c["azp"] = []any{c["aud"], "another-application"}, "another-application"
	},
	WrongNonce:      func(c map[string]any, _ time.Time) { c["nonce"] = "of-another-attempt" },
	Expired:         func(c map[string]any, now time.Time) { c["exp"] = now.Add(-time.Minute).Unix() },
	EmailUnverified: func(c map[string]any, _ time.Time) { c["email_verified"] = false },
	NoAuthTime:      func(c map[string]any, _ time.Time) { delete(c, "auth_time") },
	OldAuthTime:     func(c map[string]any, now time.Time) { c["auth_time"] = now.Add(-time.Hour).Unix() },
}

// Fault is one way in which an endpoint does not answer.
type Fault int

// The faults.
const (
	noFault     Fault = iota
	Unavailable       // status 503
	Hang              // no answer until healed
	Flood             // an answer without an end
	Elsewhere         // a redirect, with the body, to http://localhost:9
	Aside             // a redirect, with the body, to a path of the same host that is not there
)

// lies are what the provider does wrong at the moment.
type lies struct {
	forgery   Forgery
	claims    map[string]any
	discovery map[string]any
	faults    map[string]Fault
	healed    chan struct{} // closed by Heal
}

func newLies() lies {
	return lies{claims: map[string]any{}, discovery: map[string]any{}, faults: map[string]Fault{}, healed: make(chan struct{})}
}

// Forge makes every token from now on a forgery.
func (s *Server) Forge(f Forgery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies.forgery = f
}

// Claim makes every token from now on say something else; nil leaves the claim
// out.
func (s *Server) Claim(name string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies.claims[name] = value
}

// Announce makes discovery say something else; nil leaves it out.
func (s *Server) Announce(name string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies.discovery[name] = value
}

// Break makes the endpoint of a path run into a fault until it is healed.
func (s *Server) Break(path string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies.faults[path] = f
}

// Heal takes back whatever was ordered, and lets hanging calls go on.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.lies.healed)
	s.lies = newLies()
}

// override puts other values into a document.
func override(doc, values map[string]any) {
	maps.Copy(doc, values)
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
}

// broken runs a call into the fault of its endpoint, and reports whether that
// was the whole answer.
func (s *Server) broken(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	fault, healed := s.lies.faults[r.URL.Path], s.lies.healed
	s.mu.Unlock()
	switch fault {
	case Unavailable:
		http.Error(w, "The service is unavailable.", http.StatusServiceUnavailable)
	case Hang:
		select {
		case <-healed:
			return false
		case <-r.Context().Done():
		}
	case Flood:
		flood(w)
	case Elsewhere:
		http.Redirect(w, r, "http://localhost:9"+r.URL.Path, http.StatusTemporaryRedirect)
	case Aside:
		http.Redirect(w, r, "/aside", http.StatusTemporaryRedirect)
	default:
		return false
	}
	return true
}

func flood(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	block := bytes.Repeat([]byte(" "), 64<<10)
	for { // until the caller has had enough
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}
