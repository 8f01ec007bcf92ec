package slackfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slack-go/slack"
)

// long is n characters of three bytes each.
func long(n int) string { return strings.Repeat("€", n) }

func repeat(n int, one string) string {
	return strings.TrimSuffix(strings.Repeat(one+",", n), ",")
}

func numbered(n int, format string) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	return strings.Join(all, ",")
}

const option1 = `{"text":{"type":"plain_text","text":"o"},"value":"v%d"}`

// TestEveryLimitHoldsAtItsEdge gives each rule twice: what just fits, and what
// just does not.
func TestEveryLimitHoldsAtItsEdge(t *testing.T) {
	t.Parallel()
	plainText := func(s string) string { return `{"type":"plain_text","text":"` + s + `"}` }
	mrkdwn := func(s string) string { return `{"type":"mrkdwn","text":"` + s + `"}` }
	sec := func(inner string) string { return `{"type":"section",` + inner + `}` }
	act := func(e string) string { return `{"type":"actions","elements":[` + e + `]}` }
	in := func(e string) string { return `{"type":"input","label":` + plainText("l") + `,"element":` + e + `}` }
	btn := func(more string) string { return `{"type":"button","text":` + plainText("b") + more + `}` }
	sel := func(more string) string { return act(`{"type":"static_select",` + more + `}`) }
	opt := func(s, v string) string { return `{"text":` + plainText(s) + `,"value":"` + v + `"}` }
	confirm := func(a, b, c, d int) string {
		return act(btn(fmt.Sprintf(`,"confirm":{"title":%s,"text":%s,"confirm":%s,"deny":%s}`, plainText(long(a)), mrkdwn(long(b)), plainText(long(c)), plainText(long(d)))))
	}
	div := `{"type":"divider"}`
	for name, c := range map[string]struct{ good, bad string }{
		"blocks":              {repeat(50, div), repeat(51, div)},
		"block type":          {div, `{"type":"dvider"}`},
		"block property":      {div, `{"type":"divider","text":"x"}`},
		"block_id":            {`{"type":"divider","block_id":"` + long(255) + `"}`, `{"type":"divider","block_id":"` + long(256) + `"}`},
		"block_id empty":      {div, `{"type":"divider","block_id":""}`},
		"block_id unique":     {`{"type":"divider","block_id":"a"},{"type":"divider","block_id":"b"}`, `{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}`},
		"section text":        {sec(`"text":` + mrkdwn(long(3000))), sec(`"text":` + mrkdwn(long(3001)))},
		"section text empty":  {sec(`"text":` + mrkdwn("x")), sec(`"text":` + mrkdwn(""))},
		"section of nothing":  {sec(`"text":` + mrkdwn("x")), `{"type":"section"}`},
		"fields":              {sec(`"fields":[` + repeat(10, mrkdwn("x")) + `]`), sec(`"fields":[` + repeat(11, mrkdwn("x")) + `]`)},
		"field":               {sec(`"fields":[` + mrkdwn(long(2000)) + `]`), sec(`"fields":[` + mrkdwn(long(2001)) + `]`)},
		"fields empty":        {sec(`"fields":[` + mrkdwn("x") + `]`), sec(`"fields":[]`)},
		"text type":           {sec(`"text":` + plainText("x")), sec(`"text":{"type":"markdown","text":"x"}`)},
		"emoji":               {sec(`"text":{"type":"plain_text","text":"x","emoji":true}`), sec(`"text":{"type":"mrkdwn","text":"x","emoji":true}`)},
		"verbatim":            {sec(`"text":{"type":"mrkdwn","text":"x","verbatim":true}`), sec(`"text":{"type":"plain_text","text":"x","verbatim":true}`)},
		"header":              {`{"type":"header","text":` + plainText(long(150)) + `}`, `{"type":"header","text":` + plainText(long(151)) + `}`},
		"header mrkdwn":       {`{"type":"header","text":` + plainText("x") + `}`, `{"type":"header","text":` + mrkdwn("x") + `}`},
		"context":             {`{"type":"context","elements":[` + repeat(10, mrkdwn("x")) + `]}`, `{"type":"context","elements":[` + repeat(11, mrkdwn("x")) + `]}`},
		"context empty":       {`{"type":"context","elements":[` + mrkdwn("x") + `]}`, `{"type":"context","elements":[]}`},
		"actions":             {act(repeat(25, btn(""))), act(repeat(26, btn("")))},
		"actions empty":       {act(btn("")), act("")},
		"action_id":           {act(btn(`,"action_id":"` + long(255) + `"`)), act(btn(`,"action_id":"` + long(256) + `"`))},
		"action_id unique":    {act(btn(`,"action_id":"a"`)) + "," + act(btn(`,"action_id":"a"`)), act(btn(`,"action_id":"a"`) + "," + btn(`,"action_id":"a"`))},
		"button text":         {act(`{"type":"button","text":` + plainText(long(75)) + `}`), act(`{"type":"button","text":` + plainText(long(76)) + `}`)},
		"button text mrkdwn":  {act(btn("")), act(`{"type":"button","text":` + mrkdwn("x") + `}`)},
		"button value":        {act(btn(`,"value":"` + long(2000) + `"`)), act(btn(`,"value":"` + long(2001) + `"`))},
		"button value empty":  {act(btn(`,"value":"x"`)), act(btn(`,"value":""`))},
		"button url":          {act(btn(`,"url":"` + long(3000) + `"`)), act(btn(`,"url":"` + long(3001) + `"`))},
		"button style":        {act(btn(`,"style":"danger"`)), act(btn(`,"style":"default"`))},
		"button in an input":  {act(btn("")), in(btn(""))},
		"confirm title":       {confirm(100, 1, 1, 1), confirm(101, 1, 1, 1)},
		"confirm text":        {confirm(1, 300, 1, 1), confirm(1, 301, 1, 1)},
		"confirm yes":         {confirm(1, 1, 30, 1), confirm(1, 1, 31, 1)},
		"confirm no":          {confirm(1, 1, 1, 30), confirm(1, 1, 1, 31)},
		"options":             {sel(`"options":[` + numbered(100, option1) + `]`), sel(`"options":[` + numbered(101, option1) + `]`)},
		"options empty":       {sel(`"options":[` + opt("x", "y") + `]`), sel(`"options":[]`)},
		"options or groups":   {sel(`"options":[` + opt("x", "y") + `]`), sel(`"placeholder":` + plainText("x"))},
		"option text":         {sel(`"options":[` + opt(long(75), "y") + `]`), sel(`"options":[` + opt(long(76), "y") + `]`)},
		"option value":        {sel(`"options":[` + opt("x", long(75)) + `]`), sel(`"options":[` + opt("x", long(151)) + `]`)},
		"option value empty":  {sel(`"options":[` + opt("x", "y") + `]`), sel(`"options":[` + opt("x", "") + `]`)},
		"option values":       {sel(`"options":[` + opt("x", "y") + `,` + opt("x", "z") + `]`), sel(`"options":[` + opt("x", "y") + `,` + opt("z", "y") + `]`)},
		"option description":  {sel(`"options":[{"text":` + plainText("x") + `,"value":"v","description":` + plainText(long(75)) + `}]`), sel(`"options":[{"text":` + plainText("x") + `,"value":"v","description":` + plainText(long(76)) + `}]`)},
		"option mrkdwn":       {sel(`"options":[` + opt("x", "y") + `]`), sel(`"options":[{"text":` + mrkdwn("x") + `,"value":"v"}]`)},
		"option groups":       {sel(`"option_groups":[{"label":` + plainText(long(75)) + `,"options":[` + opt("x", "y") + `]}]`), sel(`"option_groups":[{"label":` + plainText(long(76)) + `,"options":[` + opt("x", "y") + `]}]`)},
		"initial option":      {sel(`"initial_option":` + opt("x", "y") + `,"options":[` + opt("x", "y") + `]`), sel(`"initial_option":` + opt("x", "q") + `,"options":[` + opt("x", "y") + `]`)},
		"placeholder":         {sel(`"placeholder":` + plainText(long(150)) + `,"options":[` + opt("x", "y") + `]`), sel(`"placeholder":` + plainText(long(151)) + `,"options":[` + opt("x", "y") + `]`)},
		"overflow":            {act(`{"type":"overflow","options":[` + numbered(5, option1) + `]}`), act(`{"type":"overflow","options":[` + numbered(6, option1) + `]}`)},
		"radio buttons":       {act(`{"type":"radio_buttons","options":[` + numbered(10, option1) + `]}`), act(`{"type":"radio_buttons","options":[` + numbered(11, option1) + `]}`)},
		"checkboxes":          {act(`{"type":"checkboxes","options":[` + numbered(10, option1) + `]}`), act(`{"type":"checkboxes","options":[` + numbered(11, option1) + `]}`)},
		"text input":          {in(`{"type":"plain_text_input","max_length":3000}`), in(`{"type":"plain_text_input","max_length":3001}`)},
		"text input least":    {in(`{"type":"plain_text_input","min_length":3000}`), in(`{"type":"plain_text_input","min_length":-1}`)},
		"text input preset":   {in(`{"type":"plain_text_input","max_length":5,"initial_value":"12345"}`), in(`{"type":"plain_text_input","max_length":5,"initial_value":"123456"}`)},
		"text input in place": {in(`{"type":"plain_text_input"}`), act(`{"type":"plain_text_input"}`)},
		"label":               {`{"type":"input","label":` + plainText(long(2000)) + `,"element":{"type":"plain_text_input"}}`, `{"type":"input","label":` + plainText(long(2001)) + `,"element":{"type":"plain_text_input"}}`},
		"label mrkdwn":        {in(`{"type":"plain_text_input"}`), `{"type":"input","label":` + mrkdwn("x") + `,"element":{"type":"plain_text_input"}}`},
		"hint":                {`{"type":"input","hint":` + plainText(long(2000)) + `,"label":` + plainText("x") + `,"element":{"type":"plain_text_input"}}`, `{"type":"input","hint":` + plainText(long(2001)) + `,"label":` + plainText("x") + `,"element":{"type":"plain_text_input"}}`},
		"input of nothing":    {in(`{"type":"plain_text_input"}`), `{"type":"input","label":` + plainText("x") + `}`},
		"date":                {act(`{"type":"datepicker","initial_date":"2026-01-02"}`), act(`{"type":"datepicker","initial_date":"2.1.2026"}`)},
		"time":                {act(`{"type":"timepicker","initial_time":"23:59"}`), act(`{"type":"timepicker","initial_time":"24:00"}`)},
		"date and time":       {act(`{"type":"datetimepicker","initial_date_time":1795600000}`), act(`{"type":"datetimepicker","initial_date_time":1795600000000}`)},
		"date and time place": {in(`{"type":"datetimepicker"}`), sec(`"text":` + mrkdwn("x") + `,"accessory":{"type":"datetimepicker"}`)},
		"focus":               {in(`{"type":"plain_text_input","focus_on_load":true}`), in(`{"type":"plain_text_input","focus_on_load":true}`) + "," + in(`{"type":"plain_text_input","focus_on_load":true}`)},
		"image url":           {`{"type":"image","alt_text":"x","image_url":"` + long(3000) + `"}`, `{"type":"image","alt_text":"x","image_url":"` + long(3001) + `"}`},
		"image alt":           {`{"type":"image","image_url":"x","alt_text":"` + long(2000) + `"}`, `{"type":"image","image_url":"x","alt_text":"` + long(2001) + `"}`},
		"image title":         {`{"type":"image","image_url":"x","alt_text":"x","title":` + plainText(long(2000)) + `}`, `{"type":"image","image_url":"x","alt_text":"x","title":` + plainText(long(2001)) + `}`},
		"markdown":            {`{"type":"markdown","text":"` + long(12000) + `"}`, `{"type":"markdown","text":"` + long(12001) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			if got := w.sendBlocks(t, c.good); got != "" || len(w.Violations()) != 0 {
				t.Errorf("what fits is refused: %s %q", got, w.Violations())
			}
			if got := w.sendBlocks(t, c.bad); got != "invalid_blocks" || len(w.Violations()) != 1 || len(w.Messages("U1")) != 1 {
				t.Errorf("what does not fit: %q %.300q", got, w.Violations())
			}
		})
	}
}

