package aws

import (
	"encoding/json"
	"fmt"
	"slices"

	"jitbot/jit"
)

const denyEnded = "DenyEndedGrants"

// LeastPrivilege writes the IAM policy that jitbot's own user or role needs to
// give these entitlements in a partition, as indented JSON; kinds that are not
// this package's are left out. It lets jitbot write inline policies only on
// roles that have a permissions boundary. An error names an entitlement that
// is wrong.
func LeastPrivilege(partition string, entitlements []jit.Entitlement) ([]byte, error) {
	var roles, groups, users []string
	for _, e := range entitlements {
		switch e.Kind {
		case KindSession:
			s, err := parseSession(e)
			if err != nil {
				return nil, err
			}
			roles = append(roles, s.role.arn)
		case KindGroup:
			g, err := parseGroup(e)
			if err != nil {
				return nil, err
			}
			groups = append(groups, fmt.Sprintf("arn:%s:iam::%s:group/%s", partition, g.account, g.name))
			users = append(users, fmt.Sprintf("arn:%s:iam::%s:user/*", partition, g.account))
		}
	}
	roles, groups, users = unique(roles), unique(groups), unique(users)
	doc := permissions{Version: "2012-10-17"}
	doc.allow("OpenSessions", roles, "sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession")
	doc.allow("ReadRoles", roles, "iam:GetRole", "iam:GetRolePolicy")
	doc.allow(denyEnded, roles, "iam:PutRolePolicy", "iam:DeleteRolePolicy")
	doc.allow("ChangeGroups", groups, "iam:GetGroup", "iam:AddUserToGroup", "iam:RemoveUserFromGroup")
	doc.allow("ReadMemberships", users, "iam:ListGroupsForUser")
	for i := range doc.Statement {
		if doc.Statement[i].Sid == denyEnded {
			doc.Statement[i].Condition = map[string]map[string]string{
				"StringLike": {"iam:PermissionsBoundary": "arn:" + partition + ":iam::*:policy/*"},
			}
		}
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("least privilege: %w", err)
	}
	return out, nil
}

// permissions is an IAM policy that allows.
type permissions struct {
	Version   string
	Statement []permission
}

type permission struct {
	Sid, Effect      string
	Action, Resource []string
	Condition        map[string]map[string]string `json:",omitempty"`
}

func (d *permissions) allow(sid string, resources []string, actions ...string) {
	if len(resources) > 0 {
		d.Statement = append(d.Statement, permission{Sid: sid, Effect: "Allow", Action: actions, Resource: resources})
	}
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
