package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"jitbot/bot"
)

const (
	checkName = "jitbot-check"
	denyAll   = `{"Effect":"Deny","Action":"*","Resource":"*"}`
	nothing   = `{"Version":"2012-10-17","Statement":[` + denyAll + `]}`
)

// nobody is a user name that IAM takes and no user can have: names end at 64
// characters.
var nobody = checkName + strings.Repeat("-", maxName)

// trySession opens a session the way Mint does, as short as AWS allows, with
// tags as long as usual, and with its session policy and a statement more that
// denies it everything. Its credentials go nowhere. What AWS says of its size
// is therefore a little more than a real one takes.
func (p *Provisioner) trySession(ctx context.Context, s session) bot.Finding {
	what := "role " + s.role.arn
	document, whole := harmless(s.policy)
	_, client, err := p.clients.Own(ctx)
	var out *sts.AssumeRoleOutput
	if err == nil {
		ctx, cancel := p.clients.Deadline(ctx)
		defer cancel()
		out, err = client.AssumeRole(ctx, &sts.AssumeRoleInput{
			RoleArn: &s.role.arn, RoleSessionName: awssdk.String(trialGrant), SourceIdentity: awssdk.String(p.trialPerson()),
			DurationSeconds: awssdk.Int32(int32(shortest.Seconds())), Policy: &document, ExternalId: optional(p.externalID(s.role)),
			Tags: tags(trialTags()),
		})
	}
	switch {
	case code(err) == packedTooLarge:
		return failed(what+": no session can be opened", tooLarge(s, err), "Shorten the session_policy.")
	case err != nil:
		return failed(what+": no session can be opened", err, "Let jitbot call sts:AssumeRole, sts:SetSourceIdentity and sts:TagSession on the role, "+
			"and have the role's trust policy allow jitbot the same three; `bot aws policy` prints both.")
	}
	used, hint := packedWords(out)
	if !whole {
		used, hint = "how much of the packed limit it uses cannot be tried with so long a session_policy", ""
	}
	return bot.Finding{OK: true, What: what + ": a session can be opened, with source identity and tags (tried with one that may do nothing); " + used, Hint: hint}
}

// trialGrant and the tags are as long as those of a grant.
const trialGrant = "grt_" + checkName

func trialTags() map[string]string {
	return map[string]string{
		"jit-grant": trialGrant + "0000", "jit-request": "req_" + checkName + "0000",
		"jit-rule": checkName + "-of-a-rule-id", "jit-resource": checkName + "-of-a-resource",
	}
}

// trialPerson is a source identity that trust policies take which ask for the
// company's domain.
func (p *Provisioner) trialPerson() string {
	if len(p.cfg.Domains) == 0 {
		return checkName
	}
	return sourceIdentity(checkName + "@" + p.cfg.Domains[0])
}

// harmless is a session policy that lets its session do nothing: the real one
// and a denial of everything, where there is room for both.
func harmless(real string) (document string, whole bool) {
	if real == "" {
		return nothing, true
	}
	var doc struct {
		Version   string
		Id        string `json:",omitempty"`
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(real), &doc); err != nil {
		return nothing, false
	}
	statements := strings.TrimSuffix(strings.TrimPrefix(string(doc.Statement), "["), "]")
	doc.Statement = json.RawMessage("[" + denyAll + "," + statements + "]")
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil || text.Len() > maxSessionPolicy {
		return nothing, false
	}
	return strings.TrimSpace(text.String()), true
}

// tryDeny asks AWS to keep an inline policy that is longer than a role has
// room for, and to delete one that is not there: what is not allowed is
// refused before AWS looks at that. The deny itself is left alone, as a
// running jitbot may be writing it.
func (p *Provisioner) tryDeny(ctx context.Context, r role) bot.Finding {
	what := "role " + r.arn
	client, err := p.clients.iamOf(ctx, r.account, r.partition)
	if err == nil {
		err = p.putTooMuch(ctx, client, r)
	}
	if err == nil {
		err = p.deleteNothing(ctx, client, r)
	}
	if err != nil {
		return failed(what+": its deny of ended grants cannot be written", err,
			"Let jitbot call iam:PutRolePolicy and iam:DeleteRolePolicy on the role; where that hangs on a permissions boundary, give the role one.")
	}
	return bot.Finding{OK: true, What: what + ": its deny of ended grants can be written (tried with a policy that is too long to be kept)"}
}

func (p *Provisioner) putTooMuch(ctx context.Context, client *iam.Client, r role) error {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	tooMuch := strings.Replace(nothing, `"Resource":"*"`,
		fmt.Sprintf(`"Resource":"*","Condition":{"StringEquals":{"aws:userid":"%s"}}`, strings.Repeat("x", maxInline)), 1)
	_, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &r.name, PolicyName: awssdk.String(checkName), PolicyDocument: &tooMuch})
	if code(err) == "LimitExceeded" {
		return nil
	}
	return err
}

// deleteNothing also takes away what an AWS without that limit kept.
func (p *Provisioner) deleteNothing(ctx context.Context, client *iam.Client, r role) error {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	_, err := client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &r.name, PolicyName: awssdk.String(checkName)})
	return unlessMissing(err)
}

// tryMembership adds and removes a user who cannot exist: AWS says so where
// the call is allowed, and refuses it where it is not.
func (p *Provisioner) tryMembership(ctx context.Context, g group) bot.Finding {
	what := "IAM group " + g.name + " of account " + g.account
	client, err := p.clients.iamOf(ctx, g.account, "")
	user := nobody
	for _, try := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := client.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: &g.name, UserName: &user})
			return err
		},
		func(ctx context.Context) error {
			_, err := client.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: &g.name, UserName: &user})
			return err
		},
		func(ctx context.Context) error {
			_, err := client.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: &user})
			return err
		},
	} {
		if err == nil {
			err = p.within(ctx, try)
		}
	}
	if err != nil {
		return failed(what+": its members cannot be changed", err,
			"Let jitbot call iam:AddUserToGroup and iam:RemoveUserFromGroup on the group, and iam:ListGroupsForUser on users.")
	}
	return bot.Finding{OK: true, What: what + ": its members can be changed (tried with a user who cannot exist)"}
}

// within makes one call in the time a call has, and takes "no such entity" for
// the answer it is after.
func (p *Provisioner) within(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return unlessMissing(call(ctx))
}

func unlessMissing(err error) error {
	if code(err) == noSuchEntity {
		return nil
	}
	return err
}
