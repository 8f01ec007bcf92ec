package main

import (
	"bytes"
	"slices"

	"jitbot/analysis"
	"jitbot/history"
)

// allTold has every log tell everything, as tools take it that know nothing of
// what is not logged.
func allTold(d *analysis.Data) {
	each(d, func(c *history.Case) {
		if c.Grant == nil || c.Grant.Evidence == nil {
			return
		}
		g, e := *c.Grant, *c.Grant.Evidence
		e.Complete, e.Unlogged, e.Lacks = true, nil, nil
		g.Evidence = &e
		c.Grant = &g
	})
}

// noIncidents forgets that incidents were open.
func noIncidents(d *analysis.Data) {
	each(d, func(c *history.Case) {
		c.Facts = bytes.Replace(c.Facts, []byte(`"incidents":[`), []byte(`"x":[`), 1)
	})
}

// each changes a copy of the cases of d.
func each(d *analysis.Data, change func(*history.Case)) {
	past := *d.Past
	past.Cases = slices.Clone(past.Cases)
	for i := range past.Cases {
		change(&past.Cases[i])
	}
	d.Past = &past
}