// sendBlocks posts blocks as they stand and returns Slack's error.
func (w *world) sendBlocks(t *testing.T, blocks string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"channel": "C1", "text": "x", "blocks": json.RawMessage("[" + blocks + "]"), "unfurl_links": false, "unfurl_media": false,
	})
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Error string }
	if err := json.Unmarshal([]byte(w.raw(t, "chat.postMessage", "Bearer xoxb-test", "application/json", string(body))), &out); err != nil {
		t.Fatal(err)
	}
	return out.Error
}

func TestARefusedMessageSaysWhereItIsWrong(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, _, err := w.api.PostMessageContext(t.Context(), "C1", quiet(slack.MsgOptionText("x", false), slack.MsgOptionBlocks(section(long(3001)))))
	var e slack.SlackErrorResponse
	if !errors.As(err, &e) || e.Err != "invalid_blocks" || len(e.ResponseMetadata.Messages) != 1 ||
		!strings.Contains(e.ResponseMetadata.Messages[0], "[json-pointer:/blocks/0/text/text]") {
		t.Errorf("%+v", e)
	}
}

func TestTextsOfMessagesAreMeasured(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ch, ts := w.post(t, "C1", slack.MsgOptionText(long(4000), false))
	_, _, _, err := w.api.UpdateMessageContext(t.Context(), ch, ts, slack.MsgOptionText(long(4000), false))
	if err != nil {
		t.Fatal(err)
	}
	w.wantClean(t)
	_, _, _, err = w.api.UpdateMessageContext(t.Context(), ch, ts, slack.MsgOptionText(long(4001), false))
	wantCode(t, err, "msg_too_long")
	_, cut := w.post(t, "C1", slack.MsgOptionText(long(40001), false))
	if m, _ := w.Message("C1", cut); len([]rune(m.Text)) != 40000 {
		t.Errorf("%d characters kept", len([]rune(m.Text)))
	}
	_, _, err = w.api.PostMessageContext(t.Context(), "C1", quiet(slack.MsgOptionText("x", false), slack.MsgOptionBlocks(
		section(long(3000)), section(long(3000)), section(long(3000)), section(long(3000)), section("x"))))
	wantCode(t, err, "msg_blocks_too_long")
	_, _, err = w.api.PostMessageContext(t.Context(), "C1", quiet())
	wantCode(t, err, "no_text")
	if got := w.Violations(); len(got) != 4 {
		t.Errorf("%.200q", got)
	}
}

