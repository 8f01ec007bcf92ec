package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/cedar-policy/cedar-go"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// regoModule finds the rules of a person's groups by name first, which is how
// OPA is fast with many rules.
const regoModule = `package jit
import rego.v1

fits(r) if {
	input.seconds <= r.most
	input.hour >= r.from
	input.hour < r.to
	duty(r)
	glob.match(r.glob, ["/"], input.resource)
	reason(r)
}
duty(r) if not r.oncall
duty(r) if input.oncall
reason(r) if r.reason == ""
reason(r) if regex.match(r.reason, input.reason)
deny contains r.id if { some g in input.groups; some r in data.by[g]; r.deny; fits(r) }
allow contains r.id if { some g in input.groups; some r in data.by[g]; not r.deny; fits(r) }
out := {"deny": deny, "allow": allow}
`

type opaEngine struct{ query rego.PreparedEvalQuery }

func newOPA(rules []Rule) (Engine, error) {
	by := map[string][]any{}
	for _, r := range rules {
		by[r.Group] = append(by[r.Group], map[string]any{
			"id": r.ID, "deny": r.Deny, "glob": r.Glob, "most": r.Most,
			"oncall": r.OnCall, "from": r.From, "to": r.To, "reason": r.Reason,
		})
	}
	data, err := json.Marshal(map[string]any{"by": by})
	if err != nil {
		return nil, err
	}
	store := inmem.NewFromReaderWithOpts(bytes.NewReader(data), inmem.OptReturnASTValuesOnRead(true))
	q, err := rego.New(rego.Query("data.jit.out"), rego.Module("jit.rego", regoModule), rego.Store(store)).PrepareForEval(context.Background())
	return &opaEngine{q}, err
}

func (o *opaEngine) Decide(q *Request) Answer {
	groups := make([]any, len(q.Groups))
	for i, g := range q.Groups {
		groups[i] = g
	}
	in := map[string]any{"groups": groups, "resource": q.Resource, "seconds": q.Seconds, "oncall": q.OnCall, "hour": q.Hour, "reason": q.Reason}
	rs, err := o.query.Eval(context.Background(), rego.EvalInput(in))
	if err != nil || len(rs) != 1 {
		panic(fmt.Sprint("opa: ", err, rs))
	}
	out := rs[0].Expressions[0].Value.(map[string]any)
	if d := lowest(out["deny"]); d >= 0 {
		return Answer{false, d}
	}
	a := lowest(out["allow"])
	return Answer{a >= 0, a}
}

func lowest(set any) int {
	best := -1
	for _, x := range set.([]any) {
		n, err := x.(json.Number).Int64()
		if err == nil && (best < 0 || int(n) < best) {
			best = int(n)
		}
	}
	return best
}

// cedarEngine has no regular expressions, so the reason is matched in Go, on
// Cedar's time, and the policy tests which expressions fit.
type cedarEngine struct {
	policies *cedar.PolicySet
	entities cedar.EntityMap
	action   cedar.EntityUID
	reasons  *Limit
}

func newCedar(rules []Rule, reqs []Request) (Engine, error) {
	list, err := cedar.NewPolicyListFromBytes("jit.cedar", []byte(cedarText(rules)))
	if err != nil {
		return nil, err
	}
	set := cedar.NewPolicySet()
	for i, p := range list {
		set.Add(cedar.PolicyID(strconv.Itoa(i)), p)
	}
	entities := cedar.EntityMap{}
	for i := range groupCount {
		id := cedar.NewEntityUID("Group", cedar.String(groupName(i)))
		entities[id] = cedar.Entity{UID: id}
	}
	for _, s := range Resources() {
		id := cedar.NewEntityUID("Res", cedar.String(s))
		entities[id] = cedar.Entity{UID: id, Attributes: cedar.NewRecord(cedar.RecordMap{"name": cedar.String(s)})}
	}
	for _, q := range reqs {
		id := cedar.NewEntityUID("User", cedar.String(q.User))
		var parents []cedar.EntityUID
		for _, g := range q.Groups {
			parents = append(parents, cedar.NewEntityUID("Group", cedar.String(g)))
		}
		entities[id] = cedar.Entity{UID: id, Parents: cedar.NewEntityUIDSet(parents...)}
	}
	return &cedarEngine{set, entities, cedar.NewEntityUID("Action", "assume"), NewLimit(nil, nil)}, nil
}

