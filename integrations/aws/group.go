package aws

import (
	"context"
	"fmt"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

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

// remove takes "no such entity" for done, unless the membership goes by another
// name now: whether it is done, the read after it decides.
func (p groups) remove(ctx context.Context, h jit.Holding) error {
	m, client, err := p.reach(ctx, h)
	if err != nil {
		return err
	}
	err = p.removeUser(ctx, client, m)
	if code(err) != noSuchEntity || h.OutsideID == "" {
		return unless(err, noSuchEntity)
	}
	now, held, err := p.find(ctx, client, m, h.OutsideID)
	if err != nil || !held {
		return err
	}
	return unless(p.removeUser(ctx, client, now), noSuchEntity)
}

func (p groups) removeUser(ctx context.Context, client *iam.Client, m membership) error {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	_, err := client.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: &m.name, UserName: &m.user})
	return err
}

// unless is err, but for errors of one code.
func unless(err error, fine string) error {
	if code(err) == fine {
		return nil
	}
	return err
}

func (p groups) observe(ctx context.Context, h jit.Holding) (bot.Observation, error) {
	m, client, err := p.reach(ctx, h)
	if err != nil {
		return bot.Observation{}, err
	}
	now, held, err := p.find(ctx, client, m, h.OutsideID)
	switch {
	case err != nil:
		return bot.Observation{}, err
	case !held:
		return bot.Observation{ID: h.OutsideID, Detail: m.user + " is not in IAM group " + m.name}, nil
	}
	seen := bot.Observation{Held: true, ID: h.OutsideID, Detail: now.user + " is in IAM group " + now.name}
	if now.user != m.user {
		seen.Detail += " (it was " + m.user + ")"
	}
	if seen.ID == "" {
		seen.ID, err = p.idsOf(ctx, client, now)
	}
	return seen, err
}

// find reads whether a membership is there, and by which names. ids are those
// of the user and of the group from when it was given: neither is hidden by a
// change of name. Without them only the names count.
func (p groups) find(ctx context.Context, client *iam.Client, m membership, ids string) (membership, bool, error) {
	userID, groupID, _ := strings.Cut(ids, "/")
	pages := iam.NewListGroupsForUserPaginator(client, &iam.ListGroupsForUserInput{UserName: &m.user})
	for pages.HasMorePages() {
		part, err := p.nextGroups(ctx, pages)
		if code(err) == noSuchEntity {
			break
		}
		if err != nil {
			return m, false, err
		}
		for _, g := range part.Groups {
			if strings.EqualFold(awssdk.ToString(g.GroupName), m.name) || groupID != "" && awssdk.ToString(g.GroupId) == groupID {
				m.name = awssdk.ToString(g.GroupName)
				return m, true, nil
			}
		}
	}
	if userID == "" {
		return m, false, nil
	}
	u, _, held, err := p.member(ctx, client, m, func(u types.User) bool { return awssdk.ToString(u.UserId) == userID })
	if held {
		m.user = awssdk.ToString(u.UserName)
	}
	return m, held, err
}

// idsOf are the ids of the user and of the group of a membership that is there;
// empty, if the members do not show it yet.
func (p groups) idsOf(ctx context.Context, client *iam.Client, m membership) (string, error) {
	u, groupID, held, err := p.member(ctx, client, m, func(u types.User) bool { return awssdk.ToString(u.UserName) == m.user })
	if err != nil || !held {
		return "", err
	}
	return awssdk.ToString(u.UserId) + "/" + groupID, nil
}

// member finds a member of m's group. A group that is not there has none.
func (p groups) member(ctx context.Context, client *iam.Client, m membership, is func(types.User) bool) (u types.User, groupID string, held bool, err error) {
	pages := iam.NewGetGroupPaginator(client, &iam.GetGroupInput{GroupName: &m.name})
	for pages.HasMorePages() {
		part, err := p.nextMembers(ctx, pages)
		if code(err) == noSuchEntity {
			return u, "", false, nil
		}
		if err != nil {
			return u, "", false, err
		}
		for _, u := range part.Users {
			if is(u) && part.Group != nil {
				return u, awssdk.ToString(part.Group.GroupId), true, nil
			}
		}
	}
	return u, "", false, nil
}

func (p groups) nextGroups(ctx context.Context, pages *iam.ListGroupsForUserPaginator) (*iam.ListGroupsForUserOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}
