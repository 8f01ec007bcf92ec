package blocks_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/integrations/slack/blocks"
	"jitbot/integrations/slack/blocks/readback"
	"jitbot/integrations/slack/wire"
	"jitbot/internal/loopback/world"
)

// TestEverythingPeopleAreShownSurvivesBlockKit plays the scenario of every chat
// with each card and form rendered and read back, without Slack between.
func TestEverythingPeopleAreShownSurvivesBlockKit(t *testing.T) {
	t.Parallel()
	bottest.TestChat(t, &paper{t: t, world: world.New(t, world.Setup{})})
}

// paper is a chat that exists as Block Kit only.
type paper struct {
	t     *testing.T
	world *world.World
	last  func() bot.Reply
}

func (p *paper) do(user string, in bot.Incoming) bot.Reply {
	p.t.Helper()
	in.From.User = user
	p.last = func() bot.Reply { return p.read(p.world.Handle(in)) }
	return p.last()
}

func (p *paper) read(r bot.Reply) bot.Reply {
	p.t.Helper()
	if r.Card != nil {
		c := readCard(p.t, *r.Card)
		r.Card = &c
	}
	if r.Form != nil {
		f := readForm(p.t, *r.Form)
		r.Form = &f
	}
	return r
}

func (p *paper) Say(user, text string) bot.Reply {
	in := p.world.Incoming(user)
	in.Text = text
	return p.do(user, in)
}

func (p *paper) Press(user string, _ bottest.Shown, b bot.Button) bot.Reply {
	a, ok := blocks.ParseAction(b.Verb, b.ID)
	if !ok {
		p.t.Fatalf("%+v does nothing", b)
	}
	in := p.world.Incoming(user)
	in.Action = &a
	return p.do(user, in)
}

func (p *paper) Submit(user string, f bot.Form, values map[string]string) bot.Reply {
	in := p.world.Incoming(user)
	in.Form = &bot.Submission{Name: f.Name, ID: f.ID, Values: blocks.Values(stateOf(f, values))}
	return p.do(user, in)
}

func (p *paper) Again() bot.Reply { return p.last() }

func (p *paper) Pass(d time.Duration) { p.world.Pass(d) }

func (p *paper) See(user string) (out []bottest.Shown) {
	p.t.Helper()
	all, _ := p.world.Chat.Messages()
	for _, m := range all {
		place := "#" + m.To.Channel
		if m.To.Channel == "" {
			place = "@" + m.To.Account.User
		}
		if strings.HasPrefix(place, "#") || place == "@"+user {
			out = append(out, bottest.Shown{Place: place, ID: string(m.Ref), Card: readCard(p.t, m.Card)})
		}
	}
	return out
}

// stateOf is a filled-in form as Slack hands it in.
func stateOf(f bot.Form, values map[string]string) map[string]wire.Value {
	state := map[string]wire.Value{}
	for _, in := range f.Fields {
		kind := "plain_text_input"
		if in.Kind == bot.Choice || in.Kind == bot.Duration && in.Live && len(in.Options) > 0 {
			kind = "static_select"
		}
		state[in.Name] = wire.Value{Text: values[in.Name], Set: values[in.Name] != "", Type: kind}
	}
	return state
}

func rendered(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func readCard(t *testing.T, c bot.Card) bot.Card {
	t.Helper()
	_, b := blocks.Message(c)
	got, err := readback.Card(rendered(t, b))
	if err != nil {
		t.Fatalf("%v\n%s", err, rendered(t, b))
	}
	return got
}

func readForm(t *testing.T, f bot.Form) bot.Form {
	t.Helper()
	v := rendered(t, blocks.Modal(f))
	got, err := readback.Form(v)
	if err != nil {
		t.Fatalf("%v\n%s", err, v)
	}
	return got
}
