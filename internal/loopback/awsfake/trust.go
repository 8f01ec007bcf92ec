package awsfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// trustPolicy says who may assume a role, and how.
type trustPolicy struct {
	Version   string
	Statement trustStatements
}

type trustStatement struct {
	Sid       string
	Effect    string
	Principal principals
	Action    oneOrMany
	Condition map[string]map[string]oneOrMany
}

// trustStatements and principals read the two spellings that policies allow.
type trustStatements []trustStatement

func (l *trustStatements) UnmarshalJSON(b []byte) error {
	var one trustStatement
	if err := json.Unmarshal(b, &one); err == nil {
		*l = trustStatements{one}
		return nil
	}
	return json.Unmarshal(b, (*[]trustStatement)(l))
}

type principals map[string]oneOrMany

func (p *principals) UnmarshalJSON(b []byte) error {
	if string(b) == `"*"` {
		*p = principals{"AWS": {"*"}}
		return nil
	}
	return json.Unmarshal(b, (*map[string]oneOrMany)(p))
}

// parseTrust refuses what this account could not enforce.
func parseTrust(text string) (trustPolicy, error) {
	var t trustPolicy
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, fmt.Errorf("syntax errors in policy: %w", err)
	}
	if t.Version != "2012-10-17" || len(t.Statement) == 0 {
		return t, errors.New("a version and a statement are needed")
	}
	for _, st := range t.Statement {
		if st.Effect != "Allow" && st.Effect != "Deny" || len(st.Principal) == 0 || len(st.Action) == 0 {
			return t, fmt.Errorf("statement %q: an effect, a principal and an action are needed", st.Sid)
		}
		for op := range st.Condition {
			if operators()[op] == nil {
				return t, fmt.Errorf("statement %q: condition %s is not one that the loopback account evaluates", st.Sid, op)
			}
		}
	}
	return t, nil
}

// assuming is what a caller of AssumeRole needs to be allowed, on both sides.
func assuming(c *call, sourceIdentity string) []string {
	actions := []string{"sts:AssumeRole"}
	if sourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	if c.form.Has("Tags.member.1.Key") {
		actions = append(actions, "sts:TagSession")
	}
	return actions
}

// sourceIdentityOf is the one that a session will have: once set it stays.
func sourceIdentityOf(c *call) string {
	if c.who.session != nil && c.who.session.SourceIdentity != "" {
		return c.who.session.SourceIdentity
	}
	return c.form.Get("SourceIdentity")
}

// trusts asks the role's trust policy for everything that the call wants.
func (s *Server) trusts(c *call, role Role) error {
	t, err := parseTrust(s.trust(role))
	f := trustFacts(c)
	for _, action := range assuming(c, sourceIdentityOf(c)) { // one that is carried on needs it too
		if err != nil || !t.allows(action, c.who, f) {
			return refuse(http.StatusForbidden, "AccessDenied",
				"User: "+c.who.arn+" is not authorized to perform: "+action+" on resource: "+s.roleARN(role))
		}
	}
	return nil
}

func (t trustPolicy) allows(action string, who caller, f facts) (allowed bool) {
	for _, st := range t.Statement {
		if !anyGlob(st.Action, action, strings.ToLower) || !st.names(who) || !hold(st.Condition, f) {
			continue
		}
		if st.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

// names says whether the caller is one of the statement's principals: by their
// own ARN, their role's, or their account.
func (st trustStatement) names(who caller) bool {
	account := strings.Split(who.principal, ":")[4]
	return slices.ContainsFunc(st.Principal["AWS"], func(p string) bool {
		return p == "*" || p == account || p == who.arn || p == who.principal || strings.HasSuffix(p, "::"+account+":root")
	})
}

func trustFacts(c *call) facts {
	f := facts{
		"sts:rolesessionname":  c.form.Get("RoleSessionName"),
		"aws:principalarn":     c.who.principal,
		"aws:principalaccount": strings.Split(c.who.principal, ":")[4],
	}
	for i := 1; c.form.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
		f["aws:requesttag/"+strings.ToLower(c.form.Get(fmt.Sprintf("Tags.member.%d.Key", i)))] = c.form.Get(fmt.Sprintf("Tags.member.%d.Value", i))
	}
	for key, value := range map[string]string{"sts:externalid": c.form.Get("ExternalId"), "sts:sourceidentity": sourceIdentityOf(c)} {
		if value != "" {
			f[key] = value
		}
	}
	return f
}
