package policy

import (
	"time"
)

// refKind tells the ways to name people apart.
type refKind uint8

const (
	everyone refKind = iota
	person           // id indexes Policy.people
	group            // id indexes Policy.groups
	schedule         // id indexes Policy.schedules
)

// ref is one entry of eligible, approvals.from, escalate.to and the like.
type ref struct {
	kind refKind
	id   int32
}

// peopleGroup is one entry of groups: members, or a source that knows them.
type peopleGroup struct {
	name    string
	live    bool
	members []string // sorted
	source  source
}

// onCallSchedule is one entry of on_call.
type onCallSchedule struct {
	name     string
	static   bool
	rotation Rotation
	source   source
}

// source is where a live group or schedule is kept.
type source struct {
	kind   string
	params map[string]string
}

type defaults struct {
	loc                          *time.Location
	pendingTTL, remind, warn     time.Duration
	maxDuration, defaultDuration time.Duration
	quiet                        QuietHours
}

// match picks resources. What it does not name it does not look at.
type match struct {
	globs       []string
	labels      map[string]string
	sensitivity []string
}

type ticketRule struct {
	asked, open, assignee bool
}

// rule is everything a rule says. What deciding reads again and again is
// copied to hotRule.
type rule struct {
	id           string
	line         int
	match        match
	resources    []int32 // ascending
	eligible     []ref
	onBehalf     []ref
	outcome      Outcome
	denial       string
	min, max     time.Duration
	byDefault    time.Duration
	reason       string // require.reason as written
	ticket       ticketRule
	onCall       []int32 // schedules
	when         *condition
	from, each   []ref
	fixedFrom    []string // people that approvals.from names without live sources, sorted
	allFixed     bool     // from has no live source
	count        int
	stepUp       bool
	note         bool // approvers write a note
	excludeLast  int  // who approved that many grants before may not approve
	auto         autoRule
	perPerson    Limit // of a rule that has no approvals
	keep         bool
	channel      string
	escalate     Escalate
	extend       time.Duration
	breakGlass   glass
	urgent       bool
	pendingTTL   time.Duration
	remind, warn time.Duration
	written      []string // the keys that the file has, those of mappings as require.ticket
}

// autoRule is auto_approve. Beside approvals it says which requests need none;
// alone only expires is set, which then is a condition of the rule.
type autoRule struct {
	beside    bool
	max       time.Duration // of the grant in all; 0: what the rule gives
	times     hotRule       // hours and days, if asks has asksHours
	expires   time.Time     // does not hold from this instant on; zero: for ever
	perPerson Limit
}

type glass struct {
	eligible     []ref
	max          time.Duration
	reviewWithin time.Duration
}

// What a hotRule asks for besides its durations.
const (
	asksHours uint8 = 1 << iota
	asksOnCall
	asksTicket
	asksLimit
	asksReason
	asksWhen
	asksDate
)

// hotRule is the part of a rule that deciding reads, kept small so that many
// of them stay in the processor's cache.
type hotRule struct {
	min, max time.Duration
	onCall   []int32
	expr     int32 // index of the reason expression
	from, to uint16
	days     uint8 // bit time.Weekday
	asks     uint8
	deny     bool
}

// Policy is one loaded policy file. It never changes and may be used by any
// number of goroutines.
type Policy struct {
	file      string
	sum       string
	src       []byte    // of the file
	files     []inlined // that it names, in the order they were read
	defaults  defaults
	people    []string // every e-mail the file names
	personID  map[string]int32
	groups    []peopleGroup
	groupID   map[string]int32
	schedules []onCallSchedule
	schedID   map[string]int32
	resources []Resource
	resID     map[string]int32
	bundles   map[string][]string
	rules     []rule
	hot       []hotRule
	exprs     []expr
	index     index
	needs     [][2]Needs // by resource: ordinary, break-glass
	warnings  []string
	examples  int
}