func TestWhatSlackWouldLetPassIsNotedAllTheSame(t *testing.T) {
	t.Parallel()
	text := func(s string) slack.MsgOption { return quiet(slack.MsgOptionText(s, false)) }
	for name, c := range map[string]struct {
		option slack.MsgOption
		want   string
	}{
		"unfurling":             {slack.MsgOptionText("x", false), "unfurl"},
		"half unfurling":        {slack.MsgOptionCompose(slack.MsgOptionText("x", false), slack.MsgOptionDisableLinkUnfurl()), "unfurl"},
		"unfurling links":       {slack.MsgOptionCompose(slack.MsgOptionText("x", false), slack.MsgOptionDisableMediaUnfurl()), "unfurl"},
		"no text beside blocks": {quiet(slack.MsgOptionBlocks(section("x"))), "without a text"},
		"link_names":            {slack.MsgOptionCompose(text("x"), slack.MsgOptionLinkNames(true)), "link_names"},
		"parse=full":            {slack.MsgOptionCompose(text("x"), slack.MsgOptionParse(true)), "parse=full"},
		"channel":               {text("hello <!channel>"), "<!channel>"},
		"here in a block":       {slack.MsgOptionCompose(text("x"), slack.MsgOptionBlocks(section("<!here|here>"))), "<!here|here>"},
		"everyone":              {text("<!everyone>"), "<!everyone>"},
		"a group":               {text("<!subteam^S1>"), "<!subteam^S1>"},
		"somebody":              {text("<@U2>"), "<@U2>"},
		"a secret":              {text("use xoxb-test"), "carries a token"},
		"a long option value": {slack.MsgOptionCompose(text("x"), slack.MsgOptionBlocks(slack.NewActionBlock("b",
			slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, "a", slack.NewOptionBlockObject(strings.Repeat("v", 76), plain("x"), nil))))), "76 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			_, _, err := w.api.PostMessageContext(t.Context(), "C1", c.option)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(w.Violations(), "\n")
			if !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("noted %q", got)
			}
			if len(w.Messages("U1")) != 1 {
				t.Error("not posted")
			}
		})
	}
}

