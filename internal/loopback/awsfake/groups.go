package awsfake

import (
	"cmp"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

const maxGroupsOfUser = 10

type userXML struct {
	Path     string
	UserName string
	UserID   string `xml:"UserId"`
	ARN      string `xml:"Arn"`
	Created  string `xml:"CreateDate"`
}

type groupXML struct {
	Path      string
	GroupName string
	GroupID   string `xml:"GroupId"`
	ARN       string `xml:"Arn"`
	Created   string `xml:"CreateDate"`
}

// longAgo is when everything configured came to be.
const longAgo = "2020-01-01T00:00:00Z"

func (s *Server) userXML(name string) userXML {
	return userXML{"/", name, uniqueID("AIDA", cmp.Or(s.called[name], name)), s.arn("iam", "user/"+name), longAgo}
}

func (s *Server) groupXML(name string) groupXML {
	return groupXML{"/", name, uniqueID("AGPA", cmp.Or(s.called["group/"+name], name)), s.arn("iam", "group/"+name), longAgo}
}

// knownUser returns the user that the call is about, once the caller may ask.
func (s *Server) knownUser(c *call) (string, error) {
	name := c.form.Get("UserName")
	if name == "" {
		name = c.who.user
	}
	if name == "" {
		return "", invalid("Must specify userName when calling with non-User credentials")
	}
	if err := s.permit(c, s.arn("iam", "user/"+name)); err != nil {
		return "", err
	}
	if !s.users[name] {
		return "", noSuch("user", name)
	}
	return name, nil
}

func (s *Server) knownGroup(c *call) (string, error) {
	name := c.form.Get("GroupName")
	if err := s.permit(c, s.arn("iam", "group/"+name)); err != nil {
		return "", err
	}
	if !s.groups[name] {
		return "", noSuch("group", name)
	}
	return name, nil
}

func (s *Server) getUser(c *call) (any, error) {
	name, err := s.knownUser(c)
	return struct{ User userXML }{s.userXML(name)}, err
}

func (s *Server) getGroup(c *call) (any, error) {
	name, err := s.knownGroup(c)
	if err != nil {
		return nil, err
	}
	part, marker, err := s.page(c, s.state.membersAt(name, c.seq))
	if err != nil {
		return nil, err
	}
	out := struct {
		Group       groupXML
		Users       []userXML `xml:"Users>member"`
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}{Group: s.groupXML(name), IsTruncated: marker != "", Marker: marker}
	for _, u := range part {
		out.Users = append(out.Users, s.userXML(u))
	}
	return out, nil
}

func (s *Server) listGroupsForUser(c *call) (any, error) {
	name, err := s.knownUser(c)
	if err != nil {
		return nil, err
	}
	part, marker, err := s.page(c, s.state.groupsAt(name, c.seq))
	if err != nil {
		return nil, err
	}
	out := struct {
		Groups      []groupXML `xml:"Groups>member"`
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}{IsTruncated: marker != "", Marker: marker}
	for _, g := range part {
		out.Groups = append(out.Groups, s.groupXML(g))
	}
	return out, nil
}

func (s *Server) addUserToGroup(c *call) (any, error) {
	group, user, err := s.groupAndUser(c)
	if err != nil {
		return nil, err
	}
	if in := s.state.groupsAt(user, s.state.seq); len(in) >= maxGroupsOfUser && !slices.Contains(in, group) {
		return nil, refuse(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
	}
	return nil, s.change(c, func() { s.state.join(group, user, c.now) })
}

func (s *Server) removeUserFromGroup(c *call) (any, error) {
	group, user, err := s.groupAndUser(c)
	if err != nil {
		return nil, err
	}
	if !s.state.isMember(group, user, s.state.seq) {
		return nil, refuse(http.StatusNotFound, "NoSuchEntity", "User "+user+" is not in group "+group+".")
	}
	return nil, s.change(c, func() { s.state.leave(group, user, c.now) })
}

// groupAndUser checks the two names of a membership. The right to change one
// hangs on the group alone.
func (s *Server) groupAndUser(c *call) (group, user string, err error) {
	if group, err = s.knownGroup(c); err != nil {
		return "", "", err
	}
	user = c.form.Get("UserName")
	if !s.users[user] {
		return "", "", noSuch("user", user)
	}
	return group, user, nil
}

// page cuts one page of IAM's lists.
func (s *Server) page(c *call, names []string) (part []string, marker string, err error) {
	return s.pageOf(names, c.form.Get("MaxItems"), c.form.Get("Marker"))
}

// pageOf cuts one page out of a sorted list of names. The marker is the last
// name given, so that a change between two pages neither skips nor repeats.
func (s *Server) pageOf(names []string, asked, after string) (part []string, marker string, err error) {
	size := s.cfg.PageSize
	if asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 || n > 1000 {
			return nil, "", invalid("Value %s for the size of a page failed to satisfy constraint: 1 to 1000", asked)
		}
		size = min(size, n)
	}
	last, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil {
		return nil, "", invalid("The marker is not one that was given out")
	}
	from, found := slices.BinarySearch(names, string(last))
	if found {
		from++
	}
	rest := names[from:]
	if len(rest) <= size {
		return rest, "", nil
	}
	return rest[:size], base64.RawURLEncoding.EncodeToString([]byte(rest[size-1])), nil
}

// RenameUser gives an IAM user another name; the id and the memberships stay.
func (s *Server) RenameUser(old, name string) error {
	return s.byHand(func(*call) {
		s.called[name] = cmp.Or(s.called[old], old)
		delete(s.users, old)
		s.users[name] = true
		for _, members := range s.state.Members {
			if spans, ok := members[old]; ok {
				members[name] = spans
				delete(members, old)
			}
		}
	})
}

// RenameGroup gives an IAM group another name; the id and the members stay.
func (s *Server) RenameGroup(old, name string) error {
	return s.byHand(func(*call) {
		s.called["group/"+name] = cmp.Or(s.called["group/"+old], old)
		delete(s.groups, old)
		s.groups[name] = true
		s.state.Members[name] = maps.Clone(s.state.Members[old])
		delete(s.state.Members, old)
	})
}
