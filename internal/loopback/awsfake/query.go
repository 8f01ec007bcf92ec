package awsfake

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxBody     = 1 << 20
	defaultPage = 100
)

// operation is one Action of one service. A write is skipped, and answered
// all the same, when the account is told to lie.
type operation struct {
	service string
	run     func(*Server, *call) (any, error)
}

// call is one signed request on its way through. run sees the account as of
// write number seq and must change it through [Server.change] only.
type call struct {
	action string
	target string // what stands before the action in the JSON protocol; empty: the Query protocol
	op     operation
	form   url.Values
	who    caller
	now    time.Time
	seq    int64
	lie    bool
	about  facts // condition keys of what the call is about
	from   origin
	why    string // the words of a refusal

	body   []byte // of services that take no forms
	url    *url.URL
	header http.Header
	fails  bool // what is begun by the call fails in the end
}

func operations() map[string]operation {
	all := map[string]operation{
		"AssumeRole":        {"sts", (*Server).assumeRole},
		"GetCallerIdentity": {"sts", (*Server).getCallerIdentity},

		"SimulatePrincipalPolicy": {"iam", (*Server).simulatePrincipalPolicy},

		"GetUser":             {"iam", (*Server).getUser},
		"GetGroup":            {"iam", (*Server).getGroup},
		"ListGroupsForUser":   {"iam", (*Server).listGroupsForUser},
		"AddUserToGroup":      {"iam", (*Server).addUserToGroup},
		"RemoveUserFromGroup": {"iam", (*Server).removeUserFromGroup},

		"GetRole":          {"iam", (*Server).getRole},
		"PutRolePolicy":    {"iam", (*Server).putRolePolicy},
		"GetRolePolicy":    {"iam", (*Server).getRolePolicy},
		"DeleteRolePolicy": {"iam", (*Server).deleteRolePolicy},
		"ListRolePolicies": {"iam", (*Server).listRolePolicies},
	}
	maps.Copy(all, centerOperations())
	maps.Copy(all, storeOperations())
	return all
}

// apiError is a refusal in AWS's words.
type apiError struct {
	status        int
	code, message string
	more          map[string]any // members of its own, in the JSON protocol
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func refuse(status int, code, message string) *apiError {
	return &apiError{status: status, code: code, message: message}
}

func invalid(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, args...))
}

func noSuch(kind, name string) *apiError {
	return refuse(http.StatusNotFound, "NoSuchEntity", fmt.Sprintf("The %s with name %s cannot be found.", kind, name))
}

// readCall takes a call apart, whichever of the two protocols it comes in.
func readCall(r *http.Request, body []byte) (*call, error) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return readJSONCall(target, body)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the request is not a form")
	}
	return &call{action: form.Get("Action"), form: form}, nil
}

// serveCall answers one call of the AWS Query protocol or of the JSON one.
func (s *Server) serveCall(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "The request is too long or was cut off.", http.StatusRequestEntityTooLarge)
		return
	}
	c, err := readCall(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s = s.accountOf(r)
	c.now, c.op, c.from = s.cfg.Now(), s.ops[c.target+c.action], originOf(r)
	fault := s.faults.take(c.action)
	if !s.faults.wait(r.Context(), c.action, fault) {
		s.note(c, "caller gave up")
		panic(http.ErrAbortHandler)
	}
	result, err := s.perform(r, body, c, fault)
	s.answer(w, c, result, err, fault)
}

// perform runs the call, unless the fault comes first.
func (s *Server) perform(r *http.Request, body []byte, c *call, fault FaultKind) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.op.run == nil {
		return nil, refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation "+strconv.Quote(c.action))
	}
	if err := fault.refusal(); err != nil {
		return nil, err
	}
	c.now, c.lie, c.fails = s.cfg.Now(), fault == Lie, fault == Fail
	if c.target != "" {
		if err := s.enterCenter(c); err != nil {
			return nil, err
		}
	}
	c.seq = s.state.visible(c.now, s.cfg.ReadLag)
	if fault == StaleRead {
		c.seq = s.state.seq - 1
	}
	var err error
	if c.who, err = s.authenticate(r, body, c.op.service, c.now); err != nil {
		return nil, err
	}
	return c.op.run(s, c)
}

// change makes a write of a call: not at all when the account lies. The
// caller holds the lock.
func (s *Server) change(c *call, write func()) error {
	if c.lie {
		return nil
	}
	write()
	s.state.forget(c.now)
	if err := s.save(); err != nil {
		return refuse(http.StatusInternalServerError, "ServiceFailure", "the loopback account could not "+err.Error())
	}
	return nil
}

// answer writes the result as the fault lets it through, and logs the call.
func (s *Server) answer(w http.ResponseWriter, c *call, result any, err error, fault FaultKind) {
	id, status, outcome := requestID(), http.StatusOK, "ok"
	var text []byte
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) {
			e = refuse(http.StatusInternalServerError, "InternalFailure", err.Error())
		}
		status, outcome, text = e.status, e.code, c.errorText(e, id)
		c.why = e.message
	} else {
		text = c.resultText(result, id)
	}
	if fault != noFault {
		outcome += " (" + fault.String() + ")"
	}
	s.note(c, outcome)
	if fault == DropAfter {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", c.contentType())
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("X-Amzn-Requestid", id)
	w.Header().Set("Date", c.now.UTC().Format(http.TimeFormat)) // the account's clock, as clients read it
	w.WriteHeader(status)
	if fault == HalfBody {
		text = text[:len(text)/2]
	}
	_, _ = w.Write(text) // a caller that went away reads nothing
	if fault == HalfBody {
		_ = http.NewResponseController(w).Flush() // the half must leave before the connection is cut
		panic(http.ErrAbortHandler)
	}
}

func namespace(service string) string {
	if service == "iam" {
		return "https://iam.amazonaws.com/doc/2010-05-08/"
	}
	return "https://sts.amazonaws.com/doc/2011-06-15/"
}

// metadata closes every answer that is not an error.
type metadata struct {
	RequestID string `xml:"RequestId"`
}

func resultXML(service, action string, result any, id string) []byte {
	var b bytes.Buffer
	enc := xml.NewEncoder(&b)
	outer := xml.StartElement{Name: xml.Name{Local: action + "Response", Space: namespace(service)}}
	err := enc.EncodeToken(outer)
	if result != nil {
		err = errors.Join(err, enc.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: action + "Result"}}))
	}
	err = errors.Join(err,
		enc.EncodeElement(metadata{id}, xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}}),
		enc.EncodeToken(outer.End()), enc.Close())
	if err != nil {
		panic(fmt.Sprintf("loopback AWS: answer of %s: %v", action, err)) // a result type that XML cannot write
	}
	return b.Bytes()
}

func errorXML(service string, e *apiError, id string) []byte {
	type detail struct{ Type, Code, Message string }
	kind := "Sender"
	if e.status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	text, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		NS        string   `xml:"xmlns,attr"`
		Error     detail
		RequestID string `xml:"RequestId"`
	}{NS: namespace(service), Error: detail{kind, e.code, e.message}, RequestID: id})
	if err != nil {
		panic("loopback AWS: error answer: " + err.Error()) // strings only: cannot fail
	}
	return text
}

// requestID is a random identifier in the shape AWS uses.
func requestID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// uniqueID is the id IAM gives an entity, the same for the same name.
func uniqueID(prefix, name string) string {
	sum := sha256.Sum256([]byte(prefix + name))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}
