package logfile

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"jitbot/activity"
	"jitbot/internal/follow"
	"jitbot/jit"
)

// Files says which files are followed and what their silence means.
type Files struct {
	// Path is the log, or a pattern such as /var/log/postgresql/*.json that also
	// fits what it is renamed to when it is rotated: a file that is moved out of
	// the pattern before its last lines were read leaves a gap in the evidence.
	// Files compressed by gzip are read too.
	Path string `yaml:"path,required"`
	// Watch is whose use shows in it.
	Watch activity.Watched `yaml:"watch,required"`
	// SilentAfter is how long the log may be silent and all be well: until then
	// no news counts as nothing done. Zero: only what is written counts.
	SilentAfter time.Duration `yaml:"silent_after"`
	// Every is how long to rest between two looks. Zero: 10 s.
	Every time.Duration `yaml:"every"`
}

const defaultEvery = 10 * time.Second

// Check implements the checks of a configuration.
func (f Files) Check(report func(key, text string)) {
	if f.Path == "" {
		report("path", "is empty")
	}
	if f.SilentAfter < 0 || f.SilentAfter > 7*24*time.Hour {
		report("silent_after", "is not between 0 and 7d")
	}
	if f.Every != 0 && (f.Every < time.Second || f.Every > time.Hour) {
		report("every", "is not between 1s and 1h")
	}
}

// Source follows files. It implements [activity.Source] and [activity.Pacer].
// It keeps nothing itself: how far it got is the Intake's to keep.
type Source struct {
	name   string
	files  Files
	format Format
	now    func() time.Time
	batch  int // records in one Take, at most
}

// New makes a Source of files whose records format reads.
func New(name string, files Files, format Format, now func() time.Time) *Source {
	return &Source{name: name, files: files, format: format, now: now, batch: 2000}
}

// Name implements [activity.Source].
func (s *Source) Name() string { return s.name }

// Watches implements [activity.Source].
func (s *Source) Watches(h jit.Holding) bool { return s.files.Watch.Has(h) }

// Every implements [activity.Pacer].
func (s *Source) Every() time.Duration {
	if s.files.Every == 0 {
		return defaultEvery
	}
	return s.files.Every
}

// cursor is what is kept.
type cursor struct {
	V      int           `json:"v"`
	Files  []follow.Mark `json:"files"`
	Newest time.Time     `json:"newest,omitzero"` // of everything that was read
	Said   time.Time     `json:"said,omitzero"`   // the latest Until that a record named
	Until  time.Time     `json:"until,omitzero"`  // what was told last
}

// reading is one call of Read.
type reading struct {
	*Source
	in    activity.Intake
	set   follow.Set
	kept  cursor
	b     *activity.Batch // nil: none is begun
	n     int             // records in it
	fresh bool            // something is to be kept
	gap   activity.Span
}

