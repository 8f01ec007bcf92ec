package k8saudit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"jitbot/activity"
	"jitbot/activity/logfile"
	"jitbot/internal/follow"
)

// Stream reads events to the end of r: lines, or lists of any length that may be
// laid out over many lines, in constant memory.
func Stream(ctx context.Context, r io.Reader, f Format, out logfile.Out, now time.Time) error {
	content, _, err := follow.Unpack(r)
	if err != nil {
		out.Skip(activity.BadTruncated, 1)
		return nil
	}
	if start, _ := content.Peek(4096); !isLaidOut(start) {
		return logfile.Records(ctx, content, f, out, now)
	}
	return lists(ctx, content, f, out, now)
}

// isLaidOut reports whether a value starts that does not end in its line. A line
// that is longer than start counts as one if it is a list.
func isLaidOut(start []byte) bool {
	start = bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n")
	line, _, ended := bytes.Cut(start, []byte("\n"))
	if !ended {
		return bytes.Contains(line, []byte(`"EventList"`)) || bytes.Contains(line, []byte(`"items"`))
	}
	return len(line) > 0 && line[0] == '{' && !jsontext.Value(line).IsValid() && bytes.Count(line, []byte("{")) > bytes.Count(line, []byte("}"))
}

// lists reads values one after the other, and of lists their items. What follows
// something that is no JSON cannot be told apart and is set aside with it.
func lists(ctx context.Context, r io.Reader, f Format, out logfile.Out, now time.Time) error {
	in := &bounded{r: r}
	d := jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true)) // each event is checked by itself
	items := 0
	for n := 0; ; n++ {
		in.left = 2 * follow.MaxRecord
		item, err := next(d)
		if errors.Is(err, io.EOF) && d.StackDepth() == 0 {
			if items == 0 {
				out.Skip(activity.BadShape, 1)
			}
			return nil
		}
		if err != nil {
			return ended(err, out)
		}
		if item != nil {
			items++
			logfile.Read(f, item, d.InputOffset(), out, now)
		}
		if n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// next returns the next event, or nil where something else was passed over.
func next(d *jsontext.Decoder) (jsontext.Value, error) {
	switch kind := d.PeekKind(); {
	case d.StackDepth() == 0 && kind == '{', d.StackDepth() == 1 && kind == '}', d.StackDepth() == 2 && kind == ']':
		_, err := d.ReadToken()
		return nil, err
	case d.StackDepth() == 1:
		return nil, member(d)
	case d.StackDepth() == 0:
		return nil, d.SkipValue()
	}
	return d.ReadValue()
}

// member passes over a member of a list, but goes into its items.
func member(d *jsontext.Decoder) error {
	name, err := d.ReadToken()
	if err != nil {
		return err
	}
	if name.String() == "items" && d.PeekKind() == '[' {
		_, err := d.ReadToken()
		return err
	}
	return d.SkipValue()
}

// bounded reads no more than is left for one item.
type bounded struct {
	r    io.Reader
	left int
}

var errLong = errors.New("an item is too long")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLong
	}
	n, err := b.r.Read(p[:min(len(p), 32<<10, b.left)])
	b.left -= n
	return n, err
}

// ended counts why a stream could not be read on. What is no fault of the
// content is returned.
func ended(err error, out logfile.Out) error {
	var syntax *jsontext.SyntacticError
	why, damaged := logfile.Damage(err)
	switch {
	case errors.Is(err, errLong):
		why = activity.BadTooLong
	case errors.Is(err, io.ErrUnexpectedEOF):
		why = activity.BadTruncated
	case damaged:
	case errors.As(err, &syntax):
		why = activity.BadShape
	default:
		return err
	}
	out.Skip(why, 1)
	return nil
}
