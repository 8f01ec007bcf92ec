package idpfake

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeTime is how long a code can be exchanged.
const codeTime = time.Minute

// proof is what a code stands for: that somebody signed in for a request.
type proof struct {
	user    User
	request url.Values
	at      time.Time
	used    bool
}

// check refuses what a strict provider refuses of a request for a sign-in.
func (s *Server) check(q url.Values) error {
	switch {
	case q.Get("client_id") != s.cfg.ClientID:
		return errors.New("no application has this client_id")
	case q.Get("redirect_uri") != s.cfg.RedirectURI:
		return errors.New("this redirect_uri is not registered")
	case q.Get("response_type") != "code":
		return errors.New("only the authorization code flow is offered")
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return errors.New("the scope openid is missing")
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		return errors.New("a code_challenge with S256 is demanded")
	case q.Get("state") == "" || q.Get("nonce") == "":
		return errors.New("state and nonce are demanded")
	}
	return nil
}

// SignIn does what a browser does that is sent to address and whose user
// chooses the person with an e-mail: it returns where the provider sends the
// browser then. The error says why the page would not have been shown.
func (s *Server) SignIn(address, email string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	if err := s.check(q); err != nil {
		return nil, err
	}
	user, ok := s.user(email)
	if !ok {
		return nil, fmt.Errorf("nobody has the e-mail %q", email)
	}
	s.note(q)
	return s.back(q, url.Values{"code": {s.issue(user, q)}}), nil
}

// Asked returns the parameters of every request for a sign-in so far.
func (s *Server) Asked() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *Server) note(q url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, q)
}

func (s *Server) user(email string) (User, bool) {
	i := slices.IndexFunc(s.cfg.Users, func(u User) bool { return u.Email == email })
	if i < 0 {
		return User{}, false
	}
	return s.cfg.Users[i], true
}

// issue returns a new code.
func (s *Server) issue(user User, q url.Values) string {
	code := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = &proof{user: user, request: q, at: s.cfg.Now()}
	return code
}

// back is the registered address with an answer.
func (s *Server) back(q, answer url.Values) *url.URL {
	answer = maps.Clone(answer)
	answer.Set("state", q.Get("state"))
	u, err := url.Parse(s.cfg.RedirectURI)
	if err != nil {
		panic("loopback sign-in: " + err.Error()) // a test's or the demo's own address
	}
	u.RawQuery = answer.Encode()
	return u
}

// serveChoice is the page that asks who one is.
func (s *Server) serveChoice(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if err := s.check(q); err != nil {
		render(w, http.StatusBadRequest, refusedPage(err.Error()))
		return
	}
	s.note(q)
	id := rand.Text()
	s.mu.Lock()
	s.pending[id] = q
	s.mu.Unlock()
	render(w, http.StatusOK, choicePage(s.cfg.Users, id, q.Get("prompt") == "login"))
}

// serveChosen sends the browser back as whom it chose to be, or as nobody.
func (s *Server) serveChosen(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	id := r.PostFormValue("request")
	s.mu.Lock()
	q, ok := s.pending[id]
	delete(s.pending, id)
	s.mu.Unlock()
	if !ok {
		render(w, http.StatusBadRequest, refusedPage("this page was used already"))
		return
	}
	answer := url.Values{"error": {"access_denied"}, "error_description": {"the user chose not to"}}
	if user, ok := s.user(r.PostFormValue("user")); ok && r.PostFormValue("do") == "sign-in" {
		answer = url.Values{"code": {s.issue(user, q)}}
	}
	protect(w)
	http.Redirect(w, r, s.back(q, answer).String(), http.StatusSeeOther)
}
