package aws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"jitbot/jit"
)

// The kinds of entitlement this package gives.
const (
	KindSession = "aws_session"
	KindGroup   = "aws_iam_group"

	KindStoreGroup = "aws_identity_store_group"
	KindAssignment = "aws_account_assignment"
)

// maxSessionPolicy is how many characters AWS allows a session policy.
const maxSessionPolicy = 2048

// role is an IAM role taken apart.
type role struct {
	arn, partition, account, name string
}

// session is what an aws_session entitlement asks for.
type session struct {
	role   role
	policy string // compact JSON; empty: none
}

// group is what an aws_iam_group entitlement asks for.
type group struct {
	account, name string
}

func parseRole(arn string) (role, error) {
	m := roleARN.FindStringSubmatch(arn)
	if m == nil {
		return role{}, fmt.Errorf("role: %q is not the ARN of one role; write it like arn:aws:iam::111122223333:role/Name", arn)
	}
	return role{arn, m[1], m[2], m[3]}, nil
}

// usable refuses roles that belong to AWS: nobody may write the deny that ends
// their sessions, and none lets jitbot open one.
func (r role) usable() error {
	owner, instead := "", ""
	_, path, _ := strings.Cut(r.arn, ":role/")
	switch {
	case strings.HasPrefix(path, "aws-reserved/"), strings.HasPrefix(r.name, "AWSReservedSSO_"):
		owner, instead = "IAM Identity Center", "give the permission set it was made from, or name a role of your own"
	case strings.HasPrefix(path, "aws-service-role/"), strings.HasPrefix(r.name, "AWSServiceRoleFor"):
		owner, instead = "an AWS service", "name a role of your own"
	default:
		return nil
	}
	return fmt.Errorf("role: %s belongs to %s: jitbot could neither open its sessions nor end them; %s", r.name, owner, instead)
}

func parseSession(e jit.Entitlement) (session, error) {
	if err := onlyParams(e, "role", "session_policy"); err != nil {
		return session{}, err
	}
	r, err := parseRole(e.Params["role"])
	if err != nil {
		return session{}, fmt.Errorf("%s: %w", KindSession, err)
	}
	s := session{role: r}
	if text := e.Params["session_policy"]; text != "" {
		if s.policy, err = compactPolicy(text); err != nil {
			return session{}, fmt.Errorf("%s: session_policy %w", KindSession, err)
		}
	}
	return s, nil
}

// compactPolicy writes a policy document without white space.
func compactPolicy(text string) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil || compact.Bytes()[0] != '{' {
		return "", errors.New("is not a JSON policy document")
	}
	if n := utf8.RuneCount(compact.Bytes()); n > maxSessionPolicy {
		return "", fmt.Errorf("has %d characters without white space; AWS takes %d: join statements, or use patterns such as s3:Get*", n, maxSessionPolicy)
	}
	return compact.String(), nil
}

func parseGroup(e jit.Entitlement) (group, error) {
	if err := onlyParams(e, "account", "group"); err != nil {
		return group{}, err
	}
	g := group{e.Params["account"], e.Params["group"]}
	if !accountID.MatchString(g.account) {
		return group{}, fmt.Errorf("%s: account: %q is not an account id; write its twelve digits in quotes", KindGroup, g.account)
	}
	if !groupName.MatchString(g.name) {
		return group{}, fmt.Errorf("%s: group: %q is not the name of one IAM group", KindGroup, g.name)
	}
	return g, nil
}

// onlyParams refuses misspelt settings.
func onlyParams(e jit.Entitlement, known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(e.Params)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s: unknown setting %q; it takes %v", e.Kind, name, known)
		}
	}
	return nil
}
