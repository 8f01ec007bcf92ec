package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	storetypes "github.com/aws/aws-sdk-go-v2/service/identitystore/types"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"jitbot/bot"
	"jitbot/jit"
)

// noUser and noMembership are ids that the identity store takes and nobody and
// nothing has.
const (
	noUser       = "00000000-0000-0000-0000-000000000000"
	noMembership = noUser
)

func (storeGroups) need(n *needs, e jit.Entitlement) error {
	g, err := parseStoreGroup(e)
	if err != nil {
		return err
	}
	id := "*"
	if storeUUID.MatchString(g.group) {
		id = g.group
	}
	n.store("arn:" + n.partition + ":identitystore::*:identitystore/" + g.id)
	for _, arn := range []string{":identitystore/" + g.id, "::user/*", "::membership/*", "::group/" + id} {
		account := "*"
		if strings.HasPrefix(arn, "::") {
			account, arn = "", arn[1:]
		}
		n.allow("ChangeStoreGroups", "arn:"+n.partition+":identitystore::"+account+arn,
			"identitystore:GetGroupId", "identitystore:DescribeGroup", "identitystore:ListGroupMemberships", "identitystore:GetGroupMembershipId", "identitystore:ListGroupMembershipsForMember",
			"identitystore:CreateGroupMembership", "identitystore:DeleteGroupMembership")
	}
	return nil
}

// store allows looking people up.
func (n *needs) store(arn string) {
	for _, of := range []string{arn, "arn:" + n.partition + ":identitystore:::user/*"} {
		n.allow("FindStoreUsers", of, "identitystore:GetUserId", "identitystore:DescribeUser")
	}
}

func (assignments) need(n *needs, e jit.Entitlement) error {
	a, err := parseAssignment(e)
	if err != nil {
		return err
	}
	prefix := "arn:" + n.partition + ":sso:::"
	instance, set := cmp.Or(a.instance, prefix+"instance/*"), a.set
	if instanceOf(set) == "" {
		set = prefix + "permissionSet/" + instance[strings.LastIndexByte(instance, '/')+1:] + "/*"
	}
	for _, arn := range []string{instance, set, prefix + "account/" + a.account} {
		n.allow("ChangeAssignments", arn, "sso:CreateAccountAssignment", "sso:DeleteAccountAssignment")
	}
	n.allow("ReadIdentityCenter", "*", "sso:ListInstances", "sso:ListPermissionSets", "sso:DescribePermissionSet", "sso:ListAccountAssignments",
		"sso:DescribeAccountAssignmentCreationStatus", "sso:DescribeAccountAssignmentDeletionStatus")
	n.store("arn:" + n.partition + ":identitystore::*:identitystore/*")
	n.allow("NameAssignedGroups", "arn:"+n.partition+":identitystore::*:identitystore/*", "identitystore:DescribeGroup")
	n.allow("NameAssignedGroups", "arn:"+n.partition+":identitystore:::group/*", "identitystore:DescribeGroup")
	return nil
}

func (p storeGroups) check(e jit.Entitlement) (name string, look func(context.Context) []bot.Finding) {
	g, err := parseStoreGroup(e)
	if err != nil {
		return checkWrong("Identity Center group "+e.Params["group"], err)
	}
	return "Identity Center group " + g.id + ":" + g.region + ":" + strings.ToLower(g.group), func(ctx context.Context) []bot.Finding { return p.checkStoreGroup(ctx, g) }
}

func (p storeGroups) checkStoreGroup(ctx context.Context, g storeGroup) []bot.Finding {
	what := "Identity Center group " + g.group + " of " + g.id
	id, err := p.lookUpGroup(ctx, g.store, g.group)
	var read *identitystore.DescribeGroupOutput
	if err == nil {
		read, err = p.describeGroup(ctx, g.store, id)
	}
	if err != nil {
		return []bot.Finding{failed(what, err, "Create the group or correct the policy, set the store's home region, and let jitbot call identitystore:GetGroupId and identitystore:DescribeGroup.")}
	}
	f := bot.Finding{OK: true, What: what + " is there"}
	if len(read.ExternalIds) > 0 {
		f.Hint = "An identity provider keeps this group up (" + aws.ToString(read.ExternalIds[0].Issuer) + "): its next synchronisation may undo what jitbot does. Use a group that it does not manage."
	}
	if twice := p.otherSpelling(ctx, g, id); twice != "" {
		return []bot.Finding{f, {What: what + " is also named " + twice, Hint: "Name it in one way only, or two grants of it are not known to be of the same thing."}}
	}
	return []bot.Finding{f, p.tryUsers(ctx, g.store), p.tryStoreMembership(ctx, g, id)}
}

