package aws

import (
	"context"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"jitbot/bot"
)

// tooMuch are actions that jitbot has no use for on everything, or none at
// all: with one of them, whoever takes jitbot over makes access that no end of
// a grant takes back. The last three stand for "*".
func tooMuch() []string {
	return []string{
		"iam:CreateUser", "iam:CreateRole", "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreatePolicy", "iam:CreatePolicyVersion",
		"iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:PutRolePolicy", "iam:PutUserPolicy", "iam:PutGroupPolicy",
		"iam:UpdateAssumeRolePolicy", "iam:PassRole", "iam:DeleteRolePermissionsBoundary", "iam:AddUserToGroup", "sts:AssumeRole",
		"sso:CreatePermissionSet", "sso:PutInlinePolicyToPermissionSet", "sso:AttachManagedPolicyToPermissionSet",
		"s3:DeleteBucket", "ec2:TerminateInstances", "kms:ScheduleKeyDeletion",
	}
}

// checkRights asks AWS whether jitbot may do on everything what it needs on a
// few things, or not at all.
func (p *Provisioner) checkRights(ctx context.Context, account, principal string) bot.Finding {
	what := "rights of " + principal
	allowed, err := p.allowedOf(ctx, account, principal)
	switch {
	case err != nil: // jitbot works without that right
		f := failed(what+": whether they are too many could not be looked at", err, "Let jitbot call iam:SimulatePrincipalPolicy on itself to have this checked.")
		f.OK = true
		if code(err) == noSuchEntity {
			f.Hint = "AWS does not say the path of the role that jitbot runs on, and finds no role with a path without it."
		}
		return f
	case len(allowed) == len(tooMuch()):
		allowed = []string{`whatever was asked about, as with "*"`}
		fallthrough
	case len(allowed) > 0:
		return bot.Finding{
			OK: true, What: what + " are more than jitbot needs: on everything it may call " + strings.Join(allowed, ", "),
			Hint: "Whoever gets hold of jitbot has them too. Let it do no more than `bot aws policy` prints.",
		}
	}
	return bot.Finding{OK: true, What: what + ": none of those is there that jitbot should not have"}
}

// allowedOf is what of it all a principal may do. AWS does not take every two
// actions in one question, and does not say beforehand which: then each is asked
// about by itself.
func (p *Provisioner) allowedOf(ctx context.Context, account, principal string) ([]string, error) {
	client, err := p.clients.iamOf(ctx, account, "")
	if err != nil {
		return nil, err
	}
	allowed, err := p.simulate(ctx, client, principal, tooMuch())
	if code(err) != "InvalidInput" {
		return allowed, err
	}
	for _, action := range tooMuch() {
		one, err := p.simulate(ctx, client, principal, []string{action})
		if err != nil {
			return nil, err
		}
		allowed = append(allowed, one...)
	}
	return allowed, nil
}

func (p *Provisioner) simulate(ctx context.Context, client *iam.Client, principal string, actions []string) ([]string, error) {
	var allowed []string
	pages := iam.NewSimulatePrincipalPolicyPaginator(client, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &principal, ActionNames: actions})
	for pages.HasMorePages() {
		part, err := p.nextEvaluations(ctx, pages)
		if err != nil {
			return nil, err
		}
		for _, r := range part.EvaluationResults {
			if r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed {
				allowed = append(allowed, awssdk.ToString(r.EvalActionName))
			}
		}
	}
	return allowed, nil
}

func (p *Provisioner) nextEvaluations(ctx context.Context, pages *iam.SimulatePrincipalPolicyPaginator) (*iam.SimulatePrincipalPolicyOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}
