package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
)

// trust is a role's trust policy, as far as a review looks at it.
type trust struct {
	Statement oneOrMany[trustStatement]
}

type trustStatement struct {
	Effect       string
	Principal    principals
	NotPrincipal json.RawMessage
	Action       oneOrMany[string]
	NotAction    oneOrMany[string]
	Condition    map[string]map[string]any
}

// oneOrMany and principals read the two spellings that policies allow.
type oneOrMany[T any] []T

func (l *oneOrMany[T]) UnmarshalJSON(b []byte) error {
	var one T
	if err := json.Unmarshal(b, &one); err == nil {
		*l = oneOrMany[T]{one}
		return nil
	}
	return json.Unmarshal(b, (*[]T)(l)) //nolint:wrapcheck // the caller says what is read
}

type principals map[string]oneOrMany[string]

func (p *principals) UnmarshalJSON(b []byte) error {
	if string(b) == `"*"` {
		*p = principals{"AWS": {"*"}}
		return nil
	}
	return json.Unmarshal(b, (*map[string]oneOrMany[string])(p)) //nolint:wrapcheck // the caller says what is read
}

// checkTrust reviews who may assume a role besides jitbot, and whether jitbot
// may as it should.
func (p *Provisioner) checkTrust(ctx context.Context, r role, document string) []bot.Finding {
	what := "role " + r.arn
	who, err := p.clients.Hub(ctx)
	var t trust
	if err == nil {
		document, err = url.PathUnescape(document)
	}
	if err == nil {
		err = json.Unmarshal([]byte(document), &t)
	}
	if err != nil {
		return []bot.Finding{failed(what+": its trust policy cannot be read", err, "Look at it in the console; `bot aws policy` prints the one it should have.")}
	}
	v := review{hub: who, externalID: p.externalID(r), roles: p.knownRoles(), may: map[string]bool{}}
	for _, st := range t.Statement {
		v.statement(st)
	}
	v.jitbot()
	if len(v.notes) == 0 {
		return []bot.Finding{{OK: true, What: what + ": its trust policy lets jitbot alone assume it, with source identity, tags and external id"}}
	}
	for i := range v.notes {
		v.notes[i].What = what + ": its trust policy " + v.notes[i].What
	}
	return v.notes
}

// review gathers what is odd about a trust policy.
type review struct {
	hub        reach.Caller
	externalID string
	roles      map[string]role // that the policy names, by ARN
	notes      []bot.Finding
	may        map[string]bool // what jitbot may do
	loose      bool            // jitbot need not give the external id
}

func (v *review) note(ok bool, hint, format string, args ...any) {
	f := bot.Finding{OK: ok, What: fmt.Sprintf(format, args...), Hint: hint}
	if !slices.Contains(v.notes, f) {
		v.notes = append(v.notes, f)
	}
}

func (v *review) statement(st trustStatement) {
	if st.Effect != "Allow" {
		return
	}
	if st.NotPrincipal != nil {
		v.note(true, "Name who may assume it, which is jitbot alone.", "says who may not assume it (NotPrincipal), so everybody else may")
		return
	}
	for _, kind := range slices.Sorted(maps.Keys(st.Principal)) {
		for _, who := range st.Principal[kind] {
			v.principal(st, kind, who)
		}
	}
}

func (v *review) principal(st trustStatement, kind, who string) {
	me := v.hub.Principal()
	whole := who == v.hub.Account || strings.HasSuffix(who, "::"+v.hub.Account+":root")
	if kind == "AWS" && (who == "*" || whole || v.sameRole(who)) {
		v.allowed(st)
	}
	if !st.does("sts:AssumeRole") && kind == "AWS" {
		return
	}
	switch _, given := v.roles[who]; {
	case kind != "AWS":
		v.note(true, v.others(), "lets %s assume it too", who)
	case who == "*":
		v.note(len(st.Condition) > 0, "Name jitbot alone: "+me+".", "lets every AWS account in the world assume it%s", onCondition(st))
	case accountID.MatchString(who) || strings.HasSuffix(who, ":root"):
		v.note(true, "Name jitbot alone, "+me+", or whoever may call sts:AssumeRole there can open sessions that are not jitbot's: a holder too, who then goes on when the grant ends.", "trusts all of account %s", accountOf(who))
	case strings.HasPrefix(who, "AROA"), strings.HasPrefix(who, "AIDA"):
		v.note(true, "If it was jitbot's, name jitbot anew, "+me+": AWS keeps the id of the one that was deleted.", "names %s, a role or user that does not exist any more", who)
	case v.sameRole(who):
	case given:
		v.note(true, "Name jitbot alone: what was opened from there goes on for up to an hour after the grant of that role was ended.", "lets sessions of %s, which jitbot gives too, go on in it", who)
	default:
		v.note(true, v.others(), "lets %s assume it too", who)
	}
}

func (v *review) others() string {
	return "Give jitbot a role that it alone opens, " + v.hub.Principal() + ": the sessions of others are in no grant, and are cut too where the role's deny has no room for names."
}

// sameRole says whether an ARN is ours. What AWS says of a session leaves its
// role's path out, so that is not compared.
func (v *review) sameRole(arn string) bool {
	if arn == v.hub.Principal() || arn == v.hub.ARN {
		return true
	}
	prefix := "arn:" + v.hub.Partition + ":iam::" + v.hub.Account + ":role/"
	return v.hub.Chained() && strings.HasPrefix(arn, prefix) && path.Base(arn) == path.Base(v.hub.Principal())
}

// allowed notes what a statement lets jitbot do.
func (v *review) allowed(st trustStatement) {
	for _, action := range []string{"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"} {
		v.may[action] = v.may[action] || st.does(action)
	}
	v.loose = v.loose || st.does("sts:AssumeRole") && !st.asksFor("sts:ExternalId")
}

// jitbot notes what is missing for jitbot itself. Whether it can do without is
// for a try to say: AWS reads more into a policy than a review does.
func (v *review) jitbot() {
	for _, action := range []string{"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"} {
		if !v.may[action] {
			v.note(true, "Allow "+v.hub.Principal()+" to call it there; `bot aws policy` prints the trust policy.", "does not seem to let jitbot call %s", action)
		}
	}
	switch {
	case v.loose && v.externalID == "":
		v.note(true, "Set aws.external_id, and have the trust policy ask for it with StringEquals sts:ExternalId.", "asks for no external id, so another installation that shares jitbot's account could open it")
	case v.loose:
		v.note(true, "Have it ask for the one that is configured, with StringEquals sts:ExternalId.", "does not ask for the external id")
	}
}

// does says whether the statement is about an action.
func (st trustStatement) does(action string) bool {
	matches := func(pattern string) bool {
		ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(action))
		return ok && err == nil
	}
	if len(st.NotAction) > 0 {
		return !slices.ContainsFunc(st.NotAction, matches)
	}
	return slices.ContainsFunc(st.Action, matches)
}

// asksFor says whether the statement holds only with a certain value of a key.
func (st trustStatement) asksFor(key string) bool {
	for _, operator := range []string{"StringEquals", "StringLike"} {
		for k := range st.Condition[operator] {
			if strings.EqualFold(k, key) {
				return true
			}
		}
	}
	return false
}

func onCondition(st trustStatement) string {
	if len(st.Condition) == 0 {
		return ""
	}
	return ", on a condition"
}

// accountOf is the account in the ARN of its root, or the id itself.
func accountOf(who string) string {
	if part := strings.Split(who, ":"); len(part) == 6 {
		return part[4]
	}
	return who
}
