package policy

import "regexp"

// Engine answers one request.
type Engine interface{ Decide(q *Request) Answer }

type limitRule struct {
	Rule
	expr int // 1 + index in Limit.exprs; 0: none
}

type cell struct{ group, resource int32 }

// Limit is the least a compiled program does: a person's groups are numbers
// before the request comes, rules lie under (group, resource), every reason
// expression runs at most once a request, and nothing is allocated.
type Limit struct {
	rules     []limitRule
	exprs     []*regexp.Regexp
	groups    map[string][]int32 // by user
	resources map[string]int32
	by        map[cell][]int32
}

// NewLimit compiles rules for the people of the requests.
func NewLimit(rules []Rule, reqs []Request) *Limit {
	l := &Limit{groups: map[string][]int32{}, resources: map[string]int32{}, by: map[cell][]int32{}}
	exprID, compiled := map[string]int{}, compileReasons()
	for i, s := range reasons {
		l.exprs = append(l.exprs, compiled[s])
		exprID[s] = i + 1
	}
	groupID := map[string]int32{}
	for i := range groupCount {
		groupID[groupName(i)] = int32(i)
	}
	for i, s := range Resources() {
		l.resources[s] = int32(i)
	}
	for _, q := range reqs {
		for _, g := range q.Groups {
			l.groups[q.User] = append(l.groups[q.User], groupID[g])
		}
	}
	for i, r := range rules {
		l.rules = append(l.rules, limitRule{r, exprID[r.Reason]})
		g := compileGlob(r.Glob)
		for j, s := range Resources() {
			if g.match(s) {
				c := cell{groupID[r.Group], int32(j)}
				l.by[c] = append(l.by[c], int32(i))
			}
		}
	}
	return l
}

// Decide implements [Engine].
func (l *Limit) Decide(q *Request) Answer {
	resource, ok := l.resources[q.Resource]
	if !ok {
		return Answer{false, -1}
	}
	allow, deny := int32(-1), int32(-1)
	var tried, matched uint8
	for _, g := range l.groups[q.User] {
		for _, i := range l.by[cell{g, resource}] {
			r := &l.rules[i]
			best := &allow
			if r.Deny {
				best = &deny
			}
			if *best >= 0 && *best < i || q.Seconds > r.Most || r.OnCall && !q.OnCall || q.Hour < r.From || q.Hour >= r.To {
				continue
			}
			if bit := uint8(1) << r.expr; r.expr > 0 {
				if tried&bit == 0 {
					tried |= bit
					if l.exprs[r.expr-1].MatchString(q.Reason) {
						matched |= bit
					}
				}
				if matched&bit == 0 {
					continue
				}
			}
			*best = i
		}
	}
	if deny >= 0 {
		return Answer{false, int(deny)}
	}
	return Answer{allow >= 0, int(allow)}
}
