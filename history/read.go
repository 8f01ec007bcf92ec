package history

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// Options is what [Read] reads. The zero value is everything, without facts.
type Options struct {
	From, To time.Time // cases asked for in it; zero: no bound
	// Facts keeps what each request was judged as, and the facts.
	Facts bool
	// Log tells how far the evidence of each grant goes; nil: receipts do, where
	// there are any.
	Log *activity.Log
	// Doors is how many side doors are kept at most; 0: 100,000.
	Doors int
}

const (
	page      = 2000 // rows read at once
	mostDoors = 100_000
)

// Read reads a stretch of the past from one view. It holds the cases in memory
// and nothing else: rows are read in pages, and texts that come again and again
// are kept once.
//
// What has happened since is in it: a grant that ended after o.To has ended.
func Read(v storage.View, o Options) (*Past, error) {
	r := &reading{v: v, o: o, past: &Past{From: o.From, To: o.To}, names: newNames()}
	if o.Log != nil {
		r.scale = o.Log.Scale(v)
	}
	for _, step := range []func() error{r.cases, r.grants, r.uses, r.told, r.doors, r.drifts} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("read the past: %w", err)
		}
	}
	r.judge()
	return r.past, nil
}

// reading is one call of Read.
type reading struct {
	v     storage.View
	o     Options
	past  *Past
	names names
	scale *activity.Scale // nil: receipts tell

	longer    map[string]int   // grants and how often they were lengthened
	evidences evidences        // that were seen
	byGrant   []*Case          // cases with a grant, by its id
	reviews   map[string]glass // by grant
}

// cases reads the requests, newest first, and puts them in order.
func (r *reading) cases() error {
	f := storage.RequestFilter{Since: r.o.From, Before: r.o.To, Limit: page}
	if f.Before.IsZero() {
		f.Before = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	r.longer = map[string]int{}
	left, err := r.v.CountRequests(f)
	if err != nil {
		return err
	}
	r.past.Cases = make([]Case, left)
	for left > 0 {
		rows, err := r.v.Requests(f)
		if err != nil {
			return err
		}
		if len(rows) == 0 || len(rows) > left {
			return fmt.Errorf("%d requests are left to be read, and %d are there", left, len(rows))
		}
		for i := range rows {
			left--
			r.past.Cases[left] = r.caseOf(&rows[i])
		}
		last := &rows[len(rows)-1]
		f.Before, f.BeforeID = last.CreatedAt, last.ID
	}
	return nil
}

func (r *reading) caseOf(q *jit.Request) Case {
	s := r.names.one
	c := Case{
		ID: q.ID, At: q.CreatedAt, Kind: jit.RequestKind(s(string(q.Kind))), User: s(q.For), By: s(q.By), Resource: s(q.Resource), Extends: q.Extends,
		Asked: q.Duration, Duration: q.Duration, Reason: r.names.some(q.Reason), Ticket: r.names.some(q.Ticket), Imported: q.Imported != "",
		PolicySHA256: s(q.Decision.PolicySHA256), Rule: s(q.Decision.Rule), Needed: q.Decision.Count,
		State: jit.RequestState(s(string(q.State))), DecidedAt: q.DecidedAt, DecidedBy: s(q.DecidedBy), Answer: r.names.some(q.Answer),
	}
	c.Outcome, c.Said = outcomeOf(q.Decision.Outcome), outcomeOf(cmp.Or(q.Decision.Said, q.Decision.Outcome))
	c.Approvers = r.names.list(couldApprove(q))
	var ask policy.Request
	read := len(q.Ask) > 0 && readAsk(q.Ask, &ask)
	if read {
		c.Asked = ask.Duration
	}
	if r.o.Facts {
		c.Facts = q.Facts
		if !read || ask != c.implied() {
			c.Ask = q.Ask
		}
	}
	if len(q.Approvals) > 0 {
		c.Approvals = make([]Answer, 0, len(q.Approvals))
	}
	for _, a := range q.Approvals {
		c.Approvals = append(c.Approvals, Answer{By: s(a.By), At: a.At, Duration: a.Duration, Note: a.Note})
	}
	if q.Kind == jit.Extension && q.State == jit.RequestApproved {
		r.longer[q.Extends]++
	}
	return c
}

// couldApprove is everybody who could say yes to a request.
func couldApprove(q *jit.Request) []string {
	if len(q.Decision.Each) == 0 {
		return q.Decision.Approvers
	}
	all := slices.Clone(q.Decision.Approvers)
	for _, set := range q.Decision.Each {
		all = append(all, set...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// uses adds what was done with the grants. Both come in order of the grants'
// ids, so the ledger is read once.
func (r *reading) uses() error {
	next := 0
	if len(r.byGrant) == 0 {
		return nil
	}
	return activity.Uses(r.v, r.byGrant[0].Grant.ID, "", func(id string, u activity.Use) error {
		for next < len(r.byGrant) && r.byGrant[next].Grant.ID < id {
			next++
		}
		if next < len(r.byGrant) && r.byGrant[next].Grant.ID == id {
			r.byGrant[next].Grant.Use = u
		}
		return nil
	})
}

// told adds who was told, in the same way.
func (r *reading) told() error {
	byID := make([]*Case, len(r.past.Cases))
	for i := range r.past.Cases {
		byID[i] = &r.past.Cases[i]
	}
	if len(byID) == 0 {
		return nil
	}
	slices.SortFunc(byID, func(a, b *Case) int { return cmp.Compare(a.ID, b.ID) })
	next := 0
	return eachTold(r.v, byID[0].ID, byID[len(byID)-1].ID+"\x01", func(id string, n Notice) error {
		for next < len(byID) && byID[next].ID < id {
			next++
		}
		if next < len(byID) && byID[next].ID == id {
			n.Who = r.names.one(n.Who)
			byID[next].Told = append(byID[next].Told, n)
		}
		return nil
	})
}

// doors reads what was done past every grant.
func (r *reading) doors() error {
	reader, err := activity.NewReader()
	if err != nil {
		return err
	}
	from, to, most := r.o.From, r.o.To, cmp.Or(r.o.Doors, mostDoors)
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	if to.IsZero() {
		to = time.Unix(1<<32-1, 0)
	}
	s := r.names.one
	err = reader.SideDoors(r.v, from, to, func(a jit.Activity) error {
		if len(r.past.Doors) >= most {
			r.past.More++
			return nil
		}
		r.past.Doors = append(r.past.Doors, Door{
			At: a.At, Actor: s(a.Actor), Scope: s(a.Scope), Action: s(a.Action), Resource: a.Resource,
			Denied: a.Outcome == jit.ActivityDenied, ReadOnly: a.ReadOnly, Sources: s(a.Source),
		})
		return nil
	})
	slices.SortStableFunc(r.past.Doors, func(a, b Door) int { return a.At.Compare(b.At) })
	return err
}

func (r *reading) drifts() error {
	all, err := r.v.Drifts(storage.DriftFilter{Limit: 1 << 30})
	for _, d := range all {
		gone := !d.GoneAt.IsZero() && d.GoneAt.Before(r.o.From)
		if late := !r.o.To.IsZero() && !d.FirstSeen.Before(r.o.To); !gone && !late {
			r.past.Drifts = append(r.past.Drifts, d)
		}
	}
	return err
}
