// Package policy turns a YAML file into a Policy and a request into a
// decision. Deciding is pure: it reads no clock, no network and no random
// order, so a decision can be made again from the frozen request and facts.
// Nothing here ever grants anything.
package policy

import (
	"time"

	"jitbot/jit"
)

// Options says what a policy may refer to outside its own file.
type Options struct {
	Kinds []Kind // entitlement kinds this build can give
	// OnCallSources and GroupSources are where schedules and groups may live.
	// Nil accepts any source; its settings are then checked by whoever opens it.
	OnCallSources []Kind
	GroupSources  []Kind
	// WarnUnreachable turns rules that can never decide into warnings, for
	// policies that programs write.
	WarnUnreachable bool
	// ReadFile reads a file a parameter names, relative to the policy file.
	// Nil refuses such parameters.
	ReadFile func(name string) ([]byte, error)
}

// Kind is a kind of entitlement, or of source, with its settings.
type Kind struct {
	Name   string
	Params []Param
}

// Param is one setting of a [Kind].
type Param struct {
	Name     string
	Required bool
	File     bool                     // the value names a file, and is replaced by its content
	Check    func(value string) error // of the value or the file's content; may be nil
	// Warn says what is odd about a value that Check let pass; empty: nothing.
	// It may be nil.
	Warn func(value string) string
}

// Resource is one thing people may ask for.
type Resource struct {
	Name         string
	Description  string
	Sensitivity  string // low, medium or high; medium if the file does not say
	Labels       map[string]string
	Owner        string   // group:x, oncall:y or an e-mail; may be empty
	Scope        []string // patterns of what it is for, as logs name it; empty: not said
	Entitlements []jit.Entitlement
	Line         int
}

// Needs names the live facts that could change the decision of a request.
// The slices are shared: do not change them.
type Needs struct {
	Groups       []string // live groups, sorted
	Schedules    []string // schedules that are not static rotations, sorted
	Ticket       bool
	Incidents    bool
	AutoApproved bool
	Advance      bool
	// LastApprovers asks for [Facts.LastApprovers].
	LastApprovers bool
}

// RuleView is what the application needs of a rule, with defaults filled in.
type RuleView struct {
	ID           string
	Line         int
	Outcome      Outcome       // what the rule gives when it matches
	Deny         string        // the words of a deny rule
	MaxDuration  time.Duration // 0 in a deny rule
	MinDuration  time.Duration
	Default      time.Duration // default_duration
	Resources    []string      // names of the resources the rule is for, in file order
	Eligible     []string      // as written
	Approvers    []string      // approvals.from as written
	Each         []string      // approvals.each as written
	Count        int
	StepUp       bool
	Note         bool     // approvers write a note
	ExcludeLast  int      // who approved that many grants of the holder before may not approve; 0: they may
	Auto         AutoView // which requests need no approvals
	Channel      string   // notify.channel, empty: the service's default
	Quiet        bool     // posted without a call for attention: an auto-approval
	Urgent       bool     // not held back by quiet hours
	Escalate     Escalate
	Extend       time.Duration // extend.max_total, 0: no extensions
	BreakGlass   BreakGlassView
	OnBehalf     []string // who may ask for somebody else, as written
	PendingTTL   time.Duration
	RemindAfter  time.Duration
	WarnBefore   time.Duration
	PerPerson    Limit
	NeedsTicket  bool
	TicketOpen   bool // the ticket has to be open, so access that rests on it ends with it
	IncidentOpen bool // when asks for an open incident; the same holds of it
	ReasonRegexp string
	Keep         bool // never proposed for deletion, nor narrowed by a program: a rule for rare days
}

// AutoView is what auto_approve says besides yes. Beside approvals, Beside is
// set and a request that fits all of it needs none.
type AutoView struct {
	Beside      bool
	MaxDuration time.Duration // of the grant in all; 0: what the rule gives
	Hours       string        // 07:00-19:00, in the policy's time zone; empty: all day
	Days        string        // mon tue wed; empty: every day
	Expires     time.Time     // does not hold from this instant on; zero: for ever
	PerPerson   Limit
}

// Escalate says who else is told when nobody answers. A zero After means
// nobody.
type Escalate struct {
	After time.Duration
	To    []string // group:x, oncall:y or e-mails
}

// BreakGlassView says who may break the glass. A zero MaxDuration means
// nobody.
type BreakGlassView struct {
	Eligible     []string
	MaxDuration  time.Duration
	ReviewWithin time.Duration
}

// Limit is at most N in any stretch of Per. A zero N means no limit.
type Limit struct {
	N   int
	Per time.Duration
}

// QuietHours is the time of day, in the policy's time zone, when reminders
// wait. Equal From and To mean none.
type QuietHours struct {
	From, To time.Duration // since local midnight; From after To spans midnight
}
