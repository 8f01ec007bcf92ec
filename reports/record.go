package reports

import (
	"errors"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Record is one thing that is exported: an event, or an activity.
type Record struct {
	Event    jit.Event
	Activity *jit.Activity // nil: it is the event
	About    About
}

// About is what a record is about, as far as the store knows it. Rows without an
// ID are not known.
type About struct {
	Request  jit.Request
	Grant    jit.Grant
	Holdings []jit.Holding
}

// At is when it happened.
func (r Record) At() time.Time {
	if r.Activity != nil {
		return r.Activity.At
	}
	return r.Event.At
}

// Kind is the event's kind, or what stands for one with an activity.
func (r Record) Kind() string {
	if r.Activity != nil {
		return KindActivity
	}
	return r.Event.Kind
}

// KindActivity is the kind of an activity, where a word for one is needed.
const KindActivity = "activity"

// Grant is the id of the grant it belongs to; empty: none.
func (r Record) Grant() string {
	if r.Activity != nil {
		return r.Activity.Grant
	}
	return r.Event.Grant
}

// SideDoor reports whether it is an activity that came through what only
// grants should open, and was nobody's.
func (r Record) SideDoor() bool { return r.Activity != nil && r.Activity.Grant == "" }

// Person is whose access it is about; empty: nobody's.
func (r Record) Person() string {
	if r.About.Grant.Principal != "" {
		return r.About.Grant.Principal
	}
	return r.About.Request.For
}

// Severity is how much somebody should care.
type Severity int

// The severities, numbered as OCSF does.
const (
	Informational Severity = 1
	Low           Severity = 2
	Medium        Severity = 3
	High          Severity = 4
	Critical      Severity = 5
)

// String is the severity's name in OCSF.
func (s Severity) String() string {
	return map[Severity]string{Informational: "Informational", Low: "Low", Medium: "Medium", High: "High", Critical: "Critical"}[s]
}

var severities = map[string]Severity{
	jit.EventGrantOverdue:    Critical,
	jit.EventSourceSilent:    High,
	jit.EventPolicyRefused:   Medium,
	jit.EventClockAccepted:   Medium,
	jit.EventLinkHeld:        Medium,
	jit.EventActivityRefused: Medium,
	jit.EventHoldingRetry:    Low,
	jit.EventRefused:         Low,
	jit.EventExported:        Low,
}

// Severity is how much somebody should care about r.
func (r Record) Severity() Severity {
	if a := r.Activity; a != nil {
		switch {
		case r.SideDoor(), a.Late, a.Stray:
			return High
		case a.Outcome == jit.ActivityDenied:
			return Medium
		}
		return Informational
	}
	if s, ok := severities[r.Event.Kind]; ok {
		return s
	}
	switch {
	case r.Event.Kind == jit.EventGrantActive && r.About.Grant.Kind == jit.BreakGlass:
		return High
	case r.Event.Outcome == "failed":
		return Medium
	}
	return Informational
}

// WithoutData is r without its details, for a receiver that cannot take all of
// it. The digest of what was left out stays.
func (r Record) WithoutData() Record {
	if r.Activity == nil {
		r.Event.Data = []byte(`{}`)
		return r
	}
	a := *r.Activity
	a.Detail = ""
	r.Activity = &a
	return r
}

// Finder finds what records are about. It reads each grant and request once, so
// it is for one view and one short stretch of records.
type Finder struct {
	view     storage.View
	requests map[string]jit.Request
	grants   map[string]About
}

// NewFinder returns a finder on v.
func NewFinder(v storage.View) *Finder {
	return &Finder{v, map[string]jit.Request{}, map[string]About{}}
}

// Event is the record of an event.
func (f *Finder) Event(e jit.Event) (Record, error) {
	about, err := f.about(e.Grant, e.Request)
	return Record{Event: e, About: about}, err
}

// Activity is the record of an activity.
func (f *Finder) Activity(a jit.Activity) (Record, error) {
	about, err := f.about(a.Grant, "")
	return Record{Activity: &a, About: about}, err
}

func (f *Finder) about(grant, request string) (About, error) {
	about, err := f.grant(grant)
	if err != nil || about.Request.ID != "" {
		return about, err
	}
	about.Request, err = f.request(request)
	return about, err
}

func (f *Finder) grant(id string) (About, error) {
	if about, known := f.grants[id]; known || id == "" {
		return about, nil
	}
	var about About
	var err error
	if about.Grant, err = f.view.Grant(id); errors.Is(err, storage.ErrNotFound) {
		f.grants[id] = About{}
		return About{}, nil
	} else if err != nil {
		return About{}, err
	}
	if about.Holdings, err = f.view.Holdings(storage.HoldingFilter{Grants: []string{id}}); err != nil {
		return About{}, err
	}
	if about.Request, err = f.request(about.Grant.Request); err != nil {
		return About{}, err
	}
	f.grants[id] = about
	return about, nil
}

func (f *Finder) request(id string) (jit.Request, error) {
	if r, known := f.requests[id]; known || id == "" {
		return r, nil
	}
	r, err := f.view.Request(id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return jit.Request{}, err
	}
	f.requests[id] = r
	return r, nil
}

// holding is a holding of what a record is about.
func (a About) holding(id string) (jit.Holding, bool) {
	i := slices.IndexFunc(a.Holdings, func(h jit.Holding) bool { return h.ID == id })
	if i < 0 {
		return jit.Holding{}, false
	}
	return a.Holdings[i], true
}
