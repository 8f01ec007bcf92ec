package idpfake

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// key is what tokens are signed with.
type key struct {
	id      string
	private *ecdsa.PrivateKey
}

func newKey() (key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return key{}, fmt.Errorf("loopback sign-in: %w", err)
	}
	return key{rand.Text(), private}, nil
}

// RotateKey makes the provider sign with another key from now on, and publish
// that one alone.
func (s *Server) RotateKey() error {
	k, err := newKey()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = k
	return nil
}

func (s *Server) serveKeys(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: &s.key.private.PublicKey, KeyID: s.key.id, Algorithm: string(jose.ES256), Use: "sig"},
	}})
}

// sign makes a token of claims, in the way of the forgery that was ordered.
// s.mu is held.
func (s *Server) sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	switch s.lies.forgery {
	case Unsigned:
		part := base64.RawURLEncoding.EncodeToString
		return part([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + part(payload) + ".", nil
	case SignedWithPublicKey:
		public, err := publicPEM(s.key.private)
		if err != nil {
			return "", err
		}
		return signWith(jose.HS256, public, s.key.id, payload)
	case OtherKey:
		other, err := newKey()
		if err != nil {
			return "", err
		}
		return signWith(jose.ES256, other.private, s.key.id, payload)
	}
	return signWith(jose.ES256, s.key.private, s.key.id, payload)
}

func publicPEM(private *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

func signWith(alg jose.SignatureAlgorithm, with any, id string, payload []byte) (string, error) {
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", id)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: with}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
