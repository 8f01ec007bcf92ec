package aws

import (
	"context"
	"strings"

	"jitbot/activity"
	"jitbot/integrations/aws/trail"
	"jitbot/jit"
)

var _ activity.Marker = (*Provisioner)(nil)

// marking is a kind of entitlement of which CloudTrail tells by marks.
type marking interface {
	marks(h jit.Holding) []activity.Mark
	opens(h jit.Holding) string
}

// Marks are what CloudTrail writes beside what is done with h. Kinds that leave
// none have none.
func (p *Provisioner) Marks(h jit.Holding) []activity.Mark {
	if k, ok := p.kinds[h.Entitlement.Kind].(marking); ok {
		return k.marks(h)
	}
	return nil
}

// Opens is the role that only grants should open.
func (p *Provisioner) Opens(h jit.Holding) string {
	if k, ok := p.kinds[h.Entitlement.Kind].(marking); ok {
		return k.opens(h)
	}
	return ""
}

// marks of a session: it is named after the grant, and has the person as source
// identity, which sessions of other roles taken with it have too.
func (sessions) marks(h jit.Holding) []activity.Mark {
	s, err := parseSession(h.Entitlement)
	if err != nil {
		return nil
	}
	who := sourceIdentity(h.Principal)
	return []activity.Mark{
		{Method: jit.BySessionName, Scope: s.role.arn, Value: h.Grant, Person: who},
		{Method: jit.BySourceIdentity, Scope: s.role.arn, Value: who},
		{Method: jit.BySourceIdentity, Value: who},
	}
}

func (sessions) opens(h jit.Holding) string {
	s, err := parseSession(h.Entitlement)
	if err != nil {
		return ""
	}
	return s.role.arn
}

// marks of a membership: what the person's IAM user does meanwhile may be done
// with it, or with what the user has anyway.
func (p groups) marks(h jit.Holding) []activity.Mark {
	m, err := p.membership(h)
	if err != nil {
		return nil
	}
	return []activity.Mark{{Method: jit.ByUser, Scope: m.account, Value: m.user}}
}

// opens nothing: the user stands by itself.
func (groups) opens(jit.Holding) string { return "" }

// marks of an assignment: the role that Identity Center made of the permission
// set in the account, and the person's user name as the session's. Other grants
// of the two bear the same, so the time tells.
func (p assignments) marks(h jit.Holding) []activity.Mark {
	a, err := p.parse(h.Entitlement)
	if err != nil {
		return nil
	}
	login, err := p.cfg.login(h.Principal)
	name := a.set
	if instanceOf(name) != "" {
		name = p.nameOfSet(name)
	}
	if err != nil || name == "" {
		return nil
	}
	partition := strings.Split(a.instance, ":")[1]
	return []activity.Mark{{Method: jit.ByIdentityCenter, Scope: trail.PermissionSetRole(partition, a.account, name), Value: login}}
}

// opens nothing: others are assigned the permission set too.
func (assignments) opens(jit.Holding) string { return "" }

// nameOfSet is the name of a permission set that was read before, however long
// ago: it never changes. Empty: it was not.
func (p *Provisioner) nameOfSet(arn string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.setNames[arn]
}

// learnSets reads the permission sets that the policy names by ARN, so that what
// is done with them is known by their names.
func (p *Provisioner) learnSets(ctx context.Context) {
	if p.cfg.Entitlements == nil {
		return
	}
	for _, e := range p.cfg.Entitlements() {
		if e.Kind != KindAssignment {
			continue
		}
		a, err := assignments{p}.parse(e)
		if err != nil || instanceOf(a.set) == "" || p.nameOfSet(a.set) != "" {
			continue
		}
		client, err := p.clients.centerOf(ctx, p.cfg.IdentityCenter)
		if err == nil {
			_, err = p.describeSet(needing(ctx, need{urgency: looking}), client, a.instance, a.set)
		}
		if err != nil {
			p.log.WarnContext(ctx, "a permission set could not be read; what is done with it cannot be told yet", "permission_set", a.set, "cause", err)
		}
	}
}
