package trail

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"golang.org/x/time/rate"

	"jitbot/activity"
	"jitbot/integrations/aws/reach"
	"jitbot/jit"
)

const (
	// lookupPace stays below the two calls a second that AWS allows for each
	// account and region.
	lookupPace  = 1.8
	slowestPace = 0.1
	lookupPage  = 50
	lookupTries = 6 // of a page that is throttled
	// lookupLate is by how much windows overlap for what CloudTrail tells late.
	lookupLate = 30 * time.Minute
	// finalAfter is how long after the last that can be done with it a grant is
	// looked at once more, whole. Sessions outlive a grant by up to half a day, and
	// its final receipt is made a day after its end: by then it has to be over.
	finalAfter = 11 * time.Hour
	// lookupSettled is up to how long before a round all has been told.
	lookupSettled = 15 * time.Minute
	lookupEvery   = time.Minute
	maxLanes      = 8 // accounts and regions asked at once
)

// lookups is the source that asks CloudTrail for each grant.
type lookups struct {
	common
	regions []string

	mu    sync.Mutex
	paces map[lane]*rate.Limiter
}

// lane is where AWS counts calls.
type lane struct{ account, region string }

func newLookup(c common, cfg Lookup) *lookups {
	c.accounts, c.misses = cfg.Accounts, unlogged(nil)
	return &lookups{common: c, regions: withGlobal(cfg.Regions), paces: map[lane]*rate.Limiter{}}
}

// Every is how long to rest between two rounds.
func (*lookups) Every() time.Duration { return lookupEvery }

// target is one name that is looked up in one account and region, for all
// grants that have it.
type target struct {
	lane
	user     string
	from, to time.Time
	of       []activity.Subject
}

func (t target) key() string { return t.account + "/" + t.region + "/" + t.user }

// position is how far a target was read.
type position struct {
	Until int64 `json:"until"`           // seconds: all up to then, as far as it had been told
	Final int64 `json:"final,omitempty"` // the end after which it was looked at once more
}

// Read looks every subject up once.
func (s *lookups) Read(ctx context.Context, in activity.Intake) error {
	start := s.now()
	subjects, err := in.Subjects(ctx)
	if err != nil {
		return fmt.Errorf("whom to look up: %w", err)
	}
	raw, err := in.Cursor(ctx)
	if err != nil {
		return fmt.Errorf("how far it was read: %w", err)
	}
	r := &round{source: s, in: in, start: start, read: map[string]position{}}
	before := map[string]position{}
	_ = json.Unmarshal(raw, &before) // one that cannot be read is begun anew
	lanes := map[lane][]target{}
	for _, t := range s.targets(subjects) {
		if p, known := before[t.key()]; known { // what is over falls out
			r.read[t.key()] = p
		}
		lanes[t.lane] = append(lanes[t.lane], t)
	}
	r.run(ctx, lanes)
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // of the caller
	}
	p := activity.Progress{Cursor: r.cursor(), Newest: r.newest}
	failed := r.failed.err()
	if failed == nil {
		p.Until = start.Add(-lookupSettled)
	}
	if err := s.keep(ctx, in, p); err != nil {
		return fmt.Errorf("keep how far it was read: %w", err)
	}
	return failed
}

// targets are what has to be looked up for the subjects.
func (s *lookups) targets(subjects []activity.Subject) []target {
	all := map[string]target{}
	for _, sub := range subjects {
		accounts := map[string]bool{}
		for _, h := range sub.Holdings {
			if a := accountOf(h); slices.Contains(s.accounts, a) {
				accounts[a] = true
			}
		}
		for _, user := range usersOf(sub) {
			for account := range accounts {
				for _, region := range s.regions {
					k := target{lane: lane{account, region}, user: user}
					all[k.key()] = all[k.key()].cover(k, sub)
				}
			}
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b target) int { return cmp.Compare(a.key(), b.key()) })
}

// cover widens t, which is zero at first, so that it serves sub, too.
func (t target) cover(k target, sub activity.Subject) target {
	if t.user == "" {
		k.from, k.to, k.of = sub.From, sub.To, []activity.Subject{sub}
		return k
	}
	t.of = append(t.of, sub)
	if sub.From.Before(t.from) {
		t.from = sub.From
	}
	if sub.To.IsZero() || !t.to.IsZero() && sub.To.After(t.to) {
		t.to = sub.To
	}
	return t
}

// whole is what of t has to be looked at once more, as a grant of it has been
// over for long: from when on, and the last end. Grants that share a name each
// have their turn, also while others of them run. done is the end up to which
// that was.
func (t target) whole(start time.Time, done int64) (from, end time.Time, due bool) {
	for _, sub := range t.of {
		if sub.To.IsZero() || start.Before(sub.To.Add(finalAfter)) || sub.To.Unix() <= done {
			continue
		}
		if !due || sub.From.Before(from) {
			from = sub.From
		}
		if sub.To.After(end) {
			end = sub.To
		}
		due = true
	}
	return from, end, due
}

// usersOf are the names by which CloudTrail finds what is a subject's: the
// session's, which is the grant's, the person's of Identity Center, and the IAM
// user's.
func usersOf(sub activity.Subject) []string {
	var out []string
	for _, m := range sub.Marks {
		switch m.Method {
		case jit.BySessionName, jit.ByIdentityCenter, jit.ByLogin, "user":
			if m.Value != "" && !slices.Contains(out, m.Value) {
				out = append(out, m.Value)
			}
		}
	}
	return out
}

