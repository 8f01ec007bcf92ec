package aws

import (
	"context"
	"fmt"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"jitbot/bot"
)

const (
	checkName = "jitbot-check"
	nothing   = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
)

// nobody is a user name that IAM takes and no user can have: names end at 64
// characters.
var nobody = checkName + strings.Repeat("-", maxName)

// trySession opens a session the way Mint does, as short as AWS allows and
// with a policy that denies it everything. Its credentials go nowhere.
func (p *Provisioner) trySession(ctx context.Context, r role) bot.Finding {
	what := "role " + r.arn
	_, client, err := p.clients.Own(ctx)
	if err == nil {
		ctx, cancel := p.clients.Deadline(ctx)
		defer cancel()
		_, err = client.AssumeRole(ctx, &sts.AssumeRoleInput{
			RoleArn: &r.arn, RoleSessionName: awssdk.String(checkName), SourceIdentity: awssdk.String(checkName),
			DurationSeconds: awssdk.Int32(int32(shortest.Seconds())), Policy: awssdk.String(nothing), ExternalId: optional(p.cfg.ExternalID),
			Tags: []types.Tag{{Key: awssdk.String(checkName), Value: awssdk.String("yes")}},
		})
	}
	if err != nil {
		return failed(what+": no session can be opened", err, "Let jitbot call sts:AssumeRole, sts:SetSourceIdentity and sts:TagSession on the role, "+
			"and have the role's trust policy allow jitbot the same three.")
	}
	return bot.Finding{OK: true, What: what + ": a session can be opened, with source identity and tags (tried with one that may do nothing)"}
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
