package awsfake

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Call is one entry of the log of calls. Params holds no secret.
type Call struct {
	At      time.Time
	Action  string
	Caller  string // ARN; empty when it was not found out
	Params  map[string]string
	Outcome string // "ok" or AWS's error code; a fault is added in parentheses
}

// Membership is one stretch of time a user was in a group.
type Membership struct {
	Group, User string
	Span
}

// logged are the parameters that a log may hold.
func logged() []string {
	return []string{
		"RoleArn", "RoleName", "RoleSessionName", "SourceIdentity", "DurationSeconds", "GroupName", "UserName", "PolicyName", "PolicyDocument", "SessionDuration",
		"TargetId", "AccountId", "PermissionSetArn", "PrincipalType", "PrincipalId", "GroupId", "MemberId.UserId", "UserId", "MembershipId",
		"AlternateIdentifier.UniqueAttribute.AttributeValue", "AccountAssignmentCreationRequestId", "AccountAssignmentDeletionRequestId",
	}
}

func (s *Server) note(c *call, outcome string) {
	params := map[string]string{}
	for _, k := range logged() {
		if v := c.form.Get(k); v != "" {
			params[k] = v
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{c.now, c.action, c.who.arn, params, outcome})
	s.tell(c, params, outcome)
	if over := len(s.calls) - maxCalls; over > 0 {
		s.calls = slices.Delete(s.calls, 0, over)
	}
}

// Calls returns the log of calls, oldest first; only the last 5000 are kept.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Members returns who is in a group now, sorted, whatever readers may see.
func (s *Server) Members(group string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.membersAt(group, s.state.seq)
}

// GroupsOf returns the groups a user is in now, sorted.
func (s *Server) GroupsOf(user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.groupsAt(user, s.state.seq)
}

// Memberships returns every stretch of every membership, by group, user and
// time: who was in which group from when until when.
func (s *Server) Memberships() []Membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Membership
	for group, users := range s.state.Members {
		for user, spans := range users {
			for _, p := range spans {
				out = append(out, Membership{group, user, p})
			}
		}
	}
	slices.SortFunc(out, func(a, b Membership) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.User, b.User), a.From.Compare(b.From))
	})
	return out
}

// Sessions returns every session given out, oldest first, also ended ones,
// for a day after their end.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Session, 0, len(s.state.Sessions))
	for _, n := range s.state.Sessions {
		one := *n
		one.Tags, one.Denials = maps.Clone(n.Tags), slices.Clone(n.Denials)
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Session) int {
		return cmp.Or(a.Issued.Compare(b.Issued), cmp.Compare(a.AccessKeyID, b.AccessKeyID))
	})
	return out
}

// Denied says whether a deny stands now against everything that sessions of
// this name do, and that there is one. An expired session need not be denied.
func (s *Server) Denied(sessionName string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for _, n := range s.state.Sessions {
		if n.Name != sessionName {
			continue
		}
		if !n.Denied() {
			return false
		}
		found = true
	}
	return found
}

// RolePolicy returns the text of a role's inline policy, and whether it has it.
func (s *Server) RolePolicy(role, name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.policyAt(role, name, s.state.seq)
}

// Join puts a user into a group as somebody outside would, by hand. Names that
// the account does not know are ignored.
func (s *Server) Join(group, user string) error {
	return s.byHand(func(c *call) {
		if s.groups[group] && s.users[user] {
			s.state.join(group, user, c.now)
		}
	})
}

// Leave takes a user out of a group by hand.
func (s *Server) Leave(group, user string) error {
	return s.byHand(func(c *call) { s.state.leave(group, user, c.now) })
}

// SetRolePolicy writes an inline policy of a role by hand, unchecked; an empty
// text deletes it.
func (s *Server) SetRolePolicy(role, name, doc string) error {
	return s.byHand(func(c *call) { s.setPolicy(c, role, name, doc) })
}

func (s *Server) byHand(write func(*call)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{now: s.cfg.Now()}
	return s.change(c, func() { write(c) })
}
