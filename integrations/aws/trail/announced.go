package trail

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"jitbot/activity"
	"jitbot/integrations/aws/reach"
)

const (
	pollWait    = 20 * time.Second // the longest that SQS waits for a message
	pollSlack   = 10 * time.Second
	pollMost    = 4
	unseen      = 2 * time.Minute // for how long a message is ours
	unseenAgain = unseen / 3      // when that is prolonged
	askEvery    = time.Second
	maxLeft     = 10_000 // messages that are remembered as left alone
	maxMessages = 16 << 20
	// defaultRetention is for how long a queue keeps a message that nobody takes,
	// where nothing else is set.
	defaultRetention = 4 * 24 * time.Hour
)

// Reasons for which messages are left alone, beside those of records.
const (
	badMessage = "a message that is not understood"
	badBucket  = "a message that names a bucket that is not ours"
)

// announced is the source that hears over a queue what has arrived.
type announced struct {
	objects
	cfg    Queue
	at     string // the queue's region
	silent time.Duration

	mu     sync.Mutex
	left   map[string]time.Time     // messages that nothing can be made of, by id: when they were seen last
	busy   map[object]chan struct{} // objects that are being read, closed when they were
	newest time.Time                // of what arrived: when it was delivered
	began  time.Time                // of the first read by this process
}

func newAnnounced(c common, cfg Queue) *announced {
	c.accounts, c.misses = cfg.Accounts, unlogged(cfg.DataEvents)
	s := &announced{cfg: cfg, at: cfg.Region, silent: cfg.SilentAfter, left: map[string]time.Time{}, busy: map[object]chan struct{}{}}
	if s.at == "" {
		s.at = regionOf(cfg.Queue)
	}
	if s.silent == 0 {
		s.silent = defaultSilence
	}
	buckets := cfg.BucketRegion
	if buckets == "" {
		buckets = s.at
	}
	s.objects = newObjects(c, cfg.Account, buckets)
	return s
}

// regionOf is the region a queue's URL names, if it does.
func regionOf(queue string) string {
	u, err := url.Parse(queue)
	if err != nil {
		return ""
	}
	if part := strings.Split(u.Hostname(), "."); len(part) > 2 && part[0] == "sqs" && regionName.MatchString(part[1]) {
		return part[1]
	}
	return ""
}

// Every is short: waiting is the queue's.
func (*announced) Every() time.Duration { return askEvery }

// queueClient is SQS's.
func (s *announced) queueClient(ctx context.Context) (*sqs.Client, error) {
	cfg, err := s.in(ctx, s.cfg.Account, s.at)
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = reach.Capped(cfg.HTTPClient, maxMessages)
	client := sqs.NewFromConfig(cfg)
	return client, reach.CheckEndpoints(client.Options().BaseEndpoint) //nolint:wrapcheck // it says what it is about
}

// Read takes what the queue holds, and returns once it holds nothing.
func (s *announced) Read(ctx context.Context, in activity.Intake) error {
	queue, err := s.queueClient(ctx)
	if err != nil {
		return err
	}
	bucket, err := s.client(ctx)
	if err != nil {
		return err
	}
	kept, err := in.Cursor(ctx)
	if err != nil {
		return fmt.Errorf("how far it was read: %w", err)
	}
	s.listens()
	h := &hearing{announced: s, in: in, queue: queue, bucket: bucket, first: kept == nil}
	for {
		start := s.now()
		messages, err := h.receive(ctx)
		if err != nil {
			return fmt.Errorf("receive from %s: %w", s.cfg.Queue, err)
		}
		if len(messages) == 0 {
			return h.caughtUp(ctx, start)
		}
		if err := h.takeAll(ctx, messages); err != nil {
			return err
		}
	}
}

// hearing is one time of reading the queue until it is empty.
type hearing struct {
	*announced
	in     activity.Intake
	queue  *sqs.Client
	bucket *s3.Client
	first  bool // nothing was ever told
}

// listens notes when this process first listened.
func (s *announced) listens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.began = s.now()
	}
}

func (h *hearing) receive(ctx context.Context) ([]types.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, pollWait+pollSlack)
	defer cancel()
	out, err := h.queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &h.cfg.Queue, MaxNumberOfMessages: pollMost, WaitTimeSeconds: int32(pollWait.Seconds()),
		VisibilityTimeout: int32(unseen.Seconds()),
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // the SDK says which call it was
	}
	return out.Messages, nil
}

// caughtUp notes up to when all was told, if nothing is on its way any more: a
// message that failed comes back.
func (h *hearing) caughtUp(ctx context.Context, start time.Time) error {
	waiting, retention, err := h.waiting(ctx)
	if err != nil {
		return fmt.Errorf("what %s holds: %w", h.cfg.Queue, err)
	}
	h.mu.Lock()
	newest, began, left := h.newest, h.began, 0
	for _, seen := range h.left {
		if start.Sub(seen) < 2*unseen { // it is still there, or was a moment ago
			left++
		}
	}
	h.mu.Unlock()
	if waiting > left {
		return nil
	}
	p := activity.Progress{Until: untilOf(start, newest, h.silent)}
	if p.Until.IsZero() {
		return h.common.keep(ctx, h.in, p)
	}
	// A queue brings nothing from before somebody listened, and forgets what is
	// not taken in time.
	if p.Cursor, p.Since = []byte(heardBefore), start.Add(-retention); h.first {
		p.Since = began
	}
	if err := h.common.keep(ctx, h.in, p); err != nil {
		return err
	}
	h.first = false
	return nil
}

