package awsfake

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

const storeTarget = "AWSIdentityStore."

func storeOperations() map[string]operation {
	return map[string]operation{
		storeTarget + "GetUserId":             {"identitystore", (*Server).getUserID},
		storeTarget + "DescribeUser":          {"identitystore", (*Server).describeUser},
		storeTarget + "GetGroupId":            {"identitystore", (*Server).getGroupID},
		storeTarget + "DescribeGroup":         {"identitystore", (*Server).describeGroup},
		storeTarget + "GetGroupMembershipId":  {"identitystore", (*Server).getMembershipID},
		storeTarget + "CreateGroupMembership": {"identitystore", (*Server).createMembership},
		storeTarget + "DeleteGroupMembership": {"identitystore", (*Server).deleteMembership},
		storeTarget + "ListGroupMemberships":  {"identitystore", (*Server).listMemberships},

		storeTarget + "ListGroupMembershipsForMember": {"identitystore", (*Server).listOfMember},
	}
}

func (s *Server) checkStoreGroups() error {
	for _, g := range s.cfg.Center.Groups {
		for _, m := range g.Members {
			if s.storeUserID(m) == "" {
				return fmt.Errorf("group %s of the identity store: member %q is no user", g.Name, m)
			}
		}
	}
	return nil
}

// storeID is the id of a user, a group or a membership, made of its name. Names
// are the same in any case of letters.
func storeID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join(parts, "\n"))))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// storeUserID finds a user by name; empty: there is none.
func (s *Server) storeUserID(name string) string {
	for _, u := range s.cfg.Center.Users {
		if strings.EqualFold(u.UserName, name) {
			return s.idOf(u)
		}
	}
	return ""
}

// idOf is a user's id, which stays through a change of name.
func (s *Server) idOf(u StoreUser) string {
	if first, renamed := s.renamed[u.UserName]; renamed {
		return storeID(first)
	}
	return storeID(u.UserName)
}

func (s *Server) storeUserName(id string) string {
	for _, u := range s.cfg.Center.Users {
		if s.idOf(u) == id {
			return u.UserName
		}
	}
	return id
}

// groupIDOf is the id of a group, which stays through changes of its name.
func (s *Server) groupIDOf(name string) string {
	if first, renamed := s.regrouped[name]; renamed {
		return storeID(first)
	}
	return storeID(name)
}

func (s *Server) storeGroupName(id string) string {
	for _, g := range s.cfg.Center.Groups {
		if s.groupIDOf(g.Name) == id {
			return g.Name
		}
	}
	return id
}

func (s *Server) isPrincipal(kind, id string) bool {
	return kind == "USER" && s.storeUserName(id) != id || kind == "GROUP" && s.storeGroupName(id) != id
}

func notThere(kind string) *apiError {
	return refuseMore("ResourceNotFoundException", strings.TrimPrefix(kind, "GROUP_")+" not found.", map[string]any{"ResourceType": kind})
}

// inStore checks that a call is made at home, of this store, by somebody who may.
func (s *Server) inStore(c *call) error {
	n := s.cfg.Center
	if c.form.Get("IdentityStoreId") != n.IdentityStore || c.who.region != n.Region {
		return notThere("IDENTITY_STORE")
	}
	return s.permit(c, s.arn("identitystore", "identitystore/"+n.IdentityStore))
}

// unique is the attribute that somebody or something is looked up by.
func (c *call) unique() (path, value string) {
	const at = "AlternateIdentifier.UniqueAttribute."
	return c.form.Get(at + "AttributePath"), c.form.Get(at + "AttributeValue")
}

