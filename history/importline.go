package history

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"jitbot/internal/strictjson"
	"jitbot/jit"
	"jitbot/policy"
)

// What a line may be at most.
const (
	MaxLine    = 1 << 20 // bytes
	maxReason  = 2000
	maxNote    = 500
	maxPeople  = 1000
	clockSkew  = 5 * time.Minute // by which the clocks of two tools may differ
	firstYear  = 2000
	digestKept = 16 // bytes of a line's digest
)

var (
	lineID   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@+=-]{0,127}$`)
	shaHex   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	lineName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)
)

// parseLine reads one line and says what is wrong with it, for people. Texts
// are cleaned by clean; instants after now are refused.
func parseLine(raw []byte, now time.Time, clean func(string) string) (*Line, error) {
	var l Line
	if err := strictjson.DecodeExact(MaxLine, raw, &l); err != nil {
		return nil, wrongAt(raw, err)
	}
	l.tidy(clean)
	if err := cmp.Or(l.wrongRequest(), l.wrongPeople(), l.wrongTimes(now), l.wrongGrant(now)); err != nil {
		return nil, err
	}
	return &l, nil
}

// tidy puts a line into the one form in which it is compared and kept.
func (l *Line) tidy(clean func(string) string) {
	cut := func(s string, most int) string {
		runes := []rune(clean(s))
		return string(runes[:min(len(runes), most)])
	}
	l.User, l.By = strings.ToLower(l.User), strings.ToLower(l.By)
	l.By = cmp.Or(l.By, l.User)
	l.Kind = cmp.Or(l.Kind, string(jit.Access))
	l.Reason, l.Answer, l.Ticket = cut(l.Reason, maxReason), cut(l.Answer, maxReason), cut(l.Ticket, 128)
	l.DecidedBy = strings.ToLower(l.DecidedBy)
	for i := range l.Approver {
		l.Approver[i] = strings.ToLower(l.Approver[i])
	}
	slices.Sort(l.Approver)
	l.Approver = slices.Compact(l.Approver)
	for i := range l.Approvals {
		a := &l.Approvals[i]
		a.By, a.Note, a.At = strings.ToLower(a.By), cut(a.Note, maxNote), a.At.UTC()
	}
	for i := range l.Told {
		l.Told[i].Who, l.Told[i].At = strings.ToLower(l.Told[i].Who), l.Told[i].At.UTC()
	}
	l.At, l.DecidedAt = l.At.UTC(), l.DecidedAt.UTC()
	l.tidyGrant(cut)
	l.tidyDecision()
}

func (l *Line) tidyGrant(cut func(string, int) string) {
	g := l.Grant
	if g == nil {
		return
	}
	g.From, g.Promised, g.Ends, g.Ended = g.From.UTC(), g.Promised.UTC(), g.Ends.UTC(), g.Ended.UTC()
	g.Reviewed, g.ReviewBy = g.Reviewed.UTC(), g.ReviewBy.UTC()
	g.ID, g.EndedBy = cmp.Or(g.ID, l.ID), strings.ToLower(cut(g.EndedBy, 254))
	if g.Promised.IsZero() {
		g.Promised = g.Ends
	}
	if g.Ended.IsZero() {
		g.Ended = g.Ends
	}
	if g.Outcome == "" {
		g.Outcome = string(jit.Expired)
		if g.EndedBy != "" {
			g.Outcome = string(jit.Revoked)
		}
	}
}

// tidyDecision fills in what can be said of a decision that the line leaves out.
func (l *Line) tidyDecision() {
	if l.Outcome == policy.Approval.String() {
		l.Needed = max(l.Needed, 1)
	}
	last := LineApproval{At: l.At, By: "policy"}
	if n := len(l.Approvals); n > 0 {
		last = l.Approvals[n-1]
	}
	if l.DecidedAt.IsZero() {
		l.DecidedAt = last.At
	}
	if l.DecidedBy == "" && (l.Outcome != policy.Approval.String() || len(l.Approvals) > 0) {
		l.DecidedBy = last.By
	}
}

func (l *Line) wrongRequest() error {
	var outcome policy.Outcome
	switch state := jit.RequestState(l.State); {
	case !lineID.MatchString(l.ID):
		return errors.New("id is missing, too long, or has other characters than letters, digits and ._:/@+=-")
	case !slices.Contains([]jit.RequestKind{jit.Access, jit.Extension, jit.BreakGlass}, jit.RequestKind(l.Kind)):
		return errors.New("kind is none of access, extension, break_glass")
	case !lineName.MatchString(l.Resource):
		return errors.New("resource is no name: letters, digits and ._:/-, without spaces; use the name that the policy has")
	case l.Rule != "" && !lineName.MatchString(l.Rule):
		return errors.New("rule is no id of a rule")
	case outcome.UnmarshalText([]byte(l.Outcome)) != nil:
		return errors.New("outcome is none of deny, approval, auto_approve")
	case !state.Final():
		return errors.New("state is none of approved, denied, cancelled, lapsed")
	case outcome == policy.Deny && state == jit.RequestApproved:
		return errors.New("the policy denied it, so it cannot have been approved")
	case l.Needed < 0 || l.Needed > maxPeople:
		return errors.New("needed is no number of approvals")
	case l.Policy != "" && !shaHex.MatchString(l.Policy):
		return errors.New("policy is no SHA-256 in lower-case hex")
	case l.Extends != "" && (l.Kind != string(jit.Extension) || !lineID.MatchString(l.Extends)):
		return errors.New("extends is no id of a grant, or this is no extension")
	}
	if len(l.Facts) > 0 {
		if err := strictjson.DecodeExact(MaxLine, l.Facts, new(policy.Facts)); err != nil {
			return fmt.Errorf("facts: %w", wrongAt(l.Facts, err))
		}
	}
	for name, text := range map[string]string{"duration": l.Duration, "held": l.Held, "left": l.Left} {
		if _, err := lengthOf(text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (l *Line) wrongPeople() error {
	if len(l.Approver) > maxPeople || len(l.Approvals) > maxPeople || len(l.Told) > maxPeople {
		return fmt.Errorf("more than %d people in one list", maxPeople)
	}
	who := func(field, email string) error {
		if fault := policy.EmailFault(email); fault != "" {
			return fmt.Errorf("%s %s", field, fault)
		}
		return nil
	}
	err := cmp.Or(who("user", l.User), who("by", l.By))
	if l.DecidedBy != "" && l.DecidedBy != "policy" {
		err = cmp.Or(err, who("decided_by", l.DecidedBy))
	}
	for _, a := range l.Approver {
		err = cmp.Or(err, who("approvers", a))
	}
	seen := map[string]bool{}
	for _, a := range l.Approvals {
		err = cmp.Or(err, who("approvals", a.By))
		if a.At.IsZero() {
			err = cmp.Or(err, errors.New("an approval has no at; where nobody knows when it was, name who it was as decided_by"))
		}
		if seen[a.By] {
			err = cmp.Or(err, errors.New("approvals name somebody twice"))
		}
		seen[a.By] = true
	}
	for _, n := range l.Told {
		if !strings.HasPrefix(n.Who, "group:") && !strings.HasPrefix(n.Who, "oncall:") {
			err = cmp.Or(err, who("told", n.Who))
		} else if !lineName.MatchString(n.Who) {
			err = cmp.Or(err, errors.New("told names no group and nobody"))
		}
	}
	return err
}

func (l *Line) wrongTimes(now time.Time) error {
	switch {
	case l.At.Year() < firstYear:
		return errors.New("at is missing, or before the year 2000")
	case l.At.After(now.Add(clockSkew)) || l.DecidedAt.After(now.Add(clockSkew)):
		return errors.New("it was asked for or decided in the future")
	case l.DecidedAt.Before(l.At.Add(-clockSkew)):
		return errors.New("decided_at is before at")
	}
	for _, a := range l.Approvals {
		if a.At.Before(l.At.Add(-clockSkew)) || a.At.After(now.Add(clockSkew)) {
			return errors.New("an approval is before at, or in the future")
		}
	}
	for _, n := range l.Told {
		if n.At.Before(l.At.Add(-clockSkew)) || n.At.After(now.Add(clockSkew)) {
			return errors.New("somebody was told before at, or in the future")
		}
	}
	return nil
}

func (l *Line) wrongGrant(now time.Time) error {
	g := l.Grant
	if g == nil {
		return nil
	}
	switch {
	case l.State != string(jit.RequestApproved):
		return errors.New("a grant came of a request that was not approved")
	case l.Kind == string(jit.Extension):
		return errors.New("an extension gives no grant of its own; extends names the one it lengthened")
	case !lineID.MatchString(g.ID):
		return errors.New("grant.id has other characters than letters, digits and ._:/@+=-, or is too long")
	case g.From.Before(l.At.Add(-clockSkew)):
		return errors.New("grant.from is missing or before at")
	case g.Ends.IsZero():
		return errors.New("grant.ends is missing")
	case g.Ends.Before(g.From) || g.Promised.Before(g.From) || g.Ended.Before(g.From):
		return errors.New("the grant ends before it begins")
	case g.Ended.After(now.Add(clockSkew)):
		return errors.New("the grant has not ended yet; import it once it has")
	case g.Reviewed.After(now.Add(clockSkew)) || !g.Reviewed.IsZero() && g.Reviewed.Before(g.From):
		return errors.New("grant.reviewed is before grant.from, or in the future")
	case !slices.Contains([]jit.Outcome{jit.Expired, jit.Revoked, jit.Failed}, jit.Outcome(g.Outcome)):
		return errors.New("grant.outcome is none of expired, revoked, failed")
	case !slices.Contains([]string{"", "low", "medium", "high"}, g.Sensitivity):
		return errors.New("grant.sensitivity is none of low, medium, high")
	case g.Extensions < 0 || g.OpenedTimes() < 0:
		return errors.New("grant counts something below zero")
	case len(g.AccessKeys) > maxPeople || slices.ContainsFunc(g.AccessKeys, func(k string) bool { return !lineID.MatchString(k) }):
		return errors.New("grant.access_keys are no ids of keys")
	}
	return nil
}

// lengthOf reads a length of time; an empty one is none.
func lengthOf(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return jit.ParseDuration(text)
}

// digest tells a line from a changed one, however it is laid out.
func (l *Line) digest() string {
	raw, _ := json.Marshal(l) // it was JSON
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:digestKept])
}
