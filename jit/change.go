package jit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ErrNotAbsent is returned when a grant would end while a holding of it was
// not read back as absent.
var ErrNotAbsent = errors.New("a holding is not absent yet")

// Change is a set of next states and the one event that records them. It is
// all a store accepts, so nothing can move without its record. Build it with
// [Record] and the methods below; each checks that its move is legal and
// leaves the Change as it was when it is not. A Change is for one goroutine.
type Change struct {
	event       Event
	moves       []Move
	details     []detail
	requests    []Request
	grants      []Grant
	holdings    []Holding
	reviews     []Review
	advances    []Advance
	pickups     []Pickup
	links       []Link
	signIns     []SignIn
	drifts      []Drift
	devices     []Device
	tokens      []Token
	suggestions []Suggestion
}

// Record starts a change with its event. The event's Data is filled in by
// [Change.Event] from the moves and details; a change without moves is a note.
func Record(e Event) *Change { return &Change{event: e} }

// Detail adds one value to the event's data. Later values replace earlier
// ones of the same name; a nil or empty string value is left out.
func (c *Change) Detail(name string, value any) *Change {
	if value == nil || value == "" {
		return c
	}
	for i := range c.details {
		if c.details[i].name == name {
			c.details[i].value = value
			return c
		}
	}
	c.details = append(c.details, detail{name, value})
	return c
}

// Request puts r, which stands at r.State, into state to.
func (c *Change) Request(r Request, to RequestState) error {
	if !r.State.CanMove(to) {
		return illegal("request", r.ID, r.State, to)
	}
	c.note(r.ID, string(r.State), string(to))
	r.State = to
	c.requests = append(c.requests, r)
	return nil
}

// Grant puts g, which stands at g.State, into state to. To end it use
// [Change.End].
func (c *Change) Grant(g Grant, to GrantState) error {
	if to == GrantEnded || !g.State.CanMove(to) {
		return illegal("grant", g.ID, g.State, to)
	}
	c.note(g.ID, string(g.State), string(to))
	g.State = to
	c.grants = append(c.grants, g)
	return nil
}

// End puts g into its final state. all are its holdings as they will be once
// this change is written: every one absent, or it is [ErrNotAbsent].
func (c *Change) End(g Grant, all []Holding) error {
	if !g.State.CanMove(GrantEnded) {
		return illegal("grant", g.ID, g.State, GrantEnded)
	}
	held := slices.ContainsFunc(all, func(h Holding) bool { return h.Grant != g.ID || h.State != HoldingAbsent })
	if held || len(all) != g.Holdings {
		return fmt.Errorf("end grant %s: %w", g.ID, ErrNotAbsent)
	}
	c.note(g.ID, string(g.State), string(GrantEnded))
	g.State = GrantEnded
	c.grants = append(c.grants, g)
	return nil
}

// Receipt writes that a grant's use was summed up, and when it has to be next.
// Of a grant that has ended nothing else can change.
func (c *Change) Receipt(g Grant) error {
	if g.State != GrantEnded {
		return illegal("grant", g.ID, g.State, GrantEnded)
	}
	c.grants = append(c.grants, g)
	return nil
}

// Holding puts h, which stands at h.State, into state to.
func (c *Change) Holding(h Holding, to HoldingState) error {
	if !h.State.CanMove(to) {
		return illegal("holding", h.ID, h.State, to)
	}
	c.note(h.ID, string(h.State), string(to))
	h.State = to
	c.holdings = append(c.holdings, h)
	return nil
}

// Review writes r as it is.
func (c *Change) Review(r Review) { c.reviews = append(c.reviews, r) }

// Advance writes a as it is.
func (c *Change) Advance(a Advance) { c.advances = append(c.advances, a) }

// Pickup writes p as it is.
func (c *Change) Pickup(p Pickup) { c.pickups = append(c.pickups, p) }

// Link puts l, which stands at l.State, into state to.
func (c *Change) Link(l Link, to LinkState) error {
	if !l.State.CanMove(to) {
		return illegal("link", l.Account.String(), l.State, to)
	}
	c.note(l.Account.String(), string(l.State), string(to))
	l.State = to
	c.links = append(c.links, l)
	return nil
}

// SignIn writes s as it is.
func (c *Change) SignIn(s SignIn) { c.signIns = append(c.signIns, s) }

// Drift puts d, which stands at d.State, into state to.
func (c *Change) Drift(d Drift, to DriftState) error {
	if !d.State.CanMove(to) {
		return illegal("drift", d.ID, d.State, to)
	}
	c.note(d.ID, string(d.State), string(to))
	d.State = to
	c.drifts = append(c.drifts, d)
	return nil
}

// Device writes d as it is.
func (c *Change) Device(d Device) { c.devices = append(c.devices, d) }

// Token writes t as it is.
func (c *Change) Token(t Token) { c.tokens = append(c.tokens, t) }

// Suggestion puts s, which stands at s.State, into state to.
func (c *Change) Suggestion(s Suggestion, to SuggestionState) error {
	if !s.State.CanMove(to) {
		return illegal("suggestion", s.ID, s.State, to)
	}
	c.note(s.ID, string(s.State), string(to))
	s.State = to
	c.suggestions = append(c.suggestions, s)
	return nil
}

func (c *Change) note(id, from, to string) {
	if from != to {
		c.moves = append(c.moves, Move{id, from, to})
	}
}

// Event returns the event with its data: {"moves": [...], detail: value, ...}.
// Details that cannot be written as JSON are an error.
func (c *Change) Event() (Event, error) {
	e := c.event
	if len(c.moves) == 0 && len(c.details) == 0 {
		e.Data = json.RawMessage("{}")
		return e, nil
	}
	raw, err := c.data()
	if err != nil {
		return Event{}, fmt.Errorf("event %s: %w", e.Kind, err)
	}
	e.Data = raw
	return e, nil
}

// Requests returns the rows to write. So do the methods below; the slices are
// the Change's own and are not to be altered.
func (c *Change) Requests() []Request { return c.requests }

// Grants returns the rows to write.
func (c *Change) Grants() []Grant { return c.grants }

// Holdings returns the rows to write.
func (c *Change) Holdings() []Holding { return c.holdings }

// Reviews returns the rows to write.
func (c *Change) Reviews() []Review { return c.reviews }

// Advances returns the rows to write.
func (c *Change) Advances() []Advance { return c.advances }

// Pickups returns the rows to write.
func (c *Change) Pickups() []Pickup { return c.pickups }

// Links returns the rows to write.
func (c *Change) Links() []Link { return c.links }

// SignIns returns the rows to write.
func (c *Change) SignIns() []SignIn { return c.signIns }

// Drifts returns the rows to write.
func (c *Change) Drifts() []Drift { return c.drifts }

// Devices returns the rows to write.
func (c *Change) Devices() []Device { return c.devices }

// Tokens returns the rows to write.
func (c *Change) Tokens() []Token { return c.tokens }

// Suggestions returns the rows to write.
func (c *Change) Suggestions() []Suggestion { return c.suggestions }
