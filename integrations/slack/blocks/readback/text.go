package readback

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"jitbot/bot"
)

// text is Slack's text object.
type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim bool   `json:"verbatim"`
}

// words reads a text object: plain_text as it stands, mrkdwn as Slack parses
// it. Markup other than bold, code and instants is an error: nobody meant it.
func words(t text) (bot.Text, error) {
	if strings.ContainsAny(t.Text, "\n\r\u2028\u2029") {
		return nil, fmt.Errorf("%q is more than one line", t.Text)
	}
	switch t.Type {
	case "plain_text":
		if t.Emoji == nil || *t.Emoji {
			return nil, fmt.Errorf("%q would show :names: as emoji", t.Text)
		}
		return bot.Text{{Text: t.Text}}, nil
	case "mrkdwn":
		if !t.Verbatim {
			return nil, fmt.Errorf("%q would have its addresses made links", t.Text)
		}
		return parse(t.Text)
	default:
		return nil, fmt.Errorf("%q is no type of text", t.Type)
	}
}

// dateToken is an instant as jitbot writes it.
var dateToken = regexp.MustCompile(`^<!date\^([0-9]+)\^\{date_short_pretty\} at \{time\}\|([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC)>`)

// parse reads mrkdwn. Zero-width spaces only say where a word ends.
func parse(s string) (bot.Text, error) {
	s = strings.ReplaceAll(s, "\u200b", "")
	var out bot.Text
	for s != "" {
		span, rest, err := next(s)
		if err != nil {
			return out, err
		}
		out, s = append(out, span), rest
	}
	return out, nil
}

func next(s string) (span bot.Span, rest string, err error) {
	switch s[0] {
	case '<':
		return instant(s)
	case '*', '`':
		inner, rest, closed := strings.Cut(s[1:], s[:1])
		if !closed || inner == "" {
			return span, "", fmt.Errorf("a %c that closes nothing in %q", s[0], s)
		}
		if s[0] == '`' {
			span.Code = true
			span.Text, err = unescaped(inner)
			return span, rest, err
		}
		span.Strong = true
		span.Text, err = unmarked(inner)
		return span, rest, err
	}
	end := strings.IndexAny(s, "<*`")
	if end < 0 {
		end = len(s)
	}
	span.Text, err = unmarked(s[:end])
	return span, s[end:], err
}

func instant(s string) (bot.Span, string, error) {
	m := dateToken.FindStringSubmatch(s)
	if m == nil {
		return bot.Span{}, "", fmt.Errorf("a link or a mention: %q", s)
	}
	seconds, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return bot.Span{}, "", err
	}
	at := time.Unix(seconds, 0).UTC()
	if at.Format("2006-01-02 15:04 UTC") != m[2] {
		return bot.Span{}, "", fmt.Errorf("%s and %s are two instants", m[1], m[2])
	}
	return bot.Span{Time: at}, s[len(m[0]):], nil
}

// parsed is what Slack would still take for markup in the words between marks.
var parsed = regexp.MustCompile("[~*＊＿｀`]|(?:^|[^A-Za-z0-9])_|_(?:[^A-Za-z0-9]|$)|:(?:[^ ]|$)|^ *(?:&gt;|＞)")

func unmarked(s string) (string, error) {
	if m := parsed.FindString(s); m != "" {
		return "", fmt.Errorf("%q in %q would be parsed", m, s)
	}
	return unescaped(s)
}

var (
	anEntity = regexp.MustCompile(`&(?:amp|lt|gt);`)
	entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
	// disguises are the look-alikes that stand where a mark would be parsed.
	disguises = strings.NewReplacer("∗", "*", "﹡", "＊", "ˍ", "_", "⸏", "＿", "ˋ", "`", "∼", "~", "∶", ":", "›", ">")
)

func unescaped(s string) (string, error) {
	if strings.ContainsAny(anEntity.ReplaceAllString(s, ""), "&<>") {
		return "", errors.New("not escaped: " + s)
	}
	return disguises.Replace(entities.Replace(s)), nil
}

// flat is a text without its marks.
func flat(t bot.Text) string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
	}
	return b.String()
}
