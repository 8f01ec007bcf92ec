package idpfake

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
)

const maxForm = 64 << 10

// serveToken exchanges a code. Every refusal repeats what was sent, which no
// client may pass on to its log.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuseToken(w, r, http.StatusBadRequest, "invalid_request")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isClient(r) {
		refuseToken(w, r, http.StatusUnauthorized, "invalid_client")
		return
	}
	p := s.redeem(r.PostForm)
	if p == nil {
		refuseToken(w, r, http.StatusBadRequest, "invalid_grant")
		return
	}
	raw, err := s.sign(s.claims(p))
	if err != nil {
		refuseToken(w, r, http.StatusInternalServerError, "server_error")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 300, "id_token": raw,
	})
}

func (s *Server) isClient(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return r.PostForm.Get("client_id") == s.cfg.ClientID && r.PostForm.Get("client_secret") == s.cfg.ClientSecret
	}
	id, err1 := url.QueryUnescape(id) // RFC 6749, section 2.3.1
	secret, err2 := url.QueryUnescape(secret)
	return err1 == nil && err2 == nil && id == s.cfg.ClientID && secret == s.cfg.ClientSecret
}

// redeem uses a code up and returns what it stands for, or nothing if it is not
// this client's to use now. s.mu is held.
func (s *Server) redeem(form url.Values) *proof {
	p, ok := s.codes[form.Get("code")]
	if !ok || p.used {
		return nil
	}
	p.used = true
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case form.Get("grant_type") != "authorization_code",
		form.Get("redirect_uri") != p.request.Get("redirect_uri"),
		base64.RawURLEncoding.EncodeToString(sum[:]) != p.request.Get("code_challenge"),
		s.cfg.Now().After(p.at.Add(codeTime)):
		return nil
	}
	return p
}

// claims is what the ID token says, lies included. s.mu is held.
func (s *Server) claims(p *proof) map[string]any {
	now := s.cfg.Now()
	c := map[string]any{
		"iss": s.issuer, "sub": "sub-" + p.user.Email, "aud": s.cfg.ClientID, "nonce": p.request.Get("nonce"),
		"iat": now.Unix(), "exp": now.Add(codeTime).Unix(), "auth_time": p.at.Unix(),
		"email": p.user.Email, "email_verified": true, "name": p.user.Name,
	}
	if acr := p.request.Get("acr_values"); acr != "" {
		c["acr"] = acr
	}
	if change := forgedClaims[s.lies.forgery]; change != nil {
		change(c, now)
	}
	override(c, s.lies.claims)
	return c
}

func refuseToken(w http.ResponseWriter, r *http.Request, status int, code string) {
	writeJSON(w, status, map[string]any{"error": code, "error_description": "not taken: " + r.PostForm.Encode() + " " + r.Header.Get("Authorization")})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that went away reads nothing
}
