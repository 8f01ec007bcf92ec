package awsfake

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Trail says what becomes of what is done in the account: CloudTrail tells of
// it by LookupEvents and, where a bucket is named, in objects there. The zero
// value tells at once and delivers nowhere.
type Trail struct {
	Lag    time.Duration // until it is told
	Bucket string        // where objects are delivered; nowhere when empty
	Prefix string        // of their keys
	Org    string        // o-...: the trail is an organization's
	Queue  string        // the name of the queue that is told of objects; none when empty
	Wrap   Wrap          // how it is told
	// Receives is how often a message is received before it goes to the dead
	// letters; as often as one likes when zero.
	Receives int
	Stopped  bool // logging is off
}

// Wrap is the form in which a queue is told of an object.
type Wrap int

// The forms.
const (
	ByS3          Wrap = iota // S3's own notification
	BySNS                     // the same through an SNS topic
	ByEventBridge             // "Object Created"
	ByCloudTrail              // CloudTrail's own SNS topic
)

const (
	maxTold     = 20000 // records kept
	globally    = "us-east-1"
	lookupPage  = 50
	lookupRate  = 2 // calls a second for each account and region
	lookupKept  = 90 * 24 * time.Hour
	recordAgent = 200 // bytes kept of a user agent
)

// origin is where a request came from.
type origin struct{ address, agent, region, key string }

func originOf(r *http.Request) origin {
	o := origin{agent: r.UserAgent(), region: globally}
	o.agent = o.agent[:min(len(o.agent), recordAgent)]
	o.address, _, _ = net.SplitHostPort(r.RemoteAddr)
	if c, err := parseAuthorization(r.Header.Get("Authorization")); err == nil {
		o.region, o.key = c.region, c.keyID
	}
	return o
}

// Told is one record of CloudTrail.
type Told struct {
	ID, Name, Source, Region string
	Username, AccessKey      string
	At                       time.Time // when it was done
	Late                     time.Duration
	ReadOnly                 bool
	Record                   string // the whole of it, as JSON

	delivered bool
}

// trail is what CloudTrail knows and has delivered. It is guarded by the
// server's lock.
type trail struct {
	told    []Told
	late    time.Duration // what is told next comes so much later still
	buckets map[string]map[string]object
	broken  map[string]FaultKind // objects, by bucket and key
	queues  map[string]*queue
	tokens  map[string]*pace // of LookupEvents, by region
}

// pace is a bucket of tokens.
type pace struct {
	left float64
	at   time.Time
}

// take takes a token, if there is one.
func (p *pace) take(now time.Time, rate float64) bool {
	p.left = min(rate, p.left+now.Sub(p.at).Seconds()*rate)
	p.at = now
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}

// identityJSON and recordJSON are written in CloudTrail's own order.
type identityJSON struct {
	Type        string       `json:"type"`
	PrincipalID string       `json:"principalId,omitempty"`
	ARN         string       `json:"arn,omitempty"`
	AccountID   string       `json:"accountId,omitempty"`
	AccessKeyID string       `json:"accessKeyId,omitempty"`
	UserName    string       `json:"userName,omitempty"`
	Session     *sessionJSON `json:"sessionContext,omitempty"`
}

type sessionJSON struct {
	Issuer struct {
		Type        string `json:"type"`
		PrincipalID string `json:"principalId"`
		ARN         string `json:"arn"`
		AccountID   string `json:"accountId"`
		UserName    string `json:"userName"`
	} `json:"sessionIssuer"`
	Attributes struct {
		Created string `json:"creationDate"`
		MFA     string `json:"mfaAuthenticated"`
	} `json:"attributes"`
	SourceIdentity string `json:"sourceIdentity,omitempty"`
}

type resourceJSON struct {
	Account string `json:"accountId"`
	Type    string `json:"type"`
	ARN     string `json:"ARN"`
}

type addendumJSON struct {
	Reason   string `json:"reason"`
	Fields   string `json:"updatedFields,omitempty"`
	Original string `json:"originalEventID,omitempty"`
}

