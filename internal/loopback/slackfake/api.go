package slackfake

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Call is one call of the app, in the order of arrival. Args never hold a
// token; JSON values stand as JSON text. Result is "ok", Slack's error, a
// status such as "429", "cut", or empty while the call is still held.
type Call struct {
	Method string
	Args   map[string]string
	At     time.Time
	Result string
}

type (
	args   map[string]string
	answer map[string]any
)

// apiError is an answer with ok:false.
type apiError struct {
	code     string
	messages []string // response_metadata.messages
	extra    answer
	wait     int // seconds: answered with 429
}

func (e *apiError) Error() string { return e.code }

func refuse(code string) error { return &apiError{code: code} }

type method struct {
	scope string
	app   bool // called with the app-level token
	run   func(*Server, args) (answer, error)
}

func methods() map[string]method {
	return map[string]method{
		"auth.test":             {run: (*Server).authTest},
		"apps.connections.open": {run: (*Server).connectionsOpen, app: true},
		"users.info":            {run: (*Server).usersInfo, scope: "users:read"},
		"users.lookupByEmail":   {run: (*Server).usersLookup, scope: "users:read.email"},
		"users.list":            {run: (*Server).usersList, scope: "users:read"},
		"conversations.info":    {run: (*Server).conversationsInfo},
		"conversations.members": {run: (*Server).conversationsMembers},
		"conversations.open":    {run: (*Server).conversationsOpen, scope: "im:write"},
		"chat.postMessage":      {run: (*Server).postMessage, scope: "chat:write"},
		"chat.update":           {run: (*Server).updateMessage, scope: "chat:write"},
		"chat.postEphemeral":    {run: (*Server).postEphemeral, scope: "chat:write"},
		"chat.delete":           {run: (*Server).deleteMessage, scope: "chat:write"},
		"views.open":            {run: (*Server).viewsOpen},
		"views.push":            {run: (*Server).viewsPush},
		"views.update":          {run: (*Server).viewsUpdate},
		"views.publish":         {run: (*Server).viewsPublish},
		"usergroups.list":       {run: (*Server).groupsList, scope: "usergroups:read"},
		"usergroups.users.list": {run: (*Server).groupMembers, scope: "usergroups:read"},

		"files.getUploadURLExternal":   {run: (*Server).uploadURL, scope: "files:write"},
		"files.completeUploadExternal": {run: (*Server).completeUpload, scope: "files:write"},
	}
}

var apiMethods = methods()

// serveAPI answers one call.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	a, header, body, err := readArgs(r)
	if err != nil {
		writeJSON(w, http.StatusOK, answer{"ok": false, "error": "invalid_form_data"})
		return
	}
	done := s.logCall(name, a)
	f := s.faults.take(name)
	if !f.hold(r.Context(), s.life) {
		done("cut")
		reset(w)
		return
	}
	if f.refuse(w) {
		done(cmp.Or(f.Error, "fault"))
		return
	}
	result, err := s.run(name, a, header, body)
	if f.Kind == ResetAfter {
		done("cut")
		reset(w)
		return
	}
	s.respond(w, result, err, done)
}

func (s *Server) respond(w http.ResponseWriter, result answer, err error, done func(string)) {
	var e *apiError
	if !errors.As(err, &e) {
		done("ok")
		s.mu.Lock()
		w.Header().Set("X-OAuth-Scopes", strings.Join(s.scopes, ","))
		s.mu.Unlock()
		result["ok"] = true
		writeJSON(w, http.StatusOK, result)
		return
	}
	if e.wait > 0 {
		done("429")
		tooMany(w, e.wait)
		return
	}
	done(e.code)
	out := answer{"ok": false, "error": e.code}
	maps.Copy(out, e.extra)
	if len(e.messages) > 0 {
		out["response_metadata"] = answer{"messages": e.messages}
	}
	writeJSON(w, http.StatusOK, out)
}

// run checks the token and the scope and carries the call out.
func (s *Server) run(name string, a args, header, body string) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, known := apiMethods[name]
	if !known {
		s.violate(name, "no such method here")
		return nil, &apiError{code: "unknown_method", extra: answer{"req_method": name}}
	}
	token := cmp.Or(header, body)
	if m.app {
		token = header
	}
	switch token {
	case "":
		return nil, refuse("not_authed")
	case s.cfg.BotToken, s.cfg.AppToken:
		if m.app != (token == s.cfg.AppToken) {
			s.violate(name, "called with the wrong kind of token")
			return nil, refuse("not_allowed_token_type")
		}
	default:
		return nil, refuse("invalid_auth")
	}
	if err := s.needs(m.scope); err != nil {
		return nil, err
	}
	return m.run(s, a)
}

func (s *Server) needs(scope string) error {
	if scope == "" || slices.Contains(s.scopes, scope) {
		return nil
	}
	return &apiError{code: "missing_scope", extra: answer{"needed": scope, "provided": strings.Join(s.scopes, ",")}}
}

// readArgs reads a form, a query or a JSON body, and takes the tokens out.
func readArgs(r *http.Request) (a args, header, body string, err error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return nil, "", "", err
	}
	a = args{}
	for k, v := range r.URL.Query() {
		a[k] = v[0]
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		err = readJSONArgs(raw, a)
	} else {
		err = readFormArgs(raw, a)
	}
	body = a["token"]
	delete(a, "token")
	header = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	return a, header, body, err
}

func readFormArgs(raw []byte, a args) error {
	form, err := url.ParseQuery(string(raw))
	for k, v := range form {
		a[k] = v[0]
	}
	return err
}

func readJSONArgs(raw []byte, a args) error {
	if len(raw) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for k, v := range fields {
		var text string
		switch {
		case string(v) == "null":
		case json.Unmarshal(v, &text) == nil:
			a[k] = text
		default:
			a[k] = string(v)
		}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that is gone needs no answer
}

// logCall notes a call and returns the func that notes how it ended.
func (s *Server) logCall(name string, a args) func(result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := len(s.calls)
	s.calls = append(s.calls, Call{Method: name, Args: maps.Clone(a), At: s.cfg.Now()})
	s.counts[name]++
	s.touch()
	return func(result string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls[i].Result = result
		s.touch()
	}
}

// Calls counts the calls of a method so far, refused ones too. Posts to
// response URLs count as "response_url".
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[method]
}

// CallLog lists all calls in the order of their arrival.
func (s *Server) CallLog() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
