package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/policy"
)

// assignments give people permission sets in accounts.
type assignments struct{ *Provisioner }

// assignment is what an aws_account_assignment entitlement asks for.
type assignment struct {
	account, instance string
	set               string // ARN or name
}

// assigned is an assignment of a person, with all that acting on it takes: set
// is an ARN by now.
type assigned struct {
	assignment
	client   *ssoadmin.Client
	user, of string // id; what people call them
}

// thing names the assignment in AWS's own terms.
func (a assigned) thing() string { return a.account + " " + a.set + " " + a.user }

func (assignments) settings() policy.Kind {
	return policy.Kind{Name: KindAssignment, Params: []policy.Param{
		{Name: "account", Required: true, Check: assignmentParam("account")},
		{Name: "permission_set", Required: true, Check: assignmentParam("permission_set")},
		{Name: "instance", Check: assignmentParam("instance")},
	}}
}

// assignmentParam checks one setting beside others that fit.
func assignmentParam(name string) func(string) error {
	return func(value string) error {
		params := map[string]string{"account": "111122223333", "permission_set": "any"}
		params[name] = value
		_, err := parseAssignment(jit.Entitlement{Kind: KindAssignment, Params: params})
		return err
	}
}

func parseAssignment(e jit.Entitlement) (assignment, error) {
	if err := onlyParams(e, "account", "permission_set", "instance"); err != nil {
		return assignment{}, err
	}
	a := assignment{account: e.Params["account"], set: e.Params["permission_set"], instance: e.Params["instance"]}
	of := instanceOf(a.set)
	switch {
	case !accountID.MatchString(a.account):
		return a, fmt.Errorf("%s: account: %q is not an account id; write its twelve digits in quotes", KindAssignment, a.account)
	case of == "" && !setName.MatchString(a.set):
		return a, fmt.Errorf("%s: permission_set: %q is neither the ARN nor the name of one permission set", KindAssignment, a.set)
	case a.instance != "" && !instanceARN.MatchString(a.instance):
		return a, fmt.Errorf("%s: instance: %q is not the ARN of an Identity Center instance", KindAssignment, a.instance)
	case a.instance != "" && of != "" && a.instance != of:
		return a, fmt.Errorf("%s: permission_set: %s is not one of instance %s", KindAssignment, a.set, a.instance)
	}
	a.instance = cmp.Or(a.instance, of)
	return a, nil
}

// parse adds what the configuration says to what an entitlement does.
func (p assignments) parse(e jit.Entitlement) (assignment, error) {
	a, err := parseAssignment(e)
	if err != nil {
		return a, err
	}
	i := p.cfg.IdentityCenter
	a.instance = cmp.Or(a.instance, i.Instance)
	switch {
	case a.instance == "":
		return a, fmt.Errorf("%s: permission set %s: name the instance, here or as aws.identity_center.instance", KindAssignment, a.set)
	case i.IdentityStore == "":
		return a, fmt.Errorf("%s: set aws.identity_center.identity_store, where its users are", KindAssignment)
	case a.account == i.ManagementAccount:
		return a, fmt.Errorf("%s: account %s is the management account, where nothing is given", KindAssignment, a.account)
	}
	return a, nil
}

func (p assignments) target(h jit.Holding) (string, error) {
	a, err := p.parse(h.Entitlement)
	if err != nil {
		return "", err
	}
	login, err := p.cfg.login(h.Principal)
	if err != nil {
		return "", fmt.Errorf("%s: %w", KindAssignment, err)
	}
	return a.target(login), nil
}

// target tells permission sets apart by letter case, as AWS does, and users not.
func (a assignment) target(login string) string {
	set := a.set
	if instanceOf(set) == "" {
		set = a.instance + "/" + set
	}
	return strings.Join([]string{KindAssignment, a.account, set, strings.ToLower(login)}, ":")
}

// store is the identity store that users are looked up in.
func (p assignments) store() store { return store{id: p.cfg.IdentityCenter.IdentityStore} }

var errNoSet = errors.New("there is no such permission set")

// reach returns what is needed to act on h. [errNobody] says that there is no
// such user, errNoSet that there is no permission set of the name.
func (p assignments) reach(ctx context.Context, h jit.Holding) (assigned, error) {
	a, err := p.parse(h.Entitlement)
	if err != nil {
		return assigned{}, bot.Permanent(err)
	}
	out := assigned{assignment: a}
	if out.client, err = p.clients.centerOf(ctx, p.cfg.IdentityCenter); err != nil {
		return out, err
	}
	if instanceOf(a.set) == "" {
		if out.set, err = p.setNamed(ctx, out.client, a.instance, a.set); err == nil && out.set == "" {
			err = fmt.Errorf("%s: %w", a.set, errNoSet)
		}
		if err != nil {
			return out, err
		}
	}
	out.user, out.of, err = p.userID(ctx, p.store(), h)
	return out, err
}

func (p assignments) apply(ctx context.Context, h jit.Holding) error {
	a, err := p.reach(ctx, h)
	if errors.Is(err, errNobody) || errors.Is(err, errNoSet) {
		return bot.Permanent(err)
	}
	if err != nil {
		return err
	}
	err = p.change(ctx, a, false)
	if errors.Is(err, errFailed) && (noRoom.MatchString(err.Error()) || p.nobodyThere(ctx, a)) {
		return bot.Permanent(err)
	}
	return err
}

// nobodyThere says whether it is certain that the user is not there: AWS finds
// out only while it works on an assignment, and says so in words of its own.
func (p assignments) nobodyThere(ctx context.Context, a assigned) bool {
	_, err := p.describeUser(ctx, p.store(), a.user)
	return errors.Is(err, errNobody)
}

