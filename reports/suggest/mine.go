package suggest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"jitbot/analysis"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy/edit"
)

// data is what analyses look at, as of an instant.
func (m *making) data(past *history.Past, at time.Time) *analysis.Data {
	return &analysis.Data{
		At: at, Past: past, Actions: m.Actions, Policy: m.Policy, Since: m.Since, Zone: m.Zone, Away: m.Away, Shadowed: m.Shadowed, Limits: m.Limits,
	}
}

// findings runs the analyses. The worst comes first; what is for one person alone
// is left out.
func (m *making) findings(ctx context.Context, d *analysis.Data) ([]analysis.Finding, error) {
	var out []analysis.Finding
	for _, a := range m.Analyses {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.names[a.Class] = a.Name
		some, err := a.Find(d)
		if err != nil {
			return nil, fmt.Errorf("look for %s (%s): %w", a.Name, a.Class, err)
		}
		out = append(out, some...)
	}
	shown, more := analysis.Week(out)
	return append(shown, more...), nil
}

// leastHeldOut is how much of the past is held out at least: below four weeks
// there is too little to judge by.
const leastHeldOut = 28 * day

// holdOut says from when on the newest quarter of the past is held out; zero: the
// past is too short.
func (m *making) holdOut() time.Time {
	from := m.Past.From
	if from.IsZero() && len(m.Past.Cases) > 0 {
		from = m.Past.Cases[0].At
	}
	held := m.At.Sub(from) / 4
	if held < leastHeldOut {
		return time.Time{}
	}
	return m.At.Add(-held)
}

// mineOlder finds what the older three quarters of the past lead to by
// themselves, so that the newest quarter can judge it.
func (m *making) mineOlder(ctx context.Context, older *analysis.Data) error {
	m.older = map[string]edit.Edit{}
	if older == nil {
		return nil
	}
	found, err := m.findings(ctx, older)
	for i := range found {
		if f := &found[i]; f.More == 0 && len(f.Edits) > 0 {
			m.older[key(f)] = f.Edits[0].Edit
		}
	}
	return err
}

// until is the part of a past before an instant.
func until(p *history.Past, at time.Time) *history.Past {
	n, _ := slices.BinarySearchFunc(p.Cases, at, func(c history.Case, at time.Time) int { return c.At.Compare(at) })
	part := *p
	part.To, part.Cases = at, p.Cases[:n:n]
	return &part
}

func key(f *analysis.Finding) string {
	return jit.SuggestionKey(string(f.Class), f.Rule, f.Subject)
}

// mostText is how long a sentence may be, in runes.
const mostText = 400

// clean makes the texts of a finding fit to be shown anywhere (G6).
func clean(f *analysis.Finding) {
	f.Sentence = oneLine(f.Sentence)
	f.Subject = oneLine(f.Subject)
	f.Figures = slices.Clone(f.Figures)
	for i, x := range f.Figures {
		f.Figures[i] = analysis.Figure{Name: oneLine(x.Name), Value: oneLine(x.Value)}
	}
}

// oneLine is a text as one line that ends, without what could reorder it or
// break out of it.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > mostText {
		return string(runes[:mostText-1]) + "…"
	}
	return s
}
