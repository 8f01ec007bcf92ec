// Package api serves what programs ask jitbot for: the command line, which
// fetches a person's credentials. It takes JSON and answers JSON, keeps nothing
// and decides nothing; who may have what is for [Machines] to say.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"jitbot/bot"
	"jitbot/internal/strictjson"
)

// Machines gives tokens to machines that people linked, and credentials for
// tokens. [bot.Service] is one.
type Machines interface {
	// AskDevice takes in a machine that wants a token.
	AskDevice(ctx context.Context, a bot.Asker) (bot.DeviceCode, error)
	// TakeToken gives it its token, once, after its person has confirmed it.
	TakeToken(ctx context.Context, code string) (bot.NewToken, error)
	// TokenCredentials opens a session of a grant of a token's person.
	TokenCredentials(ctx context.Context, token string, w bot.CredentialWish) (bot.Credentials, bot.Offer, error)
}

// The paths.
const (
	Root            = "/cli/"
	PathDevice      = Root + "device"
	PathToken       = Root + "token"
	PathCredentials = Root + "credentials"
)

// The errors that are of the protocol. Others are the codes of package bot.
const (
	InvalidRequest       = "invalid_request"
	InvalidToken         = "invalid_token"
	AuthorizationPending = "authorization_pending"
	SlowDown             = "slow_down"
	AccessDenied         = "access_denied"
	ExpiredToken         = "expired_token"
	ServerError          = "server_error"
)

// maxBody bounds a request: a name and an id.
const maxBody = 16 << 10

// maxSecret bounds a code or a token.
const maxSecret = 256

// DeviceRequest is the body of POST /cli/device.
type DeviceRequest struct {
	Machine string `json:"machine"` // what it calls itself, for the person who confirms
}

// DeviceAnswer says what a person has to type in chat.
type DeviceAnswer struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	ExpiresIn  int    `json:"expires_in"` // seconds
	Interval   int    `json:"interval"`   // seconds between two requests of POST /cli/token
	Message    string `json:"message"`
}

// TokenRequest is the body of POST /cli/token.
type TokenRequest struct {
	DeviceCode string `json:"device_code"`
}

// TokenAnswer is a token. It is given once.
type TokenAnswer struct {
	AccessToken string    `json:"access_token"`
	TokenType   string    `json:"token_type"`
	Scope       string    `json:"scope"`
	ExpiresIn   int       `json:"expires_in"` // seconds
	ExpiresAt   time.Time `json:"expires_at"`
	TokenID     string    `json:"token_id"`
	Person      string    `json:"person"`
	Name        string    `json:"name"`
}

// CredentialsRequest is the body of POST /cli/credentials.
type CredentialsRequest struct {
	Grant   string `json:"grant"`
	Holding string `json:"holding"`
}

// CredentialsAnswer is a session. ExpiresAt is what the provider said.
type CredentialsAnswer struct {
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key"`
	SessionToken    string    `json:"session_token"`
	ExpiresAt       time.Time `json:"expires_at"`
	Region          string    `json:"region,omitempty"`
	Grant           string    `json:"grant"`
	GrantEndsAt     time.Time `json:"grant_ends_at"`
	Resource        string    `json:"resource"`
	Person          string    `json:"person"`
}

// Problem is every other answer.
type Problem struct {
	Error   string `json:"error"`
	Message string `json:"message"`
}

type server struct {
	machines Machines
	log      *slog.Logger
}

// New returns the endpoints: POST /cli/device, /cli/token and /cli/credentials.
// What goes wrong on our side is logged to log; what is answered never is.
func New(m Machines, log *slog.Logger) http.Handler {
	s := &server{m, log}
	mux := http.NewServeMux()
	mux.Handle(PathDevice, posted(s.device))
	mux.Handle(PathToken, posted(s.token))
	mux.Handle(PathCredentials, posted(s.credentials))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, Problem{InvalidRequest, "There is nothing here. Is this the program that belongs to this jitbot?"})
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// posted serves a POST of JSON: it reads the body into an I, and has do answer.
func posted[I any](do func(http.ResponseWriter, *http.Request, I)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			answer(w, http.StatusMethodNotAllowed, Problem{InvalidRequest, "Only POST is answered here."})
			return
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			answer(w, http.StatusUnsupportedMediaType, Problem{InvalidRequest, "The body has to be application/json."})
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			answer(w, http.StatusRequestEntityTooLarge, Problem{InvalidRequest, "The body is too large."})
			return
		}
		var in I
		if err == nil {
			err = strictjson.Decode(body, &in)
		}
		if err != nil {
			answer(w, http.StatusBadRequest, Problem{InvalidRequest, "The body cannot be read."})
			return
		}
		do(w, r, in)
	})
}