// round is one time through all targets.
type round struct {
	source *lookups
	in     activity.Intake
	start  time.Time
	failed failures

	mu     sync.Mutex // guards what follows
	read   map[string]position
	newest time.Time
}

// run goes through all lanes, some at once; each has a pace of its own.
func (r *round) run(ctx context.Context, lanes map[lane][]target) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxLanes)
	for l, targets := range lanes {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := r.lane(ctx, l, targets); err != nil {
				r.failed.add(fmt.Errorf("look up in %s of %s: %w", l.region, l.account, err))
			}
		})
	}
	wg.Wait()
}

func (r *round) lane(ctx context.Context, l lane, targets []target) error {
	client, err := r.source.client(ctx, l)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if err := r.target(ctx, client, t); err != nil {
			return err
		}
	}
	return nil
}

// client is CloudTrail's for a lane. It does not try again by itself: that
// would be a call that nobody paces.
func (s *lookups) client(ctx context.Context, l lane) (*cloudtrail.Client, error) {
	cfg, err := s.in(ctx, l.account, l.region)
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = reach.Capped(cfg.HTTPClient, maxPage)
	client := cloudtrail.NewFromConfig(cfg, func(o *cloudtrail.Options) { o.Retryer = awssdk.NopRetryer{} })
	return client, reach.CheckEndpoints(client.Options().BaseEndpoint) //nolint:wrapcheck // it says what it is about
}

// target reads what is new of a target, and notes that it has.
func (r *round) target(ctx context.Context, client *cloudtrail.Client, t target) error {
	from, to, next, due := r.window(t)
	if due {
		if err := r.pages(ctx, client, t, from, to); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read[t.key()] = next
	return nil
}

// window is what has to be read of a target, and how far it is read then.
func (r *round) window(t target) (from, to time.Time, next position, due bool) {
	r.mu.Lock()
	p := r.read[t.key()]
	r.mu.Unlock()
	from, to = t.from, r.start
	if late := time.Unix(p.Until, 0).Add(-lookupLate); p.Until > 0 && late.After(from) {
		from = late
	}
	if !t.to.IsZero() && t.to.Before(to) {
		to = t.to
	}
	next = position{Until: r.start.Unix(), Final: p.Final}
	begin, end, whole := t.whole(r.start, p.Final)
	switch {
	case whole:
		next.Final = end.Unix()
		if begin.Before(from) {
			from = begin
		}
	case !t.to.IsZero() && t.to.Unix() <= p.Final:
		return from, to, p, false
	}
	return from, to, next, !from.After(to)
}

// pages hands over everything that a window holds.
func (r *round) pages(ctx context.Context, client *cloudtrail.Client, t target, from, to time.Time) error {
	ask := &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{{AttributeKey: types.LookupAttributeKeyUsername, AttributeValue: &t.user}},
		StartTime:        &from, EndTime: &to, MaxResults: awssdk.Int32(lookupPage),
	}
	for {
		out, err := r.source.page(ctx, client, t.lane, ask)
		if err != nil {
			return err
		}
		if len(out.Events) > 0 {
			if err := r.take(ctx, out.Events); err != nil {
				return err
			}
		}
		if awssdk.ToString(out.NextToken) == "" {
			return nil
		}
		ask.NextToken = out.NextToken // good with the very same parameters only
	}
}

// page asks for a page at the lane's pace, more slowly if AWS says so.
func (s *lookups) page(ctx context.Context, client *cloudtrail.Client, l lane, ask *cloudtrail.LookupEventsInput) (*cloudtrail.LookupEventsOutput, error) {
	pace := s.pace(l)
	for try := 1; ; try++ {
		if err := pace.Wait(ctx); err != nil {
			return nil, err //nolint:wrapcheck // of the caller
		}
		out, err := s.call(ctx, client, ask)
		if err == nil {
			pace.SetLimit(min(pace.Limit()*1.1, lookupPace))
			return out, nil
		}
		if !throttled(err) || try == lookupTries {
			return nil, err
		}
		pace.SetLimit(max(pace.Limit()/2, slowestPace))
	}
}

func (s *lookups) call(ctx context.Context, client *cloudtrail.Client, ask *cloudtrail.LookupEventsInput) (*cloudtrail.LookupEventsOutput, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	return client.LookupEvents(ctx, ask) //nolint:wrapcheck // the SDK says which call it was
}

func (s *lookups) pace(l lane) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paces[l] == nil {
		s.paces[l] = rate.NewLimiter(lookupPace, 1)
	}
	return s.paces[l]
}

// take writes the events of a page down. How far the target is read stays as it
// was: what was taken and comes again is known.
func (r *round) take(ctx context.Context, events []types.Event) error {
	g, _, err := r.source.begin(ctx, r.in, "")
	if err != nil {
		return err
	}
	var d Decoder
	for _, e := range events {
		d.One([]byte(awssdk.ToString(e.CloudTrailEvent)), g.add, g.skip)
	}
	if err := r.in.Take(ctx, g.batch, activity.Progress{Newest: g.newest}); err != nil {
		return err //nolint:wrapcheck // of the store
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if g.newest.After(r.newest) {
		r.newest = g.newest
	}
	return nil
}

func (r *round) cursor() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	out, err := json.Marshal(r.read)
	if err != nil {
		panic("trail: cursor: " + err.Error()) // texts and numbers: cannot fail
	}
	return out
}
