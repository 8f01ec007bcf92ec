package aws

import (
	"encoding/json"
	"fmt"
	"slices"

	"jitbot/jit"
)

// LeastPrivilege writes the IAM policy that jitbot's own user or role needs to
// give these entitlements in a partition, as indented JSON; kinds that are not
// this package's are left out. It lets jitbot write inline policies only on
// roles that have a permissions boundary. An error names an entitlement that
// is wrong.
func LeastPrivilege(partition string, entitlements []jit.Entitlement) ([]byte, error) {
	n := &needs{partition: partition}
	all := kindsOf(nil)
	for _, name := range KindNames() {
		for _, e := range entitlements {
			if e.Kind != name {
				continue
			}
			if err := all[name].need(n, e); err != nil {
				return nil, err
			}
		}
	}
	out, err := json.MarshalIndent(permissions{"2012-10-17", n.statements}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("least privilege: %w", err)
	}
	return out, nil
}

// needs gathers what jitbot has to be allowed.
type needs struct {
	partition  string
	statements []permission
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

// allow adds a resource to the statement of a name, which always has the same
// actions, and returns the statement.
func (n *needs) allow(sid, resource string, actions ...string) *permission {
	at := slices.IndexFunc(n.statements, func(p permission) bool { return p.Sid == sid })
	if at < 0 {
		at = len(n.statements)
		n.statements = append(n.statements, permission{Sid: sid, Effect: "Allow", Action: actions})
	}
	p := &n.statements[at]
	p.Resource = append(p.Resource, resource)
	slices.Sort(p.Resource)
	p.Resource = slices.Compact(p.Resource)
	return p
}
