package pglog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/activity/logfile"
	"jitbot/internal/follow"
	"jitbot/jit"
)

// BadImitation is the reason for a message that looks like one of the server's
// or of pgaudit's, and was made by a client.
const BadImitation = "imitates another"

// Service is the first half of what is done in a database.
const Service = "postgres"

// Format reads jsonlog and csvlog, record by record.
type Format struct {
	// Name is the source's: ids are unique within it.
	Name string
	// Cluster stands before the database's name in the scope of an action.
	Cluster string
	// Zone is what log_timezone names. Nil: UTC.
	Zone *time.Location
	// Statements has the text of statements kept, without its literals.
	Statements bool
}

var _ logfile.Format = Format{}

// Ender implements [logfile.Format].
func (Format) Ender() follow.Ender { return &ender{} }

// Read implements [logfile.Format].
func (f Format) Read(text []byte, _ int64, out logfile.Out) logfile.Heard {
	e, why := parse(text)
	if why != "" {
		out.Skip(why, 1)
		return logfile.Heard{}
	}
	at, ok := instant(e.Time, f.zone())
	if !ok {
		out.Skip(activity.BadTime, 1)
		return logfile.Heard{}
	}
	r := f.record(e, at)
	if why := f.fill(&r, e); why != "" {
		out.Skip(why, 1)
	} else if r.Verb != "" {
		out.Add(&r)
	}
	return logfile.Heard{At: at}
}

func (f Format) zone() *time.Location {
	if f.Zone == nil {
		return time.UTC
	}
	return f.Zone
}

// record is what every action of a session has.
func (f Format) record(e entry, at time.Time) activity.Record {
	r := activity.Record{
		Family: Service + "/" + f.Name, At: at, Service: Service, Resource: e.Database, Outcome: jit.ActivityOK,
		Actor: e.User, Login: e.User, Origin: e.Host, Scope: f.Cluster + "/" + e.Database,
	}
	if e.Session != "" && e.Line > 0 {
		r.ID = e.Session + ":" + strconv.FormatInt(e.Line, 10)
	}
	if e.Application != "" {
		r.Detail = "application_name " + e.Application
	}
	r.Opened, _ = instant(e.Started, f.zone())
	return r
}

// made reports whether a client's code had the server write a message: that has
// the context it was written in. pgaudit hides context and statement. A session
// that is ended within a statement has that beside its end.
func (e entry) made(isAudit bool) bool { return e.Context != "" || isAudit && e.Statement != "" }

// fill puts into r what was done. An empty verb: nothing was.
func (f Format) fill(r *activity.Record, e entry) (why string) {
	audit, isAudit := strings.CutPrefix(e.Message, "AUDIT: ")
	touch := touchOf(e.Message)
	switch {
	case e.User == "":
	case e.Severity == "ERROR" || e.Severity == "FATAL" || e.Severity == "PANIC":
		f.fail(r, e)
	case (isAudit || touch != "") && e.made(isAudit):
		return BadImitation
	case isAudit:
		return f.audit(r, audit)
	case touch != "" && e.Severity == "LOG":
		r.Verb, r.ReadOnly = "CONNECT", true
		more(r, touch)
	}
	return ""
}

func more(r *activity.Record, text string) {
	if r.Detail != "" && text != "" {
		r.Detail += ", "
	}
	r.Detail += text
}

// touchOf says which of a session's ends a message is about.
func touchOf(message string) string {
	for _, start := range []string{"connection authorized", "disconnection"} {
		if strings.HasPrefix(message, start+": ") {
			return start
		}
	}
	return ""
}

// Fields of a message of pgaudit.
const (
	auditType, auditClass, auditCommand, auditObject, auditStatement = 0, 3, 4, 6, 7
	auditFields                                                      = 9
)

// classes are pgaudit's.
var classes = []string{"READ", "WRITE", "FUNCTION", "ROLE", "DDL", "MISC", "MISC_SET"}

func (f Format) audit(r *activity.Record, text string) (why string) {
	a, ok := fields([]byte(text), make([]string, 0, 10))
	if !ok || len(a) < auditFields || a[auditType] != "SESSION" && a[auditType] != "OBJECT" || !slices.Contains(classes, a[auditClass]) || a[auditCommand] == "" {
		return activity.BadShape
	}
	r.Verb, r.ReadOnly = a[auditClass]+" "+a[auditCommand], a[auditClass] == "READ"
	if a[auditObject] != "" {
		r.Resource = a[auditObject]
	}
	if f.Statements && !strings.HasPrefix(a[auditStatement], "<") { // <not logged>
		more(r, scrub(a[auditStatement]))
	}
	return ""
}

// SQLSTATEs with a meaning of their own.
const (
	notPermitted = "42501"
	notLetIn     = "28" // the class: no such role, a wrong password
)

// fail is a statement that did not work. What its message says may hold data,
// but for that of a refusal, which has names in it.
func (f Format) fail(r *activity.Record, e entry) {
	r.Verb, r.Outcome, r.Code = verbOf(e.Command), jit.ActivityFailed, e.State
	r.ReadOnly = strings.HasPrefix(r.Verb, "READ ")
	switch {
	case e.State == notPermitted:
		r.Outcome, r.Layer = jit.ActivityDenied, activity.LayerDatabase
		more(r, e.Message)
	case strings.HasPrefix(e.State, notLetIn):
		r.Outcome, r.Verb, r.ReadOnly = jit.ActivityDenied, "CONNECT", true
	}
	if f.Statements {
		more(r, scrub(e.Statement))
	}
}

// verbOf puts pgaudit's class before a command that belongs to one.
func verbOf(command string) string {
	switch command {
	case "SELECT":
		return "READ " + command
	case "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "TRUNCATE TABLE":
		return "WRITE " + command
	}
	if command == "" || strings.Trim(command, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") != "" { // idle, authentication
		return "STATEMENT"
	}
	return command
}
