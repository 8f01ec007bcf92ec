package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"jitbot/activity"
	"jitbot/activity/jsonl"
	"jitbot/activity/logfile"
	"jitbot/integrations/aws/trail"
	"jitbot/integrations/k8saudit"
	"jitbot/integrations/pglog"
	"jitbot/internal/follow"
)

// The formats that can be imported.
const (
	formatAuto       = "auto"
	formatCloudTrail = "cloudtrail"
	formatPostgres   = "postgres"
	formatK8s        = "k8s"
	formatJSONL      = "jsonl"
)

var formats = []string{formatAuto, formatCloudTrail, formatPostgres, formatK8s, formatJSONL}

var errNotUnderstood = errors.New("the format is not known by the content; name it with --format")

// sniffed is how much of a file is looked at to know its format.
const sniffed = 64 << 10

// formatOf finds the format of a log by its first record, which it leaves in the
// stream.
func formatOf(content *bufio.Reader) (string, error) {
	start, err := content.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	start = bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(start) == 0 {
		return "", errNotUnderstood
	}
	if start[0] != '{' && start[0] != '[' {
		if c := new(verdict); firstCSV(start, c) && c.bad == 0 {
			return formatPostgres, nil
		}
		return "", errNotUnderstood
	}
	keys := topKeys(start)
	for _, f := range []struct {
		format string
		keys   []string
	}{
		{formatCloudTrail, []string{"Records", "eventVersion", "Events", "CloudTrailEvent", "detail-type", "TopicArn"}},
		{formatK8s, []string{"auditID"}},
		{formatPostgres, []string{"error_severity", "session_id"}},
		{formatJSONL, []string{"action", "until"}},
	} {
		if slices.ContainsFunc(f.keys, func(k string) bool { return slices.Contains(keys, k) }) {
			return f.format, nil
		}
	}
	if slices.Contains(keys, "items") && bytes.Contains(start, []byte(`audit.k8s.io/`)) {
		return formatK8s, nil
	}
	return "", errNotUnderstood
}

// firstCSV reads the first record of a csvlog.
func firstCSV(start []byte, c *verdict) bool {
	rec, err := follow.NewRecords(bytes.NewReader(start), pglog.Format{}.Ender(), follow.Place{}).Next()
	if err != nil || rec.Fault != follow.None {
		return false
	}
	pglog.Format{}.Read(rec.Text, 0, c)
	return c.why == "" || c.why == activity.BadTime // of another zone
}

// verdict is why a record was set aside.
type verdict struct {
	bad int64
	why string
}

func (v *verdict) Add(*activity.Record) {}

func (v *verdict) Skip(why string, n int64) {
	v.why = why
	if why != activity.BadTime {
		v.bad += n
	}
}

// topKeys are the names in the first object, as far as it is there. What stands
// within its values says nothing: people can put much into those.
func topKeys(start []byte) (keys []string) {
	d := jsontext.NewDecoder(bytes.NewReader(start), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	tok, err := d.ReadToken()
	if err == nil && tok.Kind() == '[' {
		tok, err = d.ReadToken()
	}
	if err != nil || tok.Kind() != '{' {
		return nil
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return keys
		}
		keys = append(keys, name.String())
		if d.SkipValue() != nil {
			return keys
		}
	}
	return keys
}

// readFormat reads a log of a format to its end.
func (c activityConfig) readFormat(ctx context.Context, content *bufio.Reader, format, source string, out logfile.Out, now time.Time) error {
	switch format {
	case formatPostgres:
		f, err := c.postgresFormat(source)
		if err != nil {
			return err
		}
		return logfile.Records(ctx, content, f, out, now)
	case formatK8s:
		cluster := cmp.Or(c.K8s[source].Cluster, source)
		return k8saudit.Stream(ctx, content, k8saudit.Format{Name: source, Cluster: cluster}, out, now)
	case formatJSONL:
		f := hearing{Format: jsonl.Format{Name: source, TrustGrant: true}, now: now}
		if t, ok := out.(*taking); ok {
			f.until = &t.until
		}
		return logfile.Records(ctx, content, f, out, now)
	case formatCloudTrail:
		if err := trail.Read(content, out.Add, out.Skip); !errors.Is(err, trail.ErrBroken) { // which was counted
			return err
		}
		return nil
	}
	return fmt.Errorf("%w: --format %q is none of %s", errUsage, format, strings.Join(formats, ", "))
}

// hearing is the plain format, and notes until when the lines say that everything
// was told.
type hearing struct {
	jsonl.Format

	now   time.Time
	until *time.Time // nil: nobody asks
}

func (h hearing) Read(text []byte, offset int64, out logfile.Out) logfile.Heard {
	heard := h.Format.Read(text, offset, out)
	if h.until != nil && heard.Until.After(*h.until) && !heard.Until.After(h.now) {
		*h.until = heard.Until
	}
	return heard
}

// postgresFormat is that of the configured source of a name, or the ordinary one.
func (c activityConfig) postgresFormat(source string) (pglog.Format, error) {
	s := c.Postgres[source]
	zone, err := time.LoadLocation(s.Zone)
	return pglog.Format{Name: source, Cluster: cmp.Or(s.Cluster, source), Zone: zone, Statements: s.Statements}, err
}
