package trail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"jitbot/activity"
)

const (
	// listLate is for how long objects may still come up before the last one.
	listLate  = 24 * time.Hour
	listBegin = 26 * time.Hour // how far back the first listing goes, if no grant needs more
	listEvery = time.Minute
	dayForm   = "2006/01/02"
	maxSeen   = 100_000
)

// listed is the source that lists a bucket.
type listed struct {
	objects
	cfg    Bucket
	silent time.Duration

	mu   sync.Mutex
	seen map[string]bool // parts that this process knows are taken
}

func newListed(c common, cfg Bucket) *listed {
	c.accounts, c.misses = cfg.Accounts, unlogged(cfg.DataEvents)
	s := &listed{objects: newObjects(c, cfg.Account, cfg.Region), cfg: cfg, silent: cfg.SilentAfter, seen: map[string]bool{}}
	if s.silent == 0 {
		s.silent = defaultSilence
	}
	return s
}

// Every is how long to rest between two listings.
func (*listed) Every() time.Duration { return listEvery }

// place is how far a bucket was read.
type place struct {
	Keys   map[string]string `json:"keys"`   // by what all keys of a lane begin with: the last one, all before it being taken
	Newest int64             `json:"newest"` // when the newest object was delivered, in seconds
}

// Read takes every object that is new.
func (s *listed) Read(ctx context.Context, in activity.Intake) error {
	start := s.now()
	raw, err := in.Cursor(ctx)
	if err != nil {
		return fmt.Errorf("how far it was read: %w", err)
	}
	at := place{}
	_ = json.Unmarshal(raw, &at) // one that cannot be read is begun anew
	l := &listing{source: s, in: in, start: start, before: at, after: place{map[string]string{}, at.Newest}}
	if l.client, err = s.client(ctx); err != nil {
		return err
	}
	if l.first, err = s.firstDay(ctx, in, start, at.Newest); err != nil {
		return err
	}
	failed := l.run(ctx)
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // of the caller
	}
	cursor, err := json.Marshal(l.after)
	if err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	p := activity.Progress{Cursor: cursor}
	if failed == nil {
		p.Until = untilOf(start, time.Unix(l.after.Newest, 0), s.silent)
	}
	if err := s.keep(ctx, in, p); err != nil {
		return fmt.Errorf("keep how far it was read: %w", err)
	}
	return failed
}

// untilOf is up to when all has been told, where everything that was there at
// start was read: where nothing has been delivered for long, the trail may not
// work.
func untilOf(start, newest time.Time, silent time.Duration) time.Time {
	until := start.Add(-settledAfter)
	if most := newest.Add(silent); most.Before(until) {
		until = most
	}
	if newest.Unix() <= 0 {
		return time.Time{}
	}
	return until
}

// firstDay is where to begin in a lane of which nothing was read before: also
// one that stayed empty until nobody could list the bucket, newest being the last
// that was delivered by then.
func (s *listed) firstDay(ctx context.Context, in activity.Intake, start time.Time, newest int64) (string, error) {
	from := start.Add(-listBegin)
	if last := time.Unix(newest, 0).Add(-listLate); newest > 0 && last.Before(from) {
		from = last
	}
	subjects, err := in.Subjects(ctx)
	if err != nil {
		return "", fmt.Errorf("whom to look for: %w", err)
	}
	for _, sub := range subjects {
		if sub.From.Before(from) {
			from = sub.From
		}
	}
	return from.UTC().Format(dayForm), nil
}

// base is what stands before the account in all keys.
func (b Bucket) base() string {
	p := strings.Trim(b.Prefix, "/")
	switch {
	case p == "":
		return "AWSLogs/"
	case p == "AWSLogs" || strings.HasPrefix(p, "AWSLogs/") || strings.Contains(p, "/AWSLogs/") || strings.HasSuffix(p, "/AWSLogs"):
		return p + "/"
	}
	return p + "/AWSLogs/"
}

