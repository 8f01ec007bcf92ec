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
)

// denied are the grants a role's deny names, each with the instant after which
// no credential of it can be alive. In the document they stand in buckets of
// an hour, so that one statement holds many.
type denied map[string]time.Time

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

type condition struct {
	StringLike userIDs
}

type userIDs struct {
	UserID []string `json:"aws:userid"`
}

// parseDenied reads a document this package wrote. Anything else is an error:
// it was edited by somebody, and writing over it could give access back.
func parseDenied(text string) (denied, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	var doc document
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("not a document that jitbot wrote: %w", err)
	}
	if dec.More() || doc.Version != "2012-10-17" {
		return nil, errors.New("not a document that jitbot wrote")
	}
	d := denied{}
	for _, st := range doc.Statement {
		if err := d.read(st); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d denied) read(st statement) error {
	seconds, found := strings.CutPrefix(st.Sid, sidPrefix)
	until, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || !found || until < 0 || st.Effect != "Deny" || st.Action != "*" || st.Resource != "*" {
		return fmt.Errorf("statement %q is not one that jitbot wrote", st.Sid)
	}
	for _, id := range st.Condition.StringLike.UserID {
		grant, found := strings.CutPrefix(id, "*:")
		if !found || !sessionName.MatchString(grant) {
			return fmt.Errorf("statement %q: %q is not a grant", st.Sid, id)
		}
		d.add(grant, time.Unix(until, 0).UTC())
	}
	return nil
}

// add lists a grant until at least the given instant.
func (d denied) add(grant string, until time.Time) {
	if edge := until.Truncate(bucket); edge.Before(until) {
		until = edge.Add(bucket)
	}
	if d[grant].Before(until) {
		d[grant] = until
	}
}

// covers says whether a grant is listed until an instant at least.
func (d denied) covers(grant string, until time.Time) bool {
	listed, ok := d[grant]
	return ok && !listed.Before(until)
}

// drop takes off the list what can no longer be alive and says whether there
// was any.
func (d denied) drop(now time.Time) bool {
	before := len(d)
	maps.DeleteFunc(d, func(_ string, until time.Time) bool { return !until.After(now) })
	return len(d) < before
}

// document writes the list, the same for the same grants.
func (d denied) document() (string, error) {
	buckets := map[time.Time][]string{}
	for grant, until := range d {
		buckets[until] = append(buckets[until], "*:"+grant)
	}
	doc := document{Version: "2012-10-17"}
	for _, until := range slices.SortedFunc(maps.Keys(buckets), time.Time.Compare) {
		ids := buckets[until]
		slices.Sort(ids)
		doc.Statement = append(doc.Statement, statement{
			Sid: sidPrefix + strconv.FormatInt(until.Unix(), 10), Effect: "Deny", Action: "*", Resource: "*",
			Condition: condition{userIDs{ids}},
		})
	}
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(doc); err != nil {
		return "", fmt.Errorf("write deny: %w", err)
	}
	out := strings.TrimSpace(text.String())
	if len(out) > maxInline { // it has no white space: its length is what AWS counts
		return "", fmt.Errorf("%d ended grants make %d characters, a role has room for %d; the first leave the list at %s",
			len(d), len(out), maxInline, slices.MinFunc(slices.Collect(maps.Values(d)), time.Time.Compare).Format(time.RFC3339))
	}
	return out, nil
}