func (s *server) device(w http.ResponseWriter, r *http.Request, in DeviceRequest) {
	address, network := origin(r)
	d, err := s.machines.AskDevice(r.Context(), bot.Asker{Machine: in.Machine, Address: address, Network: network})
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, DeviceAnswer{
		DeviceCode: d.Code.Reveal(), UserCode: d.UserCode, ExpiresIn: seconds(d.Within), Interval: seconds(d.Every),
		Message: "Type /jit link " + d.UserCode + " in chat.",
	})
}

func (s *server) token(w http.ResponseWriter, r *http.Request, in TokenRequest) {
	if in.DeviceCode == "" || len(in.DeviceCode) > maxSecret {
		s.refuse(w, r, bot.ErrExpiredToken)
		return
	}
	t, err := s.machines.TakeToken(r.Context(), in.DeviceCode)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, TokenAnswer{
		AccessToken: t.Secret.Reveal(), TokenType: "Bearer", Scope: string(t.Scope), ExpiresIn: seconds(t.Lasts),
		ExpiresAt: t.ExpiresAt, TokenID: t.ID, Person: t.Principal, Name: t.Name,
	})
}

func (s *server) credentials(w http.ResponseWriter, r *http.Request, in CredentialsRequest) {
	kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "Bearer") || token == "" || len(token) > maxSecret {
		s.refuse(w, r, bot.ErrNoToken)
		return
	}
	creds, o, err := s.machines.TokenCredentials(r.Context(), token, bot.CredentialWish{Grant: in.Grant, Holding: in.Holding})
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	c := creds.Reveal()
	answer(w, http.StatusOK, CredentialsAnswer{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, ExpiresAt: c.ExpiresAt.UTC(),
		Region: c.Region, Grant: o.Grant, GrantEndsAt: o.Until, Resource: o.Resource, Person: o.Person,
	})
}

// refuse answers why there is nothing, and what to do.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	for _, known := range []struct {
		err    error
		status int
		Problem
	}{
		{bot.ErrAuthorizationPending, http.StatusBadRequest, Problem{AuthorizationPending, "Nobody has confirmed it in chat yet."}},
		{bot.ErrSlowDown, http.StatusBadRequest, Problem{SlowDown, "That was asked too soon: wait five seconds longer from now on."}},
		{bot.ErrAccessDenied, http.StatusBadRequest, Problem{AccessDenied, "It was rejected in chat, or who confirmed it may not use jitbot now."}},
		{bot.ErrExpiredToken, http.StatusBadRequest, Problem{ExpiredToken, "The code has run out, was used, or never was one."}},
		{bot.ErrNoToken, http.StatusUnauthorized, Problem{InvalidToken, "This machine is not linked any more."}},
	} {
		if errors.Is(err, known.err) {
			if known.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			answer(w, known.status, known.Problem)
			return
		}
	}
	var u *bot.UserError
	if errors.As(err, &u) {
		if after, ok := bot.IsLater(err); ok {
			w.Header().Set("Retry-After", strconv.Itoa(max(seconds(after+time.Second-1), 1)))
		}
		answer(w, statusOf(u.Code), Problem{string(u.Code), sentence(u)})
		return
	}
	s.log.ErrorContext(r.Context(), "the command line could not be answered", "path", r.URL.Path, "cause", err)
	answer(w, http.StatusServiceUnavailable, Problem{ServerError, "Something between jitbot and the provider failed; the cause is in jitbot's log. Try again in a moment."})
}

func statusOf(code bot.Code) int {
	switch code {
	case bot.CodeLimit:
		return http.StatusTooManyRequests
	case bot.CodeUnknownThing:
		return http.StatusNotFound
	case bot.CodeBadInput:
		return http.StatusBadRequest
	case bot.CodeChanged:
		return http.StatusConflict
	case bot.CodeStoreDown, bot.CodeClockDoubt, bot.CodeAccountDoubt:
		return http.StatusServiceUnavailable
	default:
		return http.StatusForbidden
	}
}

// sentence is a refusal without the marks that chats show as code.
func sentence(u *bot.UserError) string {
	return strings.ReplaceAll(strings.TrimSpace(u.Say+" "+u.Hint), "`", "")
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// answer writes an answer that nobody is to keep.
func answer(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller may have gone; there is nobody to tell
}
