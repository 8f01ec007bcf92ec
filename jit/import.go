package jit

import "fmt"

// Import writes what another tool decided, gave and took back: rows that are
// new and final. all are the holdings of g, absent; a nil g is a request that
// gave nothing. Nothing of it was ever jitbot's to do, so nothing is left to
// be done about it.
func (c *Change) Import(r Request, g *Grant, all []Holding) error {
	if r.Version != 0 || !r.State.Final() || r.Imported == "" || !r.NextAt.IsZero() {
		return illegal("request", r.ID, RequestNew, r.State)
	}
	if g == nil {
		if len(all) > 0 {
			return fmt.Errorf("import %s: holdings without a grant: %w", r.ID, ErrIllegalMove)
		}
		c.imported(r, nil, nil)
		return nil
	}
	if g.Version != 0 || g.State != GrantEnded || g.Imported == nil || g.Request != r.ID || r.State != RequestApproved || !g.NextAt.IsZero() {
		return illegal("grant", g.ID, GrantNew, g.State)
	}
	for _, h := range all {
		if h.Version != 0 || h.State != HoldingAbsent || h.Grant != g.ID || !h.NextAt.IsZero() {
			return illegal("holding", h.ID, HoldingNew, h.State)
		}
	}
	if len(all) != g.Holdings {
		return fmt.Errorf("import grant %s: %w", g.ID, ErrNotAbsent)
	}
	c.imported(r, g, all)
	return nil
}

func (c *Change) imported(r Request, g *Grant, all []Holding) {
	c.note(r.ID, "", string(r.State))
	c.requests = append(c.requests, r)
	if g != nil {
		c.note(g.ID, "", string(g.State))
		c.grants = append(c.grants, *g)
	}
	for _, h := range all {
		c.note(h.ID, "", string(h.State))
		c.holdings = append(c.holdings, h)
	}
}
