package aws

import (
	"context"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"jitbot/bot"
	"jitbot/jit"
)

// Check asks AWS who we are, whether every role and group that the policy
// names is there, and tries what will be done with them: of each role it opens
// a session of 15 minutes that may do nothing, whose credentials it drops; of
// its deny and of groups it makes calls that AWS answers without doing
// anything. Nothing is given to anybody.
func (p *Provisioner) Check(ctx context.Context) []bot.Finding {
	who, err := p.clients.Hub(ctx)
	if err != nil {
		hint := "Give jitbot AWS credentials, by AWS_ACCESS_KEY_ID, a profile or a role."
		if bot.IsPermanent(err) {
			hint = "Correct the configuration or the environment."
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
	seen := map[string]bool{}
	for _, e := range p.cfg.Entitlements() {
		k := p.kinds[e.Kind]
		if k == nil {
			continue
		}
		name, look := k.check(e)
		if !seen[name] {
			found = append(found, look(ctx)...)
		}
		seen[name] = true
	}
	return found
}

func (p *Provisioner) checkRole(ctx context.Context, r role) []bot.Finding {
	what := "role " + r.arn
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
	return []bot.Finding{f, p.trySession(ctx, r), p.tryDeny(ctx, r)}
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

func failed(what string, err error, hint string) bot.Finding {
	return bot.Finding{What: what + ": " + err.Error(), Hint: hint}
}
