package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"jitbot/bot"
	"jitbot/jit"
	"jitbot/policy"
)

const (
	maxName       = 64
	sourceHashLen = 8
	clockMargin   = 12 * time.Hour // by which credentials must have run out before our clock is believed
)

var (
	sessionName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)
	notInName   = regexp.MustCompile(`[^A-Za-z0-9_+=,.@-]`)
	notInTag    = regexp.MustCompile(`[^\p{L}\p{Z}\p{N}_.:/=+@-]`)
)

// checkGrant makes sure that the grant's id can name a session, and stand in a
// pattern of the deny for itself alone.
func checkGrant(h jit.Holding) error {
	if !sessionName.MatchString(h.Grant) {
		return fmt.Errorf("%s: grant id %q cannot name an AWS session", KindSession, h.Grant)
	}
	return nil
}

// sourceIdentity writes a person the way AWS takes it. Whoever cannot be
// written as is gets a mark of their own, so that no two people share one. The
// domain stays at the end, as trust policies ask for it.
func sourceIdentity(principal string) string {
	name := notInName.ReplaceAllString(principal, "-")
	if name == principal && len(name) >= 2 && len(name) <= maxName && !strings.HasPrefix(name, "aws:") {
		return name
	}
	sum := sha256.Sum256([]byte(principal))
	mark := "-" + hex.EncodeToString(sum[:])[:sourceHashLen]
	local, domain := name, ""
	if at := strings.LastIndexByte(name, '@'); at >= 0 && len(name)-at < maxName-len(mark) {
		local, domain = name[:at], name[at:]
	}
	return local[:min(len(local), maxName-len(mark)-len(domain))] + mark + domain
}

// sessions are role sessions, opened when the holder asks.
type sessions struct{ *Provisioner }

func (sessions) settings() policy.Kind {
	return policy.Kind{Name: KindSession, Params: []policy.Param{
		{Name: "role", Required: true, Check: checkRole},
		{Name: "session_policy", File: true, Check: checkSessionPolicy, Warn: warnSessionPolicy},
	}}
}

func checkRole(arn string) error {
	r, err := parseRole(arn)
	if err != nil {
		return err
	}
	return r.usable()
}

// parseUsable is parseSession for what is given anew: what was given before is
// taken back whatever is refused by now.
func parseUsable(e jit.Entitlement) (session, error) {
	s, err := parseSession(e)
	if err == nil {
		err = s.role.usable()
	}
	return s, err
}

func (sessions) need(n *needs, e jit.Entitlement) error {
	s, err := parseUsable(e)
	if err != nil {
		return err
	}
	n.opens(s.role)
	n.allow("OpenSessions", s.role.arn, "sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession")
	there := n.in(s.role.account)
	there.allow("ReadRoles", s.role.arn, "iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies")
	deny := there.allow("DenyEndedGrants", s.role.arn, "iam:PutRolePolicy", "iam:DeleteRolePolicy")
	deny.Condition = map[string]map[string]string{
		"StringLike": {"iam:PermissionsBoundary": "arn:" + n.partition + ":iam::*:policy/*"},
	}
	return nil
}

func (p sessions) check(e jit.Entitlement) (name string, look func(context.Context) []bot.Finding) {
	s, err := parseUsable(e)
	if err != nil {
		return checkWrong("role "+e.Params["role"], err)
	}
	return "role " + s.role.arn + s.policy, func(ctx context.Context) []bot.Finding { return p.checkRole(ctx, s) }
}

func (sessions) target(h jit.Holding) (string, error) {
	if _, err := parseSession(h.Entitlement); err != nil {
		return "", err
	}
	return "", checkGrant(h)
}

func (p sessions) apply(ctx context.Context, h jit.Holding) error {
	s, err := parseUsable(h.Entitlement)
	if err != nil {
		return bot.Permanent(err)
	}
	if err := checkGrant(h); err != nil {
		return bot.Permanent(err)
	}
	_, err = p.readRole(ctx, s.role)
	return err
}

// readRole looks the role up and notes how long its sessions may be.
func (p *Provisioner) readRole(ctx context.Context, r role) (*iam.GetRoleOutput, error) {
	client, err := p.clients.iamOf(ctx, r.account, r.partition)
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &r.name})
	if err != nil {
		return nil, err
	}
	if got := awssdk.ToString(out.Role.Arn); got != r.arn {
		return nil, bot.Permanent(fmt.Errorf("the role named %s is %s, not %s; correct the policy", r.name, got, r.arn))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.longest[r.arn] = time.Duration(awssdk.ToInt32(out.Role.MaxSessionDuration)) * time.Second
	return out, nil
}

// remove denies a grant that credentials were issued for, also where
// they should have run out by now: the clock that says so may be wrong.
func (p sessions) remove(ctx context.Context, h jit.Holding) error {
	if h.ExposedUntil.IsZero() { // none was issued
		return nil
	}
	s, err := parseSession(h.Entitlement)
	if err != nil {
		return err
	}
	if err := checkGrant(h); err != nil {
		return err
	}
	err = p.deny(ctx, s.role, map[string]time.Time{h.Grant: h.ExposedUntil}, time.Time{})
	if code(err) == noSuchEntity {
		return nil // the role is gone, and its sessions with it
	}
	return err
}

func (p sessions) observe(ctx context.Context, h jit.Holding) (bot.Observation, error) {
	s, err := parseSession(h.Entitlement)
	if err != nil {
		return bot.Observation{}, err
	}
	switch {
	case h.State == jit.HoldingNew || h.State == jit.HoldingWanted:
		return bot.Observation{Detail: "no session can stand before its grant"}, nil
	case ending(h) && h.ExposedUntil.IsZero():
		return bot.Observation{Detail: "no credentials were issued"}, nil
	case ending(h) && p.now().Sub(h.ExposedUntil) >= clockMargin:
		return bot.Observation{Detail: "all credentials ran out long ago"}, nil
	}
	return p.observeRole(ctx, s.role, h)
}

// observeRole reads the role's deny first and the role itself only if the
// grant is not on it.
func (p *Provisioner) observeRole(ctx context.Context, r role, h jit.Holding) (bot.Observation, error) {
	client, err := p.clients.iamOf(ctx, r.account, r.partition)
	if err != nil {
		return bot.Observation{}, err
	}
	list, _, err := p.readDeny(ctx, client, r)
	if err != nil {
		return bot.Observation{}, err
	}
	if list.covers(h.Grant, h.ExposedUntil) {
		return bot.Observation{Detail: "sessions of " + h.Grant + " are denied on role " + r.name}, nil
	}
	if c, ok := p.denyListOf(r).foldedInto(h.Grant); ok && ending(h) && !list.cut.before.Before(c.before) {
		return bot.Observation{Detail: fmt.Sprintf("role %s had no room for %s: all sessions of the role opened before %s are denied",
			r.name, h.Grant, list.cut.before.Format(time.RFC3339))}, nil
	}
	_, err = p.readRole(ctx, r)
	if code(err) == noSuchEntity {
		return bot.Observation{Detail: "role " + r.name + " does not exist any more"}, nil
	}
	if err != nil {
		return bot.Observation{}, err
	}
	return bot.Observation{Held: true, Detail: "role " + r.name + " can be assumed"}, nil
}
