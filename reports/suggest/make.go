package suggest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"jitbot/analysis"
	"jitbot/history"
	"jitbot/policy"
	"jitbot/policy/edit"
)

const (
	day = 24 * time.Hour
	// window is how far back an edit is replayed.
	window = 90 * day
	// LeastReplayable is the share of requests below which nothing is judged (G4).
	LeastReplayable = .98
	// goodFor is how long a suggestion may be acted on.
	goodFor = 14 * day
	// looserFor is how long what widens stands until it has to be earned again.
	looserFor = 90 * day
)

// ErrUnjudgeable says that too much of the past does not come out as it was
// decided, so that nothing may be said of what would have been.
var ErrUnjudgeable = errors.New("the past cannot be judged")

// Make finds what the past leads to. The error wraps [ErrUnjudgeable] where the
// policies of the past do not decide its requests as they were decided.
func Make(ctx context.Context, in In) (*Report, error) {
	m := &making{In: in, names: map[analysis.Class]string{}, source: edit.Read(in.Src)}
	if m.File == "" {
		m.File = "policy.yaml"
	}
	if len(m.Analyses) == 0 {
		m.Analyses = Analyses()
	}
	m.out = &Report{
		At: in.At, From: in.Past.From, PolicySHA256: in.Policy.SHA256(), Requests: len(in.Past.Cases),
		Suggestions: []Suggestion{}, Findings: []Finding{}, Growing: []Finding{},
	}
	past, err := in.Replay(in.Policy, in.Policy, in.At.Add(-window), in.At, Concern{})
	if err != nil {
		return nil, fmt.Errorf("replay the past: %w", err)
	}
	m.out.Replayable = past.Replayable
	if m.out.Refused, m.out.Unjudged = unjudged(&past); m.out.Refused != "" {
		return m.out, fmt.Errorf("%w: %s", ErrUnjudgeable, m.out.Refused)
	}
	if err := m.run(ctx); err != nil {
		return nil, err
	}
	return m.out, nil
}

// making is one call of Make.
type making struct {
	In

	names  map[analysis.Class]string
	older  map[string]edit.Edit // what the older part alone leads to, by key
	split  time.Time
	known  *policy.Facts             // once they were looked for
	grants map[string]*history.Grant // that findings rest on, by id; nil: there is no such one
	source *edit.Source              // Src
	tried  map[string]tried          // by edit, of the finding at hand
	out    *Report
}

func (m *making) run(ctx context.Context) error {
	all := m.data(m.Past, m.At)
	if m.split = m.holdOut(); !m.split.IsZero() {
		all.Older = m.data(until(m.Past, m.split), m.split)
	}
	found, err := m.findings(ctx, all)
	if err != nil {
		return err
	}
	if err := m.mineOlder(ctx, all.Older); err != nil {
		return err
	}
	m.cited(found)
	for i := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.sort(&found[i], i); err != nil {
			return err
		}
	}
	m.settleTwice()
	return nil
}

// sort puts a finding where it belongs. place is where it stands among all.
func (m *making) sort(f *analysis.Finding, place int) error {
	clean(f)
	switch {
	case f.More > 0:
		m.out.Growing = append(m.out.Growing, Finding{Finding: *f, Name: m.names[f.Class], Place: place})
	case len(f.Edits) == 0:
		m.out.Findings = append(m.out.Findings, Finding{Finding: *f, Name: m.names[f.Class], Place: place})
	default:
		s, refused, err := m.suggestion(f)
		if err != nil {
			return err
		}
		if s == nil {
			m.out.Findings = append(m.out.Findings, Finding{Finding: *f, Name: m.names[f.Class], Refused: refused, Place: place})
			return nil
		}
		s.Place = place
		m.out.Suggestions = append(m.out.Suggestions, *s)
	}
	return nil
}

// suggestion tries the edits of a finding, the best first. None may do: then it
// says why not of the first.
func (m *making) suggestion(f *analysis.Finding) (s *Suggestion, refused string, err error) {
	for _, u := range m.out.Unjudged {
		if u.Rule == f.Rule {
			return nil, u.why(), nil
		}
	}
	m.tried = map[string]tried{} // no longer than that: each holds a policy
	for i := range f.Edits {
		s, why, err := m.try(f, &f.Edits[i])
		if err != nil || s != nil {
			return s, "", err
		}
		refused = cmp.Or(refused, why)
	}
	return nil, refused, nil
}

// settleTwice leaves one suggestion of those that make the same edit: the one
// with more evidence.
func (m *making) settleTwice() {
	best := map[string]int{}
	for i, s := range m.out.Suggestions {
		key := fmt.Sprint(s.Edit)
		if s.Edit.Op == edit.AddKey || s.Edit.Op == edit.Set {
			key += "=" + s.Edit.Value
		}
		key += "/" + s.Edit.Item
		if old, ok := best[key]; !ok || m.out.Suggestions[old].N < s.N {
			best[key] = i
		}
	}
	kept := m.out.Suggestions[:0:0]
	for i, s := range m.out.Suggestions {
		for _, at := range best {
			if at == i {
				kept = append(kept, s)
			}
		}
	}
	m.out.Suggestions = append([]Suggestion{}, kept...)
}

func number(c analysis.Class) int {
	n, _ := strconv.Atoi(string(c[min(1, len(c)):])) // what is no number comes first
	return n
}

// grant finds what a case gave by the grant's id; nil: there is none, or no finding
// rests on it.
func (m *making) grant(id string) *history.Grant { return m.grants[id] }

// cited finds the grants that findings rest on: of a million, some hundreds.
func (m *making) cited(found []analysis.Finding) {
	m.grants = map[string]*history.Grant{}
	for i := range found {
		for _, id := range found[i].Evidence {
			m.grants[id] = nil
		}
	}
	for i := range m.Past.Cases {
		if g := m.Past.Cases[i].Grant; g != nil {
			if _, is := m.grants[g.ID]; is {
				m.grants[g.ID] = g
			}
		}
	}
}
