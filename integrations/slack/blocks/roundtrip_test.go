package blocks_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/slack/blocks"
	"jitbot/integrations/slack/blocks/readback"
)

func TestACardReadsBackAsItWas(t *testing.T) {
	t.Parallel()
	want := approvalCard()
	want.Notice = ""
	want.Fields[0].Value = words("Ann Lee")
	if diff := cmp.Diff(want, readCard(t, approvalCard())); diff != "" {
		t.Errorf("-said +read:\n%s", diff)
	}
}

func TestAFormReadsBackAsItWas(t *testing.T) {
	t.Parallel()
	want := requestForm()
	want.Fields[2].Options = append(want.Fields[2].Options, bot.Option{Value: "45m", Label: "45m"})
	if diff := cmp.Diff(want, readForm(t, requestForm())); diff != "" {
		t.Errorf("-said +read:\n%s", diff)
	}
}

func TestAHomeReadsBackAsItWas(t *testing.T) {
	t.Parallel()
	want := homePage()
	for _, p := range want.Parts {
		for i := range p.Cards {
			p.Cards[i].Notice = ""
			for j := range p.Cards[i].Links {
				p.Cards[i].Links[j].Once = false
			}
		}
	}
	want.Parts[0].Cards[0].Fields[0].Value = words("Ann Lee") // shared by both cards
	got, err := readback.Home(rendered(t, blocks.Home(homePage())))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-said +read:\n%s", diff)
	}
}

func TestAResultIsACardInAModalWithNothingToSubmit(t *testing.T) {
	t.Parallel()
	v := blocks.Result(credentialsCard())
	got, err := readback.Card(rendered(t, v.Blocks.BlockSet))
	if err != nil {
		t.Fatal(err)
	}
	if got.Title != credentialsCard().Title || len(got.Links) != 1 || v.Submit != nil || v.Close.Text != "Done" {
		t.Errorf("read %+v of %+v", got, v)
	}
	if _, err := readback.Form(rendered(t, v)); err == nil {
		t.Error("it was read as a form")
	}
}

func TestTheAddressOfALinkIsNoPartOfTheNotice(t *testing.T) {
	t.Parallel()
	c := credentialsCard()
	c.Notice = "Open " + c.Links[0].URL + " now"
	text, _ := blocks.Message(c)
	if strings.Contains(text, "secret-token") || text != "Open … now" {
		t.Errorf("the notice is %q", text)
	}
}

func TestAnAddressInTheNoticeIsNoLink(t *testing.T) {
	t.Parallel()
	text, _ := blocks.Message(bot.Card{Notice: "see https://evil.example/x\n<@U1> & *b*"})
	if want := "see https∶//evil.example/x &lt;@U1&gt; &amp; ∗b∗"; text != want {
		t.Errorf("the notice is %q, not %q", text, want)
	}
}

func TestMarksSetInsideAWordAreShownAndReadBack(t *testing.T) {
	t.Parallel()
	p := bot.Text{{Text: "a"}, {Text: "b", Strong: true}, {Text: "c"}, {Text: " d ", Code: true}, {Text: "e", Strong: true}, {Text: "f", Code: true}, {Time: due}}
	_, b := blocks.Message(bot.Card{Title: "t", Body: []bot.Text{p}})
	raw := string(rendered(t, b))
	if want := "a\u200b*b*\u200bc `d` *e*\u200b`f`\u200b\\u003c!date"; !strings.Contains(raw, want) {
		t.Errorf("rendered %s, without %q", raw, want)
	}
	want := bot.Text{{Text: "a"}, {Text: "b", Strong: true}, {Text: "c "}, {Text: "d", Code: true}, {Text: " "}, {Text: "e", Strong: true}, {Text: "f", Code: true}, {Time: due}}
	if diff := cmp.Diff([]bot.Text{want}, readCard(t, bot.Card{Title: "t", Body: []bot.Text{p}}).Body); diff != "" {
		t.Errorf("-said +read:\n%s", diff)
	}
}
