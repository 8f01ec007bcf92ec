package slackfake

import (
	"regexp"
	"strings"
)

var (
	bareLink  = regexp.MustCompile(`(^|[\s(])(https?://[^\s<>|)]+)`)
	loneAnd   = regexp.MustCompile(`&(amp;|lt;|gt;)?`)
	plainSafe = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)

// rewritten is what becomes of mrkdwn: lone ampersands are entities, bare
// addresses stand in angle brackets.
func rewritten(text string) string {
	text = loneAnd.ReplaceAllStringFunc(text, func(m string) string {
		if m == "&" {
			return "&amp;"
		}
		return m
	})
	return bareLink.ReplaceAllString(text, "$1<$2>")
}

// rewriteTexts does to all text objects below v what Slack does to them.
func rewriteTexts(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = rewriteTexts(v[i])
		}
	case object:
		text, isText := v["text"].(string)
		switch {
		case isText && v["type"] == "mrkdwn":
			v["text"] = rewritten(text)
			if _, given := v["verbatim"]; !given {
				v["verbatim"] = false
			}
		case isText && v["type"] == "plain_text":
			v["text"] = plainSafe.Replace(text)
			if _, given := v["emoji"]; !given {
				v["emoji"] = true
			}
		default:
			for k := range v {
				v[k] = rewriteTexts(v[k])
			}
		}
	}
	return v
}
