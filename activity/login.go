package activity

import (
	"fmt"
	"strings"

	"jitbot/jit"
)

// Login is how a system calls people: {email} is all of their e-mail, {local}
// what stands before the @. Empty: people have no logins of their own there.
type Login string

// Check says what is wrong with l.
func (l Login) Check(report func(key, text string)) {
	if l != "" && !strings.Contains(string(l), "{email}") && !strings.Contains(string(l), "{local}") {
		report("login", fmt.Sprintf("%q makes one login of everybody; write {email} or {local} in it", string(l)))
	}
}

// Marks of a holding in logs that name logins: one that is the grant's alone,
// jit_ and its id, and the person's own, whose actions while the grant gave more
// may be done with it. through are the scopes they are in; where none is named
// the grant's own is known in all of them.
func (l Login) Marks(h jit.Holding, through ...string) []Mark {
	if len(through) == 0 {
		return []Mark{{Method: jit.ByLogin, Value: "jit_" + h.Grant}}
	}
	var out []Mark
	for _, scope := range through {
		out = append(out, Mark{Method: jit.ByLogin, Scope: scope, Value: "jit_" + h.Grant})
		if l != "" {
			local, _, _ := strings.Cut(h.Principal, "@")
			name := strings.NewReplacer("{email}", h.Principal, "{local}", local).Replace(string(l))
			out = append(out, Mark{Method: jit.ByUser, Scope: scope, Value: name})
		}
	}
	return out
}
