package aws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	denyPolicyName = "jitbot-ended-grants"
	maxInline      = 10240 // characters all inline policies of a role may have together
	bucket         = time.Hour
	sidPrefix      = "JitEnded"
	cutPrefix      = sidPrefix + "All"
)

// denied is what a role's deny stops: the sessions of the grants it names,
// which alone bear these names, whatever id the role has by now, and every
// session of the role that was opened before a cut. The person or the time of
// issue would add nothing to a name but one more reason not to match. Each
// grant stands with the instant after which no credential of it can be alive;
// in the document they stand in buckets of an hour, so that one statement holds
// many.
type denied struct {
	grants map[string]time.Time
	cut    cut
}

// cut stops all sessions of a role opened before an instant, whoever's they
// are. It stands in for ended grants where a role has no room for their names.
// The zero value stops none.
type cut struct {
	before time.Time
	until  time.Time // no session opened before it can be alive then
}

// errNoRoom is what a list that no role can hold is refused with.
var errNoRoom = errors.New("the role has no room for it")

func newDenied() denied { return denied{grants: map[string]time.Time{}} }

// cutAt is the cut that stops all sessions opened until at. A session that is
// just being opened, and a clock that is a little off, count as before it.
func cutAt(at time.Time) cut {
	before := at.UTC().Truncate(time.Second).Add(time.Second + lateness)
	return cut{before: before, until: roundUp(before.Add(longestAtAll))}
}

// later is the one of two cuts that stops more.
func (c cut) later(other cut) cut {
	if other.before.After(c.before) {
		return other
	}
	return c
}

// roundUp returns the end of an instant's bucket.
func roundUp(until time.Time) time.Time {
	if edge := until.Truncate(bucket); edge.Before(until) {
		return edge.Add(bucket)
	}
	return until
}

// add lists a grant until at least the given instant.
func (d denied) add(grant string, until time.Time) {
	if until = roundUp(until); d.grants[grant].Before(until) {
		d.grants[grant] = until
	}
}

// covers says whether a grant is listed until an instant at least.
func (d denied) covers(grant string, until time.Time) bool {
	listed, ok := d.grants[grant]
	return ok && !listed.Before(until)
}

// empty says whether d stops nothing.
func (d denied) empty() bool { return len(d.grants) == 0 && d.cut.before.IsZero() }

// drop takes out what can no longer be alive at an instant and says whether
// there was any.
func (d *denied) drop(now time.Time) bool {
	before, cutOver := len(d.grants), !d.cut.before.IsZero() && !d.cut.until.After(now)
	maps.DeleteFunc(d.grants, func(_ string, until time.Time) bool { return !until.After(now) })
	if cutOver {
		d.cut = cut{}
	}
	return cutOver || len(d.grants) < before
}

// document and statement are the deny as IAM stores it.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Action    string
	Resource  string
	Condition condition
}

// condition has one of the two.
type condition struct {
	StringLike   *userIDs `json:",omitempty"`
	DateLessThan *opened  `json:",omitempty"`
}

type userIDs struct {
	UserID []string `json:"aws:userid"`
}

type opened struct {
	At time.Time `json:"aws:TokenIssueTime"`
}

// parseDenied reads a document this package wrote. Anything else is an error:
// it was edited by somebody, and writing over it could give access back.
func parseDenied(text string) (denied, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	var doc document
	if err := dec.Decode(&doc); err != nil {
		return denied{}, fmt.Errorf("not a document that jitbot wrote: %w", err)
	}
	if dec.More() || doc.Version != "2012-10-17" {
		return denied{}, errors.New("not a document that jitbot wrote")
	}
	d := newDenied()
	for _, st := range doc.Statement {
		if err := d.read(st); err != nil {
			return denied{}, err
		}
	}
	return d, nil
}

func (d *denied) read(st statement) error {
	all := strings.HasPrefix(st.Sid, cutPrefix)
	prefix := sidPrefix
	if all {
		prefix = cutPrefix
	}
	seconds, found := strings.CutPrefix(st.Sid, prefix)
	unix, err := strconv.ParseInt(seconds, 10, 64)
	until := time.Unix(unix, 0).UTC()
	names, date := st.Condition.StringLike, st.Condition.DateLessThan
	switch {
	case err != nil || !found || unix < 0 || st.Effect != "Deny" || st.Action != "*" || st.Resource != "*":
	case all && names == nil && date != nil && date.At.Before(until):
		d.cut = d.cut.later(cut{before: date.At.UTC(), until: until})
		return nil
	case !all && names != nil && date == nil:
		return d.readNames(st.Sid, names.UserID, until)
	}
	return fmt.Errorf("statement %q is not one that jitbot wrote", st.Sid)
}

func (d denied) readNames(sid string, ids []string, until time.Time) error {
	for _, id := range ids {
		grant, found := strings.CutPrefix(id, "*:")
		if !found || !sessionName.MatchString(grant) {
			return fmt.Errorf("statement %q: %q is not a grant", sid, id)
		}
		d.add(grant, until)
	}
	return nil
}

// document writes d, the same for the same content. It is errNoRoom where no
// role can hold it.
func (d denied) document() (string, error) {
	buckets := map[time.Time][]string{}
	for grant, until := range d.grants {
		buckets[until] = append(buckets[until], "*:"+grant)
	}
	doc := document{Version: "2012-10-17"}
	for _, until := range slices.SortedFunc(maps.Keys(buckets), time.Time.Compare) {
		ids := buckets[until]
		slices.Sort(ids)
		doc.deny(sidPrefix, until, condition{StringLike: &userIDs{ids}})
	}
	if !d.cut.before.IsZero() {
		doc.deny(cutPrefix, d.cut.until, condition{DateLessThan: &opened{d.cut.before}})
	}
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(doc); err != nil {
		return "", fmt.Errorf("write deny: %w", err)
	}
	out := strings.TrimSpace(text.String())
	if len(out) > maxInline { // it has no white space: its length is what AWS counts
		return "", fmt.Errorf("%d ended grants make %d characters of %d: %w", len(d.grants), len(out), maxInline, errNoRoom)
	}
	return out, nil
}

func (d *document) deny(prefix string, until time.Time, c condition) {
	d.Statement = append(d.Statement, statement{
		Sid: prefix + strconv.FormatInt(until.Unix(), 10), Effect: "Deny", Action: "*", Resource: "*", Condition: c,
	})
}
