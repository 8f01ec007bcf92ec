package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"jitbot/bot"
	"jitbot/jit"
)

const (
	shortest     = 15 * time.Minute // AWS gives no shorter session
	longestAtAll = 12 * time.Hour
	longestHop   = time.Hour       // of a session taken with a session
	lateness     = 2 * time.Minute // between the reckoning of an end and AWS's own: a slow call, a clock
	maxTagValue  = 256
)

// Mints reports whether holdings of this kind give credentials: sessions do.
func (p *Provisioner) Mints(kind string) bool { return kind == KindSession }

// ExposedUntil bounds the life of credentials minted now, and of a console
// session signed in to with them: the time left, at least the 15 minutes that
// AWS insists on and at most its 12 hours, or the hour it allows who is on a
// role, and two minutes for a slow call or a clock that differs.
func (p *Provisioner) ExposedUntil(_ jit.Holding, now, end time.Time) time.Time {
	longest := longestAtAll
	if who, known := p.clients.HubKnown(); known && who.Chained() {
		longest = longestHop
	}
	return now.Add(sessionLength(end.Sub(now), longest)).Add(lateness)
}

// sessionLength is what to ask AWS for when so much time is left.
func sessionLength(left, longest time.Duration) time.Duration {
	return max(min(left, longest).Truncate(time.Second), shortest)
}

// Mint assumes the role for the holder: named after the grant, with the person
// as source identity. When less than 15 minutes are left the credentials run
// longer than the grant, as ExpiresAt then shows, and it is Remove at the
// grant's end that cuts them. With Console it asks for a sign-in link as well,
// which is access by itself and good for 15 minutes; where there is none to be
// had, that is logged and the credentials come without.
func (p *Provisioner) Mint(ctx context.Context, h jit.Holding, m bot.Mint) (bot.Credentials, error) {
	c, err := p.mint(ctx, h, m)
	if err != nil {
		return bot.Credentials{}, givingUp(fmt.Errorf("open a session for %s: %w", h.ID, err))
	}
	return c, nil
}

func (p *Provisioner) mint(ctx context.Context, h jit.Holding, m bot.Mint) (bot.Credentials, error) {
	s, err := parseUsable(h.Entitlement)
	if err != nil {
		return bot.Credentials{}, bot.Permanent(err)
	}
	if err := checkGrant(h); err != nil {
		return bot.Credentials{}, bot.Permanent(err)
	}
	if !m.End.After(m.Now) {
		return bot.Credentials{}, bot.Permanent(fmt.Errorf("the grant ended at %s", m.End.Format(time.RFC3339)))
	}
	if before := p.denyListOf(s.role).cutBefore(); m.Now.Before(before) {
		return bot.Credentials{}, fmt.Errorf("all sessions of role %s opened before %s are cut, as it had no room for the names of more ended grants; "+
			"one opened now would be dead, so ask again then", s.role.name, before.Format(time.RFC3339))
	}
	longest, err := p.longestSession(ctx, s.role)
	if err != nil {
		return bot.Credentials{}, err
	}
	base, client, err := p.clients.Own(ctx)
	if err != nil {
		return bot.Credentials{}, err
	}
	length := sessionLength(m.End.Sub(m.Now), longest)
	out, err := p.assume(ctx, client, s, h, m, length)
	if err != nil {
		return bot.Credentials{}, err
	}
	p.notePacked(ctx, h, out)
	c := out.Credentials
	link := ""
	if m.Console {
		if link, err = p.consoleLink(ctx, s.role, c, p.consoleLength(m, length)); err != nil { // the credentials are good without it
			p.log.WarnContext(ctx, "no console link beside the credentials", "holding", h.ID, "grant", h.Grant, "cause", err)
		}
	}
	return bot.NewCredentials(awssdk.ToString(c.AccessKeyId), awssdk.ToString(c.SecretAccessKey), awssdk.ToString(c.SessionToken),
		link, base.Region, awssdk.ToTime(c.Expiration)), nil
}

// longestSession is how long a session of the role may be when we open it.
func (p *Provisioner) longestSession(ctx context.Context, r role) (time.Duration, error) {
	who, err := p.clients.Hub(ctx)
	if err != nil {
		return 0, err
	}
	if who.Partition != r.partition {
		return 0, bot.Permanent(fmt.Errorf("jitbot's AWS credentials are of partition %s, role %s is of %s; run one jitbot in each partition",
			who.Partition, r.arn, r.partition))
	}
	if who.Chained() {
		return longestHop, nil
	}
	if d := p.longestOf(r); d > 0 {
		return d, nil
	}
	if _, err := p.readRole(ctx, r); err != nil {
		return 0, err
	}
	return p.longestOf(r), nil
}

// longestOf is what the role allowed when it was last read; 0: never read.
func (p *Provisioner) longestOf(r role) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(p.longest[r.arn], longestAtAll)
}

func (p *Provisioner) assume(
	ctx context.Context, client *sts.Client, s session, h jit.Holding, m bot.Mint, length time.Duration,
) (*sts.AssumeRoleOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	out, err := client.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &s.role.arn, RoleSessionName: &h.Grant, SourceIdentity: awssdk.String(sourceIdentity(h.Principal)),
		DurationSeconds: awssdk.Int32(int32(length / time.Second)), Tags: tags(m.Tags),
		Policy: optional(s.policy), ExternalId: optional(p.externalID(s.role)),
	})
	switch code(err) {
	case "ValidationError": // the role may allow less than it did: ask again the next time
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.longest, s.role.arn)
	case packedTooLarge:
		err = tooLarge(s, err)
	}
	return out, err
}

// externalID is what the trust policy of a role asks for.
func (p *Provisioner) externalID(r role) string { return p.cfg.Reach().ExternalIDOf(r.account) }

// tags writes session tags in the characters AWS takes, in a fixed order.
func tags(values map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(values)) {
		v := []rune(notInTag.ReplaceAllString(values[k], "_"))
		out = append(out, types.Tag{Key: awssdk.String(k), Value: awssdk.String(string(v[:min(len(v), maxTagValue)]))})
	}
	return out
}
