package logfile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jitbot/activity"
	"jitbot/internal/follow"
)

// Finding is one thing that [Source.Look] looked at, for `bot doctor`.
type Finding struct {
	OK   bool
	What string
	Hint string
}

// lookBack is how much of the newest file is looked at.
const lookBack = 4 << 20

// Look says whether the files are there, can be read, are written to, and hold
// what the format knows. What it finds in the newest goes to out as well.
// It keeps nothing.
func (s *Source) Look(ctx context.Context, out Out) []Finding {
	set, err := follow.Look(s.files.Path, nil, s.format.Ender, s.timeOf)
	if err == nil && len(set.Files) == 0 {
		err = fmt.Errorf("no file is there that fits %s", s.files.Path)
	}
	if err != nil {
		return []Finding{{What: fmt.Sprintf("activity %s: %v", s.name, err), Hint: "name the log, or a pattern of its files, in path; where the log is on another machine, have it sent here or use activity.ingest"}}
	}
	var found []Finding
	for _, f := range set.Files {
		if f.Bad != nil {
			found = append(found, Finding{What: fmt.Sprintf("activity %s: %v", s.name, f.Bad), Hint: "let the user that jitbot runs as read it, by group or by ACL; a damaged file can be moved away"})
		}
	}
	if found != nil {
		return found
	}
	newest := set.Files[len(set.Files)-1]
	sample := &sample{Out: out}
	if err := s.tail(ctx, newest, sample); err != nil {
		return []Finding{{What: fmt.Sprintf("activity %s: %v", s.name, err)}}
	}
	return append(found, s.shape(len(set.Files), newest, sample), s.life(sample))
}

// sample counts what the end of a file is made of.
type sample struct {
	Out
	lines, bad int64
	newest     time.Time
}

func (s *sample) Skip(why string, n int64) {
	s.bad += n
	s.Out.Skip(why, n)
}

func (s *Source) tail(ctx context.Context, f *follow.File, out *sample) error {
	ahead := follow.Place{Offset: max(0, f.Mark.Size-lookBack)}
	ahead.Over = ahead.Offset > 0 // it is within some record
	if f.Mark.Packed {
		ahead = follow.Place{}
	}
	f.Mark.Place, f.Mark.HeadLen = ahead, 0
	open, err := f.Open(ctx, s.format.Ender())
	if err != nil {
		return err
	}
	defer func() { _ = open.Close() }() // it was only read
	for {
		rec, err := open.Next()
		if follow.Ended(err) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		out.lines++
		if at := read(s.format, rec, out, s.now()).At; at.After(out.newest) {
			out.newest = at
		}
	}
}

func (s *Source) shape(files int, newest *follow.File, c *sample) Finding {
	what := fmt.Sprintf("activity %s: %d of the last %d records of %s can be read (%d files fit the path)", s.name, c.lines-c.bad, c.lines, newest.Path, files)
	if c.lines > 0 && c.bad*2 > c.lines {
		return Finding{What: what, Hint: "the log is of another format than the one it is configured as"}
	}
	return Finding{OK: true, What: what}
}

// life is whether somebody writes to the log.
func (s *Source) life(c *sample) Finding {
	if c.newest.IsZero() {
		return Finding{OK: true, What: fmt.Sprintf("activity %s: nothing was written yet; until then nothing is known to be unused", s.name)}
	}
	age := s.now().Sub(c.newest).Truncate(time.Second)
	what := fmt.Sprintf("activity %s: the newest record is %s old", s.name, age)
	if s.files.SilentAfter > 0 && age > s.files.SilentAfter {
		return Finding{What: what, Hint: fmt.Sprintf("that is more than silent_after (%s): is the log still written here?", s.files.SilentAfter)}
	}
	return Finding{OK: true, What: what}
}

// Nothing is an Out for who only wants to know whether records can be read.
type Nothing struct{}

// Add implements [Out].
func (Nothing) Add(*activity.Record) {}

// Skip implements [Out].
func (Nothing) Skip(string, int64) {}
