package storagetest

import (
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

var listLaws = []law{
	{"requests are listed newest first and chosen by every field of the filter", func(b *bench) {
		for i := range 4 {
			r := newRequest(numbered("req", i))
			r.CreatedAt = at(i)
			b.save(requestTo(b.vary(r, i), jit.RequestPending))
		}
		b.save(requestTo(b.request("req_003"), jit.RequestDenied))
		for name, c := range map[string]struct {
			filter storage.RequestFilter
			want   []string
		}{
			"all":              {storage.RequestFilter{}, []string{"req_003", "req_002", "req_001", "req_000"}},
			"limit":            {storage.RequestFilter{Limit: 2}, []string{"req_003", "req_002"}},
			"state":            {storage.RequestFilter{States: []jit.RequestState{jit.RequestDenied}}, []string{"req_003"}},
			"open":             {storage.RequestFilter{States: []jit.RequestState{jit.RequestPending, jit.RequestScheduled}}, []string{"req_002", "req_001", "req_000"}},
			"mixed states":     {storage.RequestFilter{States: []jit.RequestState{jit.RequestDenied, jit.RequestPending}, Limit: 2}, []string{"req_003", "req_002"}},
			"for":              {storage.RequestFilter{For: "bo@example.com"}, []string{"req_001"}},
			"by":               {storage.RequestFilter{By: "cy@example.com"}, []string{"req_002"}},
			"for or by":        {storage.RequestFilter{For: "bo@example.com", By: "cy@example.com"}, []string{"req_002", "req_001"}},
			"resource":         {storage.RequestFilter{Resource: "other"}, []string{"req_001"}},
			"batch":            {storage.RequestFilter{Batch: "bat_1"}, []string{"req_002"}},
			"extends":          {storage.RequestFilter{Extends: "grt_1"}, []string{"req_002"}},
			"outcome":          {storage.RequestFilter{Outcome: "deny"}, []string{"req_000"}},
			"since":            {storage.RequestFilter{Since: at(2)}, []string{"req_003", "req_002"}},
			"due, by then":     {storage.RequestFilter{DueBy: at(9)}, []string{"req_002", "req_001"}},
			"due a bit sooner": {storage.RequestFilter{DueBy: at(8)}, []string{"req_002"}},
			"none":             {storage.RequestFilter{Resource: "nothing"}, []string{}},
		} {
			got := look(b, func(v storage.View) ([]jit.Request, error) { return v.Requests(c.filter) })
			b.equal(name, ids(got, requestID), c.want)
		}
	}},
	{"grants are listed newest first and chosen by every field of the filter", func(b *bench) {
		for i := range 3 {
			g := newGrant(numbered("grt", i))
			g.CreatedAt, g.NextAt = at(i), at(50-i)
			if i > 0 {
				g.ReceiptAt = at(9 - i)
			}
			b.save(grantTo("x", g, jit.GrantProvisioning))
		}
		other := newGrant("grt_other")
		other.CreatedAt, other.Principal, other.Resource, other.Request, other.NextAt = at(9), "bo@example.com", "other", "req_o", time.Time{}
		b.save(grantTo("x", other, jit.GrantProvisioning))
		b.save(grantTo("x", b.grant("grt_001"), jit.GrantActive))
		for name, c := range map[string]struct {
			filter storage.GrantFilter
			want   []string
		}{
			"all":       {storage.GrantFilter{}, []string{"grt_other", "grt_002", "grt_001", "grt_000"}},
			"limit":     {storage.GrantFilter{Limit: 1}, []string{"grt_other"}},
			"ids":       {storage.GrantFilter{IDs: []string{"grt_000", "grt_002", "grt_x"}}, []string{"grt_002", "grt_000"}},
			"state":     {storage.GrantFilter{States: []jit.GrantState{jit.GrantActive, jit.GrantRevoking}}, []string{"grt_001"}},
			"principal": {storage.GrantFilter{Principal: "bo@example.com"}, []string{"grt_other"}},
			"resource":  {storage.GrantFilter{Resource: "other"}, []string{"grt_other"}},
			"request":   {storage.GrantFilter{Request: "req_o"}, []string{"grt_other"}},
			"requests":  {storage.GrantFilter{Requests: []string{"req_o", "req_x"}}, []string{"grt_other"}},
			"due":       {storage.GrantFilter{DueBy: at(49)}, []string{"grt_002", "grt_001"}},
			"receipt":   {storage.GrantFilter{ReceiptBy: at(7)}, []string{"grt_002"}},
			"from":      {storage.GrantFilter{From: at(10_000)}, []string{"grt_other", "grt_002", "grt_001", "grt_000"}},
			"to":        {storage.GrantFilter{To: at(2)}, []string{"grt_001", "grt_000"}},
		} {
			got := look(b, func(v storage.View) ([]jit.Grant, error) { return v.Grants(c.filter) })
			b.equal(name, ids(got, grantID), c.want)
		}
	}},
	{"holdings are listed in order of their ids and chosen by every field of the filter", func(b *bench) {
		for i := range 4 {
			h := newHolding(numbered("hld", 3-i))
			h.Grant = numbered("grt", i%2)
			if i == 2 {
				h.Target = "aws:group/operators"
			}
			b.bring(h)
		}
		b.bring(newHolding("hld_9"), jit.HoldingRemoving, jit.HoldingAbsent)
		for name, c := range map[string]struct {
			filter storage.HoldingFilter
			want   []string
		}{
			"all":     {storage.HoldingFilter{}, []string{"hld_000", "hld_001", "hld_002", "hld_003", "hld_9"}},
			"limit":   {storage.HoldingFilter{Limit: 2}, []string{"hld_000", "hld_001"}},
			"grant":   {storage.HoldingFilter{Grants: []string{"grt_001"}}, []string{"hld_000", "hld_002"}},
			"grants":  {storage.HoldingFilter{Grants: []string{"grt_000", "grt_001"}}, []string{"hld_000", "hld_001", "hld_002", "hld_003"}},
			"without": {storage.HoldingFilter{Without: []string{"grt_001", newHolding("hld_9").Grant}}, []string{"hld_001", "hld_003"}},
			"states":  {storage.HoldingFilter{States: []jit.HoldingState{jit.HoldingWanted}}, []string{"hld_000", "hld_001", "hld_002", "hld_003"}},
			"absent":  {storage.HoldingFilter{States: []jit.HoldingState{jit.HoldingAbsent}}, []string{"hld_9"}},
			"target":  {storage.HoldingFilter{Targets: []string{"aws:group/operators"}}, []string{"hld_001"}},
			"targets": {storage.HoldingFilter{Targets: []string{"none", "aws:group/operators"}}, []string{"hld_001"}},
		} {
			got := look(b, func(v storage.View) ([]jit.Holding, error) { return v.Holdings(c.filter) })
			b.equal(name, ids(got, holdingID), c.want)
		}
	}},
	{"a list without a limit ends at a thousand, except the holdings of given grants", func(b *bench) {
		changes := make([]*jit.Change, 0, 1100)
		for i := range 1100 {
			h := newHolding(numbered("hld", i))
			changes = append(changes, legal(requestTo(newRequest(numbered("req", i)), jit.RequestPending), func(c *jit.Change) error {
				return c.Holding(h, jit.HoldingWanted)
			}))
		}
		b.save(changes...)
		b.view(func(v storage.View) error {
			requests, err := v.Requests(storage.RequestFilter{})
			b.equal("requests", len(requests), 1000)
			b.is(err, nil)
			last := requests[999]
			rest, err := v.Requests(storage.RequestFilter{Before: last.CreatedAt, BeforeID: last.ID})
			b.equal("requests after a page", len(rest), 100)
			b.is(err, nil)
			b.equal("the first of them", rest[0].ID, numbered("req", 99))
			all, err := v.CountRequests(storage.RequestFilter{Limit: 10})
			b.equal("requests counted", all, 1100)
			b.is(err, nil)
			before, err := v.CountRequests(storage.RequestFilter{Before: last.CreatedAt})
			b.equal("requests counted before they were made", before, 0)
			b.is(err, nil)
			events, err := v.Events(storage.EventFilter{})
			b.equal("events", len(events), 1000)
			b.is(err, nil)
			holdings, err := v.Holdings(storage.HoldingFilter{})
			b.equal("holdings", len(holdings), 1000)
			b.is(err, nil)
			holdings, err = v.Holdings(storage.HoldingFilter{Grants: []string{"grt_1"}})
			b.equal("holdings of a grant", len(holdings), 1100)
			return err
		})
	}},
}

// vary gives the requests of the list law their differences.
func (b *bench) vary(r jit.Request, i int) jit.Request {
	switch i {
	case 0:
		r.Decision.Outcome = "deny"
	case 1:
		r.For, r.Resource, r.NextAt = "bo@example.com", "other", at(9)
	case 2:
		r.By, r.Batch, r.Extends, r.NextAt = "cy@example.com", "bat_1", "grt_1", at(8)
	}
	return r
}
