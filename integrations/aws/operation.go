package aws

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"jitbot/bot"
)

// operation is a change of an assignment that AWS works on. One that is not
// over when its turn is, is kept: the next turn that has to do with the account
// looks at it first. Losing it in a restart costs nothing but a conflict.
type operation struct {
	id      string
	thing   string // the assignment
	deletes bool
	place   *place
}

// operations are those that were not over when their turns were, by account:
// AWS works on one of each at a time.
type operations struct {
	first, most time.Duration // between two looks

	mu        sync.Mutex
	unwatched map[string]*operation
}

func newOperations() *operations {
	return &operations{first: 500 * time.Millisecond, most: 8 * time.Second, unwatched: map[string]*operation{}}
}

// pick returns the operation of an account that nobody watches, or nil.
func (o *operations) pick(account string) *operation {
	o.mu.Lock()
	defer o.mu.Unlock()
	picked := o.unwatched[account]
	delete(o.unwatched, account)
	return picked
}

func (o *operations) keep(account string, op *operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unwatched[account] = op
}

var (
	errUnfinished = errors.New("AWS is still at it")
	errFailed     = errors.New("AWS could not do it")
	noRoom        = regexp.MustCompile(`(?i)\b(?:quota|limit ?exceeded)`)
)

// change makes or deletes an assignment and waits for the end of it. What an
// earlier turn began is looked at first: if it was this, it is not begun again.
func (p assignments) change(ctx context.Context, a assigned, deletes bool) error {
	if op := p.operations.pick(a.account); op != nil {
		err := p.watch(ctx, a, op, p.operations.first/2)
		if _, later := bot.IsLater(err); later || op.thing == a.thing() && op.deletes == deletes {
			return err
		}
	}
	op, status, err := p.begin(ctx, a, deletes)
	if err != nil {
		return err
	}
	if done, err := op.over(status); done {
		return err
	}
	return p.watch(ctx, a, op, p.operations.first)
}

// begin has AWS take the operation. While it works on another of the account,
// it is asked again and again.
func (p assignments) begin(ctx context.Context, a assigned, deletes bool) (*operation, *types.AccountAssignmentOperationStatus, error) {
	var busy error
	for wait := p.operations.first; ; wait = min(2*wait, p.operations.most) {
		op := &operation{thing: a.thing(), deletes: deletes, place: &place{account: a.account}}
		status, err := p.ask(taking(ctx, op.place), a, deletes)
		if err == nil {
			op.id = aws.ToString(status.RequestId)
			return op, status, nil
		}
		op.place.free()
		if code(err) == conflict {
			busy = err
		} else if busy == nil || ctx.Err() == nil {
			return nil, nil, err
		}
		if !pause(ctx, wait) {
			return nil, nil, bot.Later(fmt.Errorf("account %s: %w: %w", a.account, errUnfinished, busy), wait)
		}
	}
}

func (p assignments) ask(ctx context.Context, a assigned, deletes bool) (*types.AccountAssignmentOperationStatus, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	if deletes {
		out, err := a.client.DeleteAccountAssignment(ctx, &ssoadmin.DeleteAccountAssignmentInput{
			InstanceArn: &a.instance, PermissionSetArn: &a.set, PrincipalId: &a.user, PrincipalType: types.PrincipalTypeUser,
			TargetId: &a.account, TargetType: types.TargetTypeAwsAccount,
		})
		if err != nil {
			return nil, err
		}
		return withStatus(out.AccountAssignmentDeletionStatus)
	}
	out, err := a.client.CreateAccountAssignment(ctx, &ssoadmin.CreateAccountAssignmentInput{
		InstanceArn: &a.instance, PermissionSetArn: &a.set, PrincipalId: &a.user, PrincipalType: types.PrincipalTypeUser,
		TargetId: &a.account, TargetType: types.TargetTypeAwsAccount,
	})
	if err != nil {
		return nil, err
	}
	return withStatus(out.AccountAssignmentCreationStatus)
}

func withStatus(s *types.AccountAssignmentOperationStatus) (*types.AccountAssignmentOperationStatus, error) {
	if s == nil {
		return nil, errors.New("AWS answered without the status of the operation")
	}
	return s, nil
}

// watch looks at an operation until it is over. If the turn is over first, it
// is kept for the next one.
func (p assignments) watch(ctx context.Context, a assigned, op *operation, wait time.Duration) error {
	for ; pause(ctx, wait); wait = min(2*wait, p.operations.most) {
		status, err := p.look(needing(ctx, need{urgency: needOf(ctx).urgency, settles: a.account}), a, op)
		switch code(err) {
		case notFound:
			op.place.free()
			return errors.New(err.Error()) // AWS forgot it: what came of it, a read says
		case "AccessDeniedException":
			op.place.free()
			return err // it may never be looked at, and must not hold up what comes after it
		}
		if err != nil && ctx.Err() == nil {
			p.operations.keep(a.account, op)
			return err
		}
		if err != nil {
			break // the turn is over
		}
		if done, err := op.over(status); done {
			return err
		}
	}
	p.operations.keep(a.account, op)
	return bot.Later(fmt.Errorf("account %s: %w", a.account, errUnfinished), wait)
}

func (p assignments) look(ctx context.Context, a assigned, op *operation) (*types.AccountAssignmentOperationStatus, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	if op.deletes {
		out, err := a.client.DescribeAccountAssignmentDeletionStatus(ctx, &ssoadmin.DescribeAccountAssignmentDeletionStatusInput{
			InstanceArn: &a.instance, AccountAssignmentDeletionRequestId: &op.id,
		})
		if err != nil {
			return nil, err
		}
		return withStatus(out.AccountAssignmentDeletionStatus)
	}
	out, err := a.client.DescribeAccountAssignmentCreationStatus(ctx, &ssoadmin.DescribeAccountAssignmentCreationStatusInput{
		InstanceArn: &a.instance, AccountAssignmentCreationRequestId: &op.id,
	})
	if err != nil {
		return nil, err
	}
	return withStatus(out.AccountAssignmentCreationStatus)
}

// over says whether the operation has ended, and how.
func (op *operation) over(s *types.AccountAssignmentOperationStatus) (bool, error) {
	switch s.Status {
	case types.StatusValuesSucceeded:
		op.place.free()
		return true, nil
	case types.StatusValuesFailed:
		op.place.free()
		return true, fmt.Errorf("%w: %s", errFailed, bot.Shorten(aws.ToString(s.FailureReason), 200))
	default:
		return false, nil
	}
}

// pause waits, and reports false as soon as it is known that ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	mine, _ := wait.Deadline()
	if whole, bounded := ctx.Deadline(); bounded && !mine.Before(whole) {
		return false
	}
	<-wait.Done()
	return ctx.Err() == nil
}
