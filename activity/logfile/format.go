// Package logfile makes a source of the contextual log out of files that
// something else writes: it follows them, hands over what a [Format] finds in
// them, and knows how far it got. A line that cannot be read costs only itself.
package logfile

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"jitbot/activity"
	"jitbot/internal/follow"
	"jitbot/internal/strictjson"
)

// Out is what a Format hands its records to; an [activity.Batch] is one.
type Out interface {
	Add(r *activity.Record)
	Skip(why string, n int64)
}

// Format is how a log is written. It is for one goroutine.
type Format interface {
	// Ender tells records apart; a new one for each file.
	Ender() follow.Ender
	// Read hands over what the record at offset tells of, or why it tells of
	// nothing. A record that is no action, such as a checkpoint, is neither.
	Read(text []byte, offset int64, out Out) Heard
}

// Heard is what a record says of time. Both may be zero.
type Heard struct {
	At    time.Time // when it was written
	Until time.Time // it says that everything up to then was told
}

// ahead is how far a record may be before this clock: a little skew. What is
// dated later would make the source look as if it had told of the future.
const ahead = 5 * time.Minute

// since is before every instant that can be.
var since = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// possible reports whether something can have been done at an instant.
func possible(at, now time.Time) bool { return !at.Before(since) && !at.After(now.Add(ahead)) }

// gate sets aside what cannot have been done when it says.
type gate struct {
	Out
	now time.Time
}

func (g gate) Add(r *activity.Record) {
	switch {
	case r.ID == "":
		g.Skip(activity.BadID, 1)
	case !possible(r.At, g.now):
		g.Skip(activity.BadTime, 1)
	default:
		g.Out.Add(r)
	}
}

var faults = map[follow.Fault]string{
	follow.TooLong: activity.BadTooLong,
	follow.Broken:  activity.BadShape,
	follow.Cut:     activity.BadTruncated,
}

// read hands one record to the format, or counts why it is none.
func read(f Format, rec follow.Record, out Out, now time.Time) Heard {
	if rec.Fault != follow.None {
		out.Skip(faults[rec.Fault], 1)
		return Heard{}
	}
	return Read(f, rec.Text, rec.Offset, out, now)
}

// Read has the format read one record. What cannot have been done when it says
// is set aside.
func Read(f Format, text []byte, offset int64, out Out, now time.Time) Heard {
	heard := f.Read(text, offset, gate{out, now})
	if !possible(heard.At, now) {
		heard.At = time.Time{}
	}
	if !possible(heard.Until, now) {
		heard.Until = time.Time{}
	}
	return heard
}

// Why is the reason to count for a record that strictjson refuses.
func Why(err error) string {
	var e *strictjson.Error
	if !errors.As(err, &e) {
		return activity.BadShape
	}
	switch e.Kind {
	case strictjson.Size:
		return activity.BadTooLong
	case strictjson.UTF8:
		return activity.BadText
	case strictjson.Depth:
		return activity.BadTooDeep
	}
	return activity.BadShape
}

// BadBomb is the reason for what follows in a compressed file that unpacks to
// more than a log does.
const BadBomb = "unpacks to too much"

// Stream reads a log to its end, compressed or not, in constant memory. What
// cannot be read is skipped and counted. An error is one of r, or of ctx.
func Stream(ctx context.Context, r io.Reader, f Format, out Out, now time.Time) error {
	content, _, err := follow.Unpack(r)
	if err != nil {
		out.Skip(activity.BadTruncated, 1)
		return nil
	}
	return Records(ctx, content, f, out, now)
}

// Records is [Stream] of what is not compressed, or was unpacked by
// [follow.Unpack].
func Records(ctx context.Context, content *bufio.Reader, f Format, out Out, now time.Time) error {
	records := follow.NewRecords(content, f.Ender(), follow.Place{})
	for n := 0; ; n++ {
		rec, err := records.Next()
		if why, damaged := Damage(err); damaged {
			out.Skip(why, 1)
			return nil
		}
		if err != nil && !follow.Ended(err) {
			return err
		}
		if err != nil {
			if rec, ok := records.Last(whole(f)); ok {
				read(f, rec, out, now)
			}
			return nil
		}
		read(f, rec, out, now)
		if n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// whole reports whether a last record without its newline is one all the same:
// if the format can read it.
func whole(f Format) func([]byte) bool {
	return func(text []byte) bool {
		c := &counted{}
		f.Read(text, 0, c)
		return c.bad == 0
	}
}

type counted struct{ good, bad int64 }

func (c *counted) Add(*activity.Record)   { c.good++ }
func (c *counted) Skip(_ string, n int64) { c.bad += n }
