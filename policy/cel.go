package policy

import (
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"gopkg.in/yaml.v3"

	"jitbot/internal/strictyaml"
)

const (
	// maxWhenCost bounds the work of one condition, both as estimated when the
	// policy is loaded and as counted while it runs.
	maxWhenCost   = 100_000
	maxWhenBytes  = 2000
	maxWhenDepth  = 40
	reasonAtLeast = 2000 // bytes of a reason the estimate reckons with
)

// The variables a condition can use.
const (
	varUser           = "request.user"
	varBy             = "request.by"
	varResource       = "request.resource"
	varDuration       = "request.duration"
	varReason         = "request.reason"
	varTicket         = "request.ticket"
	varKind           = "request.kind"
	varID             = "principal.id"
	varGroups         = "principal.groups"
	varName           = "resource.name"
	varSensitivity    = "resource.sensitivity"
	varLabels         = "resource.labels"
	varOwner          = "resource.owner"
	varNow            = "now"
	varOnCall         = "oncall"
	varIncidentOpen   = "incident.open"
	varIncidentMine   = "incident.mine"
	varTicketOpen     = "ticket.open"
	varTicketAssignee = "ticket.assignee"
)

// condition is a compiled `when`. It is yes, no, or in doubt when it could
// not be evaluated.
type condition struct {
	program cel.Program
	text    string
	uses    []string   // variables, sorted
	parts   []whenPart // what has to hold together
}

// celEnv exists only while a policy is loaded, and only if a rule asks for
// it: it takes more memory than ten thousand rules.
type celEnv struct{ env *cel.Env }

func newCELEnv() (*celEnv, error) {
	text, list := cel.StringType, cel.ListType(cel.StringType)
	env, err := cel.NewEnv(
		cel.ParserRecursionLimit(maxWhenDepth), cel.ParserExpressionSizeLimit(maxWhenBytes),
		cel.Variable(varUser, text), cel.Variable(varBy, text), cel.Variable(varResource, text),
		cel.Variable(varDuration, cel.DurationType), cel.Variable(varReason, text), cel.Variable(varTicket, text),
		cel.Variable(varKind, text), cel.Variable(varID, text), cel.Variable(varGroups, list),
		cel.Variable(varName, text), cel.Variable(varSensitivity, text), cel.Variable(varOwner, text),
		cel.Variable(varLabels, cel.MapType(text, text)), cel.Variable(varNow, cel.TimestampType),
		cel.Variable(varOnCall, list), cel.Variable(varIncidentOpen, cel.BoolType), cel.Variable(varIncidentMine, cel.BoolType),
		cel.Variable(varTicketOpen, cel.BoolType), cel.Variable(varTicketAssignee, text),
	)
	return &celEnv{env}, err
}

// condition compiles a `when`.
func (l *loader) condition(n *yaml.Node) *condition {
	s, ok := l.f.Text(n)
	if !ok {
		return nil
	}
	if l.celEnv == nil {
		env, err := newCELEnv()
		if err != nil {
			l.f.Problemf(n, "conditions cannot be read: %v", err)
			return nil
		}
		l.celEnv = env
	}
	env := l.celEnv.env
	ast, issues := env.Compile(s)
	if issues.Err() != nil {
		l.celProblems(n, issues)
		return nil
	}
	if ast.OutputType() != cel.BoolType {
		l.f.Problemf(n, "must be true or false, but is of type %s", ast.OutputType())
		return nil
	}
	estimate, err := env.EstimateCost(ast, l.sizes())
	if err != nil || estimate.Max > maxWhenCost {
		l.f.Problemf(n, "could take too long; make the expression simpler")
		return nil
	}
	program, err := env.Program(ast, cel.CostLimit(maxWhenCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		l.f.Problemf(n, "%v", err)
		return nil
	}
	return &condition{program, s, variables(ast), partsOf(s)}
}

// celProblems puts the errors of an expression where they are in the file,
// if it stands on one line.
func (l *loader) celProblems(n *yaml.Node, issues *cel.Issues) {
	for _, e := range issues.Errors() {
		p := strictyaml.Problem{File: l.f.Name, Line: n.Line, Column: n.Column, Path: l.f.Path(n), Text: e.Message}
		oneLine := n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0
		if oneLine && e.Location.Line() == 1 {
			p.Column += e.Location.Column()
			if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
				p.Column++
			}
		}
		l.f.Add(p)
	}
}

func variables(ast *cel.Ast) []string {
	var out []string
	for _, ref := range ast.NativeRep().ReferenceMap() {
		if ref.Name != "" {
			out = append(out, ref.Name)
		}
	}
	return sortedSet(out)
}

// sizes tells the cost estimate how long values can be.
type sizes struct{ groups, schedules uint64 }

func (l *loader) sizes() sizes {
	return sizes{uint64(len(l.p.groups)), uint64(len(l.p.schedules))}
}

// EstimateSize implements cost.Estimator.
func (s sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	path := n.Path()
	if len(path) == 0 {
		return nil
	}
	size := cost.RangedSizeEstimate(0, maxEmail)
	switch path[0] {
	case varReason:
		size.Max = reasonAtLeast
	case varGroups, varOnCall, varLabels:
		if len(path) == 1 {
			size.Max = max(s.groups, s.schedules, 64)
		}
	}
	return &size
}

// EstimateCallCost implements cost.Estimator; calls cost what CEL says.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

func (c *condition) usesAny(vars ...string) bool {
	return slices.ContainsFunc(vars, func(v string) bool { return slices.Contains(c.uses, v) })
}

// looksAt reports whether the rule's when uses one of the variables.
func (r *rule) looksAt(vars ...string) bool { return r.when != nil && r.when.usesAny(vars...) }

// lengthFor is what a condition calls request.duration.
func (e *eval) lengthFor(r *rule) time.Duration {
	switch {
	case r.outcome == Deny:
		return e.total
	case e.duration == 0:
		return r.byDefault
	default:
		return e.duration
	}
}

// holds evaluates the condition. Nothing of e is kept: e lives on the stack
// of Decide.
func (c *condition) holds(e *eval, r *rule) truth {
	vars := &variablesOf{eval: eval{p: e.p, r: e.r, f: e.f, resource: e.resource}, length: e.lengthFor(r)}
	v, _, err := c.program.Eval(vars)
	if err != nil {
		return doubt
	}
	return is(v == types.True)
}
