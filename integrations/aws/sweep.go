package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"jitbot/jit"
)

// Sweep takes grants off the denies of all roles that the policy names, that
// kept names or that were written to since the start, once their credentials
// must have run out. Holdings in kept that are being taken back or are absent,
// and whose credentials may be alive, are put back on if they are missing. now
// alone decides what has run out: call it with a clock that can be trusted.
// Permission sets that the policy names by ARN are read, once, for their names.
func (p *Provisioner) Sweep(ctx context.Context, now time.Time, kept []jit.Holding) error {
	roles, due := p.knownRoles(), map[string]map[string]time.Time{}
	for _, h := range kept {
		if h.Entitlement.Kind != KindSession {
			continue
		}
		s, err := parseSession(h.Entitlement)
		if err != nil {
			continue
		}
		roles[s.role.arn] = s.role
		if !ending(h) || !h.ExposedUntil.After(now) || checkGrant(h) != nil {
			continue
		}
		if due[s.role.arn] == nil {
			due[s.role.arn] = map[string]time.Time{}
		}
		if due[s.role.arn][h.Grant].Before(h.ExposedUntil) {
			due[s.role.arn][h.Grant] = h.ExposedUntil
		}
	}
	p.learnSets(ctx)
	var errs []error
	for arn, r := range roles {
		if err := p.deny(ctx, r, due[arn], now); err != nil && code(err) != noSuchEntity {
			errs = append(errs, fmt.Errorf("sweep %s: %w", r.arn, err))
		}
	}
	return errors.Join(errs...)
}

// knownRoles are the roles of the policy in force and those written to.
func (p *Provisioner) knownRoles() map[string]role {
	p.mu.Lock()
	roles := maps.Clone(p.roles)
	p.mu.Unlock()
	if p.cfg.Entitlements == nil {
		return roles
	}
	for _, e := range p.cfg.Entitlements() {
		if s, err := parseSession(e); e.Kind == KindSession && err == nil {
			roles[s.role.arn] = s.role
		}
	}
	return roles
}
