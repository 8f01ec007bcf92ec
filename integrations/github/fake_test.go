package github_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"jitbot/bot"
	"jitbot/integrations/github"
	"jitbot/internal/secret"
)

const token = "ghp_canary-token"

// hub is a GitHub with one repository, acme/access, as far as its REST API is
// used here: branches are files by commit.
type hub struct {
	*httptest.Server
	mu         sync.Mutex
	commits    map[string]commit // by sha
	refs       map[string]string // branch to commit
	pulls      []map[string]any
	calls      []string
	unfiltered bool                                                       // a list of pull requests has them all
	large      bool                                                       // the file comes as a blob only
	fault      func(w http.ResponseWriter, call string, done func()) bool // true: it has answered
}

type commit struct{ text, message, parent string }

func newHub(t *testing.T, text string) *hub {
	t.Helper()
	h := &hub{commits: map[string]commit{"c0": {text: text}}, refs: map[string]string{"main": "c0"}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/repos/acme/access")
	h.calls = append(h.calls, call)
	if r.Header.Get("Authorization") != "Bearer "+token {
		say(w, 401, `{"message":"Bad credentials"}`)
		return
	}
	if f := h.fault; f != nil && f(w, call, func() { h.act(httptest.NewRecorder(), r) }) {
		return
	}
	h.act(w, r)
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprint(w, text) // a client that is gone reads nothing
}

func reply(w http.ResponseWriter, code int, v any) {
	raw, _ := json.Marshal(v)
	say(w, code, string(raw))
}

func (h *hub) act(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/repos/acme/access")
	if !ok {
		say(w, 404, `{"message":"Not Found"}`)
		return
	}
	var in map[string]any
	if r.Body != nil {
		_ = json.NewDecoder(r.Body).Decode(&in)
	}
	text := func(key string) string { s, _ := in[key].(string); return s }
	switch branch := strings.TrimPrefix(path, "/git/ref/heads/"); {
	case path == "":
		reply(w, 200, map[string]any{"default_branch": "main", "permissions": map[string]any{"push": true}})
	case branch != path && r.Method == "GET":
		h.ref(w, branch)
	case path == "/git/refs":
		name := strings.TrimPrefix(text("ref"), "refs/heads/")
		if _, taken := h.refs[name]; taken {
			say(w, 422, `{"message":"Reference already exists"}`)
			return
		}
		h.refs[name] = text("sha")
		reply(w, 201, map[string]any{"ref": text("ref")})
	case strings.HasPrefix(path, "/git/refs/heads/") && r.Method == "PATCH":
		h.refs[strings.TrimPrefix(path, "/git/refs/heads/")] = text("sha")
		reply(w, 200, map[string]any{})
	case strings.HasPrefix(path, "/git/commits/"):
		reply(w, 200, map[string]any{"message": h.commits[strings.TrimPrefix(path, "/git/commits/")].message})
	case strings.HasPrefix(path, "/pulls/") && r.Method == "PATCH":
		p := h.pulls[int(path[len("/pulls/")]-'1')]
		p["title"], p["body"] = text("title"), text("body")
		reply(w, 200, p)
	case strings.HasPrefix(path, "/git/blobs/"):
		content := strings.TrimPrefix(strings.TrimPrefix(path, "/git/blobs/"), "b")
		reply(w, 200, map[string]any{"content": wrapped(h.commits[content].text), "encoding": "base64", "sha": "b" + content})
	case path == "/contents/access/policy.yaml" && r.Method == "GET":
		h.contents(w, r.URL.Query().Get("ref"))
	case path == "/contents/access/policy.yaml" && r.Method == "PUT":
		h.put(w, text)
	case path == "/pulls" && r.Method == "GET":
		h.list(w, r.URL.Query().Get("head"))
	case path == "/pulls":
		h.pull(w, text)
	default:
		say(w, 404, `{"message":"Not Found"}`)
	}
}

func (h *hub) ref(w http.ResponseWriter, branch string) {
	sha, ok := h.refs[branch]
	if !ok {
		say(w, 404, `{"message":"Not Found"}`)
		return
	}
	reply(w, 200, map[string]any{"object": map[string]any{"sha": sha}})
}

// wrapped is base64 in lines, as GitHub sends it.
func wrapped(text string) string {
	s := base64.StdEncoding.EncodeToString([]byte(text))
	var b strings.Builder
	for part := range slices.Chunk([]byte(s), 60) {
		b.Write(part)
		b.WriteByte('\n')
	}
	return b.String()
}

func (h *hub) contents(w http.ResponseWriter, at string) {
	if sha, ok := h.refs[at]; ok {
		at = sha
	}
	c, ok := h.commits[at]
	switch {
	case !ok:
		say(w, 404, `{"message":"No commit found"}`)
	case h.large:
		reply(w, 200, map[string]any{"type": "file", "content": "", "encoding": "none", "size": len(c.text), "sha": "b" + at})
	default:
		reply(w, 200, map[string]any{"type": "file", "content": wrapped(c.text), "encoding": "base64", "size": len(c.text), "sha": "b" + at})
	}
}

func (h *hub) put(w http.ResponseWriter, text func(string) string) {
	head, ok := h.refs[text("branch")]
	if !ok {
		say(w, 404, `{"message":"Branch not found"}`)
		return
	}
	if h.commits[strings.TrimPrefix(text("sha"), "b")].text != h.commits[head].text {
		say(w, 409, `{"message":"policy.yaml does not match"}`)
		return
	}
	raw, _ := base64.StdEncoding.DecodeString(text("content"))
	sha := fmt.Sprintf("c%d", len(h.commits))
	h.commits[sha] = commit{string(raw), text("message"), head}
	h.refs[text("branch")] = sha
	reply(w, 200, map[string]any{"commit": map[string]any{"sha": sha}})
}

func (h *hub) list(w http.ResponseWriter, head string) {
	out := []map[string]any{}
	for _, p := range h.pulls {
		if of := p["head"].(map[string]any); h.unfiltered || "acme:"+of["ref"].(string) == head {
			of["sha"] = h.refs[of["ref"].(string)]
			out = append(out, p)
		}
	}
	reply(w, 200, out)
}

func (h *hub) pull(w http.ResponseWriter, text func(string) string) {
	for _, p := range h.pulls {
		if p["head"].(map[string]any)["ref"] == text("head") && p["state"] == "open" {
			say(w, 422, `{"message":"Validation Failed","errors":[{"message":"A pull request already exists"}]}`)
			return
		}
	}
	p := map[string]any{
		"number": len(h.pulls) + 1, "html_url": fmt.Sprintf("https://github.example/acme/access/pull/%d", len(h.pulls)+1), "state": "open", "title": text("title"), "body": text("body"),
		"base": text("base"), "head": map[string]any{"ref": text("head"), "sha": h.refs[text("head")]},
	}
	h.pulls = append(h.pulls, p)
	reply(w, 201, p)
}

func (h *hub) client(t *testing.T, change ...func(*github.Config)) *github.Client {
	t.Helper()
	cfg := github.Config{Repository: "acme/access", Path: "access/policy.yaml", Token: secret.Of(token), BaseURL: h.URL}
	for _, f := range change {
		f(&cfg)
	}
	c, err := github.Open(cfg, bot.Deps{HTTP: h.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lose does what was asked and breaks the connection, once, at a call.
func (h *hub) lose(call string) {
	h.fault = func(w http.ResponseWriter, got string, done func()) bool {
		if !strings.HasPrefix(got, call) {
			return false
		}
		h.fault = nil
		done()
		panic(http.ErrAbortHandler)
	}
}

// refuse answers a call with a status and words, for ever.
func (h *hub) refuse(call string, code int, text string, header ...string) {
	h.fault = func(w http.ResponseWriter, got string, _ func()) bool {
		if !strings.HasPrefix(got, call) {
			return false
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		say(w, code, text)
		return true
	}
}
