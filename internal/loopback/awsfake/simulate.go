package awsfake

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// userMay asks the policy of a user, who may do all without one.
func (s *Server) userMay(c *call, action, resource string) bool {
	if c.who.policy == "" {
		return true
	}
	f := facts{"aws:userid": c.who.userID, "aws:principalarn": c.who.principal, "aws:principalaccount": s.cfg.Account}
	maps.Copy(f, c.about)
	allow, deny := judge(c.who.policy, action, resource, f)
	return allow && !deny
}

type evaluation struct {
	Action   string `xml:"EvalActionName"`
	Resource string `xml:"EvalResourceName"`
	Decision string `xml:"EvalDecision"`
}

// simulatePrincipalPolicy says what the policies of a user or role come to. A
// condition on what the simulated call would be about does not hold, as with
// AWS when no context is given, and it refuses a pair of actions that AWS does
// not take together.
func (s *Server) simulatePrincipalPolicy(c *call) (any, error) {
	source := c.form.Get("PolicySourceArn")
	if err := s.permit(c, source); err != nil {
		return nil, err
	}
	decide, err := s.policiesOf(source)
	if err != nil {
		return nil, err
	}
	resources := members(c, "ResourceArns")
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var out struct {
		EvaluationResults []evaluation `xml:"EvaluationResults>member"`
		IsTruncated       bool
	}
	actions := members(c, "ActionNames")
	if slices.Contains(actions, "iam:PassRole") && slices.Contains(actions, "sts:AssumeRole") {
		return nil, refuse(http.StatusBadRequest, "InvalidInput", "Invalid Input Actions: [iam:PassRole] and [sts:AssumeRole] require different authorization information.")
	}
	for _, action := range actions {
		for _, resource := range resources {
			out.EvaluationResults = append(out.EvaluationResults, evaluation{action, resource, decide(action, resource)})
		}
	}
	return out, nil
}

func members(c *call, list string) (out []string) {
	for i := 1; c.form.Has(list + ".member." + strconv.Itoa(i)); i++ {
		out = append(out, c.form.Get(list+".member."+strconv.Itoa(i)))
	}
	return out
}

// policiesOf is what decides for a user or role, and an error if there is none.
func (s *Server) policiesOf(arn string) (func(action, resource string) string, error) {
	for _, k := range s.keys {
		if s.arn("iam", "user/"+k.User) == arn && k.Policy == "" {
			return func(string, string) string { return "allowed" }, nil
		} else if s.arn("iam", "user/"+k.User) == arn {
			return func(action, resource string) string { return decision(judge(k.Policy, action, resource, facts{})) }, nil
		}
	}
	for _, r := range s.roles {
		if s.roleARN(r) == arn {
			return func(action, resource string) string { return s.roleDecision(r, action, resource) }, nil
		}
	}
	return nil, noSuch("entity", arn)
}

func (s *Server) roleDecision(r Role, action, resource string) string {
	allow, deny := anyGlob(r.Allow, action, strings.ToLower), false
	for _, doc := range s.state.policiesAt(r.Name, s.state.seq) {
		a, d := judge(doc, action, resource, facts{})
		allow, deny = allow || a, deny || d
	}
	return decision(allow, deny)
}

func decision(allow, deny bool) string {
	switch {
	case deny:
		return "explicitDeny"
	case allow:
		return "allowed"
	}
	return "implicitDeny"
}
