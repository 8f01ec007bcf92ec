package awsfake

import (
	"slices"
	"sort"
	"time"
)

// Bounds of what is remembered. Older entries are forgotten, oldest first.
const (
	maxCalls    = 5000 // log of calls
	maxChanges  = 1024 // writes whose time is kept to answer lagging reads
	maxVersions = 16   // versions kept of one inline policy
	sessionKept = 24 * time.Hour
)

// Span is a stretch of time; Until is zero while it lasts.
type Span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`

	fromSeq, untilSeq int64 // which write opened and closed it; zero after a restart
}

func (p Span) seenAt(seq int64) bool {
	return p.fromSeq <= seq && (p.Until.IsZero() || p.untilSeq > seq)
}

// Session is one set of credentials that AssumeRole gave out. It holds no
// secret: the secret key and the token derive from the server's own key.
type Session struct {
	AccessKeyID    string            `json:"access_key_id"`
	Role           string            `json:"role"`
	Name           string            `json:"name"`
	SourceIdentity string            `json:"source_identity,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
	Policy         string            `json:"policy,omitempty"` // session policy
	By             string            `json:"by"`               // ARN of who assumed the role
	Chained        bool              `json:"chained,omitempty"`
	Issued         time.Time         `json:"issued"`
	Expires        time.Time         `json:"expires"`
	Denials        []Span            `json:"denials,omitempty"` // when a deny held against all it does
}

// Denied says whether a deny stood against everything the session does, at
// the time the Session was read.
func (n Session) Denied() bool {
	return len(n.Denials) > 0 && n.Denials[len(n.Denials)-1].Until.IsZero()
}

// policyVersion is one text of an inline policy; an empty one is its deletion.
type policyVersion struct {
	Document string    `json:"document"`
	At       time.Time `json:"at"`

	seq int64
}

// state is all that calls can change, and what the state file holds.
type state struct {
	Groups   []string                              `json:"groups"`   // known when it was written
	Members  ledger                                `json:"members"`  // group, user
	Policies map[string]map[string][]policyVersion `json:"policies"` // role, policy name
	Sessions map[string]*Session                   `json:"sessions"` // by access key id

	Assignments  ledger `json:"assignments,omitempty"`   // who holds which permission set in which account
	StoreMembers ledger `json:"store_members,omitempty"` // who is in which group of the identity store

	seq     int64       // number of writes so far
	changed []time.Time // when each of the last writes happened
}

func newState() state {
	return state{
		Members:  ledger{},
		Policies: map[string]map[string][]policyVersion{},
		Sessions: map[string]*Session{}, Assignments: ledger{}, StoreMembers: ledger{},
	}
}

// next numbers a write that happens at now.
func (t *state) next(now time.Time) int64 {
	t.seq++
	t.changed = append(t.changed, now)
	if over := len(t.changed) - maxChanges; over > 0 {
		t.changed = slices.Delete(t.changed, 0, over)
	}
	return t.seq
}

// visible is the newest write that a reader sees who trails behind by lag.
func (t *state) visible(now time.Time, lag time.Duration) int64 {
	if lag <= 0 {
		return t.seq
	}
	unseen := len(t.changed) - sort.Search(len(t.changed), func(i int) bool {
		return t.changed[i].After(now.Add(-lag))
	})
	return t.seq - int64(unseen)
}

// ledger says who had what, and when: by thing, then by who.
type ledger map[string]map[string][]Span

// has says whether somebody has a thing, as a reader at seq sees it.
func (l ledger) has(thing, who string, seq int64) bool {
	return slices.ContainsFunc(l[thing][who], func(p Span) bool { return p.seenAt(seq) })
}

// holders are all who have a thing, sorted.
func (l ledger) holders(thing string, seq int64) []string {
	var out []string
	for who := range l[thing] {
		if l.has(thing, who, seq) {
			out = append(out, who)
		}
	}
	slices.Sort(out)
	return out
}

// give notes in l that somebody has a thing from now on.
func (t *state) give(l ledger, thing, who string, now time.Time) {
	if l.has(thing, who, t.seq) {
		return
	}
	if l[thing] == nil {
		l[thing] = map[string][]Span{}
	}
	l[thing][who] = append(l[thing][who], Span{From: now, fromSeq: t.next(now)})
}

// take notes in l that somebody has a thing no more.
func (t *state) take(l ledger, thing, who string, now time.Time) {
	spans := l[thing][who]
	if len(spans) == 0 || !spans[len(spans)-1].Until.IsZero() {
		return
	}
	last := &spans[len(spans)-1]
	last.Until, last.untilSeq = now, t.next(now)
}

func (t *state) isMember(group, user string, seq int64) bool { return t.Members.has(group, user, seq) }

func (t *state) join(group, user string, now time.Time) { t.give(t.Members, group, user, now) }

func (t *state) leave(group, user string, now time.Time) { t.take(t.Members, group, user, now) }

func (t *state) membersAt(group string, seq int64) []string { return t.Members.holders(group, seq) }

func (t *state) groupsAt(user string, seq int64) []string {
	var out []string
	for group := range t.Members {
		if t.isMember(group, user, seq) {
			out = append(out, group)
		}
	}
	slices.Sort(out)
	return out
}

// policyAt returns the text a reader at seq sees, and whether there is one.
func (t *state) policyAt(role, name string, seq int64) (string, bool) {
	versions := t.Policies[role][name]
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].seq <= seq {
			return versions[i].Document, versions[i].Document != ""
		}
	}
	return "", false
}

// policiesAt returns the inline policies of a role by name.
func (t *state) policiesAt(role string, seq int64) map[string]string {
	out := map[string]string{}
	for name := range t.Policies[role] {
		if doc, ok := t.policyAt(role, name, seq); ok {
			out[name] = doc
		}
	}
	return out
}

func (t *state) putPolicy(role, name, doc string, now time.Time) {
	if t.Policies[role] == nil {
		t.Policies[role] = map[string][]policyVersion{}
	}
	versions := t.Policies[role][name]
	versions = append(versions, policyVersion{Document: doc, At: now, seq: t.next(now)})
	if over := len(versions) - maxVersions; over > 0 {
		versions = slices.Delete(versions, 0, over)
	}
	t.Policies[role][name] = versions
}

// forget drops sessions that ended long ago.
func (t *state) forget(now time.Time) {
	for id, n := range t.Sessions {
		if now.Sub(n.Expires) > sessionKept {
			delete(t.Sessions, id)
		}
	}
}
