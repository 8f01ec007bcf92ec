package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"jitbot/bot"
	"jitbot/integrations/aws/reach"
	"jitbot/jit"
)

// Provisioner gives all kinds of entitlement of AWS. Make it with [Open]; all
// methods may be called concurrently. It keeps no state that matters: after a
// restart everything is read from AWS again.
type Provisioner struct {
	cfg     Config
	clients *clients
	kinds   map[string]kind // by name
	signin  awssdk.HTTPClient
	now     func() time.Time
	log     *slog.Logger

	mu        sync.Mutex // guards what follows
	roles     map[string]role
	longest   map[string]time.Duration // of a session, by role ARN
	denyLists map[string]*denyList     // by role ARN
}

var (
	_ bot.Provisioner = (*Provisioner)(nil)
	_ bot.Minter      = (*Provisioner)(nil)
	_ bot.Checker     = (*Provisioner)(nil)
	_ bot.Sweeper     = (*Provisioner)(nil)
)

// Open checks cfg and returns a provisioner for [Kinds].
// It calls nobody: AWS is reached when it is first needed. The error names
// every setting that is wrong.
func Open(cfg Config, deps bot.Deps) (*Provisioner, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	log := deps.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Provisioner{
		cfg: cfg, clients: &clients{Clients: reach.New(cfg.reach(), log), iam: map[string]*iam.Client{}}, signin: signinClient(deps.HTTP), now: deps.Now, log: log,
		roles: map[string]role{}, longest: map[string]time.Duration{}, denyLists: map[string]*denyList{},
	}
	p.kinds = kindsOf(p)
	return p, nil
}

// Target names the membership an aws_iam_group gives, without regard to case,
// as IAM has none. Sessions are never shared: theirs is empty. An error says
// which setting of the entitlement is wrong or whom it cannot be given to.
func (p *Provisioner) Target(h jit.Holding) (string, error) {
	if k := p.kinds[h.Entitlement.Kind]; k != nil {
		return k.target(h)
	}
	return "", unknownKind(h)
}

// Apply adds the person to the group, or makes sure that the role of a session
// is there. Refusals, missing names and full quotas are permanent.
func (p *Provisioner) Apply(ctx context.Context, h jit.Holding) error {
	err := bot.Permanent(unknownKind(h))
	if k := p.kinds[h.Entitlement.Kind]; k != nil {
		err = k.apply(ctx, h)
	}
	if err != nil {
		return givingUp(fmt.Errorf("give %s: %w", h.ID, err))
	}
	return nil
}

// Remove takes the person out of the group, or lists the grant in the role's
// deny if credentials of it were ever issued. Its errors are never permanent.
func (p *Provisioner) Remove(ctx context.Context, h jit.Holding) error {
	err := unknownKind(h)
	if k := p.kinds[h.Entitlement.Kind]; k != nil {
		err = k.remove(ctx, h)
	}
	if err != nil {
		return insisting(fmt.Errorf("take back %s: %w", h.ID, err))
	}
	return nil
}

// Observe reads the membership, or whether credentials of the grant can still
// do anything. Before a session's holding is applied nothing is held, as
// nothing can stand of a grant that is new; while it is given, held means that
// the role is there and the grant not denied; while it is taken back, gone
// means that none was issued, that the deny was read, or that all ran out so
// long ago that a clock which is hours ahead does not matter.
func (p *Provisioner) Observe(ctx context.Context, h jit.Holding) (bot.Observation, error) {
	var o bot.Observation
	err := unknownKind(h)
	if k := p.kinds[h.Entitlement.Kind]; k != nil {
		o, err = k.observe(ctx, h)
	}
	if err == nil {
		return o, nil
	}
	err = fmt.Errorf("read %s: %w", h.ID, err)
	if ending(h) {
		err = insisting(err)
	}
	return bot.Observation{}, err
}

// ending says whether what h gave is being taken back, or was.
func ending(h jit.Holding) bool {
	return h.State == jit.HoldingRemoving || h.State == jit.HoldingAbsent
}

func unknownKind(h jit.Holding) error {
	return fmt.Errorf("the aws integration gives %s, not %q", strings.Join(KindNames(), ", "), h.Entitlement.Kind)
}

// insisting takes away the mark that would let an error end the trying.
func insisting(err error) error {
	if bot.IsPermanent(err) {
		return errors.New(err.Error())
	}
	return err
}
