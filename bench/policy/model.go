// Package policy measures how long a decision takes: jitbot's, the least a
// compiled Go program can do, and general policy engines, over the same rules
// and requests.
package policy

import (
	"fmt"
	"math/rand"
	"regexp"
	"strings"
)

// Rule is one rule in a form every engine can take. An empty Reason fits any
// reason.
type Rule struct {
	ID     int
	Deny   bool
	Group  string
	Glob   string // three segments divided by '/', each exact, prefix* or *
	Most   int    // seconds
	OnCall bool
	From   int // hour of the day, inclusive
	To     int // hour of the day, exclusive
	Reason string
}

// Request is one request with its facts.
type Request struct {
	User     string
	Groups   []string
	Resource string
	Seconds  int
	OnCall   bool
	Hour     int
	Reason   string
}

// Answer is what every engine has to say: any deny rule that fits denies,
// else the first allow rule that fits allows, else rule -1 denies.
type Answer struct {
	Allow bool
	Rule  int
}

const (
	groupCount    = 500
	resourceCount = 200
	requestCount  = 1024
)

var (
	roles   = []string{"read-only", "developer", "admin", "billing", "breakglass"}
	reasons = []string{
		`^(INC|CHG|OPS)-[0-9]{3,}`,
		`(?i)\bincident\b`,
		`.{20,}`,
		`\b[A-Z]{2,10}-[0-9]+\b`,
		`https?://[^ ]+/(issues|pull)/[0-9]+`,
	}
	lengths = []int{900, 1800, 3600, 7200, 14400, 28800, 43200}
	texts   = []string{
		"INC-48213 checkout latency, need to read the replica lag",
		"incident bridge 17, looking at the load balancer",
		"debugging", "CHG-991 planned schema change tonight",
		"see https://git.example.com/platform/api/issues/4711",
		"customer asked for a refund check, ticket SUP-20177",
		"just because", "routine rotation of the signing key, agreed with team lead",
	}
)

func resourceName(i int) string { return fmt.Sprintf("aws/acct-%03d/%s", i/5, roles[i%5]) }
func groupName(i int) string    { return fmt.Sprintf("team-%03d", i) }

// Resources is the catalogue.
func Resources() []string {
	out := make([]string, resourceCount)
	for i := range out {
		out[i] = resourceName(i)
	}
	return out
}

// GenRules makes n rules, the same ones for the same n.
func GenRules(n int) []Rule {
	r := rand.New(rand.NewSource(int64(n)*7919 + 1))
	rules := make([]Rule, n)
	for i := range rules {
		rule := Rule{ID: i, Group: groupName(r.Intn(groupCount)), Most: lengths[r.Intn(len(lengths))], To: 24}
		rule.Glob = genGlob(r)
		if r.Intn(100) < 8 {
			rule.Deny, rule.Most = true, 1<<30
		}
		rule.OnCall = r.Intn(100) < 20
		if r.Intn(100) < 30 {
			rule.From, rule.To = 7, 19
		}
		if r.Intn(100) < 60 {
			rule.Reason = reasons[r.Intn(len(reasons))]
		}
		rules[i] = rule
	}
	return rules
}

func genGlob(r *rand.Rand) string {
	switch k := r.Intn(100); {
	case k < 50:
		return resourceName(r.Intn(resourceCount))
	case k < 65:
		return fmt.Sprintf("aws/acct-0%d*/%s", r.Intn(4), roles[r.Intn(5)])
	case k < 80:
		return fmt.Sprintf("aws/acct-%03d/*", r.Intn(40))
	case k < 95:
		return "aws/*/" + roles[r.Intn(5)]
	default:
		return "aws/*/*"
	}
}

// GenRequests makes the requests; seven in ten are aimed at a rule, so that
// allows, denies and requests no rule fits all occur.
func GenRequests(rules []Rule) []Request {
	r := rand.New(rand.NewSource(42))
	catalogue := Resources()
	out := make([]Request, requestCount)
	for i := range out {
		q := Request{
			User: fmt.Sprintf("user-%04d", i), Resource: catalogue[r.Intn(resourceCount)],
			Seconds: lengths[r.Intn(len(lengths))], OnCall: r.Intn(100) < 30, Hour: r.Intn(24), Reason: texts[r.Intn(len(texts))],
		}
		for g := 3 + r.Intn(6); g > 0; g-- {
			q.Groups = append(q.Groups, groupName(r.Intn(groupCount)))
		}
		if r.Intn(100) < 70 {
			aim(r, &q, rules[r.Intn(len(rules))], catalogue)
		}
		out[i] = q
	}
	return out
}

func aim(r *rand.Rand, q *Request, rule Rule, catalogue []string) {
	q.Groups[0] = rule.Group
	g := compileGlob(rule.Glob)
	for _, k := range r.Perm(resourceCount) {
		if g.match(catalogue[k]) {
			q.Resource = catalogue[k]
			break
		}
	}
	if r.Intn(2) == 0 {
		q.Seconds = 900
	}
}

type glob [3]string

func compileGlob(pattern string) glob {
	var g glob
	copy(g[:], strings.SplitN(pattern, "/", 3))
	return g
}

func (g *glob) match(s string) bool {
	parts := strings.SplitN(s, "/", 3)
	for i, p := range g {
		prefix, open := strings.CutSuffix(p, "*")
		if len(parts) != 3 || open && !strings.HasPrefix(parts[i], prefix) || !open && parts[i] != p {
			return false
		}
	}
	return true
}

func compileReasons() map[string]*regexp.Regexp {
	out := map[string]*regexp.Regexp{}
	for _, s := range reasons {
		out[s] = regexp.MustCompile(s)
	}
	return out
}