type recordJSON struct {
	Version   string            `json:"eventVersion"`
	Identity  identityJSON      `json:"userIdentity"`
	Time      string            `json:"eventTime"`
	Source    string            `json:"eventSource"`
	Name      string            `json:"eventName"`
	Region    string            `json:"awsRegion"`
	Address   string            `json:"sourceIPAddress"`
	Agent     string            `json:"userAgent"`
	Code      string            `json:"errorCode,omitempty"`
	Message   string            `json:"errorMessage,omitempty"`
	Request   map[string]string `json:"requestParameters"`
	Response  map[string]any    `json:"responseElements"`
	RequestID string            `json:"requestID"`
	ID        string            `json:"eventID"`
	ReadOnly  bool              `json:"readOnly"`
	Resources []resourceJSON    `json:"resources,omitempty"`
	Type      string            `json:"eventType"`
	Manages   bool              `json:"managementEvent"`
	Recipient string            `json:"recipientAccountId"`
	Addendum  *addendumJSON     `json:"addendum,omitempty"`
	Category  string            `json:"eventCategory"`
}

// tell records a call that was made to this account. Reading of logs is not
// told of, so that reading makes nothing new to read. The caller holds the lock.
func (s *Server) tell(c *call, params map[string]string, outcome string) {
	own := c.op.service == "cloudtrail" || c.op.service == "sqs" || c.op.service == "s3" && c.who.session == nil
	if c.who.arn == "" || own {
		return
	}
	r := recordJSON{
		Version: "1.11", Identity: s.identityOf(c), Time: c.now.UTC().Format(time.RFC3339), Source: c.op.service + ".amazonaws.com",
		Name: c.action, Region: c.from.region, Address: c.from.address, Agent: c.from.agent, Request: map[string]string{},
		RequestID: requestID(), ID: requestID(), ReadOnly: strings.HasPrefix(c.action, "Get") || strings.HasPrefix(c.action, "List"),
		Type: "AwsApiCall", Manages: c.op.service != "s3", Recipient: s.cfg.Account, Category: "Management",
	}
	for k, v := range params {
		r.Request[strings.ToLower(k[:1])+k[1:]] = v
	}
	switch c.op.service {
	case "":
		r.Source, r.Region, r.Type = "signin.amazonaws.com", globally, "AwsConsoleSignIn"
		r.Name = map[string]string{"login": "ConsoleLogin", "getSigninToken": "GetSigninToken"}[c.action]
		r.Response = map[string]any{"ConsoleLogin": map[bool]string{true: "Success", false: "Failure"}[outcome == "ok"]}
	case "iam":
		r.Region = globally
	case "s3":
		r.Category = "Data"
	}
	if code, _, _ := strings.Cut(outcome, " ("); code != "ok" && c.op.service != "" {
		r.Code, r.Message = code, c.why
	}
	if arn := r.Request["roleArn"]; arn != "" {
		r.Resources = []resourceJSON{{s.cfg.Account, "AWS::IAM::Role", arn}}
	}
	s.write(r, c.now, 0)
}

func (s *Server) identityOf(c *call) identityJSON {
	n := c.who.session
	if n == nil {
		return identityJSON{
			Type: "IAMUser", PrincipalID: c.who.userID, ARN: c.who.arn, AccountID: s.cfg.Account, AccessKeyID: c.from.key, UserName: c.who.user,
		}
	}
	role := s.roles[n.Role]
	ctx := &sessionJSON{SourceIdentity: n.SourceIdentity}
	ctx.Issuer.Type, ctx.Issuer.PrincipalID, ctx.Issuer.ARN = "Role", s.roleID(n.Role), s.roleARN(role)
	ctx.Issuer.AccountID, ctx.Issuer.UserName = s.cfg.Account, n.Role
	ctx.Attributes.Created, ctx.Attributes.MFA = n.Issued.UTC().Format(time.RFC3339), "false"
	return identityJSON{
		Type: "AssumedRole", PrincipalID: c.who.userID, ARN: c.who.arn, AccountID: s.cfg.Account, AccessKeyID: n.AccessKeyID, Session: ctx,
	}
}

// write keeps a record.
func (s *Server) write(r recordJSON, at time.Time, late time.Duration) {
	text, err := json.Marshal(r)
	if err != nil {
		panic("loopback AWS: record: " + err.Error()) // texts only: cannot fail
	}
	user := r.Identity.UserName
	if r.Identity.Session != nil {
		_, user, _ = strings.Cut(r.Identity.PrincipalID, ":")
	}
	s.keep(Told{
		ID: r.ID, Name: r.Name, Source: r.Source, Region: r.Region, Username: user, AccessKey: r.Identity.AccessKeyID,
		At: at, Late: late, ReadOnly: r.ReadOnly, Record: string(text),
	})
}

