package awsfake

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// delivery serves the services that bring logs: CloudTrail and SQS, which speak
// JSON, and S3. Everything else goes on to next.
func (s *Server) delivery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		c := &call{action: action, form: url.Values{}, now: s.cfg.Now(), from: originOf(r)}
		signed, _ := parseAuthorization(r.Header.Get("Authorization"))
		switch {
		case service == "CloudTrail_20131101":
			c.op = operation{"cloudtrail", trailOps()[action]}
		case service == "AmazonSQS":
			c.op = operation{"sqs", queueOps()[action]}
		case signed.service == "s3":
			c.action, c.op = s3Call(r)
		default:
			next.ServeHTTP(w, r)
			return
		}
		s.serveDelivery(w, r, c)
	})
}

// reply is an answer with a body of its own.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (s *Server) serveDelivery(w http.ResponseWriter, r *http.Request, c *call) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "The request is too long or was cut off.", http.StatusRequestEntityTooLarge)
		return
	}
	c.body, c.url = body, r.URL
	c.header = r.Header
	fault := s.faults.take(c.action)
	if !s.faults.wait(r.Context(), c.action, fault) {
		s.note(c, "caller gave up")
		panic(http.ErrAbortHandler)
	}
	if c.action == "ReceiveMessage" {
		s.waitForMessage(r.Context(), body)
	}
	result, err := s.perform(r, body, c, fault)
	s.answerDelivery(w, r, c, result, err, fault)
}

// answerDelivery writes the result in the words of its service.
func (s *Server) answerDelivery(w http.ResponseWriter, r *http.Request, c *call, result any, err error, fault FaultKind) {
	out, outcome := reply{status: http.StatusOK, header: http.Header{}}, "ok"
	var e *apiError
	switch given, ok := result.(reply); {
	case err != nil:
		if !errors.As(err, &e) {
			e = refuse(http.StatusInternalServerError, "InternalFailure", err.Error())
		}
		out.status, outcome, c.why = e.status, e.code, e.message
		out.body = errorBody(c.op.service, e, out.header)
	case ok:
		out = given
	default:
		out.body, _ = json.Marshal(result) // texts, numbers and lists only: cannot fail
	}
	if c.op.service != "s3" {
		out.header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	if fault != noFault {
		outcome += " (" + fault.String() + ")"
	}
	s.note(c, outcome)
	writeReply(w, r, out, fault)
}

func errorBody(service string, e *apiError, header http.Header) []byte {
	if service != "s3" {
		header.Set("X-Amzn-Errortype", e.code)
		text, _ := json.Marshal(map[string]string{"__type": e.code, "message": e.message}) // texts only: cannot fail
		return text
	}
	header.Set("Content-Type", "application/xml")
	text, _ := xml.Marshal(struct { // texts only: cannot fail
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}{Code: e.code, Message: e.message})
	return text
}

func writeReply(w http.ResponseWriter, r *http.Request, out reply, fault FaultKind) {
	if fault == DropAfter {
		panic(http.ErrAbortHandler)
	}
	for k, v := range out.header {
		w.Header()[k] = v
	}
	w.Header().Set("X-Amzn-Requestid", requestID())
	if w.Header().Get("Content-Length") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
	}
	w.WriteHeader(out.status)
	if r.Method == http.MethodHead {
		return
	}
	body := out.body
	if fault == HalfBody {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body) // a caller that went away reads nothing
	if fault == HalfBody {
		_ = http.NewResponseController(w).Flush() // the half must leave before the connection is cut
		panic(http.ErrAbortHandler)
	}
}
