package policy

import (
	"maps"
	"slices"
	"strings"
	"time"

	"jitbot/internal/strictyaml"
)

// SHA256 is the hex digest of the policy's bytes and those of the files it
// names.
func (p *Policy) SHA256() string { return p.sum }

// File is the name the policy was loaded under.
func (p *Policy) File() string { return p.file }

// Timezone is where the policy's hours and days are.
func (p *Policy) Timezone() *time.Location { return p.defaults.loc }

// MaxDuration is the most that any rule may give at once.
func (p *Policy) MaxDuration() time.Duration { return p.defaults.maxDuration }

// QuietHours is when reminders that are not urgent wait.
func (p *Policy) QuietHours() QuietHours { return p.defaults.quiet }

// Warnings is what the file could say better, as file:line:column: text, in
// the order of the file.
func (p *Policy) Warnings() []string { return slices.Clone(p.warnings) }

// Resource finds a resource by its name. Do not change what it points to.
func (p *Policy) Resource(name string) (Resource, bool) {
	id, ok := p.resID[name]
	if !ok {
		return Resource{}, false
	}
	return p.resources[id], true
}

// Resources is every resource in file order. Do not change what they point
// to.
func (p *Policy) Resources() []Resource { return slices.Clone(p.resources) }

// Bundle is the resources of a bundle, in file order.
func (p *Policy) Bundle(name string) ([]string, bool) {
	names, ok := p.bundles[name]
	return slices.Clone(names), ok
}

// Bundles is the names of all bundles, sorted.
func (p *Policy) Bundles() []string { return slices.Sorted(maps.Keys(p.bundles)) }

// Groups is the names of all groups in file order.
func (p *Policy) Groups() []string {
	out := make([]string, len(p.groups))
	for i := range p.groups {
		out[i] = p.groups[i].name
	}
	return out
}

// Schedules is the names of all on-call schedules in file order.
func (p *Policy) Schedules() []string {
	out := make([]string, len(p.schedules))
	for i := range p.schedules {
		out[i] = p.schedules[i].name
	}
	return out
}

// People is every e-mail the file names as a member of something, sorted.
func (p *Policy) People() []string { return slices.Sorted(slices.Values(p.people)) }

// Rotation is the static rotation behind a schedule, if it is one.
func (p *Policy) Rotation(schedule string) (Rotation, bool) {
	id, ok := p.schedID[schedule]
	if !ok || !p.schedules[id].static {
		return Rotation{}, false
	}
	return p.schedules[id].rotation, true
}

// Source says where a schedule is kept that is not a static rotation: the
// kind of source and its settings. The kind is empty if there is none. A
// source written as kind: value has the one setting id.
func (p *Policy) Source(schedule string) (kind string, params map[string]string) {
	id, ok := p.schedID[schedule]
	if !ok {
		return "", nil
	}
	s := p.schedules[id].source
	return s.kind, maps.Clone(s.params)
}

// GroupSource says where the members of a live group are kept, like
// [Policy.Source].
func (p *Policy) GroupSource(group string) (kind string, params map[string]string) {
	id, ok := p.groupID[group]
	if !ok {
		return "", nil
	}
	s := p.groups[id].source
	return s.kind, maps.Clone(s.params)
}

// Examples is how many entries of tests ran when the file was loaded.
func (p *Policy) Examples() int { return p.examples }

// Rules is how many rules there are.
func (p *Policy) Rules() int { return len(p.rules) }

// RuleNamed is the index of the rule with an id, -1 if there is none.
func (p *Policy) RuleNamed(id string) int {
	return slices.IndexFunc(p.rules, func(r rule) bool { return r.id == id })
}

// Rule is what rule i says; the zero RuleView if there is no such rule, as
// for the rule of a decision that no rule made.
func (p *Policy) Rule(i int) RuleView {
	if i < 0 || i >= len(p.rules) {
		return RuleView{}
	}
	r := &p.rules[i]
	v := RuleView{
		ID: r.id, Line: r.line, Outcome: r.outcome, Deny: r.denial,
		MinDuration: r.min, MaxDuration: r.max, Default: r.byDefault,
		Eligible: p.spellAll(r.eligible), OnBehalf: p.spellAll(r.onBehalf),
		Approvers: p.spellAll(r.from), Each: p.spellAll(r.each), Count: r.count, StepUp: r.stepUp,
		Channel: r.channel, Quiet: r.outcome == AutoApprove, Urgent: r.urgent,
		Escalate: Escalate{r.escalate.After, slices.Clone(r.escalate.To)}, Extend: r.extend,
		PendingTTL: r.pendingTTL, RemindAfter: r.remind, WarnBefore: r.warn,
		Note: r.note, ExcludeLast: r.excludeLast, Auto: p.autoView(r), Keep: r.keep,
		PerPerson: r.perPerson, NeedsTicket: r.ticket.asked, ReasonRegexp: r.reason,
		TicketOpen: r.ticket.open || r.looksAt(varTicketOpen), IncidentOpen: r.looksAt(varIncidentOpen, varIncidentMine),
	}
	if len(r.breakGlass.eligible) > 0 {
		v.BreakGlass = BreakGlassView{p.spellAll(r.breakGlass.eligible), r.breakGlass.max, r.breakGlass.reviewWithin}
	}
	for _, id := range r.resources {
		v.Resources = append(v.Resources, p.resources[id].Name)
	}
	return v
}

// Visible is the resources a person could ask for: some rule that does not
// deny has the person among its eligible. File order.
func (p *Policy) Visible(user string, f *Facts) []Resource {
	r := Request{User: user}
	e := eval{p: p, r: &r, f: f}
	var out []Resource
	for id := range p.resources {
		for _, i := range p.index.rules[id] {
			if rule := &p.rules[i]; rule.outcome != Deny && e.names(rule.eligible, user) == yes {
				out = append(out, p.resources[id])
				break
			}
		}
	}
	return out
}

// maxNear is how many names [Policy.Near] gives.
const maxNear = 3

// Near is up to three names of resources that were probably meant by name,
// the likeliest first.
func (p *Policy) Near(name string, among []Resource) []string {
	type candidate struct {
		name  string
		score int
	}
	var found []candidate
	word := strings.ToLower(name)
	for _, r := range among {
		if s := nearness(word, r.Name); s >= 0 {
			found = append(found, candidate{r.Name, s})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.score - b.score })
	out := []string{}
	for _, c := range found[:min(len(found), maxNear)] {
		out = append(out, c.name)
	}
	return out
}

// nearness is smaller the likelier name was meant by word, and -1 if it was
// not.
func nearness(word, name string) int {
	if word == "" || len(word) > maxName {
		return -1 // before the work: what was typed may be long
	}
	d := strictyaml.Distance(word, name)
	switch {
	case d <= max(1, len(word)/3):
		return d
	case strings.HasPrefix(name, word) || strings.HasPrefix(word, name):
		return 10 + d
	case sharesPart(word, name):
		return 100 + d
	default:
		return -1
	}
}

// sharesPart reports whether the names have a part between dashes in common,
// or one is within the other.
func sharesPart(word, name string) bool {
	if strings.Contains(name, word) {
		return true
	}
	parts := strings.Split(name, "-")
	return slices.ContainsFunc(strings.FieldsFunc(word, func(r rune) bool { return r == '-' || r == '_' || r == ' ' }),
		func(w string) bool { return len(w) > 1 && slices.Contains(parts, w) })
}
