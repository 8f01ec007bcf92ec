package readback_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"jitbot/integrations/slack/blocks/readback"
)

const title = `{"type":"header","text":{"type":"plain_text","text":"t","emoji":false}}`

func mrkdwn(s string) string {
	return fmt.Sprintf(`{"type":"section","text":{"type":"mrkdwn","text":%q,"verbatim":true}}`, s)
}

func button(rest string) string {
	return `{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"l","emoji":false},` + rest + `}]}`
}

func TestMarkupNobodyMeantIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"fine `a_b` *c_d* e_f 1 &gt; 0 &lt;@U1&gt;":                                      "",
		"at <!date^1772445690^{date_short_pretty} at {time}|2026-03-02 10:01 UTC>":       "",
		"at <!date^1772445690^{date_short_pretty} at {time}|2026-03-02 10:02 UTC>":       "two instants",
		"at <!date^1772445690^{date_short_pretty} at {time}^https://x|2026-03-02 10:01>": "a link or a mention",
		"<!channel>":               "a link or a mention",
		"hi <@U1>":                 "a link or a mention",
		"<https://evil|sso>":       "a link or a mention",
		"see https://evil":         "would be parsed",
		":x: done":                 "would be parsed",
		"_slanted_":                "would be parsed",
		"~struck~":                 "would be parsed",
		"&gt; quote":               "would be parsed",
		"＞ quote":                  "would be parsed",
		"＊b＊":                      "would be parsed",
		"*open":                    "closes nothing",
		"`open":                    "closes nothing",
		"a & b":                    "not escaped",
		"`a > b`":                  "not escaped",
		"one\nline":                "more than one line",
		"*bold :x: emoji*":         "would be parsed",
		"an&nbsp;entity of no use": "not escaped",
	} {
		refused(t, text, "["+title+","+mrkdwn(text)+"]", want)
	}
}

func TestWhatSlackWouldRefuseIsRefused(t *testing.T) {
	t.Parallel()
	ok := button(`"action_id":"v"`)
	long := func(n int) string { return strings.Repeat("é", n) }
	for blocks, want := range map[string]string{
		title + "," + ok: "",
		"":               "0 blocks",
		title + strings.Repeat(","+mrkdwn("p"), 49): "",
		title + strings.Repeat(","+mrkdwn("p"), 50): "51 blocks",
		mrkdwn("p"):                                                                           "begins with a header",
		title + "," + mrkdwn(""):                                                              "of 0 characters",
		title + "," + mrkdwn(long(3000)):                                                      "",
		title + "," + mrkdwn(long(3001)):                                                      "3001 characters",
		title + "," + ok + "," + ok:                                                           "stands twice",
		title + "," + button(`"value":"x"`):                                                   "empty or stands twice",
		title + "," + button(`"action_id":"v","style":"loud"`):                                "style",
		title + "," + button(`"action_id":"v","value":"`+long(2001)+`"`):                      "2001 characters",
		title + "," + button(`"action_id":"v","confirm":{}`):                                  "title is",
		title + `,{"type":"rich_text"}`:                                                       "not one of the blocks",
		title + `,{"type":"divider"}`:                                                         "no part of a card",
		title + `,{"type":"section"}`:                                                         "neither text nor fields",
		title + `,{"type":"context","elements":[]}`:                                           "0 elements",
		title + `,{"type":"actions","elements":[]}`:                                           "0 elements",
		title + strings.Repeat(`,{"type":"divider","block_id":"b"}`, 2):                       "stands twice",
		strings.Replace(title, "plain_text", "mrkdwn", 1):                                     "is \"mrkdwn\"",
		strings.Replace(title, "false", "true", 1):                                            "as emoji",
		title + "," + strings.Replace(mrkdwn("p"), `"verbatim":true`, `"x":1`, 1):             "made links",
		title + `,{"type":"section","fields":[{"type":"mrkdwn","text":"l","verbatim":true}]}`: "in pairs",
		title + `,{"type":"section","block_id":"quote","text":{"type":"plain_text","text":"q","emoji":false}}`: "quotation marks",
	} {
		refused(t, blocks, "["+blocks+"]", want)
	}
}

func refused(t *testing.T, what, blocks, want string) {
	t.Helper()
	_, err := readback.Card(json.RawMessage(blocks))
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%.200s: %v, not %q", what, err, want)
	}
}

func TestAModalSlackWouldRefuseIsRefused(t *testing.T) {
	t.Parallel()
	const text = `{"type":"plain_text","text":"t","emoji":false}`
	const opt = `{"text":` + text + `,"value":"v"}`
	modal := func(submit, element string) string {
		return `{"type":"modal","title":` + text + submit + `,"blocks":[{"type":"input","block_id":"b#v2","label":` + text + `,"element":` + element + `}]}`
	}
	submit := `,"submit":` + text
	for v, want := range map[string]string{
		modal(submit, `{"type":"plain_text_input","action_id":"v:line"}`):                                                             "",
		modal(submit, `{"type":"static_select","action_id":"v:choice","options":[`+opt+`],"initial_option":`+opt+`}`):                 "",
		modal("", `{"type":"plain_text_input","action_id":"v:line"}`):                                                                 "without submit",
		modal(submit, `{"type":"plain_text_input","action_id":"v:choose"}`):                                                           "is no input",
		modal(submit, `{"type":"users_select","action_id":"v:line"}`):                                                                 "is no input",
		modal(submit, `{"type":"static_select","action_id":"v:choice","options":[]}`):                                                 "0 options",
		modal(submit, `{"type":"static_select","action_id":"v:choice","options":[`+opt+`],"initial_option":{"value":"w"}}`):           "none of the options",
		modal(submit, `{"type":"plain_text_input","action_id":"v:line","max_length":2,"initial_value":"abc"}`):                        "3 characters",
		modal(submit, `{"type":"plain_text_input","action_id":"v:line","max_length":3001}`):                                           "max_length",
		strings.Replace(modal(submit, `{"type":"plain_text_input","action_id":"v:line"}`), `"t"`, `"`+strings.Repeat("t", 25)+`"`, 1): "25 characters",
		strings.Replace(modal(submit, `{"type":"plain_text_input","action_id":"v:line"}`), "modal", "home", 1):                        "a home is no modal",
	} {
		f, err := readback.Form(json.RawMessage(v))
		if want == "" && (err != nil || f.Fields[0].Name != "b") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.300s: %v, not %q", v, err, want)
		}
	}
}

func TestAHomeWithoutAHeadingIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := readback.Home(json.RawMessage(`{"type":"home","blocks":[` + mrkdwn("p") + `]}`)); err == nil {
		t.Error("it was taken")
	}
}
