package slackfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// object is a JSON object as the app sent it.
type object = map[string]any

// linter reads what the app wants shown. What Slack refuses goes to errs, each
// with a JSON pointer as Slack writes them; what Slack lets pass and no careful
// app sends goes to notes.
type linter struct {
	surface  string // "message", "modal" or "home"
	errs     []string
	notes    []string
	blockIDs map[string]bool
	texts    int // characters in all text objects
	focused  int
	inputs   int
	newID    func() string
	known    func(user string) bool // whether a mention of this user is allowed
}

var (
	broadcast = regexp.MustCompile(`<!(channel|here|everyone|subteam\^)[^>]*>`)
	mention   = regexp.MustCompile(`<@([^>|]*)[^>]*>`)
	dateForm  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	timeForm  = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d$`)
)

func (s *Server) linter(surface string) *linter {
	return &linter{
		surface: surface, blockIDs: map[string]bool{},
		newID: func() string { return fmt.Sprintf("x%04d", s.next()) },
		known: func(user string) bool { _, ok := s.users[user]; return ok && s.cfg.AllowMentions },
	}
}

func (l *linter) fail(path, format string, a ...any) {
	l.errs = append(l.errs, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", fmt.Sprintf(format, a...), path))
}

func (l *linter) note(path, format string, a ...any) {
	l.notes = append(l.notes, fmt.Sprintf("%s [json-pointer:%s]", fmt.Sprintf(format, a...), path))
}

// keys refuses properties that an object does not have.
func (l *linter) keys(path string, o object, allowed string) {
	for k := range o {
		if !slices.Contains(strings.Fields(allowed), k) {
			l.fail(path, "additional property: %s", k)
		}
	}
}

// str reads an optional string property between least and most characters.
func (l *linter) str(path string, o object, key string, least, most int) string {
	v, given := o[key]
	if !given {
		return ""
	}
	text, ok := v.(string)
	if !ok {
		l.fail(path+"/"+key, "must be a string")
		return ""
	}
	l.size(path+"/"+key, text, least, most)
	return text
}

func (l *linter) size(path, text string, least, most int) {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		l.fail(path, "must be UTF-8")
	case n < least:
		l.fail(path, "must be more than %d characters", least-1)
	case n > most:
		l.fail(path, "must be less than %d characters", most+1)
	}
}

// oneOf reads an optional string property that has few values.
func (l *linter) oneOf(path string, o object, key string, values ...string) {
	if text := l.str(path, o, key, 1, maxTextObject); text != "" && !slices.Contains(values, text) {
		l.fail(path+"/"+key, "must be one of %s", strings.Join(values, ", "))
	}
}

// number reads an optional whole number.
func (l *linter) number(path string, o object, key string, least, most float64) {
	v, given := o[key]
	if !given {
		return
	}
	if n, ok := v.(float64); !ok || n != float64(int64(n)) || n < least || n > most {
		l.fail(path+"/"+key, "must be a whole number from %.0f to %.0f", least, most)
	}
}

// list reads a property that is an array with least to most entries.
func (l *linter) list(path string, o object, key string, least, most int) []any {
	v, given := o[key]
	if !given && least == 0 {
		return nil
	}
	items, ok := v.([]any)
	switch {
	case !ok:
		l.fail(path+"/"+key, "must provide an array")
	case len(items) < least:
		l.fail(path+"/"+key, "no fewer than %d items allowed", least)
	case len(items) > most:
		l.fail(path+"/"+key, "no more than %d items allowed", most)
	}
	return items
}

// Kinds of text that a place takes.
const (
	plainOnly = "plain_text"
	anyText   = "mrkdwn or plain_text"
)

// text reads a text object that must stand under a key.
func (l *linter) text(path string, o object, key, kind string, most int) {
	v, given := o[key]
	if !given {
		l.fail(path+"/"+key, "must provide a text object")
		return
	}
	l.textObject(path+"/"+key, v, kind, most)
}

// maybe reads a text object that may stand under a key.
func (l *linter) maybe(path string, o object, key, kind string, most int) {
	if _, given := o[key]; given {
		l.text(path, o, key, kind, most)
	}
}

func (l *linter) textObject(path string, v any, kind string, most int) {
	o, ok := v.(object)
	if !ok {
		l.fail(path, "must be a text object")
		return
	}
	l.keys(path, o, "type text emoji verbatim")
	text, given := o["text"].(string)
	if !given {
		l.fail(path+"/text", "must provide a string")
	}
	l.size(path+"/text", text, 1, most)
	l.texts += utf8.RuneCountInString(text)
	switch o["type"] {
	case "plain_text":
		if o["verbatim"] == true {
			l.fail(path+"/verbatim", "only for mrkdwn")
		}
	case "mrkdwn":
		if _, given := o["emoji"]; given {
			l.fail(path+"/emoji", "only for plain_text")
		}
		if kind == plainOnly {
			l.fail(path+"/type", "must be plain_text")
		}
		l.formatted(path+"/text", text)
	default:
		l.fail(path+"/type", "must be %s", kind)
	}
}

// formatted looks for mentions in text that Slack reads as its markup.
func (l *linter) formatted(path, text string) {
	if found := broadcast.FindString(text); found != "" {
		l.note(path, "mentions many people with %s", found)
	}
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		if !l.known(m[1]) {
			l.note(path, "mentions somebody with %s", m[0])
		}
	}
}

// encode writes JSON the way people read it, without \u003c.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // what was decoded from JSON, or built here, encodes
	return bytes.TrimRight(b.Bytes(), "\n")
}
