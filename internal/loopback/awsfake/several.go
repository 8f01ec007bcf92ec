package awsfake

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Join makes accounts one AWS, before any of them is used: each endpoint
// serves them all. Whose credentials sign a call says which account answers it,
// and AssumeRole goes to the account of the role.
func Join(accounts ...*Server) {
	mu := &sync.Mutex{}
	for _, s := range accounts {
		s.mu, s.peers = mu, accounts
	}
}

// accountOf is the account whose credentials signed a call.
func (s *Server) accountOf(r *http.Request) *Server {
	signed, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return s
	}
	return s.accountOfKey(signed.keyID)
}

// accountOfKey is the account that gave an access key out, and s if none did.
func (s *Server) accountOfKey(id string) *Server {
	return s.peer(func(p *Server) bool { return p.keys[id].ID != "" || p.state.Sessions[id] != nil })
}

// accountOfLink is the account that gave a sign-in link out.
func (s *Server) accountOfLink(token string) *Server {
	hash := hexHash([]byte(token))
	return s.peer(func(p *Server) bool { _, ok := p.links[hash]; return ok })
}

func (s *Server) peer(is func(*Server) bool) *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.peers, is); i >= 0 {
		return s.peers[i]
	}
	return s
}

// accountNamed is the account of an ARN, and s if it is none of these.
func (s *Server) accountNamed(arn string) *Server {
	if i := slices.IndexFunc(s.peers, func(p *Server) bool { return strings.HasPrefix(arn, p.arn("iam", "")) }); i >= 0 {
		return s.peers[i]
	}
	return s
}
