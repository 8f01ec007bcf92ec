package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	storetypes "github.com/aws/aws-sdk-go-v2/service/identitystore/types"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"jitbot/bot"
	"jitbot/jit"
)

// lister is a kind whose access stands by itself, and can be listed.
type lister interface {
	list(ctx context.Context, e jit.Entitlement) ([]bot.Held, error)
}

// lingerer is a kind of which something goes on after it was taken back.
type lingerer interface {
	lingers(ctx context.Context, h jit.Holding) (time.Duration, string, error)
}

// List reads everybody who has what e gives, to the last page. Sessions list
// nobody. Whoever the settings name exactly is also given as a principal.
func (p *Provisioner) List(ctx context.Context, e jit.Entitlement) ([]bot.Held, error) {
	k, can := p.kinds[e.Kind].(lister)
	if !can {
		if p.kinds[e.Kind] == nil {
			return nil, unknownKind(jit.Holding{Entitlement: e})
		}
		return nil, nil
	}
	held, err := k.list(needing(ctx, need{urgency: looking}), e)
	if err != nil {
		return nil, fmt.Errorf("list who has %s: %w", e.Kind, err)
	}
	return held, nil
}

// Lingers says how long a role session of Identity Center may go on that was
// open when h was taken back.
func (p *Provisioner) Lingers(ctx context.Context, h jit.Holding) (time.Duration, string, error) {
	k, can := p.kinds[h.Entitlement.Kind].(lingerer)
	if !can {
		return 0, "", nil
	}
	d, why, err := k.lingers(needing(ctx, need{urgency: urgencyOf(h)}), h)
	if err != nil {
		return 0, "", fmt.Errorf("how long sessions of %s go on: %w", h.ID, err)
	}
	return d, why, nil
}

func (p groups) list(ctx context.Context, e jit.Entitlement) ([]bot.Held, error) {
	g, err := parseGroup(e)
	if err != nil {
		return nil, err
	}
	client, err := p.clients.iamOf(ctx, g.account, "")
	if err != nil {
		return nil, err
	}
	var held []bot.Held
	pages := iam.NewGetGroupPaginator(client, &iam.GetGroupInput{GroupName: &g.name})
	for pages.HasMorePages() {
		part, err := p.nextMembers(ctx, pages)
		if err != nil {
			return nil, err
		}
		for _, u := range part.Users {
			name := aws.ToString(u.UserName)
			held = append(held, bot.Held{
				Target: membership{g, name}.target(), Who: name, Principal: p.cfg.iamNames().principal(name),
				Detail: name + " is in IAM group " + g.name,
			})
		}
	}
	return held, nil
}

func (p groups) nextMembers(ctx context.Context, pages *iam.GetGroupPaginator) (*iam.GetGroupOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}

func (p storeGroups) list(ctx context.Context, e jit.Entitlement) ([]bot.Held, error) {
	g, err := parseStoreGroup(e)
	if err != nil {
		return nil, err
	}
	id, err := p.lookUpGroup(ctx, g.store, g.group)
	if err != nil {
		return nil, err
	}
	client, err := p.clients.storeOf(ctx, p.cfg.IdentityCenter, g.region)
	if err != nil {
		return nil, err
	}
	var held []bot.Held
	pages := identitystore.NewListGroupMembershipsPaginator(client, &identitystore.ListGroupMembershipsInput{IdentityStoreId: &g.id, GroupId: &id})
	for pages.HasMorePages() {
		part, err := p.nextStoreMembers(ctx, pages)
		if err != nil {
			return nil, err
		}
		for _, m := range part.GroupMemberships {
			user, ok := m.MemberId.(*storetypes.MemberIdMemberUserId)
			if !ok {
				return nil, fmt.Errorf("membership %s is of something that is no user", aws.ToString(m.MembershipId))
			}
			who, err := p.calledIn(ctx, g.store, user.Value)
			if err != nil {
				return nil, err
			}
			held = append(held, bot.Held{
				Target: g.target(who.login), Who: who.login, Principal: who.principal, Detail: who.login + " is in the Identity Center group " + g.group,
			})
		}
	}
	return held, nil
}

func (p storeGroups) nextStoreMembers(ctx context.Context, pages *identitystore.ListGroupMembershipsPaginator) (*identitystore.ListGroupMembershipsOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}