// Read implements [activity.Source].
func (s *Source) Read(ctx context.Context, in activity.Intake) error {
	raw, err := in.Cursor(ctx)
	if err != nil {
		return err
	}
	r := &reading{Source: s, in: in, kept: parseCursor(raw)}
	if r.set, err = follow.Look(s.files.Path, r.kept.Files, s.format.Ender, s.timeOf); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if len(r.set.Files) == 0 {
		return fmt.Errorf("%s: no file is there that fits %s", s.name, s.files.Path)
	}
	r.lost()
	var unread []error
	for i, f := range r.set.Files {
		err := r.file(ctx, f, i == len(r.set.Files)-1)
		var taking takeError
		if errors.As(err, &taking) || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if err != nil {
			unread = append(unread, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(append(unread, r.finish(ctx, len(unread) == 0))...)
}

// parseCursor starts anew where what was kept is not of this version: what is
// read again is known by its ids.
func parseCursor(raw []byte) cursor {
	var c cursor
	if json.Unmarshal(raw, &c) != nil || c.V != 1 {
		return cursor{V: 1}
	}
	return c
}

// timeOf is the time of a record that puts files in order.
func (s *Source) timeOf(text []byte) (time.Time, bool) {
	heard := s.format.Read(text, 0, &counted{})
	return heard.At, possible(heard.At, s.now())
}

// lost notes a gap where the file that was written to is gone with what came
// after the last look. Older ones are deleted after a while, as they should be.
func (r *reading) lost() {
	if len(r.set.Lost) == 0 || len(r.kept.Files) == 0 {
		return
	}
	r.fresh = true
	active, last := r.kept.Files[len(r.kept.Files)-1], r.set.Lost[len(r.set.Lost)-1]
	if active.Dev != last.Dev || active.Ino != last.Ino || r.kept.Newest.IsZero() {
		return
	}
	to := r.now()
	for _, f := range r.set.Files {
		if at := f.Mark.First; f.Mark.Place.Offset == 0 && !at.IsZero() && at.Before(to) {
			to = at
		}
	}
	if to.After(r.kept.Newest) {
		r.gap = activity.Span{From: r.kept.Newest, To: to, Why: "the log was rotated out of " + r.files.Path + " or cut before its end was read"}
	}
}

// file reads on in one file. active says that it is the newest.
func (r *reading) file(ctx context.Context, f *follow.File, active bool) error {
	if f.Bad != nil {
		return r.damaged(ctx, f, f.Bad)
	}
	if f.Seen && (!f.Mark.Rest || active && !f.Mark.Packed) {
		return nil
	}
	open, err := f.Open(ctx, r.format.Ender())
	if err != nil {
		return r.damaged(ctx, f, err)
	}
	defer func() { _ = open.Close() }() // it was only read
	f.Mark.Done = false
	for {
		rec, err := open.Next()
		if err != nil {
			return r.end(ctx, f, open, active, err)
		}
		if err := r.add(ctx, rec); err != nil {
			return err
		}
		if r.n >= r.batch {
			open.Keep()
			if err := r.take(ctx, activity.Progress{}); err != nil {
				return err
			}
		}
	}
}

// end is at the end of a file for now, or for good.
func (r *reading) end(ctx context.Context, f *follow.File, open *follow.Reading, active bool, err error) error {
	if !follow.Ended(err) {
		open.Keep()
		return r.damaged(ctx, f, err)
	}
	rest := open.Rest() > 0
	if rest && (f.Mark.Packed || f.Seen && !active) { // nobody will write more of this line
		rest = false
		if rec, ok := open.Last(whole(r.format)); ok {
			if err := r.add(ctx, rec); err != nil {
				return err
			}
		}
	}
	open.Keep()
	r.looked(f, rest)
	return nil
}

// looked notes that a file was read to its end.
func (r *reading) looked(f *follow.File, rest bool) {
	r.fresh = r.fresh || !f.Mark.Done || f.Mark.Rest != rest
	f.Mark.Done, f.Mark.Rest = true, rest
}

// Damage is why a compressed file cannot be read on, ever.
func Damage(err error) (why string, damaged bool) {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, follow.ErrBomb):
		return BadBomb, true
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return activity.BadTruncated, true
	}
	return "", false
}

// damaged gives up the rest of a file that can never be read, and says so once.
// It has to have been so at the last look too: before, it may be being written.
// Anything else may be mended, and is an error.
func (r *reading) damaged(ctx context.Context, f *follow.File, err error) error {
	why, ok := Damage(err)
	if !ok {
		return err
	}
	if !f.Seen {
		r.looked(f, true)
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	r.b.Skip(why, 1)
	r.looked(f, false)
	to := time.Unix(0, f.Mark.Changed).UTC()
	from := f.Mark.First
	if from.IsZero() || !from.Before(to) {
		from = to.Add(-time.Minute)
	}
	r.gap = activity.Span{From: from, To: to, Why: "the rest of " + f.Path + " cannot be read: " + why}
	return nil
}

type takeError struct{ error }

func (e takeError) Unwrap() error { return e.error }

func (r *reading) begin(ctx context.Context) error {
	if r.b != nil {
		return nil
	}
	b, _, err := r.in.Begin(ctx, "")
	if err != nil {
		return takeError{err}
	}
	r.b, r.n = b, 0
	return nil
}

func (r *reading) add(ctx context.Context, rec follow.Record) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	heard := read(r.format, rec, r.b, r.now())
	if heard.At.After(r.kept.Newest) {
		r.kept.Newest = heard.At
	}
	if heard.Until.After(r.kept.Said) {
		r.kept.Said = heard.Until
	}
	r.n++
	r.fresh = true
	return nil
}

// take has what was read kept, with how far that is.
func (r *reading) take(ctx context.Context, p activity.Progress) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	r.kept.Files = r.kept.Files[:0:0]
	for _, f := range r.set.Files {
		r.kept.Files = append(r.kept.Files, f.Mark)
	}
	var err error
	if p.Cursor, err = json.Marshal(r.kept); err != nil {
		return takeError{err}
	}
	p.Newest, p.Gap = r.kept.Newest, r.gap
	if err := r.in.Take(ctx, r.b, p); err != nil {
		return takeError{err}
	}
	r.b, r.n, r.fresh, r.gap = nil, 0, false, activity.Span{}
	return nil
}

// finish has the last of it kept, and says up to when everything is told if all
// files were read to their end.
func (r *reading) finish(ctx context.Context, all bool) error {
	until := time.Time{}
	if all {
		until = r.until()
	}
	if !until.After(r.kept.Until) {
		until = time.Time{}
	}
	if !r.fresh && (until.IsZero() || until.Sub(r.kept.Until) < keepalive) {
		return nil
	}
	if !until.IsZero() {
		r.kept.Until = until
	}
	return r.take(ctx, activity.Progress{Until: until})
}

const (
	// keepalive is how far Until has to have moved for that alone to be kept.
	keepalive = 30 * time.Second
	// settle is how long something that was done may take to be written.
	settle = 10 * time.Second
)

// until is up to when everything is told, all having been read: up to the
// newest record or, while its silence means nothing, almost until now.
func (r *reading) until() time.Time {
	now := r.now()
	until := r.kept.Newest
	if r.kept.Said.After(until) {
		until = r.kept.Said
	}
	if quiet := now.Sub(until); !until.IsZero() && quiet > settle && quiet <= r.files.SilentAfter {
		return now.Add(-settle)
	}
	if until.After(now) {
		return now
	}
	return until
}
