package suggest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"jitbot/analysis"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
)

// candidate is an edit with what it comes to in the file.
type candidate struct {
	edit   edit.Edit
	after  []byte
	splice edit.Splice
	policy *policy.Policy
	proof  Proof
	byHand string // why it cannot be made in the file; then all but edit is empty
}

// try makes a suggestion of a finding and one of its edits. Where it may not be
// suggested it says why.
func (m *making) try(f *analysis.Finding, p *analysis.Proposal) (s *Suggestion, refused string, err error) {
	c, refused := m.candidate(p.Edit)
	if refused != "" {
		return nil, refused, nil
	}
	if c.byHand == "" {
		c = m.minimal(c)
	}
	if refused := m.guard(f, &c); refused != "" {
		return nil, refused, nil
	}
	s = m.shown(f, p, &c)
	if c.byHand != "" {
		s.HeldOut.Sentence = "Not replayed: the file cannot be changed here by a program."
		s.Replay.Sentence = s.HeldOut.Sentence
		return s, "", nil
	}
	if s.Replay, err = m.Replay(m.Policy, c.policy, m.At.Add(-window), m.At, m.concerned(&c)); err != nil {
		return nil, "", fmt.Errorf("replay %s: %w", s.Title, err)
	}
	if s.HeldOut, err = m.judge(f, &c); err != nil {
		return nil, "", err
	}
	if refused := s.HeldOut.refuses(f.Class, &c.edit, c.proof.Direction.Widens(), &s.Replay); refused != "" {
		return nil, refused, nil
	}
	return s, "", nil
}

// candidate makes an edit in the file and loads the result. An edit that the
// file is not written for is one to make by hand; one that gives no policy is
// none at all.
func (m *making) candidate(e edit.Edit) (c candidate, refused string) {
	key := fmt.Sprintf("%q", []any{e.Op, e.Rule, e.Path, e.Item, e.Value})
	t, ok := m.tried[key]
	if !ok {
		t.candidate, t.refused = m.makeCandidate(e)
		m.tried[key] = t
	}
	return t.candidate, t.refused
}

// tried is what became of an edit: what the older part of the past leads to is
// mostly the same.
type tried struct {
	candidate

	refused string
}

func (m *making) makeCandidate(e edit.Edit) (c candidate, refused string) {
	c.edit = e
	var err error
	c.after, c.splice, err = m.source.Apply(e)
	if no := new(edit.Refused); errors.As(err, &no) {
		c.byHand = no.Why
		c.proof = Proof{Direction: jit.DirectionUnknown, Sentence: "Which way it goes is not proved, as it is not in the file yet; take it for one that gives more."}
		return c, ""
	}
	if err != nil {
		return c, "Its edit cannot be made: " + oneLine(err.Error())
	}
	if c.policy, err = m.Load(c.after); err != nil {
		return c, "The policy would not load with it: " + oneLine(err.Error())
	}
	c.proof = m.Prove(m.Policy, c.policy)
	if c.proof.Direction == "" {
		c.proof.Direction = jit.DirectionUnknown
	}
	return c, ""
}

// shown is a suggestion without what it would have done.
func (m *making) shown(f *analysis.Finding, p *analysis.Proposal, c *candidate) *Suggestion {
	s := &Suggestion{
		Class: f.Class, Name: m.names[f.Class], Rule: f.Rule, Subject: f.Subject, Kind: f.Kind, Direction: c.proof.Direction,
		Title: edit.Describe(c.edit, m.source.Was(c.edit.Rule, c.edit.Path...)), Sentence: f.Sentence, Why: oneLine(p.Why),
		N: f.N, K: f.K, Left: f.Left, Bound: f.Bound, Figures: f.Figures, Evidence: f.Evidence,
		Edit: c.edit, Base: digest(m.Src), Proof: c.proof,
		Owner: f.Owner, Sensitivity: f.Sensitivity, Urgent: f.Urgent, Exposure: f.Exposure, Friction: f.Friction,
		Made: m.At, Expires: m.At.Add(goodFor),
	}
	if s.Direction.Widens() {
		s.LooserUntil = m.At.Add(looserFor)
	}
	if c.byHand != "" {
		s.ByHand = s.Title + ". No patch can be made: " + c.byHand + "."
		return s
	}
	undo := c.splice.Undo()
	s.Patch, s.Undo, s.After = edit.Patch(m.File, m.Src, c.after), &undo, digest(c.after)
	s.Unattended = m.unattended(f, c)
	return s
}

func digest(src []byte) string {
	sum := sha256.Sum256(src)
	return hex.EncodeToString(sum[:])
}

// concerned are the resources on which an edit may make a difference. Where it is
// about who approves, it matters who is there, which all requests tell.
func (m *making) concerned(c *candidate) (of Concern) {
	of.Everybody = len(c.edit.Path) > 0 && c.edit.Path[0] == "approvals"
	for _, id := range touched(c.edit) {
		for _, p := range []*policy.Policy{m.Policy, c.policy} {
			of.Resources = append(of.Resources, p.Rule(p.RuleNamed(id)).Resources...)
		}
	}
	slices.Sort(of.Resources)
	of.Resources = slices.Compact(of.Resources)
	return of
}