// otherSpelling is how else the policy names the same group; empty: it does not.
func (p storeGroups) otherSpelling(ctx context.Context, g storeGroup, id string) string {
	for _, e := range p.cfg.Entitlements() {
		o, err := parseStoreGroup(e)
		if e.Kind != KindStoreGroup || err != nil || o.id != g.id || strings.EqualFold(o.group, g.group) {
			continue
		}
		if same, err := p.lookUpGroup(ctx, o.store, o.group); err == nil && strings.EqualFold(same, id) {
			return o.group
		}
	}
	return ""
}

// tryUsers looks somebody up: who is listed in the configuration, or a name that
// nobody has, of which the store then says so.
func (p *Provisioner) tryUsers(ctx context.Context, s store) bot.Finding {
	what := "identity store " + s.id
	listed := slices.Sorted(maps.Values(p.cfg.IdentityCenter.Users))
	if len(listed) > 0 {
		if _, err := p.lookUpUser(ctx, s, listed[0]); err != nil {
			return failed(what+": "+listed[0]+", who is listed under aws.identity_center.users, is not found", err,
				"Correct the name or aws.identity_center.match, and let jitbot call identitystore:GetUserId.")
		}
		return bot.Finding{OK: true, What: what + ": users are found (tried with " + listed[0] + ")"}
	}
	if _, err := p.lookUpUser(ctx, s, checkName); err != nil && !errors.Is(err, errNobody) {
		return failed(what+": users cannot be looked up", err, "Set the store's id and home region, and let jitbot call identitystore:GetUserId.")
	}
	return bot.Finding{OK: true, What: what + ": users can be looked up (tried with a name that nobody has)"}
}

// tryStoreMembership reads, makes and deletes the membership of somebody who
// cannot exist: AWS says so where the call is allowed, and refuses it where not.
func (p storeGroups) tryStoreMembership(ctx context.Context, g storeGroup, id string) bot.Finding {
	what := "Identity Center group " + g.group + " of " + g.id
	client, err := p.clients.storeOf(ctx, p.cfg.IdentityCenter, g.region)
	nobody, nothing := noUser, noMembership
	for _, try := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := p.membershipID(ctx, storeMember{storeGroup: g, client: client, groupID: id, user: nobody})
			return err
		},
		func(ctx context.Context) error {
			_, err := client.CreateGroupMembership(ctx, &identitystore.CreateGroupMembershipInput{IdentityStoreId: &g.id, GroupId: &id, MemberId: member(nobody)})
			return err
		},
		func(ctx context.Context) error {
			_, err := client.DeleteGroupMembership(ctx, &identitystore.DeleteGroupMembershipInput{IdentityStoreId: &g.id, MembershipId: &nothing})
			return err
		},
		func(ctx context.Context) error {
			_, err := client.ListGroupMemberships(ctx, &identitystore.ListGroupMembershipsInput{IdentityStoreId: &g.id, GroupId: &id, MaxResults: aws.Int32(1)})
			return err
		},
	} {
		if err == nil {
			err = p.unlessNobody(ctx, try)
		}
	}
	if err != nil {
		return failed(what+": its members cannot be changed", err, "Let jitbot call identitystore:CreateGroupMembership, identitystore:DeleteGroupMembership, "+
			"identitystore:GetGroupMembershipId and identitystore:ListGroupMemberships on the group.")
	}
	return bot.Finding{OK: true, What: what + ": its members can be changed (tried with a user who cannot exist)"}
}

// unlessNobody makes one call in the time a call has, and takes that somebody or
// a membership is not there for the answer it is after.
func (p *Provisioner) unlessNobody(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	err := call(ctx)
	if missing(err, storetypes.ResourceTypeUser, storetypes.ResourceTypeGroupMembership) {
		return nil
	}
	return err
}

func (p assignments) check(e jit.Entitlement) (name string, look func(context.Context) []bot.Finding) {
	what := "account assignment " + e.Params["permission_set"] + " in " + e.Params["account"]
	a, err := p.parse(e)
	if err != nil {
		return checkWrong(what, err)
	}
	return what, func(ctx context.Context) []bot.Finding { return p.checkAssignment(ctx, a, what) }
}

func (p assignments) checkAssignment(ctx context.Context, a assignment, what string) []bot.Finding {
	client, err := p.clients.centerOf(ctx, p.cfg.IdentityCenter)
	if err != nil {
		return []bot.Finding{failed(what, err, "Correct aws.identity_center.")}
	}
	if bad := p.checkInstance(ctx, client, a); bad != nil {
		return []bot.Finding{*bad}
	}
	asked := a.set
	if instanceOf(a.set) == "" {
		a.set, err = p.setNamed(ctx, client, a.instance, a.set)
		if err == nil && a.set == "" {
			err = errNoSet
		}
	}
	var set permissionSet
	if err == nil {
		set, err = p.describeSet(ctx, client, a.instance, a.set)
	}
	if err == nil {
		_, err = p.readAll(ctx, client, a)
	}
	if err != nil {
		return []bot.Finding{failed(what, err, "Correct the permission set or the account in the policy, and let jitbot call sso:DescribePermissionSet, sso:ListPermissionSets and sso:ListAccountAssignments.")}
	}
	f := bot.Finding{OK: true, What: fmt.Sprintf("%s: permission set %s is there; its sessions last %s", what, set.name, jit.FormatDuration(set.session))}
	if set.session > time.Hour {
		f.Hint = "A session that is open when a grant ends goes on for as long as that, and cannot be cut. Set the permission set's session duration to PT1H."
	}
	if other := p.otherName(a, asked, set); other != "" {
		return []bot.Finding{f, {What: what + ": the policy also calls it " + other, Hint: "Name it in one way only, or two grants of it are not known to be of the same thing."}}
	}
	return []bot.Finding{f, p.tryUsers(ctx, p.store()), p.tryAssignment(ctx, client, a, what)}
}

