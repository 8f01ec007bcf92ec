package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"jitbot/bot"
)

const (
	path    = "/activity"
	maxBody = 1 << 20
	// takeTime is how long a request waits to be written down.
	takeTime = 10 * time.Second
	lines    = "application/x-ndjson"
	object   = "application/json"
)

// Mount implements [bot.Mounter].
func (s *Server) Mount(mux *http.ServeMux, in bot.Inbox) {
	if len(s.senders) > 0 {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, in.Refused) })
	}
}

// serve answers one request. refused is told of what is not let in.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, refused func(context.Context, bot.Refusal)) {
	source, d, status, no := s.admit(w, r)
	if no == nil {
		status, no = s.paced(w, source)
	}
	if no != nil {
		refused(context.WithoutCancel(r.Context()), bot.Refusal{Platform: "activity", Code: bot.Code(no.code), Cause: no.cause})
		w.WriteHeader(status)
		return
	}
	if err := source.hand(r.Context(), d); err != nil {
		s.deps.Log.Warn("activity that was sent could not be kept", "sender", source.name, "cause", err)
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(d.answer) // the sender may have gone, and sends it again
}

// admit lets through what a sender signed, and nothing else.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (*Source, *delivery, int, *refusal) {
	if status, no := readHead(w, r); no != nil {
		return nil, nil, status, no
	}
	st, no := readStamp(r.Header, s.deps.Now())
	if no != nil {
		return nil, nil, http.StatusUnauthorized, no
	}
	body, status, no := readBody(w, r)
	if no != nil {
		return nil, nil, status, no
	}
	source, keys := s.senders[st.sender], s.nobody
	if source != nil {
		keys = source.keys
	}
	if good := st.signedWith(keys, body); !good || source == nil { // which of the two it was is not told
		return nil, nil, http.StatusUnauthorized, &refusal{"signature.wrong", "the signature is not of this body, sender and time"}
	}
	return source, newDelivery(st, body), 0, nil
}

// readHead refuses what is no POST of a known kind, as it is, without a query.
func readHead(w http.ResponseWriter, r *http.Request) (status int, no *refusal) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, &refusal{"request.method", "not a POST"}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != lines && kind != object || r.Header.Get("Content-Encoding") != "":
		return http.StatusUnsupportedMediaType, &refusal{"request.type", "another content type, or compressed"}
	case r.URL.RawQuery != "" || r.URL.ForceQuery:
		return http.StatusBadRequest, &refusal{"request.query", "there is a query, which nobody signed"}
	}
	return 0, nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, int, *refusal) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, http.StatusRequestEntityTooLarge, &refusal{"request.large", "over the limit"}
	}
	if err != nil {
		return nil, http.StatusBadRequest, &refusal{"request.cut", "the body could not be read"}
	}
	return body, 0, nil
}

// paced holds a sender to its pace.
func (s *Server) paced(w http.ResponseWriter, source *Source) (status int, no *refusal) {
	now := s.deps.Now()
	turn := source.limit.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait == 0 {
		return 0, nil
	}
	turn.CancelAt(now)
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	return http.StatusTooManyRequests, &refusal{"limit.reached", "the sender " + source.name + " sends more often than it may"}
}

var errNotTaken = errors.New("nobody takes it; it has to be sent again")

// hand waits until a delivery was written down by who is in Read.
func (s *Source) hand(ctx context.Context, d *delivery) error {
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	select {
	case s.arriving <- d:
	case <-ctx.Done():
		return errNotTaken
	}
	select {
	case err := <-d.done:
		return err
	case <-ctx.Done():
		return errNotTaken
	}
}
