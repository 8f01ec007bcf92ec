package aws

import (
	"context"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"jitbot/bot"
	"jitbot/jit"
)

// Check asks AWS who we are and whether every role and group that the policy
// names is there and can be read. It changes nothing.
func (p *Provisioner) Check(ctx context.Context) []bot.Finding {
	who, err := p.clients.hub(ctx)
	if err != nil {
		return []bot.Finding{failed("AWS credentials", err, "Give jitbot AWS credentials, by AWS_ACCESS_KEY_ID, a profile or a role.")}
	}
	found := []bot.Finding{{OK: true, What: "AWS knows jitbot as " + who.arn}}
	if who.chained() {
		found[0].Hint = "These are a role's credentials, with which AWS opens sessions of one hour at most; an IAM user's keys open longer ones."
	}
	if p.cfg.Entitlements == nil {
		return found
	}
	seen := map[string]bool{}
	for _, e := range p.cfg.Entitlements() {
		f, name := p.checkEntitlement(ctx, e)
		if name != "" && !seen[name] {
			found = append(found, f)
		}
		seen[name] = true
	}
	return found
}

// checkEntitlement returns what was found and the name of the thing looked at;
// an empty name is not one of AWS's.
func (p *Provisioner) checkEntitlement(ctx context.Context, e jit.Entitlement) (f bot.Finding, name string) {
	switch e.Kind {
	case KindSession:
		s, err := parseSession(e)
		if err != nil {
			return failed("role "+e.Params["role"], err, "Correct the policy."), "role " + e.Params["role"]
		}
		return p.checkRole(ctx, s.role), "role " + s.role.arn
	case KindGroup:
		g, err := parseGroup(e)
		if err != nil {
			return failed("IAM group "+e.Params["group"], err, "Correct the policy."), "group " + e.Params["group"]
		}
		return p.checkGroup(ctx, g), "group " + g.account + ":" + g.name
	}
	return bot.Finding{}, ""
}

func (p *Provisioner) checkRole(ctx context.Context, r role) bot.Finding {
	what := "role " + r.arn
	out, err := p.readRole(ctx, r)
	if err != nil {
		return failed(what, err, "Create the role or correct the policy, and let jitbot call iam:GetRole on it.")
	}
	client, err := p.clients.iamOf(ctx, r.account, r.partition)
	if err == nil {
		_, _, err = p.readDeny(ctx, client, r)
	}
	if err != nil {
		return failed(what+": its deny of ended grants", err, "Let jitbot call iam:GetRolePolicy and iam:PutRolePolicy on the role.")
	}
	f := bot.Finding{OK: true, What: fmt.Sprintf("%s is there; its sessions last %s at most", what,
		jit.FormatDuration(p.longestOf(r)))}
	if out.Role.PermissionsBoundary == nil {
		f.Hint = "The role has no permissions boundary; with one, jitbot's right to write the role's deny cannot widen the role."
	}
	return f
}

func (p *Provisioner) checkGroup(ctx context.Context, g group) bot.Finding {
	what := "IAM group " + g.name + " of account " + g.account
	client, err := p.clients.iamOf(ctx, g.account, "")
	if err == nil {
		ctx, cancel := p.clients.deadline(ctx)
		defer cancel()
		_, err = client.GetGroup(ctx, &iam.GetGroupInput{GroupName: &g.name, MaxItems: awssdk.Int32(1)})
	}
	if err != nil {
		return failed(what, err, "Create the group or correct the policy, and let jitbot call iam:GetGroup on it.")
	}
	return bot.Finding{OK: true, What: what + " is there"}
}

func failed(what string, err error, hint string) bot.Finding {
	return bot.Finding{What: what + ": " + err.Error(), Hint: hint}
}
