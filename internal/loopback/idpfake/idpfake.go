// Package idpfake is a small OpenID provider that lives on the loopback
// interface: discovery, keys, a page where a browser chooses who to be, and the
// token endpoint. It exists so that the demo and the tests can sign in as
// somebody, and forge and break what a provider says in the ways that matter.
//
// It asks for no password: whoever reaches it is whom they say. It checks what
// a strict provider checks of its client (secret, redirect address, PKCE, a code
// used once), repeats in its errors what was sent to it, as some providers do,
// never reaches out to a network and serves no address that is not loopback.
package idpfake

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"jitbot/internal/loopback"
)

// Config says who can sign in, and as what jitbot is registered. All fields are
// needed.
type Config struct {
	Users        []User
	ClientID     string
	ClientSecret string
	RedirectURI  string
	Now          func() time.Time
}

// User is somebody who can sign in.
type User struct {
	Email string
	Name  string
}

// Server is one provider. Make it with [New]; all methods may be called at once
// from many goroutines.
type Server struct {
	cfg Config

	mu      sync.Mutex // guards what follows
	issuer  string
	key     key
	asked   []url.Values
	pending map[string]url.Values // what the page asks about, by id
	codes   map[string]*proof
	lies    lies
}

// New returns the provider that cfg describes.
func New(cfg Config) (*Server, error) {
	if len(cfg.Users) == 0 || cfg.ClientID == "" || cfg.ClientSecret == "" || cfg.RedirectURI == "" || cfg.Now == nil {
		return nil, errors.New("loopback sign-in: users, client id, secret, redirect address and clock are needed")
	}
	s := &Server{cfg: cfg, pending: map[string]url.Values{}, codes: map[string]*proof{}, lies: newLies()}
	if err := s.RotateKey(); err != nil {
		return nil, err
	}
	return s, nil
}

// Start serves the provider at addr, which must be a loopback address; empty
// means a free port of 127.0.0.1. It returns the issuer, and a func that stops
// serving, cuts open calls, and returns when both are done.
func (s *Server) Start(ctx context.Context, addr string) (issuer string, stop func(), err error) {
	ln, issuer, err := loopback.Listen(ctx, "loopback sign-in", addr)
	if err != nil {
		return "", nil, err
	}
	s.mu.Lock()
	s.issuer = issuer
	s.mu.Unlock()
	return issuer, loopback.Serve(ln, s.handler()), nil
}

// The paths that can be broken.
const (
	Discovery = "/.well-known/openid-configuration"
	Keys      = "/keys"
	Authorize = "/authorize"
	Token     = "/token"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Discovery, s.serveDiscovery)
	mux.HandleFunc("GET "+Keys, s.serveKeys)
	mux.HandleFunc("GET "+Authorize, s.serveChoice)
	mux.HandleFunc("POST "+Authorize, s.serveChosen)
	mux.HandleFunc("POST "+Token, s.serveToken)
	mux.Handle("GET /static/", staticFiles())
	return loopback.Local(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.broken(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
}

func (s *Server) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := map[string]any{
		"issuer": s.issuer, "authorization_endpoint": s.issuer + Authorize, "token_endpoint": s.issuer + Token, "jwks_uri": s.issuer + Keys,
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"scopes_supported":                      []string{"openid", "email", "profile"},
	}
	override(d, s.lies.discovery)
	writeJSON(w, http.StatusOK, d)
}
