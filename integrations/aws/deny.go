package aws

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// denyList is the writing end of one role's deny. IAM has no compare-and-swap
// and its reads trail behind its writes, so one writer at a time reads, joins
// in what this process wants listed, and writes. Whoever waited meanwhile was
// served by that write: many ends at once cost few calls.
type denyList struct {
	turn chan struct{} // holds one token; whoever has it may write

	mu     sync.Mutex // guards what follows
	wanted denied     // all that this process listed, as it may not be readable yet
	rounds int        // writes begun
	good   int        // the last one that was done
}

// want adds grants and returns a ticket for [denyList.served].
func (l *denyList) want(grants denied) (ticket int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for grant, until := range grants {
		l.wanted.add(grant, until)
	}
	return l.rounds
}

// served says whether a write that began after the ticket is done.
func (l *denyList) served(ticket int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.good > ticket
}

// begin starts a write of all that is wanted and still of use.
func (l *denyList) begin(now time.Time) (wanted denied, round int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rounds++
	l.wanted.drop(now)
	return maps.Clone(l.wanted), l.rounds
}

func (l *denyList) done(round int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good = round
}

// denyListOf returns the writing end of a role's deny.
func (p *Provisioner) denyListOf(r role) *denyList {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roles[r.arn] = r
	l := p.denyLists[r.arn]
	if l == nil {
		l = &denyList{turn: make(chan struct{}, 1), wanted: denied{}}
		p.denyLists[r.arn] = l
	}
	return l
}

// deny makes sure that the role's deny lists the grants, and that none leaves
// it before its time.
func (p *Provisioner) deny(ctx context.Context, r role, grants denied) error {
	l := p.denyListOf(r)
	ticket := l.want(grants)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return fmt.Errorf("wait to write the deny of %s: %w", r.arn, ctx.Err())
	}
	if l.served(ticket) {
		return nil
	}
	wanted, round := l.begin(p.now())
	if err := p.rewriteDeny(ctx, r, wanted); err != nil {
		return err
	}
	l.done(round)
	return nil
}

// rewriteDeny reads the deny, adds what is wanted, drops what is over, and
// writes it if that changed anything.
func (p *Provisioner) rewriteDeny(ctx context.Context, r role, wanted denied) error {
	client, err := p.clients.iamOf(ctx, r.account, r.partition)
	if err != nil {
		return err
	}
	list, found, err := p.readDeny(ctx, client, r)
	if err != nil {
		return err
	}
	change := list.drop(p.now()) || found && len(list) == 0
	for grant, until := range wanted {
		if !list.covers(grant, until) {
			list.add(grant, until)
			change = true
		}
	}
	if !change {
		return nil
	}
	return p.writeDeny(ctx, client, r, list)
}

// readDeny reads the list. A role without one, and a role that is gone, have
// an empty one.
func (p *Provisioner) readDeny(ctx context.Context, client *iam.Client, r role) (list denied, found bool, err error) {
	ctx, cancel := p.clients.deadline(ctx)
	defer cancel()
	out, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &r.name, PolicyName: awssdk.String(denyPolicyName)})
	if code(err) == noSuchEntity {
		return denied{}, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	text, err := url.PathUnescape(awssdk.ToString(out.PolicyDocument))
	if err == nil {
		list, err = parseDenied(text)
	}
	if err != nil {
		return nil, false, fmt.Errorf("inline policy %s of %s: %w; delete the policy by hand once nobody it names may still have access",
			denyPolicyName, r.arn, err)
	}
	return list, true, nil
}

// writeDeny replaces the list; an empty one is deleted.
func (p *Provisioner) writeDeny(ctx context.Context, client *iam.Client, r role, list denied) error {
	ctx, cancel := p.clients.deadline(ctx)
	defer cancel()
	if len(list) == 0 {
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
		return fmt.Errorf("deny of %s: the role's inline policies leave no room for it: %w", r.arn, err)
	}
	return err
}
