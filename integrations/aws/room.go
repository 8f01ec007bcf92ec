package aws

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"jitbot/bot"
)

const (
	roomOfCut  = 400 // characters: the document, its cut and one bucket
	roomOfName = 25  // characters: a grant's name in quotes
	fewNames   = 50
)

// checkRoom says how much of a role's room for inline policies is left for the
// deny. Other people's policies share it, and may leave none.
func (p *Provisioner) checkRoom(ctx context.Context, client *iam.Client, r role) bot.Finding {
	what := "role " + r.arn
	taken, err := p.otherInline(ctx, client, r)
	if code(err) == "AccessDenied" {
		return bot.Finding{
			OK: true, What: what + ": how much room is left for its deny could not be looked at",
			Hint: "Let jitbot call iam:ListRolePolicies and iam:GetRolePolicy on the role to have this checked.",
		}
	}
	if err != nil {
		return failed(what+": its inline policies cannot be read", err, "Let jitbot call iam:ListRolePolicies and iam:GetRolePolicy on the role.")
	}
	names := max(0, (maxInline-taken-roomOfCut)/roomOfName)
	f := bot.Finding{OK: names > 0, What: fmt.Sprintf("%s: its deny has room for about %d ended grants; its other inline policies take %d of %d characters",
		what, names, taken, maxInline)}
	if names < fewNames {
		f.Hint = "Turn the role's other inline policies into managed ones: without room all its sessions are cut when one ends, or the end waits for ever."
	}
	return f
}

// otherInline is how many characters the inline policies of others take, white
// space not counted, as AWS counts them.
func (p *Provisioner) otherInline(ctx context.Context, client *iam.Client, r role) (int, error) {
	total := 0
	pages := iam.NewListRolePoliciesPaginator(client, &iam.ListRolePoliciesInput{RoleName: &r.name})
	for pages.HasMorePages() {
		part, err := p.nextPolicies(ctx, pages)
		if err != nil {
			return 0, err
		}
		for _, name := range part.PolicyNames {
			if name == denyPolicyName || name == checkName {
				continue
			}
			n, err := p.inlineLength(ctx, client, r, name)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return total, nil
}

func (p *Provisioner) nextPolicies(ctx context.Context, pages *iam.ListRolePoliciesPaginator) (*iam.ListRolePoliciesOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}

func (p *Provisioner) inlineLength(ctx context.Context, client *iam.Client, r role, name string) (int, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	out, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &r.name, PolicyName: &name})
	if err != nil {
		return 0, unlessMissing(err)
	}
	text, err := url.PathUnescape(awssdk.ToString(out.PolicyDocument))
	if err != nil {
		return 0, fmt.Errorf("inline policy %s of %s: %w", name, r.arn, err)
	}
	return len(strings.Join(strings.Fields(text), "")), nil
}