// called is what somebody is called in an identity store, and who that is.
type called struct {
	login, principal string
}

// calledIn names a user by what jitbot would look them up by. A user who is not
// there any more goes by the id.
func (p *Provisioner) calledIn(ctx context.Context, s store, id string) (called, error) {
	u, err := p.describeUser(ctx, s, id)
	if errors.Is(err, errNobody) {
		return called{login: id}, nil
	}
	if err != nil {
		return called{}, err
	}
	known := p.cfg.IdentityCenter.names(p.cfg.Domain)
	if p.cfg.IdentityCenter.Match != matchEmail {
		name := aws.ToString(u.UserName)
		return called{name, known.principal(name)}, nil
	}
	for _, e := range u.Emails {
		if who := known.principal(aws.ToString(e.Value)); who != "" {
			return called{aws.ToString(e.Value), who}, nil
		}
	}
	return called{login: aws.ToString(u.UserName)}, nil
}

// describeUser reads a user by id; [errNobody] says that there is none.
func (p *Provisioner) describeUser(ctx context.Context, s store, id string) (*identitystore.DescribeUserOutput, error) {
	client, err := p.clients.storeOf(ctx, p.cfg.IdentityCenter, s.region)
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	out, err := client.DescribeUser(ctx, &identitystore.DescribeUserInput{IdentityStoreId: &s.id, UserId: &id})
	if missing(err, storetypes.ResourceTypeUser) {
		return nil, fmt.Errorf("%s: %w", id, errNobody)
	}
	if err != nil {
		return nil, fmt.Errorf("read user %s: %w", id, err)
	}
	return out, nil
}

// describeGroup reads a group by id.
func (p *Provisioner) describeGroup(ctx context.Context, s store, id string) (*identitystore.DescribeGroupOutput, error) {
	client, err := p.clients.storeOf(ctx, p.cfg.IdentityCenter, s.region)
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	out, err := client.DescribeGroup(ctx, &identitystore.DescribeGroupInput{IdentityStoreId: &s.id, GroupId: &id})
	if missing(err, storetypes.ResourceTypeGroup) {
		return nil, fmt.Errorf("%s: %w", id, errNobody)
	}
	if err != nil {
		return nil, fmt.Errorf("read group %s: %w", id, err)
	}
	return out, nil
}

// list also names groups that are assigned the permission set: whoever is in
// them has it as well.
func (p assignments) list(ctx context.Context, e jit.Entitlement) ([]bot.Held, error) {
	a, err := p.parse(e)
	if err != nil {
		return nil, err
	}
	asked := a
	client, err := p.clients.centerOf(ctx, p.cfg.IdentityCenter)
	if err != nil {
		return nil, err
	}
	if instanceOf(a.set) == "" {
		if a.set, err = p.setNamed(ctx, client, a.instance, a.set); err == nil && a.set == "" {
			err = fmt.Errorf("%s: %w", asked.set, errNoSet)
		}
		if err != nil {
			return nil, err
		}
	}
	all, err := p.readAll(ctx, client, a)
	if err != nil {
		return nil, err
	}
	held := make([]bot.Held, 0, len(all))
	for _, one := range all {
		h, err := p.heldBy(ctx, asked, one)
		if err != nil {
			return nil, err
		}
		held = append(held, h)
	}
	return held, nil
}

func (p assignments) heldBy(ctx context.Context, a assignment, one types.AccountAssignment) (bot.Held, error) {
	id := aws.ToString(one.PrincipalId)
	what := fmt.Sprintf(" is assigned %s in account %s", a.set, a.account)
	if one.PrincipalType == types.PrincipalTypeUser {
		who, err := p.calledIn(ctx, p.store(), id)
		return bot.Held{Target: a.target(who.login), Who: who.login, Principal: who.principal, Detail: who.login + what}, err
	}
	name := id
	g, err := p.describeGroup(ctx, p.store(), id)
	switch {
	case err == nil:
		name = aws.ToString(g.DisplayName)
	case !errors.Is(err, errNobody):
		return bot.Held{}, err
	}
	who := strings.ToLower(string(one.PrincipalType)) + " " + name
	return bot.Held{Target: a.target(who), Who: who, Detail: who + what + ", and with it everybody who is in it"}, nil
}