// remove asks AWS to delete the assignment. That it cannot be deleted because it
// is not there is for a read to say: it decides.
func (p assignments) remove(ctx context.Context, h jit.Holding) error {
	a, err := p.reach(ctx, h)
	if errors.Is(err, errNobody) || errors.Is(err, errNoSet) {
		return nil // what Observe makes of it counts
	}
	if err != nil {
		return err
	}
	err = p.change(ctx, a, true)
	if code(err) != notFound && !errors.Is(err, errFailed) {
		return err
	}
	if o, readErr := p.read(ctx, a); readErr != nil || o.Held {
		return errors.Join(err, readErr)
	}
	return nil
}

func (p assignments) observe(ctx context.Context, h jit.Holding) (bot.Observation, error) {
	a, err := p.reach(ctx, h)
	switch {
	case errors.Is(err, errNoSet):
		return bot.Observation{Detail: err.Error()}, nil // all of them were read
	case errors.Is(err, errNobody) && ending(h):
		return p.readNobody(ctx, a)
	case errors.Is(err, errNobody):
		return bot.Observation{Detail: err.Error()}, nil
	case err != nil:
		return bot.Observation{}, err
	}
	o, err := p.read(ctx, a)
	if err == nil && !o.Held && ending(h) {
		o.Detail += "; " + p.stillOpen(ctx, a)
	}
	return o, err
}

// read says whether the assignment is there by reading all there are of its
// account and permission set.
func (p assignments) read(ctx context.Context, a assigned) (bot.Observation, error) {
	o := bot.Observation{ID: a.user, Detail: fmt.Sprintf("%s has no assignment of its own of %s in account %s", a.of, a.set, a.account)}
	all, err := p.readAll(ctx, a.client, a.assignment)
	if code(err) == notFound {
		if gone, readErr := p.setGone(ctx, a.client, a.instance, a.set); readErr != nil || !gone {
			return bot.Observation{}, errors.Join(err, readErr)
		}
		o.Detail = fmt.Sprintf("permission set %s does not exist any more", a.set)
		return o, nil
	}
	if err != nil {
		return bot.Observation{}, err
	}
	for _, one := range all {
		if one.PrincipalType == types.PrincipalTypeUser && aws.ToString(one.PrincipalId) == a.user {
			o.Held, o.Detail = true, fmt.Sprintf("%s is assigned %s in account %s", a.of, a.set, a.account)
		}
	}
	return o, nil
}

// readNobody is what can be said of somebody whom the store does not know by
// name and whose id was never noted: that nothing is there if nobody has it.
func (p assignments) readNobody(ctx context.Context, a assigned) (bot.Observation, error) {
	all, err := p.readAll(ctx, a.client, a.assignment)
	if err != nil {
		return bot.Observation{}, err
	}
	for _, one := range all {
		if one.PrincipalType == types.PrincipalTypeUser {
			return bot.Observation{}, fmt.Errorf("the identity store knows nobody called %s, and somebody is assigned %s in account %s: "+
				"look whether it is them under another name, and delete the assignment if so", a.of, a.set, a.account)
		}
	}
	return bot.Observation{Detail: fmt.Sprintf("no user is assigned %s in account %s", a.set, a.account)}, nil
}

// readAll reads who is assigned a permission set in an account, to the last page.
func (p assignments) readAll(ctx context.Context, client *ssoadmin.Client, a assignment) ([]types.AccountAssignment, error) {
	var all []types.AccountAssignment
	pages := ssoadmin.NewListAccountAssignmentsPaginator(client, &ssoadmin.ListAccountAssignmentsInput{
		InstanceArn: &a.instance, AccountId: &a.account, PermissionSetArn: &a.set,
	})
	for pages.HasMorePages() {
		part, err := p.nextAssignments(ctx, pages)
		if err != nil {
			return nil, err
		}
		all = append(all, part.AccountAssignments...)
	}
	return all, nil
}

func (p assignments) nextAssignments(ctx context.Context, pages *ssoadmin.ListAccountAssignmentsPaginator) (*ssoadmin.ListAccountAssignmentsOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx)
}

// cannotCut is why role sessions go on: an administrator's roles of Identity
// Center cannot be changed through IAM, so no deny can be put on them.
const cannotCut = "Identity Center's roles cannot be cut"

// stillOpen says until when a role session may go on that was open already.
func (p assignments) stillOpen(ctx context.Context, a assigned) string {
	session := longestSetSession
	if s, err := p.describeSet(ctx, a.client, a.instance, a.set); err == nil {
		session = s.session
	}
	return fmt.Sprintf("a role session that is open already may go on until %s: %s", p.now().Add(session).UTC().Format(time.RFC3339), cannotCut)
}

// lingers is as long as the permission set's sessions are. Where that was never
// to be read by the end, it is as long as they can be: nobody is told less.
func (p assignments) lingers(ctx context.Context, h jit.Holding) (time.Duration, string, error) {
	a, err := p.reach(ctx, h)
	var s permissionSet
	if err == nil || errors.Is(err, errNobody) {
		s, err = p.describeSet(ctx, a.client, a.instance, a.set)
	}
	if err != nil && ending(h) && h.Linger == 0 && !errors.Is(err, errNoSet) {
		return longestSetSession, cannotCut + ", and how long its sessions are could not be read", nil
	}
	if err != nil {
		return 0, "", err
	}
	return s.session, cannotCut, nil
}