// lanes are what the keys of each account and region begin with.
func (b Bucket) lanes() []string {
	var out []string
	for _, account := range b.Accounts {
		for _, region := range withGlobal(b.Regions) {
			out = append(out, b.base()+account+"/CloudTrail/"+region+"/")
		}
	}
	return out
}

// listing is one time through the bucket.
type listing struct {
	source *listed
	in     activity.Intake
	client *s3.Client
	start  time.Time
	first  string
	before place

	mu    sync.Mutex
	after place
}

func (l *listing) run(ctx context.Context) error {
	var failed failures
	for _, lane := range l.source.cfg.lanes() {
		last, err := l.lane(ctx, lane)
		if err != nil {
			failed.add(fmt.Errorf("read s3://%s/%s: %w", l.source.cfg.Bucket, lane, err))
			last = l.before.Keys[lane]
		}
		if last != "" {
			l.after.Keys[lane] = last
		}
		if ctx.Err() != nil {
			break
		}
	}
	return failed.err()
}

// lane takes what is new of one account and region, and returns the last key. An
// error is of one object or more; all others were taken.
func (l *listing) lane(ctx context.Context, lane string) (last string, err error) {
	last = l.before.Keys[lane]
	pages := s3.NewListObjectsV2Paginator(l.client, &s3.ListObjectsV2Input{
		Bucket: &l.source.cfg.Bucket, Prefix: &lane, StartAfter: awssdk.String(lane + l.from(lane)),
	})
	var failed failures
	for pages.HasMorePages() {
		page, err := l.page(ctx, pages)
		if err != nil {
			return "", err
		}
		l.takeAll(ctx, page.Contents, &failed)
		if n := len(page.Contents); n > 0 {
			last = max(last, awssdk.ToString(page.Contents[n-1].Key))
		}
	}
	return last, failed.err()
}

// from is the day to list from: what is delivered late has an older key than
// what was read.
func (l *listing) from(lane string) string {
	rest, ok := strings.CutPrefix(l.before.Keys[lane], lane)
	if !ok || len(rest) < len(dayForm) {
		return l.first
	}
	day, err := time.Parse(dayForm, rest[:len(dayForm)])
	if err != nil {
		return l.first
	}
	return day.Add(-listLate).Format(dayForm)
}

func (l *listing) page(ctx context.Context, pages *s3.ListObjectsV2Paginator) (*s3.ListObjectsV2Output, error) {
	ctx, cancel := l.source.deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx) //nolint:wrapcheck // the SDK says which call it was
}

// takeAll takes the objects of a page, some at once. One that fails holds up no
// other.
func (l *listing) takeAll(ctx context.Context, found []types.Object, failed *failures) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, o := range found {
		if !isLog(awssdk.ToString(o.Key)) || awssdk.ToInt64(o.Size) == 0 {
			continue
		}
		l.heard(awssdk.ToTime(o.LastModified))
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := l.take(ctx, o); err != nil && !errors.Is(err, errChanged) {
				failed.add(fmt.Errorf("%s: %w", awssdk.ToString(o.Key), err))
			}
		})
	}
	wg.Wait()
}

// take takes one object, unless it was taken before.
func (l *listing) take(ctx context.Context, o types.Object) error {
	s, key, etag := l.source, awssdk.ToString(o.Key), awssdk.ToString(o.ETag)
	name := part(s.cfg.Bucket, key, etag)
	if s.knows(name) {
		return nil
	}
	_, taken, err := l.in.Begin(ctx, name)
	if err == nil && !taken {
		_, err = s.take(ctx, l.in, l.client, s.cfg.Bucket, key, etag)
	}
	if err == nil {
		s.know(name)
	}
	return err
}

func (s *listed) knows(part string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[part]
}

// know remembers a part, so that the store is not asked again each minute.
func (s *listed) know(part string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= maxSeen {
		clear(s.seen) // the store knows
	}
	s.seen[part] = true
}

// heard notes a sign of life.
func (l *listing) heard(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.after.Newest = max(l.after.Newest, at.Unix())
}
