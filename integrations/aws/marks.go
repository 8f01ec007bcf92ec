package aws

import (
	"jitbot/activity"
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
