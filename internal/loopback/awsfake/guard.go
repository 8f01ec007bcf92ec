package awsfake

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

// permit refuses a session what its role, its session policy or a deny in one
// of the role's inline policies does not let it do, and a user what their
// policy does not, if they have one.
func (s *Server) permit(c *call, resource string) error {
	return s.permitAction(c, c.op.service+":"+c.action, resource)
}

func (s *Server) permitAction(c *call, action, resource string) error {
	switch {
	case action == "sts:GetCallerIdentity": // AWS answers that one always
		return nil
	case c.who.session == nil && s.userMay(c, action, resource):
		return nil
	case c.who.session != nil && s.allowed(c, *c.who.session, action, resource):
		return nil
	}
	return refuse(http.StatusForbidden, "AccessDenied",
		"User: "+c.who.arn+" is not authorized to perform: "+action+" on resource: "+resource)
}

func (s *Server) allowed(c *call, n Session, action, resource string) bool {
	f, seq := s.factsOf(n), s.state.visible(c.now, s.cfg.ReadLag)
	maps.Copy(f, c.about)
	grants := anyGlob(s.roles[n.Role].Allow, action, strings.ToLower)
	for _, doc := range s.state.policiesAt(n.Role, seq) {
		allow, deny := judge(doc, action, resource, f)
		if deny {
			return false
		}
		grants = grants || allow
	}
	if n.Policy != "" {
		allow, deny := judge(n.Policy, action, resource, f)
		return grants && allow && !deny
	}
	return grants
}

// judge asks one document; one that cannot be read denies.
func judge(doc, action, resource string, f facts) (allow, deny bool) {
	p, err := parsePolicy(doc)
	if err != nil {
		return false, true
	}
	for _, st := range p.Statement {
		if st.applies(action, resource, f) {
			allow, deny = allow || st.Effect == "Allow", deny || st.Effect == "Deny"
		}
	}
	return allow, deny
}

func (s *Server) factsOf(n Session) facts {
	f := facts{
		"aws:userid":           s.sessionUserID(n),
		"aws:principalarn":     s.roleARN(s.roles[n.Role]),
		"aws:principalaccount": s.cfg.Account,
		"aws:tokenissuetime":   n.Issued.UTC().Format(time.RFC3339),
	}
	if n.SourceIdentity != "" {
		f["aws:sourceidentity"] = n.SourceIdentity
	}
	for k, v := range n.Tags {
		f["aws:principaltag/"+strings.ToLower(k)] = v
	}
	return f
}

// deniedAll says whether a deny stands against whatever the session does.
func (s *Server) deniedAll(n Session, seq int64) bool {
	f := s.factsOf(n)
	for _, doc := range s.state.policiesAt(n.Role, seq) {
		if _, deny := judge(doc, "any:Thing", "any-resource", f); deny {
			return true
		}
	}
	return false
}

// noteDenials extends the timelines of a role's sessions after a change.
func (s *Server) noteDenials(role string, now time.Time) {
	for _, n := range s.state.Sessions {
		if n.Role != role {
			continue
		}
		switch denied := s.deniedAll(*n, s.state.seq); {
		case denied && !n.Denied():
			n.Denials = append(n.Denials, Span{From: now})
		case !denied && n.Denied():
			n.Denials[len(n.Denials)-1].Until = now
		}
	}
}
