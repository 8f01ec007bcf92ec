package analysis

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

const (
	mostEvidence = 100 // ids of a finding
	mostText     = 80  // runes of what a log says
)

// cite adds an id to the evidence of a finding, up to the most it carries.
func cite(to []string, id string) []string {
	if len(to) >= mostEvidence {
		return to
	}
	return append(to, id)
}

// quoted is a text of a log, fit to be shown as a figure: one short line.
func quoted(s string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	clean = strings.Join(strings.Fields(clean), " ")
	if runes := []rune(clean); len(runes) > mostText {
		return string(runes[:mostText-1]) + "…"
	}
	return clean
}

// named is the name of an action, of letters that names of actions have.
func named(action string) string {
	plain := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(":*._-@ /", r)) {
			return r
		}
		return '?'
	}, action)
	return plain[:min(len(plain), 2*mostText)]
}

func figure(name, format string, args ...any) Figure {
	return Figure{name, quoted(fmt.Sprintf(format, args...))}
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) }

// ruleFinding starts a finding on a rule.
func (d *Data) ruleFinding(class Class, r *ruleNow) Finding {
	f := Finding{Class: class, Rule: r.id, Owner: "security"}
	owners := map[string]int{}
	for _, name := range r.Resources {
		res, _ := d.Policy.Resource(name)
		f.Sensitivity = higher(f.Sensitivity, res.Sensitivity)
		if owners[res.Owner]++; res.Owner != "" && owners[res.Owner] > owners[f.Owner] {
			f.Owner = res.Owner
		}
	}
	return f
}

// resourceFinding starts a finding on what was done with one resource.
func (d *Data) resourceFinding(class Class, rule, resource string) Finding {
	f := Finding{Class: class, Rule: rule, Owner: "security"}
	if res, ok := d.Policy.Resource(resource); ok {
		f.Sensitivity = res.Sensitivity
		if res.Owner != "" {
			f.Owner = res.Owner
		}
	}
	return f
}

func higher(a, b string) string {
	order := []string{"", "low", "medium", "high"}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// grid are the lengths that people ask for, and that limits are set to. The
// shortest is the least that AWS gives a session for.
func grid() []time.Duration {
	return []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour}
}

// gridAbove is the shortest length of the grid that is not under d; 0: there is
// none.
func gridAbove(d time.Duration) time.Duration {
	for _, step := range grid() {
		if step >= d {
			return step
		}
	}
	return 0
}

// setLength is the edit that sets a duration of a rule.
func setLength(p *policy.Policy, r *ruleNow, key string, to time.Duration, why string) Proposal {
	op := edit.AddKey
	if p.Writes(r.i, key) {
		op = edit.Set
	}
	return Proposal{Edit: edit.Edit{Op: op, Rule: r.id, Path: []string{key}, Value: jit.FormatDuration(to)}, Direction: Narrow, Why: why}
}

// require is the edit that has a rule ask for more: value below require, in the
// place of what stands there.
func require(p *policy.Policy, r *ruleNow, key, value, why string) Proposal {
	e := edit.Edit{Op: edit.AddKey, Rule: r.id, Path: []string{"require", key}, Value: value}
	switch {
	case !p.Writes(r.i, "require"):
		e.Path, e.Value = []string{"require"}, "{"+key+": "+value+"}"
	case p.Writes(r.i, "require", key):
		e.Op = edit.Set
	}
	return Proposal{Edit: e, Direction: Narrow, Why: why}
}

// shorten is a length for people, to the minute.
func shorten(d time.Duration) string { return jit.FormatDuration(d.Round(time.Minute)) }

// grantFinding starts a finding on the grant of case i.
func (d *Data) grantFinding(class Class, i int) Finding {
	c := &d.Past.Cases[i]
	f := d.resourceFinding(class, c.Rule, c.Resource)
	f.Subject, f.Evidence = c.Grant.ID, []string{c.Grant.ID, c.ID}
	if c.Grant.Sensitivity != "" {
		f.Sensitivity = c.Grant.Sensitivity
	}
	return f
}

// howMany is a number of things in words.
func howMany(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
