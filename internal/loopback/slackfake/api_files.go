package slackfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

// File is one that the app handed over and shared: it is a message of its own.
type File struct {
	ID, Name, Title, Alt string
	Content              []byte
}

// upload is a file on its way. It is seen once it was completed.
type upload struct {
	File

	length   int
	sent     bool
	complete bool
}

func (s *Server) uploadURL(a args) (answer, error) {
	const where = "files.getUploadURLExternal"
	length, err := strconv.Atoi(a["length"])
	if err != nil || length < 1 || a["filename"] == "" {
		s.violate(where, "filename or length is missing")
		return nil, refuse("invalid_arguments")
	}
	if n := len([]rune(a["alt_txt"])); n > maxFileAlt {
		s.violate(where, "an alt_txt of %d characters", n)
		return nil, refuse("alt_txt_too_large")
	}
	id := fmt.Sprintf("F%09d", s.next())
	s.uploads[id] = &upload{File: File{ID: id, Name: a["filename"], Alt: a["alt_txt"]}, length: length}
	return answer{"upload_url": s.base + "/upload/" + id, "file_id": id}, nil
}

// serveUpload takes the bytes of a file, as a form or bare. Posts to it count as
// "upload".
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	done := s.logCall("upload", args{})
	f := s.faults.take("upload")
	if !f.hold(r.Context(), s.life) {
		done("cut")
		reset(w)
		return
	}
	if f.refuse(w) {
		done("fault")
		return
	}
	content, err := readUpload(r)
	s.mu.Lock()
	u := s.uploads[r.PathValue("file")]
	ok := err == nil && u != nil && len(content) == u.length
	if ok {
		u.Content, u.sent = content, true
	} else {
		s.violate("upload", "not the bytes that were announced: %d, %v", len(content), err)
	}
	s.mu.Unlock()
	if !ok {
		done("bad")
		http.Error(w, "bad upload", http.StatusBadRequest)
		return
	}
	done("ok")
	_, _ = fmt.Fprintf(w, "OK - %d", len(content)) // a caller that is gone needs no answer
}

func readUpload(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if !strings.HasPrefix(kind, "multipart/") {
		return raw, nil
	}
	part, err := multipart.NewReader(bytes.NewReader(raw), params["boundary"]).NextPart()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(part)
}

// completeUpload shares files in a channel, under a message if one is named.
func (s *Server) completeUpload(a args) (answer, error) {
	const where = "files.completeUploadExternal"
	var files []struct{ ID, Title string }
	if err := json.Unmarshal([]byte(a["files"]), &files); err != nil || len(files) == 0 {
		s.violate(where, "files is missing")
		return nil, refuse("invalid_arguments")
	}
	for _, f := range files {
		u := s.uploads[f.ID]
		if u == nil || !u.sent || u.complete {
			s.violate(where, "file_not_found: %s was not uploaded, or is complete", f.ID)
			return nil, refuse("file_not_found")
		}
	}
	channel, thread := a["channel_id"], a["thread_ts"]
	if channel != "" {
		if _, err := s.room(channel); err != nil || strings.HasPrefix(channel, "U") {
			return nil, refuse("channel_not_found")
		}
		if thread != "" && s.message(channel, thread) == nil {
			s.violate(where, "no message %s in %s", thread, channel)
			return nil, refuse("invalid_thread_ts")
		}
	}
	out := []answer{}
	for _, f := range files {
		u := s.uploads[f.ID]
		u.complete, u.Title = true, f.Title
		out = append(out, answer{"id": u.ID, "title": u.Title})
		if channel != "" {
			s.post(channel, thread, Version{At: s.cfg.Now()}).File = &u.File
		}
	}
	return answer{"files": out}, nil
}
