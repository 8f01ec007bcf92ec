package awsfake

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	signinKept = 15 * time.Minute // how long a sign-in link is good
	maxLinks   = 1000             // links outstanding at once
)

// signinLink is a console link that was not used yet. Links are kept in
// memory alone: after a restart one asks for a new one.
type signinLink struct {
	keyID string
	until time.Time
}

// serveFederation is the endpoint that turns credentials into a console link.
func (s *Server) serveFederation(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	protect(w)
	switch r.FormValue("Action") {
	case "getSigninToken":
		s.giveSigninToken(w, r)
	case "login":
		s.login(w, r)
	default:
		http.Error(w, "Action must be getSigninToken or login.", http.StatusBadRequest)
	}
}

func (s *Server) giveSigninToken(w http.ResponseWriter, r *http.Request) {
	var given struct {
		ID     string `json:"sessionId"`
		Secret string `json:"sessionKey"`
		Token  string `json:"sessionToken"`
	}
	_ = json.Unmarshal([]byte(r.FormValue("Session")), &given) // unreadable credentials are unknown ones
	s = s.accountOfKey(given.ID)
	c := &call{action: "getSigninToken", form: url.Values{"SessionDuration": r.Form["SessionDuration"]}, now: s.cfg.Now(), from: originOf(r)}
	status, reason, token := s.newLink(c, given.ID, given.Secret, given.Token)
	if status != http.StatusOK {
		s.note(c, reason)
		http.Error(w, reason, status)
		return
	}
	s.note(c, "ok")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"SigninToken": token}) // a caller that went away reads nothing
}

func (s *Server) newLink(c *call, id, secret, token string) (status int, reason, link string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.state.Sessions[id]
	if n == nil || !hmac.Equal([]byte(token), []byte(s.sessionToken(id))) || !hmac.Equal([]byte(secret), []byte(s.sessionSecret(id))) {
		return http.StatusBadRequest, "Invalid credentials parameter", ""
	}
	c.who = s.callerOf(n)
	switch {
	case !consoleLength(c.form["SessionDuration"]):
		return http.StatusBadRequest, "SessionDuration must be 900 to 43200", ""
	case len(c.form["SessionDuration"]) > 0 && n.Chained:
		return http.StatusBadRequest, "Invalid credentials parameter: no SessionDuration for chained credentials", ""
	case !c.now.Before(n.Expires):
		return http.StatusBadRequest, "The credentials have expired", ""
	}
	for hash, l := range s.links {
		if !c.now.Before(l.until) {
			delete(s.links, hash)
		}
	}
	if len(s.links) >= maxLinks {
		return http.StatusTooManyRequests, "Too many links are waiting to be used", ""
	}
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	link = base64.RawURLEncoding.EncodeToString(b)
	s.links[hexHash([]byte(link))] = signinLink{id, c.now.Add(signinKept)}
	return http.StatusOK, "", link
}

// consoleLength says whether a console session may last so many seconds, or as
// long as its credentials where nothing is said.
func consoleLength(asked []string) bool {
	if len(asked) == 0 {
		return true
	}
	n, err := strconv.Atoi(asked[0])
	return err == nil && n >= 900 && n <= 43200
}

// login shows whom a link signs in, once.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	s = s.accountOfLink(r.FormValue("SigninToken"))
	c := &call{action: "login", form: url.Values{}, now: s.cfg.Now(), from: originOf(r)}
	n, reason := s.useLink(c, r.FormValue("SigninToken"))
	status, outcome := http.StatusOK, "ok"
	if reason != "" {
		status, outcome = http.StatusForbidden, "refused: "+reason
	}
	s.note(c, outcome)
	render(w, status, signIn{
		refused: reason, session: n, account: s.cfg.Account,
		destination: r.FormValue("Destination"), left: left(c.now, n.Expires),
	}.page())
}

// useLink takes a link out of the account and says why it is not good.
func (s *Server) useLink(c *call, token string) (n Session, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := hexHash([]byte(token))
	l, ok := s.links[hash]
	delete(s.links, hash)
	if !ok || !c.now.Before(l.until) || s.state.Sessions[l.keyID] == nil {
		return n, "This sign-in link was used before, or is more than 15 minutes old."
	}
	n = *s.state.Sessions[l.keyID]
	c.who = s.callerOf(&n)
	switch {
	case !c.now.Before(n.Expires):
		return n, "The session behind this link has expired."
	case n.Denied():
		return n, "The access behind this link was ended."
	}
	return n, ""
}
