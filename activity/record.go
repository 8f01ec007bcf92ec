package activity

import (
	"strings"
	"time"

	"jitbot/jit"
)

// Record is one action as a source found it, before it is known whose it is.
// Its texts may point into the source's buffer: they are only read during
// [Batch.Add].
type Record struct {
	// Family and ID name the action for good: whichever source of a family tells
	// of it, and however often, it is one. An ID is needed.
	Family string
	ID     string
	// Amends says that this record takes the place of the one with its ID, which
	// the source corrects.
	Amends bool

	At       time.Time
	Service  string // s3, postgres, k8s: the first half of the action
	Verb     string // GetObject, READ, get pods
	Resource string
	Outcome  jit.ActivityOutcome
	Code     string
	Layer    string // see the Layer constants
	Actor    string // as the source writes it
	Origin   string // address or service it came from
	Agent    string
	Account  string
	Region   string
	Detail   string // more of it, for people; redacted by rule
	ReadOnly bool

	// What tells whose it is. Each may be empty.
	Scope          string // what it was done through: a role's ARN, a database, a cluster, the account of a user
	AccessKey      string
	SourceIdentity string
	Session        string    // the session's name, whole
	Login          string    // a user of the scope
	Person         string    // Identity Center: the user name, whole
	Opened         time.Time // when the session was opened
	Grant          string    // named by a system that signs what it sends
	// Unsigned says that whoever imported the record vouches for Grant alone: it
	// is believed of grants that were imported as well.
	Unsigned bool
}

// clone is a copy of r that points into nothing of its source's.
func (r *Record) clone() Record {
	c := *r
	for _, text := range []*string{
		&c.Family, &c.ID, &c.Service, &c.Verb, &c.Resource, &c.Code, &c.Layer, &c.Actor, &c.Origin, &c.Agent, &c.Account, &c.Region,
		&c.Detail, &c.Scope, &c.AccessKey, &c.SourceIdentity, &c.Session, &c.Login, &c.Person, &c.Grant,
	} {
		*text = strings.Clone(*text)
	}
	c.Outcome = jit.ActivityOutcome(strings.Clone(string(c.Outcome)))
	return c
}

// The layers that refuse an action. Only the first two are a grant's own.
const (
	LayerIdentity = "identity policy"
	LayerSession  = "session policy"
	LayerBoundary = "permissions boundary"
	LayerOrg      = "organization policy"
	LayerResource = "resource policy"
	LayerEndpoint = "endpoint policy"
	LayerTrust    = "trust policy"
	LayerDatabase = "database privilege"
	LayerCluster  = "cluster role"
)

// Mark is what the outside writes beside every action that is done with a
// holding. An action bears a mark when it has its value, whole and in the same
// letters, in the place that Method names, and its scope where the mark has one.
type Mark struct {
	Method jit.Method
	Scope  string // what it has to be done through; empty: anything
	Value  string
	// Person is the source identity that goes with the mark where one must: an
	// action with another one is not the grant's, whatever its session is named.
	Person string
}

// Marker is a provisioner that knows by what marks actions done with a holding
// are known. It is pure. Marks that come to be later, such as the ids of keys
// that are handed out, are known from the log of events.
type Marker interface {
	Marks(h jit.Holding) []Mark
	// Opens names what h lets its holder act through: a role, a database. An
	// action done through it that is nobody's is a side door. Empty: it is open
	// to others too.
	Opens(h jit.Holding) string
}