func cedarText(rules []Rule) string {
	class := map[string]int{}
	for i, s := range reasons {
		class[s] = i
	}
	var b strings.Builder
	for _, r := range rules {
		effect, resource := "permit", "resource"
		conds := []string{fmt.Sprintf("context.seconds <= %d", r.Most)}
		if r.Deny {
			effect = "forbid"
		}
		if strings.Contains(r.Glob, "*") {
			conds = append(conds, fmt.Sprintf("resource.name like %q", r.Glob))
		} else {
			resource = fmt.Sprintf("resource == Res::%q", r.Glob)
		}
		if r.OnCall {
			conds = append(conds, "context.oncall")
		}
		if r.From != 0 || r.To != 24 {
			conds = append(conds, fmt.Sprintf("context.hour >= %d && context.hour < %d", r.From, r.To))
		}
		if r.Reason != "" {
			conds = append(conds, fmt.Sprintf("context.reasons.contains(%d)", class[r.Reason]))
		}
		fmt.Fprintf(&b, "%s(principal in Group::%q, action == Action::\"assume\", %s) when { %s };\n", effect, r.Group, resource, strings.Join(conds, " && "))
	}
	return b.String()
}

func (c *cedarEngine) Decide(q *Request) Answer {
	var fits []cedar.Value
	for i, re := range c.reasons.exprs {
		if re.MatchString(q.Reason) {
			fits = append(fits, cedar.Long(i))
		}
	}
	d, diag := cedar.Authorize(c.policies, c.entities, cedar.Request{
		Principal: cedar.NewEntityUID("User", cedar.String(q.User)), Action: c.action,
		Resource: cedar.NewEntityUID("Res", cedar.String(q.Resource)),
		Context: cedar.NewRecord(cedar.RecordMap{
			"seconds": cedar.Long(q.Seconds), "oncall": cedar.Boolean(q.OnCall), "hour": cedar.Long(q.Hour), "reasons": cedar.NewSet(fits...),
		}),
	})
	best := -1
	for _, r := range diag.Reasons {
		if n, err := strconv.Atoi(string(r.PolicyID)); err == nil && (best < 0 || n < best) {
			best = n
		}
	}
	return Answer{d == cedar.Allow, best}
}

const casbinModel = `
[request_definition]
r = sub, obj, seconds, oncall, hour, reason
[policy_definition]
p = grp, obj, most, oncall, from, to, reason, id, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.grp) && res(r.obj, p.obj) && cond(r.seconds, r.oncall, r.hour, p.most, p.oncall, p.from, p.to) && why(r.reason, p.reason)
`

// casbinEngine tells only whether, not always by which rule.
type casbinEngine struct{ e *casbin.Enforcer }

func newCasbin(rules []Rule, reqs []Request) (Engine, error) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		return nil, err
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	numbers, compiled := map[string]float64{}, compileReasons()
	e.AddFunction("res", func(a ...any) (any, error) { return path.Match(a[1].(string), a[0].(string)) })
	e.AddFunction("cond", func(a ...any) (any, error) {
		seconds, oncall, hour := a[0].(float64), a[1].(bool), a[2].(float64)
		return seconds <= numbers[a[3].(string)] && (a[4].(string) == "false" || oncall) &&
			hour >= numbers[a[5].(string)] && hour < numbers[a[6].(string)], nil
	})
	e.AddFunction("why", func(a ...any) (any, error) {
		s := a[1].(string)
		return s == "" || compiled[s].MatchString(a[0].(string)), nil
	})
	for _, r := range rules {
		effect := "allow"
		if r.Deny {
			effect = "deny"
		}
		for _, n := range []int{r.Most, r.From, r.To} {
			numbers[strconv.Itoa(n)] = float64(n)
		}
		_, err := e.AddPolicy(r.Group, r.Glob, strconv.Itoa(r.Most), strconv.FormatBool(r.OnCall), strconv.Itoa(r.From), strconv.Itoa(r.To), r.Reason, strconv.Itoa(r.ID), effect)
		if err != nil {
			return nil, err
		}
	}
	var member [][]string
	seen := map[[2]string]bool{}
	for _, q := range reqs {
		for _, g := range q.Groups {
			if key := [2]string{q.User, g}; !seen[key] {
				seen[key] = true
				member = append(member, key[:])
			}
		}
	}
	_, err = e.AddGroupingPolicies(member)
	return &casbinEngine{e}, err
}

