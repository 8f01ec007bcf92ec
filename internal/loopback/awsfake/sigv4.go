package awsfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const algorithm = "AWS4-HMAC-SHA256"

// credential is what an Authorization header says about who signed and how.
type credential struct {
	keyID, date, region, service string
	signedHeaders                []string
	signature                    string
}

func (c credential) scope() string {
	return c.date + "/" + c.region + "/" + c.service + "/aws4_request"
}

var errAuthorization = errors.New("the Authorization header is not a Signature Version 4")

// parseAuthorization reads the header a version 4 signer writes.
func parseAuthorization(header string) (credential, error) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return credential{}, errAuthorization
	}
	fields := map[string]string{}
	for _, f := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(f), "=")
		fields[name] = value
	}
	part := strings.Split(fields["Credential"], "/")
	if len(part) != 5 || part[4] != "aws4_request" || fields["SignedHeaders"] == "" || len(fields["Signature"]) != 64 {
		return credential{}, errAuthorization
	}
	return credential{
		keyID: part[0], date: part[1], region: part[2], service: part[3],
		signedHeaders: strings.Split(fields["SignedHeaders"], ";"), signature: fields["Signature"],
	}, nil
}

// sign computes the signature that belongs to the request.
func (c credential) sign(r *http.Request, body []byte, secret string) string {
	toSign := strings.Join([]string{
		algorithm, r.Header.Get("X-Amz-Date"), c.scope(), hexHash([]byte(c.canonical(r, body))),
	}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{c.date, c.region, c.service, "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, toSign))
}

func (c credential) canonical(r *http.Request, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + r.URL.EscapedPath() + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range c.signedHeaders {
		b.WriteString(name + ":" + signedHeader(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(c.signedHeaders, ";") + "\n" + hexHash(body))
	return b.String()
}

func canonicalQuery(q url.Values) string {
	return strings.ReplaceAll(q.Encode(), "+", "%20")
}

func signedHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

// caller is who made a call, once the signature was found right.
type caller struct {
	arn, userID, user string
	principal         string   // ARN of the user, or of the session's role
	policy            string   // of the user; empty: may do all
	session           *Session // nil for a long-term key
	region            string   // that the call was signed for
}

// authenticate finds who signed the request. The caller holds the lock.
func (s *Server) authenticate(r *http.Request, body []byte, service string, now time.Time) (caller, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return caller{}, refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	c, err := parseAuthorization(header)
	if err != nil {
		return caller{}, refuse(http.StatusBadRequest, "IncompleteSignature", err.Error())
	}
	who, secret, err := s.lookup(c.keyID, r.Header.Get("X-Amz-Security-Token"))
	if err != nil {
		return caller{}, err
	}
	if !strings.HasPrefix(r.Header.Get("X-Amz-Date"), c.date) || !slices.Contains(c.signedHeaders, "host") ||
		!hmac.Equal([]byte(c.sign(r, body, secret)), []byte(c.signature)) {
		return caller{}, refuse(http.StatusForbidden, "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided.")
	}
	if c.service != service {
		return caller{}, refuse(http.StatusForbidden, "SignatureDoesNotMatch",
			"Credential should be scoped to correct service: '"+service+"'.")
	}
	who.region = c.region
	if who.session != nil && !now.Before(who.session.Expires) {
		return caller{}, refuse(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	}
	return who, nil
}

// lookup returns the owner of an access key and its secret.
func (s *Server) lookup(keyID, token string) (caller, string, error) {
	if k, ok := s.keys[keyID]; ok && token == "" {
		arn := s.arn("iam", "user/"+k.User)
		return caller{arn: arn, userID: uniqueID("AIDA", k.User), user: k.User, principal: arn, policy: k.Policy}, k.Secret, nil
	}
	n := s.state.Sessions[keyID]
	if n == nil || !hmac.Equal([]byte(token), []byte(s.sessionToken(keyID))) {
		return caller{}, "", refuse(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid")
	}
	return s.callerOf(n), s.sessionSecret(keyID), nil
}

// callerOf is who calls with a session.
func (s *Server) callerOf(n *Session) caller {
	return caller{arn: s.sessionARN(*n), userID: s.sessionUserID(*n), principal: s.roleARN(s.roles[n.Role]), session: n}
}

// sessionSecret and sessionToken are derived, so that none has to be stored.
func (s *Server) sessionSecret(keyID string) string {
	return base64.StdEncoding.EncodeToString(mac(s.root, "secret/"+keyID)[:30])
}

func (s *Server) sessionToken(keyID string) string {
	return "FwoG" + base64.StdEncoding.EncodeToString(append(mac(s.root, "token/"+keyID), mac(s.root, "more/"+keyID)...))
}

func (s *Server) sessionARN(n Session) string {
	return s.arn("sts", "assumed-role/"+n.Role+"/"+n.Name)
}

func (s *Server) sessionUserID(n Session) string {
	return s.roleID(n.Role) + ":" + n.Name
}

func (s *Server) roleID(role string) string { return uniqueID("AROA", s.roleARN(s.roles[role])) }

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