func (s *Server) getUserID(c *call) (any, error) {
	if err := s.inStore(c); err != nil {
		return nil, err
	}
	path, value := c.unique()
	if path != "userName" && path != "emails.value" {
		return nil, invalid("The attribute %s is not a unique attribute", path)
	}
	for _, u := range s.cfg.Center.Users {
		found := u.UserName
		if path == "emails.value" {
			found = u.Email
		}
		if value != "" && strings.EqualFold(found, value) {
			return map[string]any{"UserId": s.idOf(u), "IdentityStoreId": s.cfg.Center.IdentityStore}, nil
		}
	}
	return nil, notThere("USER")
}

func (s *Server) describeUser(c *call) (any, error) {
	if err := s.inStore(c); err != nil {
		return nil, err
	}
	for _, u := range s.cfg.Center.Users {
		if id := s.idOf(u); id == c.form.Get("UserId") {
			out := map[string]any{"UserId": id, "UserName": u.UserName, "IdentityStoreId": s.cfg.Center.IdentityStore}
			if u.Email != "" {
				out["Emails"] = []map[string]any{{"Value": u.Email, "Primary": true, "Type": "work"}}
			}
			return out, nil
		}
	}
	return nil, notThere("USER")
}

func (s *Server) getGroupID(c *call) (any, error) {
	if err := s.inStore(c); err != nil {
		return nil, err
	}
	path, value := c.unique()
	if path != "displayName" {
		return nil, invalid("The attribute %s is not a unique attribute", path)
	}
	for _, g := range s.cfg.Center.Groups {
		if strings.EqualFold(g.Name, value) {
			return map[string]any{"GroupId": s.groupIDOf(g.Name), "IdentityStoreId": s.cfg.Center.IdentityStore}, nil
		}
	}
	return nil, notThere("GROUP")
}

// storeGroup is the group that a call is about.
func (s *Server) storeGroup(c *call) (StoreGroup, error) {
	if err := s.inStore(c); err != nil {
		return StoreGroup{}, err
	}
	for _, g := range s.cfg.Center.Groups {
		if s.groupIDOf(g.Name) == c.form.Get("GroupId") {
			return g, nil
		}
	}
	return StoreGroup{}, notThere("GROUP")
}

func (s *Server) describeGroup(c *call) (any, error) {
	g, err := s.storeGroup(c)
	out := map[string]any{"GroupId": s.groupIDOf(g.Name), "DisplayName": g.Name, "IdentityStoreId": s.cfg.Center.IdentityStore}
	if g.External {
		out["ExternalIds"] = []map[string]any{{"Id": storeID("scim", g.Name), "Issuer": "https://scim.example.com"}}
	}
	return out, err
}

// storeMember is the group and the user that a call is about, by their ids.
func (s *Server) storeMember(c *call) (group, user string, err error) {
	g, err := s.storeGroup(c)
	if err != nil {
		return "", "", err
	}
	if user = c.form.Get("MemberId.UserId"); !s.isPrincipal("USER", user) {
		return "", "", notThere("USER")
	}
	return s.groupIDOf(g.Name), user, nil
}

func (s *Server) membership(group, user string) map[string]any {
	return map[string]any{"MembershipId": storeID(group, user), "IdentityStoreId": s.cfg.Center.IdentityStore}
}

func (s *Server) getMembershipID(c *call) (any, error) {
	group, user, err := s.storeMember(c)
	if err != nil {
		return nil, err
	}
	if !s.state.StoreMembers.has(group, user, c.seq) {
		return nil, notThere("GROUP_MEMBERSHIP")
	}
	return s.membership(group, user), nil
}

func (s *Server) createMembership(c *call) (any, error) {
	group, user, err := s.storeMember(c)
	if err != nil {
		return nil, err
	}
	if s.state.StoreMembers.has(group, user, s.state.seq) {
		return nil, refuseMore("ConflictException", "Member and Group relationship already exists", map[string]any{"Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"})
	}
	err = s.change(c, func() { s.state.give(s.state.StoreMembers, group, user, c.now) })
	return s.membership(group, user), err
}

