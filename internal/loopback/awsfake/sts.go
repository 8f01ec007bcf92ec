package awsfake

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Limits of AssumeRole.
const (
	shortestSession = 15 * time.Minute
	longestChained  = time.Hour
	maxPolicyText   = 2048 // characters of a session policy
	maxTags         = 50
	maxTagKey       = 128
	maxTagValue     = 256
	maxExternalID   = 1224
	packedRoom      = 4096 // what stands in for the packed limit, which AWS does not publish
)

var (
	sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalIDPattern  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

type assumedRoleUser struct {
	ARN           string `xml:"Arn"`
	AssumedRoleID string `xml:"AssumedRoleId"`
}

type credentialsXML struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type assumeRoleResult struct {
	AssumedRoleUser  assumedRoleUser
	Credentials      credentialsXML
	PackedPolicySize int
	SourceIdentity   string `xml:",omitempty"`
}

// assumeRole asks the caller's own account, which s is, and the role's.
func (s *Server) assumeRole(c *call) (any, error) {
	at := s.accountNamed(c.form.Get("RoleArn"))
	role, err := at.assumable(c)
	if err != nil {
		return nil, err
	}
	for _, action := range assuming(c, c.form.Get("SourceIdentity")) {
		if err := s.permitAction(c, action, at.roleARN(role)); err != nil {
			return nil, err
		}
	}
	n, err := at.newSession(c, role)
	if err != nil {
		return nil, err
	}
	packed, err := packedSize(n)
	if err != nil {
		return nil, err
	}
	err = at.change(c, func() {
		at.state.Sessions[n.AccessKeyID] = &n
		at.noteDenials(n.Role, c.now)
	})
	return assumeRoleResult{
		AssumedRoleUser: assumedRoleUser{at.sessionARN(n), at.sessionUserID(n)},
		Credentials: credentialsXML{
			n.AccessKeyID, at.sessionSecret(n.AccessKeyID), at.sessionToken(n.AccessKeyID), n.Expires.UTC().Format(time.RFC3339),
		},
		PackedPolicySize: packed, SourceIdentity: n.SourceIdentity,
	}, err
}

// assumable finds the role and asks its trust policy. A role that does not
// exist and one that does not trust the caller look the same, as in AWS.
func (s *Server) assumable(c *call) (Role, error) {
	arn := c.form.Get("RoleArn")
	if len(arn) < 20 || !strings.HasPrefix(arn, "arn:") {
		return Role{}, invalid("%s is invalid", arn)
	}
	if id := c.form.Get("ExternalId"); id != "" && (len(id) < 2 || len(id) > maxExternalID || !externalIDPattern.MatchString(id)) {
		return Role{}, invalid("Value at 'externalId' failed to satisfy constraint: 2 to %d of %s", maxExternalID, externalIDPattern)
	}
	role, ok := s.roles[arn[strings.LastIndex(arn, "/")+1:]]
	if !ok || s.roleARN(role) != arn {
		return Role{}, refuse(http.StatusForbidden, "AccessDenied",
			"User: "+c.who.arn+" is not authorized to perform: sts:AssumeRole on resource: "+arn)
	}
	return role, s.trusts(c, role)
}

// newSession checks everything that is asked for and names the result.
func (s *Server) newSession(c *call, role Role) (Session, error) {
	n := Session{
		AccessKeyID: newKeyID(), Role: role.Name, Name: c.form.Get("RoleSessionName"), By: c.who.arn,
		SourceIdentity: c.form.Get("SourceIdentity"), Policy: c.form.Get("Policy"),
		Chained: c.who.session != nil, Issued: c.now,
	}
	if n.Chained && c.who.session.SourceIdentity != "" {
		if n.SourceIdentity != "" && n.SourceIdentity != c.who.session.SourceIdentity {
			return n, refuse(http.StatusForbidden, "AccessDenied", "the source identity of a session cannot be changed")
		}
		n.SourceIdentity = c.who.session.SourceIdentity
	}
	if err := checkNames(n); err != nil {
		return n, err
	}
	lasts, err := sessionLength(c.form.Get("DurationSeconds"), role.MaxSession, n.Chained)
	if err != nil {
		return n, err
	}
	n.Expires = c.now.Add(lasts)
	n.Tags, err = sessionTags(c.form)
	return n, err
}

func checkNames(n Session) error {
	if !sessionNamePattern.MatchString(n.Name) {
		return invalid("Value at 'roleSessionName' failed to satisfy constraint: %s", sessionNamePattern)
	}
	if n.SourceIdentity != "" && (!sessionNamePattern.MatchString(n.SourceIdentity) || strings.HasPrefix(n.SourceIdentity, "aws:")) {
		return invalid("Value at 'sourceIdentity' failed to satisfy constraint: %s", sessionNamePattern)
	}
	if n.Policy == "" {
		return nil
	}
	if len(n.Policy) > maxPolicyText {
		return invalid("Value at 'policy' failed to satisfy constraint: at most %d characters", maxPolicyText)
	}
	if _, err := parsePolicy(n.Policy); err != nil {
		return refuse(http.StatusBadRequest, "MalformedPolicyDocument", err.Error())
	}
	return nil
}

// sessionLength refuses what is too long; AWS clamps nothing.
func sessionLength(asked string, longest time.Duration, chained bool) (time.Duration, error) {
	if asked == "" {
		return time.Hour, nil
	}
	seconds, err := strconv.Atoi(asked)
	lasts := time.Duration(seconds) * time.Second
	switch {
	case err != nil, lasts < shortestSession, lasts > 12*time.Hour:
		return 0, invalid("Value %s at 'durationSeconds' failed to satisfy constraint: 900 to 43200", asked)
	case chained && lasts > longestChained:
		return 0, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case lasts > longest:
		return 0, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return lasts, nil
}

func sessionTags(form url.Values) (map[string]string, error) {
	tags, folded := map[string]string{}, map[string]bool{}
	for i := 1; form.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
		k, v := form.Get(fmt.Sprintf("Tags.member.%d.Key", i)), form.Get(fmt.Sprintf("Tags.member.%d.Value", i))
		switch {
		case i > maxTags:
			return nil, invalid("Value at 'tags' failed to satisfy constraint: at most %d", maxTags)
		case k == "" || len(k) > maxTagKey || len(v) > maxTagValue:
			return nil, invalid("Tag %q is empty, or its key is over %d or its value over %d characters", k, maxTagKey, maxTagValue)
		case folded[strings.ToLower(k)]:
			return nil, refuse(http.StatusBadRequest, "InvalidInput", "Duplicate tag keys found")
		}
		tags[k], folded[strings.ToLower(k)] = v, true
	}
	return tags, nil
}

// packedSize is the percentage of the room that policy and tags take.
func packedSize(n Session) (int, error) {
	size := len(n.Policy)
	for k, v := range n.Tags {
		size += len(k) + len(v)
	}
	percent := (size*100 + packedRoom - 1) / packedRoom
	if percent > 100 {
		return 0, refuse(http.StatusBadRequest, "PackedPolicyTooLarge", fmt.Sprintf("packed size is %d%% of what is allowed", percent))
	}
	return percent, nil
}

func newKeyID() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // never fails
	return "ASIA" + base32.StdEncoding.EncodeToString(b)
}

type callerIdentity struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string
}

func (s *Server) getCallerIdentity(c *call) (any, error) {
	return callerIdentity{c.who.arn, c.who.userID, s.cfg.Account}, nil
}