// otherName is how else the policy names the same permission set in the account.
func (p assignments) otherName(a assignment, asked string, set permissionSet) string {
	for _, e := range p.cfg.Entitlements() {
		o, err := p.parse(e)
		if e.Kind == KindAssignment && err == nil && o.account == a.account && o.set != asked && (o.set == set.arn || o.set == set.name && o.instance == a.instance) {
			return o.set
		}
	}
	return ""
}

// checkInstance looks whether the instance is called where it is at home, with
// the store that belongs to it, and for an account that it can be used for.
func (p assignments) checkInstance(ctx context.Context, client *ssoadmin.Client, a assignment) *bot.Finding {
	what := "Identity Center instance " + a.instance
	found, err := p.instances(ctx, client)
	if err != nil {
		f := failed(what, err, "Let jitbot call sso:ListInstances, from the management account or the delegated administrator (aws.identity_center.account).")
		return &f
	}
	at := slices.IndexFunc(found, func(i types.InstanceMetadata) bool { return aws.ToString(i.InstanceArn) == a.instance })
	if at < 0 {
		return &bot.Finding{
			What: what + " is not in region " + client.Options().Region,
			Hint: "Set aws.identity_center.region to its home region and aws.identity_center.account to the management account or the delegated administrator.",
		}
	}
	i := found[at]
	if id := aws.ToString(i.IdentityStoreId); id != "" && id != p.cfg.IdentityCenter.IdentityStore {
		return &bot.Finding{What: what + " uses identity store " + id + ", not " + p.cfg.IdentityCenter.IdentityStore, Hint: "Correct aws.identity_center.identity_store."}
	}
	if home := aws.ToString(i.PrimaryRegion); home != "" && home != client.Options().Region {
		return &bot.Finding{What: what + " is at home in " + home + ", not in " + client.Options().Region, Hint: "Set aws.identity_center.region to " + home + "."}
	}
	return p.checkManagement(ctx, a, aws.ToString(i.OwnerAccountId))
}

// checkManagement refuses the management account where it is known that nothing
// can be given there: a delegated administrator may not.
func (p assignments) checkManagement(ctx context.Context, a assignment, owner string) *bot.Finding {
	if owner == "" || a.account != owner {
		return nil
	}
	who, err := p.clients.CallerIn(ctx, p.cfg.IdentityCenter.Account)
	if err != nil || who.Account == owner {
		return nil
	}
	return &bot.Finding{
		What: "account " + a.account + " is the management account, and jitbot calls Identity Center from " + who.Account + ", which cannot assign anything there",
		Hint: "Take it out of the policy, and set aws.identity_center.management_account so that it is refused.",
	}
}

func (p assignments) instances(ctx context.Context, client *ssoadmin.Client) ([]types.InstanceMetadata, error) {
	var all []types.InstanceMetadata
	pages := ssoadmin.NewListInstancesPaginator(client, &ssoadmin.ListInstancesInput{})
	for pages.HasMorePages() {
		part, err := p.nextInstances(ctx, pages)
		if err != nil {
			return nil, err
		}
		all = append(all, part.Instances...)
	}
	return all, nil
}

func (p assignments) nextInstances(ctx context.Context, pages *ssoadmin.ListInstancesPaginator) (*ssoadmin.ListInstancesOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}

// tryAssignment assigns the permission set to somebody who cannot exist, which
// AWS takes and then fails to do, and deletes that again, which takes away what
// another AWS has kept.
func (p assignments) tryAssignment(ctx context.Context, client *ssoadmin.Client, a assignment, what string) bot.Finding {
	nobody := assigned{assignment: a, client: client, user: noUser, of: checkName}
	for _, deletes := range []bool{false, true} {
		err := p.change(ctx, nobody, deletes)
		if _, later := bot.IsLater(err); later || err != nil && !errors.Is(err, errFailed) && (!deletes || code(err) != notFound) {
			return failed(what+": it cannot be changed", err, "Let jitbot call sso:CreateAccountAssignment and sso:DeleteAccountAssignment on the instance, "+
				"the permission set and the account, and both sso:DescribeAccountAssignment...Status.")
		}
	}
	return bot.Finding{OK: true, What: what + ": it can be changed (tried with a user who cannot exist)"}
}
