package activity

import (
	"cmp"
	"slices"
	"time"

	"jitbot/jit"
)

const (
	// skew is how far the clock of a log may be off.
	skew = 3 * time.Minute
	// linger is how long after its end a grant may still be what a person's
	// session came from: the longest life of one.
	linger = 12 * time.Hour
	// reach is how far around an instant grants may lie that have to do with it.
	reach = 24 * time.Hour
	// window is how far around an instant an index is made, so that it serves for
	// what comes next.
	window = 8 * 24 * time.Hour
)

// markKey is a mark as actions bear it.
type markKey struct {
	method       uint16 // as rows have it
	scope, value string
}

func keyOf(m jit.Method, scope, value string) markKey { return markKey{methodFlag(m), scope, value} }

// known is a grant that actions may be of.
type known struct {
	grant     jit.Grant
	principal string
	from, to  time.Time // when it gave access; a zero to: it still may
}

// claim is a mark's grant.
type claim struct {
	*known
	person string // the source identity that has to go with the mark; empty: any
}

// index finds out whose an action is. It is read only once it was made.
type index struct {
	from, to time.Time // grants that gave access then are in it; a zero to: all later ones
	head     int64     // of the log of events when it was made
	claims   map[markKey][]claim
	opens    map[string]bool // scopes that only grants should open
	has      [16]bool        // methods by which any grant is known
}

func newIndex(from, to time.Time) *index {
	return &index{from: from, to: to, claims: map[markKey][]claim{}, opens: map[string]bool{}}
}

// covers reports whether everybody's grants of an instant are in x.
func (x *index) covers(at time.Time) bool {
	return !at.Before(x.from.Add(reach)) && (x.to.IsZero() || !at.After(x.to.Add(-reach)))
}

// add has actions that bear a mark of g found. Marks without a value are none.
func (x *index) add(k *known, marks ...Mark) {
	for _, m := range marks {
		if m.Value == "" {
			continue
		}
		key := keyOf(m.Method, m.Scope, m.Value)
		x.has[key.method>>2] = true
		x.claims[key] = append(x.claims[key], claim{k, m.Person})
	}
}

// compare orders grants as they were made. When they began to give access is not
// known before they did: by that an action could be of another grant each time it
// is told.
func (k *known) compare(o *known) int {
	return cmp.Or(k.grant.CreatedAt.Compare(o.grant.CreatedAt), cmp.Compare(k.grant.ID, o.grant.ID))
}

// sort puts the grants of each mark in the order they were made, once all are in.
func (x *index) sort() {
	for _, list := range x.claims {
		slices.SortStableFunc(list, func(a, b claim) int {
			return a.compare(b.known)
		})
	}
}

// found is whose an action is, and how that is known.
type found struct {
	*known
	method jit.Method
	sure   float64
}

// unsure is what an attribution is worth that fits more than one grant of the
// person, or an action done through something else than what the grant gave.
const unsure = 0.5

// find says whose a record is, trying the strongest mark first. A nil known is
// nobody.
func (x *index) find(r *Record) found {
	if f, ok := x.own(r, jit.ByAccessKey, "", r.AccessKey); ok {
		return f
	}
	if f, ok := x.bySourceIdentity(r); ok {
		return f
	}
	if f, ok := x.own(r, jit.BySessionName, r.Scope, r.Session); ok {
		return f
	}
	if f, ok := x.own(r, jit.ByLogin, r.Scope, r.Login); ok {
		return f
	}
	if f, ok := x.own(r, jit.ByLogin, "", r.Login); ok && r.Scope != "" {
		return f
	}
	if f, ok := x.shared(r, jit.ByIdentityCenter, r.Scope, r.Person); ok {
		return f
	}
	if f, ok := x.own(r, jit.ByStatement, "", r.Grant); ok && (!r.Unsigned || f.grant.Imported != nil) {
		return f
	}
	if f, ok := x.shared(r, jit.ByUser, r.Scope, r.Login); ok && f.during(r.At) {
		return f
	}
	return found{}
}

// during reports whether a grant gave access at an instant.
func (k *known) during(at time.Time) bool { return k.to.IsZero() || !at.After(k.to.Add(skew)) }

// youngerThan reports whether a session was opened before a grant was made: it
// came from something else. A zero instant is not known.
func (k *known) youngerThan(opened time.Time) bool {
	return !opened.IsZero() && opened.Before(k.grant.CreatedAt.Add(-skew))
}

// own finds a mark that one grant alone has. It fits whenever the action was
// done after the grant was made, also long after it ended.
func (x *index) own(r *Record, m jit.Method, scope, value string) (found, bool) {
	key := keyOf(m, scope, value)
	if value == "" || !x.has[key.method>>2] {
		return found{}, false
	}
	for _, c := range x.claims[key] {
		foreign := c.person != "" && r.SourceIdentity != "" && r.SourceIdentity != c.person
		if foreign || r.At.Before(c.grant.CreatedAt.Add(-skew)) {
			continue
		}
		// Whoever may open the role by other ways can choose the name. Other tools than jitbot may set no source identity at all.
		if c.person != "" && r.SourceIdentity == "" && c.grant.Imported == nil {
			return found{c.known, m, unsure}, true
		}
		return found{c.known, m, m.Confidence()}, true
	}
	return found{}, false
}

// bySourceIdentity finds the grant of a person who is known by the source
// identity. The name of the session, or what it was opened through, tells
// between grants that run at once.
func (x *index) bySourceIdentity(r *Record) (found, bool) {
	if r.SourceIdentity == "" {
		return found{}, false
	}
	for _, c := range x.claims[keyOf(jit.BySessionName, r.Scope, r.Session)] {
		if c.person == r.SourceIdentity && !r.At.Before(c.grant.CreatedAt.Add(-skew)) {
			return found{c.known, jit.BySourceIdentity, jit.BySourceIdentity.Confidence()}, true
		}
	}
	if f, ok := x.shared(r, jit.BySourceIdentity, r.Scope, r.SourceIdentity); ok {
		return f, true
	}
	// A session that was taken with a session of the grant bears the person on.
	f, ok := x.shared(r, jit.BySourceIdentity, "", r.SourceIdentity)
	f.sure = min(f.sure, unsure)
	return f, ok
}

// shared finds a mark that all grants of a person may have: the one that ran
// then, else the last one that ended within the life of a session before.
func (x *index) shared(r *Record, m jit.Method, scope, value string) (found, bool) {
	key := keyOf(m, scope, value)
	if value == "" || !x.has[key.method>>2] {
		return found{}, false
	}
	var running, before *known
	several := false
	for _, c := range x.claims[key] {
		switch {
		case r.At.Before(c.grant.CreatedAt.Add(-skew)), m != jit.ByUser && c.youngerThan(r.Opened):
		case c.to.IsZero() || !r.At.After(c.to.Add(skew)):
			several = several || running != nil
			if running == nil || !r.At.Before(c.grant.CreatedAt) || r.At.Before(running.grant.CreatedAt) {
				running = c.known // one that was not there yet takes nothing from one that was
			}
		case r.At.Before(c.to.Add(linger)) && (r.Opened.IsZero() || !r.Opened.After(c.to.Add(skew))):
			if before == nil || c.to.After(before.to) {
				before = c.known
			}
		}
	}
	switch {
	case running != nil && several:
		return found{running, m, unsure}, true
	case running != nil:
		return found{running, m, m.Confidence()}, true
	case before != nil:
		return found{before, m, m.Confidence()}, true
	}
	return found{}, false
}
