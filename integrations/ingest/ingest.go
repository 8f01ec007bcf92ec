// Package ingest lets other systems tell what was done, by signed HTTP:
// POST /activity with lines of the plain format. docs/activity-format.md has all
// of it. What is sent can change what is known of grants' use, and nothing else.
//
// A request counts once its sender has signed it, to the byte, within the last
// five minutes; who did not sign is told nothing. It is written down before it
// is answered. The same request again has the same answer and no second effect.
// A line that is bad is named in the answer and costs only itself.
package ingest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/time/rate"

	"jitbot/activity"
	"jitbot/activity/jsonl"
	"jitbot/activity/logfile"
	"jitbot/bot"
	"jitbot/jit"
)

// Server takes what senders send. It implements [bot.Mounter].
type Server struct {
	senders map[string]*Source
	nobody  [][]byte // key of those who are not known, so that they take as long
	deps    bot.Deps
}

var (
	_ bot.Mounter     = (*Server)(nil)
	_ activity.Source = (*Source)(nil)
)

// Source is what one sender tells. It implements [activity.Source] and stays in
// Read: only then is anything taken.
type Source struct {
	name     string
	watch    activity.Watched
	keys     [][]byte
	limit    *rate.Limiter
	arriving chan *delivery
}

// delivery is one signed request, on its way to an Intake.
type delivery struct {
	part   string // names it for good
	at     time.Time
	lines  []line
	answer answer
	done   chan error
}

// Open returns the server of c's senders.
func Open(c Config, deps bot.Deps) (*Server, error) {
	if deps.Now == nil {
		return nil, errors.New("activity.ingest: a clock is needed")
	}
	if err := c.checkSecrets(); err != nil {
		return nil, err
	}
	nobody := make([]byte, sha256.Size)
	_, _ = rand.Read(nobody) // never fails
	s := &Server{senders: map[string]*Source{}, nobody: [][]byte{nobody}, deps: deps}
	for name, sender := range c.Senders {
		s.senders[name] = newSource(name, sender)
	}
	return s, nil
}

func newSource(name string, c Sender) *Source {
	often := c.PerMinute
	if often == 0 {
		often = defaultPerMinute
	}
	s := &Source{
		name: name, watch: c.Watch, keys: [][]byte{[]byte(c.Secret.Reveal())}, arriving: make(chan *delivery),
		limit: rate.NewLimiter(rate.Limit(float64(often)/60), max(1, often/4)),
	}
	if c.OldSecret.IsSet() {
		s.keys = append(s.keys, []byte(c.OldSecret.Reveal()))
	}
	return s
}

// Sources are the senders, by name.
func (s *Server) Sources() []*Source {
	var out []*Source
	for _, name := range slices.Sorted(maps.Keys(s.senders)) {
		out = append(out, s.senders[name])
	}
	return out
}

// Name implements [activity.Source].
func (s *Source) Name() string { return s.name }

// Watches implements [activity.Source].
func (s *Source) Watches(h jit.Holding) bool { return s.watch.Has(h) }

// MarksOf implements [activity.Marking]: what is signed names the grant.
func (s *Source) MarksOf(h jit.Holding) []activity.Mark {
	return []activity.Mark{{Method: jit.ByStatement, Value: h.Grant}}
}

// Read implements [activity.Source]: it takes what arrives until ctx ends.
func (s *Source) Read(ctx context.Context, in activity.Intake) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d := <-s.arriving:
			err := errors.New("the delivery was dropped") // by a panic
			func() {
				defer func() { d.done <- err }()
				err = s.take(ctx, in, d)
			}()
			if err != nil {
				return err
			}
		}
	}
}

// take has one delivery kept, unless it was before.
func (s *Source) take(ctx context.Context, in activity.Intake, d *delivery) error {
	b, taken, err := in.Begin(ctx, d.part)
	if err != nil {
		return err
	}
	if taken {
		_, d.answer = s.read(d, logfile.Nothing{})
		return nil
	}
	p, a := s.read(d, b)
	if err := in.Take(ctx, b, p); err != nil {
		return err
	}
	d.answer = a
	return nil
}

// answer is what a sender is told.
type answer struct {
	Taken int   `json:"taken"` // lines that were understood
	Bad   []bad `json:"bad,omitempty"`
	// MoreBad is how many bad lines are not listed.
	MoreBad int `json:"more_bad,omitempty"`
}

type bad struct {
	Line int    `json:"line"`
	Why  string `json:"why"`
}

// maxBad is how many bad lines an answer lists.
const maxBad = 100

// oldest is how long ago something may have been done.
const oldest = 30 * 24 * time.Hour

const badOld = "older than 30 days"

// line is one line of a body.
type line struct {
	text   []byte
	offset int64
	number int
}

// read hands the lines to out. It goes by the time in the signature, so that the
// same request is read in the same way whenever it comes.
func (s *Source) read(d *delivery, out logfile.Out) (p activity.Progress, a answer) {
	format := jsonl.Format{Name: s.name, TrustGrant: true} // the sender's word is what it signs
	for _, l := range d.lines {
		one := &judged{Out: out, since: d.at.Add(-oldest)}
		heard := logfile.Read(format, l.text, l.offset, one, d.at)
		if one.why == "" {
			a.Taken++
		} else if len(a.Bad) < maxBad {
			a.Bad = append(a.Bad, bad{l.number, one.why})
		} else {
			a.MoreBad++
		}
		if one.why == "" && heard.At.After(p.Newest) {
			p.Newest = heard.At
		}
		if one.why == "" && heard.Until.After(p.Until) {
			p.Until = heard.Until
		}
	}
	if p.Until.After(d.at) {
		p.Until = d.at
	}
	return p, a
}

// judged notes why a line was set aside.
type judged struct {
	logfile.Out
	since time.Time
	why   string
}

func (j *judged) Add(r *activity.Record) {
	if r.At.Before(j.since) {
		j.Skip(badOld, 1)
		return
	}
	j.Out.Add(r)
}

func (j *judged) Skip(why string, n int64) {
	j.why = why
	j.Out.Skip(why, n)
}

// newDelivery takes a body apart into its lines. One that is a single value, laid
// out over many lines, is one. What says so is the body, as nobody signed the
// header that might.
func newDelivery(s stamp, body []byte) *delivery {
	d := &delivery{at: s.at, done: make(chan error, 1)}
	sum := sha256.New()
	sum.Write([]byte(s.time + ":" + s.sender + ":"))
	sum.Write(body)
	d.part = "sent:" + hex.EncodeToString(sum.Sum(nil))
	if jsontext.Value(body).IsValid() {
		d.lines = []line{{body, 0, 1}}
		return d
	}
	offset, number := int64(0), 0
	for text := range bytes.Lines(body) {
		number++
		if trimmed := trim(text, offset); len(trimmed) > 0 {
			d.lines = append(d.lines, line{trimmed, offset, number})
		}
		offset += int64(len(text))
	}
	return d
}

func trim(text []byte, offset int64) []byte {
	text = bytes.TrimRight(text, "\r\n")
	if offset == 0 {
		text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	}
	return text
}
