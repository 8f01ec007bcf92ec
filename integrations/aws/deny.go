package aws

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// denyListOf returns the writing end of a role's deny.
func (p *Provisioner) denyListOf(r role) *denyList {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roles[r.arn] = r
	l := p.denyLists[r.arn]
	if l == nil {
		l = &denyList{turn: make(chan struct{}, 1), wanted: newDenied(), folded: map[string]cut{}}
		p.denyLists[r.arn] = l
	}
	return l
}

// deny makes sure that the role's deny stops the grants. What can no longer be
// alive at over leaves it, and with a zero over nothing does: a clock that is
// wrong must not give back what was taken.
func (p *Provisioner) deny(ctx context.Context, r role, grants map[string]time.Time, over time.Time) error {
	l := p.denyListOf(r)
	ticket := l.want(grants)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return fmt.Errorf("wait to write the deny of %s: %w", r.arn, ctx.Err())
	}
	if over.IsZero() && l.served(ticket) {
		return nil
	}
	todo, round := l.begin(over)
	gaveWay, c, err := p.rewriteDeny(ctx, r, todo)
	if err != nil {
		return err
	}
	l.done(round, gaveWay, c)
	return nil
}

// rewriteDeny reads the deny, changes what is to be changed, and writes it if
// that was anything. It returns the grants that had to give way to the cut,
// and the cut in force.
func (p *Provisioner) rewriteDeny(ctx context.Context, r role, todo pending) (map[string]time.Time, cut, error) {
	client, err := p.clients.iamOf(ctx, r.account, r.partition)
	if err != nil {
		return nil, cut{}, err
	}
	list, found, err := p.readDeny(ctx, client, r)
	if err != nil {
		return nil, cut{}, err
	}
	useless := found && list.empty()
	if !list.join(todo) && !useless {
		return nil, list.cut, nil
	}
	return p.replaceDeny(ctx, client, r, list)
}

// replaceDeny writes the list. Where the role has no room for it, all sessions
// opened until now are cut instead, so that no end ever waits for room.
func (p *Provisioner) replaceDeny(ctx context.Context, client *iam.Client, r role, list denied) (map[string]time.Time, cut, error) {
	err := p.writeDeny(ctx, client, r, list)
	if !errors.Is(err, errNoRoom) || len(list.grants) == 0 {
		return nil, list.cut, err
	}
	all := cutAt(p.timeAt(ctx, r))
	p.log.WarnContext(ctx, "a role has no room for the names of more ended grants; all its sessions opened before the cut are ended, also those of grants that go on",
		"role", r.arn, "grants", len(list.grants), "cut", all.before, "cause", err)
	if err := p.writeDeny(ctx, client, r, denied{cut: list.cut.later(all)}); err != nil {
		return nil, cut{}, err
	}
	return list.grants, list.cut.later(all), nil
}

// timeAt is the time by AWS's clock, by which it stamps sessions: ours may be
// wrong. Where AWS does not say, ours has to do.
func (p *Provisioner) timeAt(ctx context.Context, r role) time.Time {
	out, err := p.readRole(ctx, r)
	if err == nil {
		if at, ok := middleware.GetServerTime(out.ResultMetadata); ok {
			return at
		}
	}
	return p.now()
}

// readDeny reads the list. A role without one, and a role that is gone, have
// an empty one.
func (p *Provisioner) readDeny(ctx context.Context, client *iam.Client, r role) (list denied, found bool, err error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	out, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &r.name, PolicyName: awssdk.String(denyPolicyName)})
	if code(err) == noSuchEntity {
		return newDenied(), false, nil
	}
	if err != nil {
		return denied{}, false, err
	}
	text, err := url.PathUnescape(awssdk.ToString(out.PolicyDocument))
	if err == nil {
		list, err = parseDenied(text)
	}
	if err != nil {
		return denied{}, false, fmt.Errorf("inline policy %s of %s: %w; delete the policy by hand once nobody it names may still have access",
			denyPolicyName, r.arn, err)
	}
	return list, true, nil
}

// writeDeny replaces the list; an empty one is deleted. It is errNoRoom where
// the role cannot hold it.
func (p *Provisioner) writeDeny(ctx context.Context, client *iam.Client, r role, list denied) error {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	if list.empty() {
		_, err := client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &r.name, PolicyName: awssdk.String(denyPolicyName)})
		if code(err) == noSuchEntity {
			return nil
		}
		return err
	}
	text, err := list.document()
	if err != nil {
		return fmt.Errorf("deny of %s: %w", r.arn, err)
	}
	_, err = client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: &r.name, PolicyName: awssdk.String(denyPolicyName), PolicyDocument: &text,
	})
	if code(err) == "LimitExceeded" {
		return fmt.Errorf("deny of %s: %w: its other inline policies take too much: %w", r.arn, errNoRoom, err)
	}
	return err
}