func (s *Server) deleteMembership(c *call) (any, error) {
	if err := s.inStore(c); err != nil {
		return nil, err
	}
	for group, users := range s.state.StoreMembers {
		for user := range users {
			if storeID(group, user) == c.form.Get("MembershipId") && s.state.StoreMembers.has(group, user, s.state.seq) {
				return nil, s.change(c, func() { s.state.take(s.state.StoreMembers, group, user, c.now) })
			}
		}
	}
	return nil, notThere("GROUP_MEMBERSHIP")
}

func (s *Server) listMemberships(c *call) (any, error) {
	g, err := s.storeGroup(c)
	if err != nil {
		return nil, err
	}
	group := s.groupIDOf(g.Name)
	part, next, err := s.pageOf(s.state.StoreMembers.holders(group, c.seq), c.form.Get("MaxResults"), c.form.Get("NextToken"))
	list := []map[string]any{}
	for _, user := range part {
		list = append(list, s.memberships([]string{group}, user)...)
	}
	return withNext(map[string]any{"GroupMemberships": list}, next), err
}

func (s *Server) listOfMember(c *call) (any, error) {
	if err := s.inStore(c); err != nil {
		return nil, err
	}
	user := c.form.Get("MemberId.UserId")
	if !s.isPrincipal("USER", user) {
		return nil, notThere("USER")
	}
	var groups []string
	for group := range s.state.StoreMembers {
		if s.state.StoreMembers.has(group, user, c.seq) {
			groups = append(groups, group)
		}
	}
	slices.Sort(groups)
	part, next, err := s.pageOf(groups, c.form.Get("MaxResults"), c.form.Get("NextToken"))
	return withNext(map[string]any{"GroupMemberships": s.memberships(part, user)}, next), err
}

// memberships lists those of one user in some groups.
func (s *Server) memberships(groups []string, user string) []map[string]any {
	list := []map[string]any{}
	for _, group := range groups {
		one := s.membership(group, user)
		one["GroupId"], one["MemberId"] = group, map[string]any{"UserId": user}
		list = append(list, one)
	}
	return list
}

// StoreMembers returns who is in a group of the identity store now, by user
// name, sorted.
func (s *Server) StoreMembers(group string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, id := range s.state.StoreMembers.holders(s.groupIDOf(group), s.state.seq) {
		out = append(out, s.storeUserName(id))
	}
	slices.Sort(out)
	return out
}

// JoinStore puts a user into a group of the identity store by hand.
func (s *Server) JoinStore(group, user string) error {
	return s.byHand(func(c *call) {
		if id := s.storeUserID(user); id != "" {
			s.state.give(s.state.StoreMembers, s.groupIDOf(group), id, c.now)
		}
	})
}

// LeaveStore takes a user out of a group of the identity store by hand.
func (s *Server) LeaveStore(group, user string) error {
	return s.byHand(func(c *call) { s.state.take(s.state.StoreMembers, s.groupIDOf(group), s.storeUserID(user), c.now) })
}

// RenameStoreUser gives a user of the identity store another name and e-mail;
// the id stays. An empty name deletes the user, but not what names it.
func (s *Server) RenameStoreUser(old string, now StoreUser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := slices.Clone(s.cfg.Center.Users)
	for i, u := range users {
		if u.UserName != old {
			continue
		}
		if now.UserName == "" {
			users = slices.Delete(users, i, i+1)
			break
		}
		s.renamed[now.UserName] = cmp.Or(s.renamed[old], old)
		users[i] = now
		break
	}
	s.cfg.Center.Users = users
}

// RenameStoreGroup gives a group of the identity store another name; the id and
// the members stay.
func (s *Server) RenameStoreGroup(old, now string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	groups := slices.Clone(s.cfg.Center.Groups)
	for i := range groups {
		if groups[i].Name == old {
			s.regrouped[now] = cmp.Or(s.regrouped[old], old)
			groups[i].Name = now
		}
	}
	s.cfg.Center.Groups = groups
}
