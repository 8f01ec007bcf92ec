package slackfake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// response is what stands behind a response_url.
type response struct {
	user, channel, thread, via string
	message                    *Message // that was clicked, if any
	private                    *Private
	made                       time.Time
	posts                      int
}

// newResponse hands out a response_url. The caller holds the lock.
func (s *Server) newResponse(r *response) string {
	r.made = s.cfg.Now()
	sum := sha256.Sum256([]byte(s.base + s.stamp() + s.cfg.SigningSecret))
	secret := hex.EncodeToString(sum[:16])
	s.responses[secret] = r
	return s.base + "/response/" + secret
}

// serveResponse takes one post to a response_url.
func (s *Server) serveResponse(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	a := args{}
	if err == nil {
		err = readJSONArgs(raw, a)
	}
	if err != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	done := s.logCall("response_url", a)
	f := s.faults.take("response_url")
	if !f.hold(r.Context(), s.life) {
		done("cut")
		reset(w)
		return
	}
	if f.refuse(w) {
		done("fault")
		return
	}
	s.mu.Lock()
	err = s.respondBy(r.PathValue("secret"), a)
	s.mu.Unlock()
	var e *apiError
	switch {
	case f.Kind == ResetAfter:
		done("cut")
		reset(w)
	case errors.As(err, &e):
		done(e.code)
		status := http.StatusBadRequest
		if strings.HasSuffix(e.code, "_url") {
			status = http.StatusNotFound
		}
		http.Error(w, e.code, status)
	default:
		done("ok")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ok")
	}
}

func (s *Server) respondBy(secret string, a args) error {
	r := s.responses[secret]
	switch {
	case r == nil:
		s.violate("response_url", "no such response_url")
		return refuse("no_such_url")
	case s.cfg.Now().Sub(r.made) > responseLife:
		s.violate("response_url", "expired_url: used after %s", responseLife)
		return refuse("expired_url")
	case r.posts >= responsePosts:
		s.violate("response_url", "used_url: more than %d posts", responsePosts)
		return refuse("used_url")
	}
	r.posts++
	return s.respondTo("response_url", r, a)
}

// respondTo shows one answer.
func (s *Server) respondTo(where string, r *response, a args) error {
	if a["delete_original"] == "true" {
		if a["text"] != "" || a["blocks"] != "" {
			s.violate(where, "delete_original beside text or blocks")
		}
		return s.removeOriginal(r)
	}
	d, err := s.draft(where, a)
	if err != nil {
		return err
	}
	v := s.version(d)
	switch {
	case a["replace_original"] == "true" && r.message != nil:
		r.message.change(v)
		s.touch()
	case a["replace_original"] == "true" && r.private != nil:
		r.private.change(v)
		s.touch()
	case a["response_type"] == "in_channel":
		s.post(r.channel, r.thread, v)
	default:
		p := Private{User: r.user, Channel: r.channel, ThreadTS: r.thread, Via: where, Number: r.posts}
		if where == "command" {
			p.Number = 0
		}
		s.show(p, v)
	}
	return nil
}

func (s *Server) removeOriginal(r *response) error {
	switch {
	case r.message != nil:
		r.message.Deleted = true
	case r.private != nil:
		r.private.Deleted = true
	default:
		s.violate("response_url", "delete_original, and there is none")
	}
	s.touch()
	return nil
}