func (c *casbinEngine) Decide(q *Request) Answer {
	ok, err := c.e.Enforce(q.User, q.Resource, float64(q.Seconds), q.OnCall, float64(q.Hour), q.Reason)
	if err != nil {
		panic(fmt.Sprint("casbin: ", err))
	}
	return Answer{ok, -1}
}

// celEngine has the whole rule as one expression, behind an index by group.
type celEngine struct {
	rules    []Rule
	programs []cel.Program
	by       map[string][]int
}

func newCEL(rules []Rule) (Engine, error) {
	env, err := cel.NewEnv(cel.Variable("resource", cel.StringType), cel.Variable("seconds", cel.IntType),
		cel.Variable("oncall", cel.BoolType), cel.Variable("hour", cel.IntType), cel.Variable("reason", cel.StringType))
	if err != nil {
		return nil, err
	}
	c := &celEngine{rules: rules, by: map[string][]int{}}
	for i, r := range rules {
		ast, issues := env.Compile(celText(r))
		if issues.Err() != nil {
			return nil, issues.Err()
		}
		p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			return nil, err
		}
		c.programs = append(c.programs, p)
		c.by[r.Group] = append(c.by[r.Group], i)
	}
	return c, nil
}

func celText(r Rule) string {
	conds := []string{fmt.Sprintf("seconds <= %d", r.Most)}
	if r.OnCall {
		conds = append(conds, "oncall")
	}
	if r.From != 0 || r.To != 24 {
		conds = append(conds, fmt.Sprintf("hour >= %d && hour < %d", r.From, r.To))
	}
	if before, after, open := strings.Cut(r.Glob, "*"); !open {
		conds = append(conds, fmt.Sprintf("resource == %q", r.Glob))
	} else {
		conds = append(conds, fmt.Sprintf("resource.startsWith(%q)", before))
		if after != "" && after != "/*" {
			conds = append(conds, fmt.Sprintf("resource.endsWith(%q)", after))
		}
	}
	if r.Reason != "" {
		conds = append(conds, fmt.Sprintf("reason.matches(%q)", r.Reason))
	}
	return strings.Join(conds, " && ")
}

type celVars struct{ q *Request }

func (celVars) Parent() cel.Activation { return nil }

func (v celVars) ResolveName(name string) (any, bool) {
	switch name {
	case "resource":
		return types.String(v.q.Resource), true
	case "seconds":
		return types.Int(v.q.Seconds), true
	case "oncall":
		return types.Bool(v.q.OnCall), true
	case "hour":
		return types.Int(v.q.Hour), true
	case "reason":
		return types.String(v.q.Reason), true
	default:
		return nil, false
	}
}

func (c *celEngine) Decide(q *Request) Answer {
	vars := &celVars{q}
	allow, deny := -1, -1
	for _, g := range q.Groups {
		for _, i := range c.by[g] {
			best := &allow
			if c.rules[i].Deny {
				best = &deny
			}
			if *best >= 0 && *best < i {
				continue
			}
			if v, _, err := c.programs[i].Eval(vars); err != nil {
				panic(fmt.Sprint("cel: ", err))
			} else if v == types.True {
				*best = i
			}
		}
	}
	if deny >= 0 {
		return Answer{false, deny}
	}
	return Answer{allow >= 0, allow}
}
