package policy

import (
	"fmt"
	"slices"
	"strings"

	"jitbot/jit"
)

// checkReach finds rules that an earlier one always answers for.
func (l *loader) checkReach() {
	free := map[ref][]int{} // rules without conditions, by who is eligible
	for i := range l.p.rules {
		r := &l.p.rules[i]
		if r.outcome == Deny {
			continue
		}
		if by := l.hiddenBy(i, free); by >= 0 {
			text := fmt.Sprintf("can never decide: %s on line %d answers first for everybody and everything in it; put it before that rule, or remove it",
				l.p.rules[by].id, l.p.rules[by].line)
			if l.o.WarnUnreachable {
				l.warn(r.line, "rule "+r.id+" "+text)
			} else {
				l.f.Problemf(l.ruleAt[i], "%s", text)
			}
		}
		if l.p.hot[i].asks == 0 && r.min == 0 {
			for _, who := range r.eligible {
				free[who] = append(free[who], i)
			}
		}
	}
}

// hiddenBy is the first of the rules in free that answers for all of rule i,
// or -1. What break_glass and on_behalf add is asked apart, so a rule that
// has either is never hidden.
func (l *loader) hiddenBy(i int, free map[ref][]int) int {
	r := &l.p.rules[i]
	if len(r.eligible) == 0 || len(r.breakGlass.eligible) > 0 || len(r.onBehalf) > 0 {
		return -1
	}
	for _, who := range []ref{r.eligible[0], {kind: everyone}} {
		for _, by := range free[who] {
			if covers(&l.p.rules[by], r) {
				return by
			}
		}
	}
	return -1
}

// covers reports whether everybody and everything of r is in wide.
func covers(wide, r *rule) bool {
	if wide.max < r.max || len(wide.resources) < len(r.resources) {
		return false
	}
	if !slices.Contains(wide.eligible, ref{kind: everyone}) {
		for _, who := range r.eligible {
			if !slices.Contains(wide.eligible, who) {
				return false
			}
		}
	}
	at := 0
	for _, res := range r.resources {
		for at < len(wide.resources) && wide.resources[at] < res {
			at++
		}
		if at == len(wide.resources) || wide.resources[at] != res {
			return false
		}
	}
	return true
}

// checkUse looks at rules and names for what can never work, and for what is
// odd.
func (l *loader) checkUse() {
	for i := range l.p.rules {
		l.checkApprovers(i)
		l.checkExtend(i)
	}
	for i := range l.p.groups {
		g := &l.p.groups[i]
		if !l.used[ref{group, int32(i)}] {
			l.warn(l.groupAt[g.name].Line, "group "+g.name+" is not used")
		}
	}
	for i := range l.p.schedules {
		s := &l.p.schedules[i]
		if !l.used[ref{schedule, int32(i)}] {
			l.warn(l.schedAt[s.name].Line, "schedule "+s.name+" is not used")
		}
	}
	for id := range l.p.resources {
		if len(l.p.index.rules[id]) == 0 {
			l.warn(l.p.resources[id].Line, "no rule is for "+l.p.resources[id].Name+", so nobody can ask for it")
		}
	}
	l.checkLookAlikes()
	slices.SortStableFunc(l.warned, func(a, b warning) int { return a.line - b.line })
	for _, w := range l.warned {
		at := l.p.file
		if w.line > 0 {
			at += fmt.Sprintf(":%d", w.line)
		}
		l.p.warnings = append(l.p.warnings, at+": "+w.text)
	}
}

// checkApprovers refuses a rule that too few people could ever approve.
func (l *loader) checkApprovers(i int) {
	r := &l.p.rules[i]
	if r.outcome != Approval {
		return
	}
	if r.allFixed && len(r.fixedFrom) < r.count {
		l.f.Problemf(l.ruleAt[i], "asks for %s, but %s names %d people; nobody could ever be given access",
			plural(r.count, "approval"), list(l.p.spellAll(r.from), "and"), len(r.fixedFrom))
	} else if r.allFixed && len(r.fixedFrom) == r.count {
		l.warn(r.line, "rule "+r.id+" has no approver to spare: a request by one of them cannot be approved")
	}
	for _, each := range r.each {
		if members, fixed := l.p.fixed(each); fixed && len(members) == 0 {
			l.f.Problemf(l.ruleAt[i], "asks for an approval from %s, which is empty", l.p.spell(each))
		}
	}
	for _, from := range r.from {
		if members, fixed := l.p.fixed(from); fixed && len(members) == 0 {
			l.warn(r.line, "rule "+r.id+": "+l.p.spell(from)+" is empty, so nobody in it approves")
		}
	}
}

func (l *loader) checkExtend(i int) {
	r := &l.p.rules[i]
	if r.extend > 0 && r.extend <= r.max {
		l.warn(r.line, fmt.Sprintf("rule %s gives up to %s at once, and extend.max_total %s adds nothing to that",
			r.id, jit.FormatDuration(r.max), jit.FormatDuration(r.extend)))
	}
}

// checkLookAlikes warns of names that people could take for one another.
func (l *loader) checkLookAlikes() {
	seen := map[string]string{}
	check := func(what, name string, line int) {
		key := what + "\x00" + alike.Replace(name)
		if first, ok := seen[key]; ok && first != name {
			l.warn(line, fmt.Sprintf("%s %s looks like %s; choose names that differ more", what, name, first))
			return
		}
		seen[key] = name
	}
	for i := range l.p.resources {
		check("resource", l.p.resources[i].Name, l.p.resources[i].Line)
	}
	for i := range l.p.groups {
		check("group", l.p.groups[i].name, l.groupAt[l.p.groups[i].name].Line)
	}
	for i := range l.p.rules {
		check("rule", l.p.rules[i].id, l.p.rules[i].line)
	}
	for _, email := range l.p.people {
		check("address", email, 0)
	}
}

// alike writes letters that look the same in one way.
var alike = strings.NewReplacer("0", "o", "1", "l", "i", "l", "rn", "m", "vv", "w", "-", "", "_", "")

// warning is something odd that does not keep the policy from working. Line
// 0 is the file as a whole.
type warning struct {
	line int
	text string
}

func (l *loader) warn(line int, text string) { l.warned = append(l.warned, warning{line, text}) }
