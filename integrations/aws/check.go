package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"jitbot/bot"
	"jitbot/jit"
)

// Check asks AWS who we are and whether we may do more than we need, whether
// every role and group that the policy names is there and trusts jitbot alone,
// and tries what will be done with them: of each role it opens a session of 15
// minutes that may do nothing, whose credentials it drops; of its deny and of
// groups it makes calls that AWS answers without doing anything. Nothing is
// given to anybody.
func (p *Provisioner) Check(ctx context.Context) []bot.Finding {
	who, err := p.clients.Hub(ctx)
	if err != nil {
		hint := "Give jitbot AWS credentials, by AWS_ACCESS_KEY_ID, a profile or a role."
		switch {
		case bot.IsPermanent(err):
			hint = "Correct the configuration or the environment."
		case code(err) == "InvalidClientTokenId":
			hint = "AWS does not know these keys: they were deleted, or aws.region is in another partition than they are."
		}
		return []bot.Finding{failed("AWS credentials", err, hint)}
	}
	found := []bot.Finding{{OK: true, What: "AWS knows jitbot as " + who.ARN}}
	if who.Chained() {
		found[0].Hint = "These are a role's credentials, with which AWS opens sessions of one hour at most; an IAM user's keys open longer ones."
	}
	if p.cfg.Entitlements == nil {
		return found
	}
	found = append(found, p.checkRights(ctx, who.Account, who.Principal()))
	for _, account := range slices.Sorted(maps.Keys(p.cfg.Accounts)) {
		found = append(found, p.checkAccount(ctx, account)...)
	}
	seen := map[string]bool{}
	for _, e := range p.cfg.Entitlements() {
		k := p.kinds[e.Kind]
		if k == nil {
			continue
		}
		name, look := k.check(e)
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, f := range look(ctx) {
			if !slices.Contains(found, f) { // one role with two session policies is looked at twice
				found = append(found, f)
			}
		}
	}
	return found
}

// checkAccount proves that another account is reached, and is the right one.
func (p *Provisioner) checkAccount(ctx context.Context, account string) []bot.Finding {
	r := p.cfg.Accounts[account].Role
	what := fmt.Sprintf("account %s by role %s", account, r)
	if _, err := p.clients.In(ctx, account, ""); err != nil {
		return []bot.Finding{failed(what, err, "Let jitbot call sts:AssumeRole on the role, and have its trust policy name jitbot; `bot aws policy --account "+account+"` prints both.")}
	}
	return []bot.Finding{{OK: true, What: what + " is reached"}, p.checkRights(ctx, account, r)}
}

func (p *Provisioner) checkRole(ctx context.Context, s session) []bot.Finding {
	r, what := s.role, "role "+s.role.arn
	out, err := p.readRole(ctx, r)
	if err != nil {
		return []bot.Finding{failed(what, err, "Create the role or correct the policy, and let jitbot call iam:GetRole on it.")}
	}
	client, err := p.clients.iamOf(ctx, r.account, r.partition)
	if err == nil {
		_, _, err = p.readDeny(ctx, client, r)
	}
	if err != nil {
		return []bot.Finding{failed(what+": its deny of ended grants cannot be read", err, "Let jitbot call iam:GetRolePolicy on the role.")}
	}
	f := bot.Finding{OK: true, What: fmt.Sprintf("%s is there; its sessions last %s at most", what,
		jit.FormatDuration(p.longestOf(r)))}
	if out.Role.PermissionsBoundary == nil {
		f.Hint = "The role has no permissions boundary; with one, jitbot's right to write the role's deny cannot widen the role."
	}
	found := append([]bot.Finding{f}, p.checkTrust(ctx, r, awssdk.ToString(out.Role.AssumeRolePolicyDocument))...)
	return append(found, p.trySession(ctx, s), p.tryDeny(ctx, r), p.checkRoom(ctx, client, r))
}

func (p *Provisioner) checkGroup(ctx context.Context, g group) []bot.Finding {
	what := "IAM group " + g.name + " of account " + g.account
	client, err := p.clients.iamOf(ctx, g.account, "")
	if err == nil {
		ctx, cancel := p.clients.Deadline(ctx)
		defer cancel()
		_, err = client.GetGroup(ctx, &iam.GetGroupInput{GroupName: &g.name, MaxItems: awssdk.Int32(1)})
	}
	if err != nil {
		return []bot.Finding{failed(what, err, "Create the group or correct the policy, and let jitbot call iam:GetGroup on it.")}
	}
	return []bot.Finding{{OK: true, What: what + " is there"}, p.tryMembership(ctx, g)}
}

// failed is what a check could not do. Where AWS refused, hint is what to do
// about it; where it did not answer, that says nothing about jitbot's rights.
func failed(what string, err error, hint string) bot.Finding {
	if down(err) {
		hint = "AWS did not answer, or could not just now, which says nothing about what jitbot may do: look at the network and at https://health.aws.amazon.com, and try again."
	}
	return bot.Finding{What: what + ": " + err.Error(), Hint: hint}
}

// down says whether AWS did not answer, or answered that it cannot for now.
func down(err error) bool {
	var answer *awshttp.ResponseError
	var unsent *smithyhttp.RequestSendError
	switch {
	case bot.IsPermanent(err), fromMetadata(err): // found out without asking AWS, or on a machine that is none of AWS's
		return false
	case errors.As(err, &unsent), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &answer):
		_, throttled := retry.DefaultThrottleErrorCodes[code(err)]
		return throttled || answer.HTTPStatusCode() >= http.StatusInternalServerError
	}
	return false
}

// fromMetadata says whether credentials were looked for at the address where
// machines of AWS have theirs: the chain ends there when there are none.
func fromMetadata(err error) bool {
	var call *smithy.OperationError
	for errors.As(err, &call) {
		if call.Service() == "ec2imds" {
			return true
		}
		err = call.Unwrap()
	}
	return false
}