// heardBefore is the cursor of a queue from which something was told.
const heardBefore = `{"heard":true}`

// waiting is how many messages the queue holds, also those that are being read,
// and for how long it keeps one that nobody takes.
func (h *hearing) waiting(ctx context.Context) (n int, retention time.Duration, err error) {
	ctx, cancel := h.deadline(ctx)
	defer cancel()
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	kept := types.QueueAttributeNameMessageRetentionPeriod
	out, err := h.queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &h.cfg.Queue, AttributeNames: append(slices.Clone(names), kept)})
	if err != nil {
		return 0, 0, err //nolint:wrapcheck // the SDK says which call it was
	}
	for _, name := range names {
		var part int
		_, _ = fmt.Sscan(out.Attributes[string(name)], &part) // what is not given is none
		n += part
	}
	retention = defaultRetention
	if seconds, err := strconv.Atoi(out.Attributes[string(kept)]); err == nil && seconds > 0 {
		retention = time.Duration(seconds) * time.Second
	}
	return n, retention, nil
}

// takeAll takes messages, some at once, and keeps them ours meanwhile.
func (h *hearing) takeAll(ctx context.Context, messages []types.Message) error {
	var failed failures
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, m := range messages {
		stop := h.hold(ctx, m)
		wg.Go(func() {
			defer stop()
			slots <- struct{}{}
			defer func() { <-slots }()
			failed.add(h.takeOne(ctx, m))
		})
	}
	wg.Wait()
	return failed.err()
}

// hold keeps a message from being given to others until stop is called.
func (h *hearing) hold(ctx context.Context, m types.Message) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(unseenAgain)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				h.prolong(ctx, m)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

func (h *hearing) prolong(ctx context.Context, m types.Message) {
	ctx, cancel := h.deadline(ctx)
	defer cancel()
	_, err := h.queue.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &h.cfg.Queue, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: int32(unseen.Seconds()),
	})
	if err != nil && ctx.Err() == nil { // it may come twice then, and is known
		h.log.DebugContext(ctx, "a message could not be held", "source", h.name, "cause", err)
	}
}

// takeOne does what a message says, and then deletes it. One that nothing can be
// made of stays, for the queue's dead letters.
func (h *hearing) takeOne(ctx context.Context, m types.Message) error {
	n, why := parseNotice(awssdk.ToString(m.Body))
	for _, o := range n.objects {
		if why == "" && !slices.Contains(h.cfg.Buckets, o.bucket) {
			why = badBucket
		}
	}
	if why != "" {
		return h.leave(ctx, m, why)
	}
	if n.event != nil {
		if err := h.takeEvent(ctx, n.event); err != nil {
			return err
		}
	}
	for _, o := range n.objects {
		if !isLog(o.key) {
			continue
		}
		at, err := h.takeObject(ctx, o)
		if err != nil {
			return fmt.Errorf("s3://%s/%s: %w", o.bucket, o.key, err)
		}
		h.heard(at)
	}
	return h.delete(ctx, m)
}

// takeObject takes an object. One that is told of twice at once is read once: the
// second waits, and then finds it taken.
func (h *hearing) takeObject(ctx context.Context, o object) (time.Time, error) {
	for {
		h.mu.Lock()
		done, busy := h.busy[o]
		if !busy {
			done = make(chan struct{})
			h.busy[o] = done
		}
		h.mu.Unlock()
		if !busy {
			defer func() {
				h.mu.Lock()
				defer h.mu.Unlock()
				delete(h.busy, o)
				close(done)
			}()
			return h.take(ctx, h.in, h.bucket, o.bucket, o.key, "")
		}
		select {
		case <-done:
		case <-ctx.Done():
			return time.Time{}, ctx.Err() //nolint:wrapcheck // of the caller
		}
	}
}

// leave counts a message once, however often it is seen.
func (h *hearing) leave(ctx context.Context, m types.Message, why string) error {
	id := awssdk.ToString(m.MessageId)
	h.mu.Lock()
	_, known := h.left[id]
	if len(h.left) >= maxLeft {
		clear(h.left)
	}
	h.left[id] = h.now()
	h.mu.Unlock()
	if known {
		return nil
	}
	h.log.WarnContext(ctx, "a message of the queue is left for its dead letters", "source", h.name, "message", id, "cause", why)
	g, _, err := h.begin(ctx, h.in, "")
	if err != nil {
		return err
	}
	g.skip(why, 1)
	return h.in.Take(ctx, g.batch, activity.Progress{}) //nolint:wrapcheck // of the store
}

func (h *hearing) takeEvent(ctx context.Context, event []byte) error {
	g, _, err := h.begin(ctx, h.in, "")
	if err != nil {
		return err
	}
	new(Decoder).One(event, g.add, g.skip)
	if err := h.in.Take(ctx, g.batch, activity.Progress{Newest: g.newest}); err != nil {
		return err //nolint:wrapcheck // of the store
	}
	h.heard(g.newest)
	return nil
}

// heard notes a sign of life. What is dated ahead is none: it would speak for a
// queue that falls silent.
func (s *announced) heard(at time.Time) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.After(now) {
		at = now
	}
	if at.After(s.newest) {
		s.newest = at
	}
}

func (h *hearing) delete(ctx context.Context, m types.Message) error {
	ctx, cancel := h.deadline(ctx)
	defer cancel()
	_, err := h.queue.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &h.cfg.Queue, ReceiptHandle: m.ReceiptHandle})
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) { // it comes again, and is known
		h.log.WarnContext(ctx, "a message that was taken could not be deleted", "source", h.name, "cause", err)
	}
	return nil
}