func TestEscapedMentionsAndPlainTextAreHarmless(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.AllowMentions = true })
	w.post(t, "C1", slack.MsgOptionText("<!channel> & <@U2>", true), slack.MsgOptionBlocks(
		slack.NewSectionBlock(plain("<!channel>"), nil, nil), section("&lt;!here&gt; by <@U2>")))
	w.wantClean(t)
	w.post(t, "C1", slack.MsgOptionText("<@U99>", false))
	if len(w.Violations()) != 1 {
		t.Errorf("%q", w.Violations())
	}
}

func TestModalsAreMeasured(t *testing.T) {
	t.Parallel()
	input := inputBlock("i", slack.NewPlainTextInputBlockElement(nil, "a"), false)
	for name, c := range map[string]struct {
		change func(*slack.ModalViewRequest, int)
		fits   int
	}{
		"title":    {func(v *slack.ModalViewRequest, n int) { v.Title = plain(long(n)) }, 24},
		"submit":   {func(v *slack.ModalViewRequest, n int) { v.Submit = plain(long(n)) }, 24},
		"close":    {func(v *slack.ModalViewRequest, n int) { v.Close = plain(long(n)) }, 24},
		"metadata": {func(v *slack.ModalViewRequest, n int) { v.PrivateMetadata = long(n) }, 3000},
		"callback": {func(v *slack.ModalViewRequest, n int) { v.CallbackID = long(n) }, 255},
		"external": {func(v *slack.ModalViewRequest, n int) { v.ExternalID = long(n) }, 255},
		"blocks": {func(v *slack.ModalViewRequest, n int) {
			v.Blocks.BlockSet = nil
			for range n {
				v.Blocks.BlockSet = append(v.Blocks.BlockSet, slack.NewDividerBlock())
			}
		}, 100},
		"inputs need submit": {func(v *slack.ModalViewRequest, n int) {
			if v.Blocks.BlockSet = []slack.Block{input}; n > 0 {
				v.Submit = nil
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.answering(t, silent)
			v := modal("x", section("x"))
			c.change(&v, c.fits)
			w.open(t, "U1", v)
			w.wantClean(t)
			c.change(&v, c.fits+1)
			_, err := w.api.OpenViewContext(t.Context(), w.trigger(t), v)
			wantCode(t, err, "invalid_arguments")
			if len(w.Violations()) != 1 {
				t.Errorf("%q", w.Violations())
			}
		})
	}
}

func TestAViewIsMeasuredAsAWhole(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.answering(t, silent)
	v := modal("x")
	for range 28 { // of a bit over 9,000 bytes each
		v.Blocks.BlockSet = append(v.Blocks.BlockSet, section(long(3000)))
	}
	w.open(t, "U1", v)
	w.wantClean(t)
	v.Blocks.BlockSet = append(v.Blocks.BlockSet, section(long(3000)))
	_, err := w.api.OpenViewContext(t.Context(), w.trigger(t), v)
	wantCode(t, err, "view_too_large")
}

func TestSuggestionsAreMeasured(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var values []string
	for i := range 101 {
		values = append(values, fmt.Sprint(i))
	}
	w.answering(t, func(ic slack.InteractionCallback) any {
		if ic.Type == slack.InteractionTypeBlockSuggestion {
			return map[string]any{"options": options(values...)}
		}
		return nil
	})
	w.open(t, "U1", bigForm())
	if _, err := w.Suggest(t.Context(), "U1", "", "ext", "a", "abc"); !errors.Is(err, ErrRefused) || len(w.Violations()) != 1 {
		t.Errorf("%v %q", err, w.Violations())
	}
	calls := len(w.Violations())
	if got, err := w.Suggest(t.Context(), "U1", "", "ext", "a", "ab"); err != nil || got != nil || len(w.Violations()) != calls {
		t.Errorf("asked for two characters: %v %v", got, err)
	}
}
