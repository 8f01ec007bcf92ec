package exportfile

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"jitbot/bot"
	"jitbot/reports"
)

// Sink writes to one file, or in CSV to two. It is a [reports.Sink].
type Sink struct {
	encoder    reports.Encoder
	events     *appender
	activities *appender // the same one, but in CSV
}

// Open returns a sink; it makes no file before there is something to write.
// version is jitbot's, and ocsf that of the schema.
func Open(c Config, version, ocsf string) (*Sink, error) {
	e := reports.Encoder{Format: cmp.Or(c.Format, reports.JSONLines), Product: version, OCSF: ocsf}
	if c.Path == "" || !e.Format.Known() {
		return nil, errors.New("a path and a format that is known are needed")
	}
	most := int64(cmp.Or(c.MaxMiB, defaultMiB)) << 20
	s := &Sink{encoder: e, events: &appender{path: c.Path, most: most, keep: c.Keep, heading: e.Heading(false)}}
	s.activities = s.events
	if e.Format == reports.CSV {
		ext := filepath.Ext(c.Path)
		beside := strings.TrimSuffix(c.Path, ext) + "-activities" + ext
		s.activities = &appender{path: beside, most: most, keep: c.Keep, heading: e.Heading(true)}
	}
	return s, nil
}

// Send implements [reports.Sink].
func (s *Sink) Send(ctx context.Context, batch []reports.Record) error {
	for _, r := range batch {
		lines, err := s.encoder.Lines(r)
		if err != nil {
			return err
		}
		to := s.events
		if r.Activity != nil {
			to = s.activities
		}
		if err := errors.Join(to.add(append(bytes.Join(lines, []byte("\n")), '\n')), ctx.Err()); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	if err := errors.Join(s.events.flush(), s.activities.flush()); err != nil {
		return errors.Join(err, s.Close()) // what is torn is mended when it is opened again
	}
	return nil
}

// Check implements [reports.Sink].
func (s *Sink) Check(context.Context) []bot.Finding {
	dir := filepath.Dir(s.events.path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return []bot.Finding{{What: "the folder " + dir + " is not there", Hint: "make it, for jitbot's user alone: mkdir -m 700 " + dir}}
	}
	info, err := os.Lstat(s.events.path)
	if err == nil {
		err = sound(s.events.path, info)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = writable(dir)
	}
	if err != nil {
		return []bot.Finding{{What: err.Error(), Hint: "jitbot's user has to be able to write there, and nobody else to read it"}}
	}
	return []bot.Finding{{OK: true, What: "can be written: " + s.events.path}}
}

// Close implements [reports.Sink].
func (s *Sink) Close() error { return errors.Join(s.events.close(), s.activities.close()) }
