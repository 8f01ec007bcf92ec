package awsfake

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxInline is how much all inline policies of a role may hold together, white
// space not counted.
const maxInline = 10240

type roleXML struct {
	Path       string
	RoleName   string
	RoleID     string       `xml:"RoleId"`
	ARN        string       `xml:"Arn"`
	Created    string       `xml:"CreateDate"`
	Trust      string       `xml:"AssumeRolePolicyDocument"`
	MaxSession int          `xml:"MaxSessionDuration"`
	Boundary   *boundaryXML `xml:"PermissionsBoundary,omitempty"`
}

type boundaryXML struct {
	Type string `xml:"PermissionsBoundaryType"`
	ARN  string `xml:"PermissionsBoundaryArn"`
}

func (s *Server) knownRole(c *call) (Role, error) {
	role, ok := s.roles[c.form.Get("RoleName")]
	resource := s.arn("iam", "role/"+c.form.Get("RoleName"))
	if ok {
		resource = s.roleARN(role)
		if role.Boundary != "" {
			c.about = facts{"iam:permissionsboundary": role.Boundary}
		}
	}
	if err := s.permit(c, resource); err != nil {
		return Role{}, err
	}
	if !ok {
		return Role{}, noSuch("role", c.form.Get("RoleName"))
	}
	return role, nil
}

func (s *Server) getRole(c *call) (any, error) {
	role, err := s.knownRole(c)
	if err != nil {
		return nil, err
	}
	out := roleXML{
		role.Path, role.Name, s.roleID(role.Name), s.roleARN(role), longAgo,
		urlEncode(s.trust(role)), int(role.MaxSession.Seconds()), nil,
	}
	if role.Boundary != "" {
		out.Boundary = &boundaryXML{"Policy", role.Boundary}
	}
	return struct{ Role roleXML }{out}, nil
}

// trust writes the trust policy that assumable enforces.
func (s *Server) trust(role Role) string {
	if role.Trust != "" {
		return role.Trust
	}
	condition := ""
	if role.ExternalID != "" {
		condition = fmt.Sprintf(`,"Condition":{"StringEquals":{"sts:ExternalId":%q}}`, role.ExternalID)
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},`+
		`"Action":["sts:AssumeRole","sts:SetSourceIdentity","sts:TagSession"]%s}]}`, s.arn("iam", "root"), condition)
}

func (s *Server) putRolePolicy(c *call) (any, error) {
	role, err := s.knownRole(c)
	if err != nil {
		return nil, err
	}
	name, doc := c.form.Get("PolicyName"), c.form.Get("PolicyDocument")
	if !namePattern.MatchString(name) {
		return nil, invalid("The specified value for policyName is invalid")
	}
	if _, err := parsePolicy(doc); err != nil {
		return nil, refuse(http.StatusBadRequest, "MalformedPolicyDocument", err.Error())
	}
	all := s.state.policiesAt(role.Name, s.state.seq)
	all[name] = doc
	total := 0
	for text := range maps.Values(all) {
		total += nonSpace(text)
	}
	if total > maxInline {
		return nil, refuse(http.StatusConflict, "LimitExceeded",
			fmt.Sprintf("Maximum policy size of %d bytes exceeded for role %s", maxInline, role.Name))
	}
	return nil, s.change(c, func() { s.setPolicy(c, role.Name, name, doc) })
}

func (s *Server) setPolicy(c *call, role, name, doc string) {
	s.state.putPolicy(role, name, doc, c.now)
	s.noteDenials(role, c.now)
}

func (s *Server) getRolePolicy(c *call) (any, error) {
	role, err := s.knownRole(c)
	if err != nil {
		return nil, err
	}
	name := c.form.Get("PolicyName")
	doc, ok := s.state.policyAt(role.Name, name, c.seq)
	if !ok {
		return nil, noSuch("role policy", name)
	}
	return struct{ RoleName, PolicyName, PolicyDocument string }{role.Name, name, urlEncode(doc)}, nil
}

func (s *Server) deleteRolePolicy(c *call) (any, error) {
	role, err := s.knownRole(c)
	if err != nil {
		return nil, err
	}
	name := c.form.Get("PolicyName")
	if _, ok := s.state.policyAt(role.Name, name, s.state.seq); !ok {
		return nil, noSuch("role policy", name)
	}
	return nil, s.change(c, func() { s.setPolicy(c, role.Name, name, "") })
}

func (s *Server) listRolePolicies(c *call) (any, error) {
	role, err := s.knownRole(c)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(s.state.policiesAt(role.Name, c.seq)))
	part, marker, err := s.page(c, names)
	return struct {
		PolicyNames []string `xml:"PolicyNames>member"`
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}{part, marker != "", marker}, err
}

// urlEncode writes a document the way IAM returns it, after RFC 3986.
func urlEncode(doc string) string { return strings.ReplaceAll(url.QueryEscape(doc), "+", "%20") }
