package aws

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/identitystore/types"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/policy"
)

// storeGroups are memberships of groups of Identity Center's identity store.
type storeGroups struct{ *Provisioner }

// storeGroup is what an aws_identity_store_group entitlement asks for.
type storeGroup struct {
	store
	group string // name or id
}

// maxStoreName is how long, in bytes, the name of a group may be; AWS takes
// about as many characters.
const maxStoreName = 1024

var storeGroupName = regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P} ]+$`)

func (storeGroups) settings() policy.Kind {
	return policy.Kind{Name: KindStoreGroup, Params: []policy.Param{
		{Name: "identity_store", Required: true, Check: storeGroupParam("identity_store")},
		{Name: "group", Required: true, Check: storeGroupParam("group")},
		{Name: "region", Check: storeGroupParam("region")},
	}}
}

// storeGroupParam checks one setting beside others that fit.
func storeGroupParam(name string) func(string) error {
	return func(value string) error {
		params := map[string]string{"identity_store": "d-0123456789", "group": "any"}
		params[name] = value
		_, err := parseStoreGroup(jit.Entitlement{Kind: KindStoreGroup, Params: params})
		return err
	}
}

func parseStoreGroup(e jit.Entitlement) (storeGroup, error) {
	if err := onlyParams(e, "identity_store", "group", "region"); err != nil {
		return storeGroup{}, err
	}
	g := storeGroup{store{e.Params["identity_store"], e.Params["region"]}, e.Params["group"]}
	switch {
	case !storeName.MatchString(g.id):
		return g, fmt.Errorf("%s: identity_store: %q is not the id of an identity store; write it like d-0123456789", KindStoreGroup, g.id)
	case !storeGroupName.MatchString(g.group) || len(g.group) > maxStoreName || strings.TrimSpace(g.group) != g.group:
		return g, fmt.Errorf("%s: group: %q is neither the name nor the id of one group", KindStoreGroup, g.group)
	case g.region != "" && !regionName.MatchString(g.region):
		return g, fmt.Errorf("%s: region: %q is not a region; write it like eu-central-1", KindStoreGroup, g.region)
	}
	return g, nil
}

func (p storeGroups) target(h jit.Holding) (string, error) {
	g, err := parseStoreGroup(h.Entitlement)
	if err != nil {
		return "", err
	}
	login, err := p.cfg.login(h.Principal)
	if err != nil {
		return "", fmt.Errorf("%s: %w", KindStoreGroup, err)
	}
	return g.target(login), nil
}

func (g storeGroup) target(login string) string {
	return strings.ToLower(strings.Join([]string{KindStoreGroup, g.id, g.group, login}, ":"))
}

// storeMember is one user in one group, by their ids.
type storeMember struct {
	storeGroup
	client            *identitystore.Client
	groupID, user, of string // of is what people call the user
}

// outsideID is what is noted of a membership when it is given: the ids of the
// user and of the group, so that no change of name hides it. Where there is no
// such group yet, and in holdings of before, it is the user's alone.
func (m storeMember) outsideID() string {
	if m.user == "" || m.groupID == "" {
		return m.user
	}
	return m.user + "/" + m.groupID
}

// reach returns what is needed to act on h. [errNobody] says that there is no
// such user, or no such group.
func (p storeGroups) reach(ctx context.Context, h jit.Holding) (storeMember, error) {
	g, err := parseStoreGroup(h.Entitlement)
	if err != nil {
		return storeMember{}, bot.Permanent(err)
	}
	m := storeMember{storeGroup: g}
	if m.client, err = p.clients.storeOf(ctx, p.cfg.IdentityCenter, g.region); err != nil {
		return m, err
	}
	h.OutsideID, m.groupID, _ = strings.Cut(h.OutsideID, "/")
	if m.user, m.of, err = p.userID(ctx, g.store, h); err != nil || m.groupID != "" {
		return m, err
	}
	m.groupID, err = p.lookUpGroup(ctx, g.store, g.group)
	return m, err
}

// apply takes "conflict" for a question: somebody is a member already, or AWS
// was changing something else, and a read says which.
func (p storeGroups) apply(ctx context.Context, h jit.Holding) error {
	m, err := p.reach(ctx, h)
	if errors.Is(err, errNobody) {
		return bot.Permanent(err)
	}
	if err != nil {
		return err
	}
	err = p.create(ctx, m)
	if code(err) != conflict {
		return err
	}
	if id, readErr := p.membershipID(ctx, m); readErr != nil || id != "" {
		return readErr
	}
	return err
}

func (p storeGroups) create(ctx context.Context, m storeMember) error {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	_, err := m.client.CreateGroupMembership(ctx, &identitystore.CreateGroupMembershipInput{
		IdentityStoreId: &m.id, GroupId: &m.groupID, MemberId: member(m.user),
	})
	return err
}

func member(user string) types.MemberId { return &types.MemberIdMemberUserId{Value: user} }

func (p storeGroups) remove(ctx context.Context, h jit.Holding) error {
	m, err := p.reach(ctx, h)
	if errors.Is(err, errNobody) {
		return nil // nobody is nowhere a member
	}
	if err != nil {
		return err
	}
	id, err := p.membershipID(ctx, m)
	if err != nil || id == "" {
		return err
	}
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	_, err = m.client.DeleteGroupMembership(ctx, &identitystore.DeleteGroupMembershipInput{IdentityStoreId: &m.id, MembershipId: &id})
	if missing(err, types.ResourceTypeGroupMembership) {
		return nil
	}
	return err
}

// membershipID reads the one membership; empty: there is none. Where asking for
// it does not work, as not every AWS knows how, all memberships of the user are
// read instead.
func (p storeGroups) membershipID(ctx context.Context, m storeMember) (string, error) {
	id, err := p.askMembership(ctx, m)
	if err == nil || ctx.Err() != nil {
		return id, err
	}
	id, listErr := p.listMembership(ctx, m)
	if listErr != nil {
		return "", fmt.Errorf("%w; and its list: %w", err, listErr)
	}
	return id, nil
}

// listMembership finds the membership among all of the user.
func (p storeGroups) listMembership(ctx context.Context, m storeMember) (id string, err error) {
	pages := identitystore.NewListGroupMembershipsForMemberPaginator(m.client, &identitystore.ListGroupMembershipsForMemberInput{
		IdentityStoreId: &m.id, MemberId: member(m.user),
	})
	for pages.HasMorePages() {
		part, err := p.nextOfMember(ctx, pages)
		if missing(err, types.ResourceTypeUser) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		for _, one := range part.GroupMemberships {
			if strings.EqualFold(aws.ToString(one.GroupId), m.groupID) {
				id = aws.ToString(one.MembershipId)
			}
		}
	}
	return id, nil
}

func (p storeGroups) nextOfMember(ctx context.Context, pages *identitystore.ListGroupMembershipsForMemberPaginator) (*identitystore.ListGroupMembershipsForMemberOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}

// askMembership asks for the membership. That the user or the group is not there
// any more means that there is none: the store let go of it then.
func (p storeGroups) askMembership(ctx context.Context, m storeMember) (string, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	out, err := m.client.GetGroupMembershipId(ctx, &identitystore.GetGroupMembershipIdInput{
		IdentityStoreId: &m.id, GroupId: &m.groupID, MemberId: member(m.user),
	})
	if missing(err, types.ResourceTypeGroupMembership, types.ResourceTypeUser, types.ResourceTypeGroup) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if aws.ToString(out.MembershipId) == "" {
		return "", errors.New("AWS answered without the id of the membership")
	}
	return *out.MembershipId, nil
}

func (p storeGroups) observe(ctx context.Context, h jit.Holding) (bot.Observation, error) {
	m, err := p.reach(ctx, h)
	if errors.Is(err, errNobody) {
		return bot.Observation{ID: m.outsideID(), Detail: err.Error()}, nil
	}
	if err != nil {
		return bot.Observation{}, err
	}
	id, err := p.membershipID(ctx, m)
	if err != nil {
		return bot.Observation{}, err
	}
	if id != "" {
		return bot.Observation{Held: true, ID: m.outsideID(), Detail: m.of + " is in the Identity Center group " + m.group}, nil
	}
	return bot.Observation{ID: m.outsideID(), Detail: m.of + " is not in the Identity Center group " + m.group}, nil
}

// longestSetSession is the longest that Identity Center lets a role session be.
const longestSetSession = 12 * time.Hour

// lingers says the longest there can be: which permission sets a group opens,
// and in how many accounts, is for others to say.
func (storeGroups) lingers(context.Context, jit.Holding) (time.Duration, string, error) {
	return longestSetSession, "Identity Center's roles cannot be cut, and how long their sessions are is up to the permission sets of the group", nil
}
