package trail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"jitbot/activity"
	"jitbot/integrations/aws/reach"
)

// errChanged says that an object is not the version that was listed; the next
// listing names the new one.
var errChanged = errors.New("the object has changed since it was listed")

// objects reads objects of buckets.
type objects struct {
	common
	account, region string
	decoders        chan *Decoder // whoever has one may read
}

func newObjects(c common, account, region string) objects {
	o := objects{common: c, account: account, region: region, decoders: make(chan *Decoder, atOnce)}
	for range atOnce {
		o.decoders <- new(Decoder)
	}
	return o
}

func (o *objects) client(ctx context.Context) (*s3.Client, error) {
	cfg, err := o.in(ctx, o.account, o.region)
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = reach.Capped(cfg.HTTPClient, maxObject)
	client := s3.NewFromConfig(cfg, func(s *s3.Options) {
		s.UsePathStyle = true
		s.ResponseChecksumValidation = awssdk.ResponseChecksumValidationWhenRequired // gzip has its own
	})
	return client, reach.CheckEndpoints(client.Options().BaseEndpoint) //nolint:wrapcheck // it says what it is about
}

// take reads an object and writes down what it holds. An empty etag is any
// version. What cannot be read for good is set aside, with the stretch of time
// it tells of, and is no error. at is when it was delivered, if it was there.
func (o *objects) take(ctx context.Context, in activity.Intake, client *s3.Client, bucket, key, etag string) (at time.Time, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ask := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if etag != "" {
		ask.IfMatch = &etag
	}
	watch := newWatch(cancel)
	defer watch.stop()
	out, err := client.GetObject(ctx, ask)
	switch code(err) {
	case "NoSuchKey":
		return time.Time{}, o.lost(ctx, in, bucket, key, "the object is gone")
	case "PreconditionFailed":
		return time.Time{}, errChanged
	}
	if err != nil {
		return time.Time{}, cause(ctx, err)
	}
	defer out.Body.Close()
	at = awssdk.ToTime(out.LastModified)
	g, taken, err := o.begin(ctx, in, part(bucket, key, awssdk.ToString(out.ETag)))
	if err != nil || taken {
		return at, err
	}
	p, err := o.decode(ctx, watch.of(out.Body), g, key)
	if err != nil {
		return at, err
	}
	return at, in.Take(ctx, g.batch, p) //nolint:wrapcheck // of the store
}

// part names one version of an object.
func part(bucket, key, etag string) string { return bucket + "/" + key + etag }

func (o *objects) decode(ctx context.Context, r io.Reader, g *gather, key string) (p activity.Progress, err error) {
	d := <-o.decoders
	defer func() { o.decoders <- d }()
	err = errors.Join(d.Read(r, g.add, g.skip), g.err)
	p.Newest = g.newest
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		g.skip(activity.BadTooLong, 1)
		err = ErrBroken
	}
	switch {
	case errors.Is(err, ErrBroken):
		o.log.WarnContext(ctx, "an object of a trail is broken and was set aside", "source", o.name, "key", key, "cause", err)
		p.Gap = stretch(key, "an object of the trail is broken", o.now())
		return p, nil
	case err != nil:
		return p, cause(ctx, err)
	}
	return p, nil
}

// lost writes down that an object cannot be read any more.
func (o *objects) lost(ctx context.Context, in activity.Intake, bucket, key, why string) error {
	g, taken, err := o.begin(ctx, in, part(bucket, key, ""))
	if err != nil || taken {
		return err
	}
	o.log.WarnContext(ctx, "an object of a trail could not be read", "source", o.name, "key", key, "cause", why)
	g.skip(activity.BadTruncated, 1)
	return in.Take(ctx, g.batch, activity.Progress{Gap: stretch(key, why, o.now())}) //nolint:wrapcheck // of the store
}

var delivered = regexp.MustCompile(`_([0-9]{8}T[0-9]{4}Z)_[^/]*$`)

// stretch is the time that an object tells of, by its key: CloudTrail
// puts into it what was done shortly before, and some that comes late.
func stretch(key, why string, now time.Time) activity.Span {
	at := now
	if m := delivered.FindStringSubmatch(key); m != nil {
		if t, err := time.Parse("20060102T1504Z", m[1]); err == nil {
			at = t
		}
	}
	return activity.Span{From: at.Add(-settledAfter), To: at.Add(settledAfter / 4), Why: why}
}

// isLog says whether a key is that of a log, and not of a digest, an insight or
// a folder.
func isLog(key string) bool {
	return strings.Contains(key, "/CloudTrail/") && !strings.HasSuffix(key, "/") &&
		!strings.Contains(key, "/CloudTrail-Digest/") && !strings.Contains(key, "/CloudTrail-Insight/")
}

// cause is why a call failed: what cut it off says more than that it was.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && !errors.Is(why, context.Canceled) {
		return fmt.Errorf("%w (%w)", why, err)
	}
	return err
}

var errStalled = fmt.Errorf("nothing came for %s", stalled)

// watch ends a context when a body brings nothing for long: how long a large
// object takes is not known.
type watch struct {
	timer *time.Timer
	body  io.Reader
}

func newWatch(cancel context.CancelCauseFunc) *watch {
	return &watch{timer: time.AfterFunc(stalled, func() { cancel(errStalled) })}
}

func (w *watch) of(body io.Reader) io.Reader {
	w.body = body
	return w
}

// Read reads on, and begins to wait anew.
func (w *watch) Read(b []byte) (int, error) {
	n, err := w.body.Read(b)
	if n > 0 {
		w.timer.Reset(stalled)
	}
	return n, err //nolint:wrapcheck // passed through
}

func (w *watch) stop() { w.timer.Stop() }
