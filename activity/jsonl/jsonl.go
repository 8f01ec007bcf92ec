// Package jsonl reads the plain format in which any system can tell what was
// done: one JSON object a line. docs/activity-format.md describes it.
package jsonl

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/activity/logfile"
	"jitbot/internal/follow"
	"jitbot/internal/strictjson"
	"jitbot/jit"
)

// maxID is how long an id may be. A longer one could be cut where two differ.
const maxID = 256

// BadOutcome is the reason for an outcome that is none.
const BadOutcome = "of an outcome that is none of ok, denied, failed"

// Format reads the lines of one system.
type Format struct {
	// Name is the system's, of which ids are unique, and the service of actions
	// that name none.
	Name string
	// TrustGrant says that a grant which a line names is believed: who can write
	// such a line may then say which grant did something.
	TrustGrant bool
}

var _ logfile.Format = Format{}

// Family is what the ids of a system's actions are unique in, whichever way
// they come.
func Family(name string) string { return "jsonl/" + name }

// line is one line.
type line struct {
	Time     string `json:"time"`
	Actor    string `json:"actor"`
	Grant    string `json:"grant"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Outcome  string `json:"outcome"`
	Src      string `json:"src"`

	ID             string `json:"id"`
	Service        string `json:"service"`
	Scope          string `json:"scope"`
	Session        string `json:"session"`
	Login          string `json:"login"`
	Person         string `json:"person"`
	AccessKey      string `json:"access_key"`
	SourceIdentity string `json:"source_identity"`
	ReadOnly       bool   `json:"read_only"`
	Code           string `json:"code"`
	Agent          string `json:"agent"`
	Account        string `json:"account"`
	Region         string `json:"region"`
	Detail         string `json:"detail"`

	Until string `json:"until"`
}

// Ender implements [logfile.Format].
func (Format) Ender() follow.Ender { return follow.Newline{} }

// Read implements [logfile.Format].
func (f Format) Read(text []byte, offset int64, out logfile.Out) logfile.Heard {
	var l line
	if err := strictjson.DecodeWithin(follow.MaxRecord, text, &l); err != nil {
		out.Skip(logfile.Why(err), 1)
		return logfile.Heard{}
	}
	var heard logfile.Heard
	var why string
	if l.Until != "" {
		heard.Until, why = instant(l.Until)
		if why != "" || l.bare() {
			return skip(out, why, heard)
		}
	}
	r := f.record(l)
	if heard.At, why = instant(l.Time); why == "" {
		why = l.wrong()
	}
	if r.At = heard.At; r.ID == "" {
		r.ID = digest(text, offset)
	}
	if why == "" {
		out.Add(&r)
	}
	return skip(out, why, heard)
}

func skip(out logfile.Out, why string, heard logfile.Heard) logfile.Heard {
	if why == "" {
		return heard
	}
	out.Skip(why, 1)
	return logfile.Heard{}
}

// bare reports whether a line says nothing but until.
func (l line) bare() bool { return l == line{Until: l.Until} }

func instant(text string) (time.Time, string) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, activity.BadTime
	}
	return at.UTC(), ""
}

// wrong is what is wrong with a line that is an object of the right kinds.
func (l line) wrong() string {
	switch {
	case l.Actor == "" || strings.TrimSuffix(l.Action, ":") == "":
		return activity.BadShape
	case len(l.ID) > maxID:
		return activity.BadID
	}
	switch jit.ActivityOutcome(l.Outcome) {
	case "", jit.ActivityOK, jit.ActivityDenied, jit.ActivityFailed:
		return ""
	}
	return BadOutcome
}

func (f Format) record(l line) activity.Record {
	r := activity.Record{
		Family: Family(f.Name), ID: l.ID, Service: l.Service, Verb: l.Action, Resource: l.Resource,
		Outcome: jit.ActivityOutcome(l.Outcome), Code: l.Code, Actor: l.Actor, Origin: l.Src, Agent: l.Agent,
		Account: l.Account, Region: l.Region, Detail: l.Detail, ReadOnly: l.ReadOnly,
		Scope: l.Scope, AccessKey: l.AccessKey, SourceIdentity: l.SourceIdentity, Session: l.Session, Login: l.Login, Person: l.Person,
	}
	if r.Outcome == "" {
		r.Outcome = jit.ActivityOK
	}
	if service, verb, ok := strings.Cut(l.Action, ":"); ok && r.Service == "" && service != "" && verb != "" {
		r.Service, r.Verb = service, verb
	}
	if r.Service == "" {
		r.Service = f.Name
	}
	if f.TrustGrant {
		r.Grant = l.Grant
	}
	return r
}

// digest names an action without an id: by its line and where that stands, as
// the same line twice in a file is two actions, and the same file twice is one.
func digest(text []byte, offset int64) string {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(offset)))
	h.Write(text)
	return "sha256:" + hex.EncodeToString(h.Sum(nil)[:16])
}
