package aws

import (
	"context"
	"fmt"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/policy"
)

// membership is one IAM user in one IAM group.
type membership struct {
	group
	user string
}

// groups are memberships of IAM groups.
type groups struct{ *Provisioner }

func (groups) settings() policy.Kind {
	return policy.Kind{Name: KindGroup, Params: []policy.Param{
		{Name: "account", Required: true, Check: checkAccount},
		{Name: "group", Required: true, Check: checkGroupName},
	}}
}

func checkAccount(account string) error {
	_, err := parseGroup(jit.Entitlement{Kind: KindGroup, Params: map[string]string{"account": account, "group": "any"}})
	return err
}

func checkGroupName(name string) error {
	_, err := parseGroup(jit.Entitlement{Kind: KindGroup, Params: map[string]string{"account": "111122223333", "group": name}})
	return err
}

func (groups) need(n *needs, e jit.Entitlement) error {
	g, err := parseGroup(e)
	if err != nil {
		return err
	}
	there := n.in(g.account)
	there.allow("ChangeGroups", fmt.Sprintf("arn:%s:iam::%s:group/%s", n.partition, g.account, g.name),
		"iam:GetGroup", "iam:AddUserToGroup", "iam:RemoveUserFromGroup")
	there.allow("ReadMemberships", fmt.Sprintf("arn:%s:iam::%s:user/*", n.partition, g.account), "iam:ListGroupsForUser")
	return nil
}

func (p groups) check(e jit.Entitlement) (name string, look func(context.Context) []bot.Finding) {
	g, err := parseGroup(e)
	if err != nil {
		return checkWrong("IAM group "+e.Params["group"], err)
	}
	return "group " + g.account + ":" + g.name, func(ctx context.Context) []bot.Finding { return p.checkGroup(ctx, g) }
}

func (p groups) target(h jit.Holding) (string, error) {
	m, err := p.membership(h)
	if err != nil {
		return "", err
	}
	return m.target(), nil
}

func (p groups) membership(h jit.Holding) (membership, error) {
	g, err := parseGroup(h.Entitlement)
	if err != nil {
		return membership{}, err
	}
	user, err := p.cfg.iamUser(h.Principal)
	if err != nil {
		return membership{}, fmt.Errorf("%s: %w", KindGroup, err)
	}
	return membership{g, user}, nil
}

func (m membership) target() string {
	return strings.ToLower(strings.Join([]string{KindGroup, m.account, m.name, m.user}, ":"))
}

// reach returns what is needed to act on h.
func (p groups) reach(ctx context.Context, h jit.Holding) (membership, *iam.Client, error) {
	m, err := p.membership(h)
	if err != nil {
		return m, nil, bot.Permanent(err)
	}
	client, err := p.clients.iamOf(ctx, m.account, "")
	return m, client, err
}

func (p groups) apply(ctx context.Context, h jit.Holding) error {
	m, client, err := p.reach(ctx, h)
	if err != nil {
		return err
	}
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	_, err = client.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: &m.name, UserName: &m.user})
	return err
}

// remove takes "no such entity" for done: whether it is, the read after
// it decides.
func (p groups) remove(ctx context.Context, h jit.Holding) error {
	m, client, err := p.reach(ctx, h)
	if err != nil {
		return err
	}
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	_, err = client.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: &m.name, UserName: &m.user})
	if code(err) == noSuchEntity {
		return nil
	}
	return err
}

func (p groups) observe(ctx context.Context, h jit.Holding) (bot.Observation, error) {
	m, client, err := p.reach(ctx, h)
	if err != nil {
		return bot.Observation{}, err
	}
	pages := iam.NewListGroupsForUserPaginator(client, &iam.ListGroupsForUserInput{UserName: &m.user})
	for pages.HasMorePages() {
		part, err := p.nextGroups(ctx, pages)
		if code(err) == noSuchEntity {
			return bot.Observation{Detail: fmt.Sprintf("there is no IAM user %s in account %s", m.user, m.account)}, nil
		}
		if err != nil {
			return bot.Observation{}, err
		}
		for _, g := range part.Groups {
			if strings.EqualFold(awssdk.ToString(g.GroupName), m.name) {
				return bot.Observation{Held: true, Detail: m.user + " is in IAM group " + m.name}, nil
			}
		}
	}
	return bot.Observation{Detail: m.user + " is not in IAM group " + m.name}, nil
}

func (p groups) nextGroups(ctx context.Context, pages *iam.ListGroupsForUserPaginator) (*iam.ListGroupsForUserOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}
