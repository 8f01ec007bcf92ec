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
	"github.com/prometheus/client_golang/prometheus"

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
	packed  prometheus.Histogram

	mu        sync.Mutex // guards what follows
	roles     map[string]role
	longest   map[string]time.Duration // of a session, by role ARN
	denyLists map[string]*denyList     // by role ARN
	setNames  map[string]string        // of permission sets, by ARN

	users      *known[string]        // ids in identity stores
	groups     *known[string]        // so too
	sets       *known[permissionSet] // by ARN
	named      *known[string]        // ARNs of permission sets, by instance and name
	operations *operations
}

var (
	_ bot.Provisioner = (*Provisioner)(nil)
	_ bot.Minter      = (*Provisioner)(nil)
	_ bot.Checker     = (*Provisioner)(nil)
	_ bot.Sweeper     = (*Provisioner)(nil)
	_ bot.Lister      = (*Provisioner)(nil)
	_ bot.Lingerer    = (*Provisioner)(nil)
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
		cfg: cfg, clients: newClients(reach.New(cfg.Reach(), log)), signin: signinClient(deps.HTTP), now: deps.Now, log: log, packed: newPackedSizes(),
		roles: map[string]role{}, longest: map[string]time.Duration{}, denyLists: map[string]*denyList{}, setNames: map[string]string{},
	}
	p.users, p.groups = newKnown[string](deps.Now, identityBelieved), newKnown[string](deps.Now, identityBelieved)
	p.sets, p.named = newKnown[permissionSet](deps.Now, setBelieved), newKnown[string](deps.Now, setBelieved)
	p.operations = newOperations()
	p.kinds = kindsOf(p)
	return p, nil
}

// Principal is the ARN of the user or role that jitbot works as, as AWS says.
// The path of a role is not in it, as AWS does not say it of a session.
func (p *Provisioner) Principal(ctx context.Context) (string, error) {
	who, err := p.clients.Hub(ctx)
	return who.Principal(), err
}

// Target names the membership or the assignment that h gives: users and groups
// without regard to case, as AWS has none there. Sessions are never shared:
// theirs is empty. An error says which setting of the entitlement is wrong or
// whom it cannot be given to.
func (p *Provisioner) Target(h jit.Holding) (string, error) {
	if k := p.kinds[h.Entitlement.Kind]; k != nil {
		return k.target(h)
	}
	return "", unknownKind(h)
}

// Apply adds the person to the group, makes the assignment, or makes sure that
// the role of a session is there. Refusals, missing names and full quotas are
// permanent. Where AWS is not done yet, or takes no more calls right now, the
// error is one of [bot.Later].
func (p *Provisioner) Apply(ctx context.Context, h jit.Holding) error {
	err := bot.Permanent(unknownKind(h))
	if k := p.kinds[h.Entitlement.Kind]; k != nil {
		err = k.apply(needing(ctx, need{urgency: urgencyOf(h)}), h)
	}
	if err != nil {
		return givingUp(fmt.Errorf("give %s: %w", h.ID, err))
	}
	return nil
}

// Remove takes the person out of the group, deletes the assignment, or lists
// the grant in the role's deny if credentials of it were ever issued. Its errors
// are never permanent.
func (p *Provisioner) Remove(ctx context.Context, h jit.Holding) error {
	err := unknownKind(h)
	if k := p.kinds[h.Entitlement.Kind]; k != nil {
		err = k.remove(needing(ctx, need{urgency: urgencyOf(h)}), h)
	}
	if err != nil {
		return insisting(fmt.Errorf("take back %s: %w", h.ID, err))
	}
	return nil
}

// Observe reads the membership or the assignment, or whether credentials of the grant can still
// do anything. Before a session's holding is applied nothing is held, as
// nothing can stand of a grant that is new; while it is given, held means that
// the role is there and the grant not denied; while it is taken back, gone
// means that none was issued, that the deny was read, or that all ran out so
// long ago that a clock which is hours ahead does not matter.
func (p *Provisioner) Observe(ctx context.Context, h jit.Holding) (bot.Observation, error) {
	var o bot.Observation
	err := unknownKind(h)
	if k := p.kinds[h.Entitlement.Kind]; k != nil {
		o, err = k.observe(needing(ctx, need{urgency: urgencyOf(h)}), h)
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