func (s *Server) keep(t Told) {
	t.Late += s.trail.late
	s.trail.told = append(s.trail.told, t)
	if over := len(s.trail.told) - maxTold; over > 0 {
		s.trail.told = slices.Delete(s.trail.told, 0, over)
	}
}

// Tell has CloudTrail tell of something as if it had been done.
func (s *Server) Tell(t Told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(t)
}

// TellLater has what is done from now on told so much later than usual.
func (s *Server) TellLater(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trail.late = d
}

// Told returns all records kept, in the order they came to be.
func (s *Server) Told() []Told {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.trail.told)
}

// Amend has CloudTrail tell a record again with another error code, as one that
// takes the place of the first. It returns the new record's ID.
func (s *Server) Amend(id, code string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.trail.told, func(t Told) bool { return t.ID == id })
	if at < 0 {
		return ""
	}
	first := s.trail.told[at]
	var r recordJSON
	if err := json.Unmarshal([]byte(first.Record), &r); err != nil {
		return ""
	}
	r.ID, r.Code = requestID(), code
	r.Addendum = &addendumJSON{"UPDATED_DATA", "errorCode", id}
	s.write(r, first.At, s.cfg.Now().Sub(first.At))
	return r.ID
}

// visibleAt says whether CloudTrail tells of t by now.
func (s *Server) tells(t Told, now time.Time) bool {
	return !t.At.Add(s.cfg.Trail.Lag + t.Late).After(now)
}

// deliver puts what CloudTrail tells of by now, and has not delivered yet, into
// one object for each region. The caller holds the lock.
func (s *Server) deliver(now time.Time) {
	if s.cfg.Trail.Bucket == "" || s.cfg.Trail.Stopped {
		return
	}
	files := map[string][]string{}
	for i := range s.trail.told {
		if t := &s.trail.told[i]; !t.delivered && s.tells(*t, now) {
			t.delivered = true
			files[t.Region] = append(files[t.Region], t.Record)
		}
	}
	for region, records := range files {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(`{"Records":[` + strings.Join(records, ",") + `]}`)) // into memory
		_ = w.Close()
		key := s.LogKey(region, now)
		s.put(s.cfg.Trail.Bucket, key, b.Bytes(), now)
		s.announce(s.cfg.Trail.Bucket, key, now)
	}
}

// LogKey names an object of the trail that is delivered at an instant. No two
// are the same.
func (s *Server) LogKey(region string, at time.Time) string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	at = at.UTC()
	return fmt.Sprintf("%s%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz", s.logs(), s.cfg.Account, region, at.Format("2006/01/02"),
		s.cfg.Account, region, at.Format("20060102T1504Z"), hex.EncodeToString(b))
}

// logs is where the keys of the trail's accounts begin.
func (s *Server) logs() string {
	out := "AWSLogs/"
	if s.cfg.Trail.Prefix != "" {
		out = s.cfg.Trail.Prefix + "/" + out
	}
	if s.cfg.Trail.Org != "" {
		out += s.cfg.Trail.Org + "/"
	}
	return out
}

// OpenByHand opens a session of a role that may call what the policy allows,
// whatever the role itself may, and returns its credentials.
func (s *Server) OpenByHand(role, name, policy string) (id, secret, token string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.roles[role]
	if !ok {
		return "", "", "", fmt.Errorf("there is no role %s", role)
	}
	if _, err := parsePolicy(policy); err != nil {
		return "", "", "", err
	}
	r.Allow = []string{"*"}
	s.roles[role] = r
	now := s.cfg.Now()
	n := Session{AccessKeyID: newKeyID(), Role: role, Name: name, Policy: policy, Issued: now, Expires: now.Add(time.Hour)}
	err = s.change(&call{now: now}, func() { s.state.Sessions[n.AccessKeyID] = &n })
	return n.AccessKeyID, s.sessionSecret(n.AccessKeyID), s.sessionToken(n.AccessKeyID), err
}
