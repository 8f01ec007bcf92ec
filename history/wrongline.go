package history

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"jitbot/internal/strictjson"
)

var (
	aKey  = regexp.MustCompile(`"([A-Za-z0-9_-]{1,40})"\s*:`)
	theID = regexp.MustCompile(`"id"\s*:\s*"([^"\\]{1,128})"`)
)

// idIn is the id of a line that cannot be read, where it is seen all the same.
func idIn(raw []byte) string {
	if m := theID.FindSubmatch(raw); m != nil && lineID.Match(m[1]) {
		return string(m[1])
	}
	return ""
}

// wrongAt says of a line that cannot be read which key it is about, and how its
// value is written.
func wrongAt(raw []byte, err error) error {
	e := new(strictjson.Error)
	if !errors.As(err, &e) || e.Kind == strictjson.Size || e.Kind == strictjson.UTF8 || e.Kind == strictjson.Syntax {
		return err
	}
	key := ""
	for _, m := range aKey.FindAllSubmatchIndex(raw, -1) {
		if int64(m[0]) > e.Offset+1 { // the place may be the comma before the key
			break
		}
		key = string(raw[m[2]:m[3]])
	}
	if key == "" {
		return err
	}
	return fmt.Errorf("%s: %w%s", key, err, written(key, e.Kind))
}

// written says how the value of a key is written.
func written(key string, wrong strictjson.Kind) string {
	switch {
	case wrong == strictjson.Unknown:
		return "; docs/history-format.md has the keys there are"
	case wrong != strictjson.Type:
		return ""
	case strings.Contains(" at from promised ends ended decided_at reviewed review_by ", " "+key+" "):
		return `; an instant has a zone, such as "2026-03-02T09:00:00Z" or "2026-03-02T10:00:00+01:00"`
	case strings.Contains(" duration held left ", " "+key+" "):
		return `; a length of time is a text, such as "90m" or "1h30m"`
	case key == "told":
		return `; it is a list of {"who": ..., "at": ...}`
	case key == "approvals":
		return `; it is a list of {"by": ..., "at": ...}`
	default:
		return ""
	}
}
