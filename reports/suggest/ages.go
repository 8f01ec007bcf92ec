package suggest

import (
	"reflect"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// mostLoads is how many times that a policy came into force are looked at, the
// newest first.
const mostLoads = 500

// Ages tells how long the rules of a policy have stood as they are: since the
// first of the policies in force, one after the other, that says the same of
// them. Of a rule that no kept policy has it is zero, and so it is of one that
// stood already when jitbot came, where requests of before were imported: it is
// then as old as anybody can tell.
func Ages(v storage.View, kept history.Policies, p *policy.Policy) (func(rule string) time.Time, error) {
	var loads []jit.Event
	for _, kind := range []string{jit.EventStarted, jit.EventPolicyLoaded} {
		some, err := v.Events(storage.EventFilter{Kind: kind, Newest: true, Limit: mostLoads})
		if err != nil {
			return nil, err
		}
		loads = append(loads, some...)
	}
	imports, err := v.Events(storage.EventFilter{Kind: jit.EventImported, Newest: true, Limit: 1})
	if err != nil {
		return nil, err
	}
	imported := len(imports) > 0 && len(loads) < mostLoads
	slices.SortFunc(loads, func(a, b jit.Event) int { return int(b.Seq - a.Seq) })
	since := map[string]time.Time{}
	standing := map[string]policy.RuleView{}
	for i := range p.Rules() {
		r := unplaced(p.Rule(i))
		standing[r.ID] = r
	}
	for i, e := range loads {
		old, err := kept.Policy(e.PolicySHA256)
		if err != nil || len(standing) == 0 {
			break // what was before is not known
		}
		for id, r := range standing {
			if !reflect.DeepEqual(unplaced(old.Rule(old.RuleNamed(id))), r) {
				delete(standing, id)
				continue
			}
			since[id] = e.At
		}
		if first := i == len(loads)-1; first && imported {
			for id := range standing {
				delete(since, id)
			}
		}
	}
	return func(rule string) time.Time { return since[rule] }, nil
}

// unplaced is a rule without where it stands in the file.
func unplaced(r policy.RuleView) policy.RuleView {
	r.Line = 0
	return r
}
