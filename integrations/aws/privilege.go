package aws

import (
	"slices"
)

// needs gathers what one user or role of jitbot has to be allowed: its own, or
// the one it assumes in another account.
type needs struct {
	partition  string
	statements []permission

	account string            // whose it is
	spokes  map[string]*needs // by account that jitbot reaches by a role there
	strange []string          // accounts that it does not reach
	opened  map[string]role   // whose sessions people get, by ARN
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

// in is what is needed in an account: by the role that jitbot assumes there, or
// by jitbot itself where it is its own.
func (n *needs) in(account string) *needs {
	if spoke := n.spokes[account]; spoke != nil {
		return spoke
	}
	if account == n.account {
		return n
	}
	if !slices.Contains(n.strange, account) {
		n.strange = append(n.strange, account)
	}
	return &needs{partition: n.partition} // rights in another account do nothing there
}

// opens notes a role whose sessions people get.
func (n *needs) opens(r role) { n.opened[r.arn] = r }

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
