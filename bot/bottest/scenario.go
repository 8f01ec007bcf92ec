package bottest

import (
	_ "embed" // the scenario
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
)

// ChatHarness lets people act through a chat adapter's real inbound path, with
// jitbot behind it, and reads back what each of them is shown. What it returns
// is parsed from what went over the wire to the platform, not taken from the
// cards jitbot handed in; marks such as bold may be lost on the way.
//
// Behind it stands a jitbot as package world sets it up: its people, its
// policy, its clock, the channels access, access-prod and alerts.
type ChatHarness interface {
	// Say types /jit and text in the channel access.
	Say(user, text string) bot.Reply
	// Press clicks a button of a message.
	Press(user string, m Shown, b bot.Button) bot.Reply
	// Submit sends a form that Say or Press has opened.
	Submit(user string, f bot.Form, values map[string]string) bot.Reply
	// Again delivers the last action once more, as platforms do.
	Again() bot.Reply
	// See lists the messages a person can read, oldest first, private answers
	// left out.
	See(user string) []Shown
	// Pass lets time pass and everything under way come to rest.
	Pass(d time.Duration)
}

// Shown is one message as a person reads it.
type Shown struct {
	Place string // #channel, or @user for direct messages
	ID    string // in the platform's terms
	Card  bot.Card
}

//go:embed testdata/scenario.txt
var scenario string

// ScenarioOut names the environment variable of a file that [TestChat] writes
// its transcript to, to be looked at and kept as the new scenario.
const ScenarioOut = "JITBOT_TEST_SCENARIO_OUT"

// TestChat plays testdata/scenario.txt through an adapter and compares what
// everybody is shown with what the file says. Lines that begin with > are what
// people do, those with # are remarks, the rest is what is shown thereupon.
// One file serves every adapter: what people see is the same everywhere.
func TestChat(t *testing.T, h ChatHarness) {
	t.Helper()
	p := &play{t: t, chat: h, seen: map[string]string{}, buttons: map[string][]bot.Button{}, forms: map[string]bot.Form{}}
	var got strings.Builder
	for line := range strings.Lines(scenario) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "# "):
			fmt.Fprintf(&got, "%s\n", line)
		case strings.HasPrefix(line, "> "):
			fmt.Fprintf(&got, "\n%s\n%s", line, p.act(strings.TrimPrefix(line, "> ")))
		}
	}
	if out := os.Getenv(ScenarioOut); out != "" {
		if err := os.WriteFile(out, []byte(got.String()), 0o600); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(strings.Split(scenario, "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("it went differently (- the file, + this chat):\n%s", diff)
	}
}

// play is one run of the scenario.
type play struct {
	t       *testing.T
	chat    ChatHarness
	ids     []string                // real ids, in the order in which they showed up
	seen    map[string]string       // message to what it said last
	buttons map[string][]bot.Button // message to all buttons it ever had
	forms   map[string]bot.Form     // user to the form that is open
	now     []Shown
}

var (
	saying   = regexp.MustCompile(`^(\w+): /jit ?(.*)$`)
	pressing = regexp.MustCompile(`^(\w+) presses "([^"]+)" on ([#@][\w-]+) (\d+)$`)
	sending  = regexp.MustCompile(`^(\w+) sends (.*)$`)
	waiting  = regexp.MustCompile(`^(\S+) pass$`)
	realID   = regexp.MustCompile(`\b(?:req|grt|adv|hld|bat)_[0-9a-z]+\b`)
	playID   = regexp.MustCompile(`\bid-(\d+)\b`)
)

// act does one line and returns what was shown thereupon.
func (p *play) act(line string) string {
	p.t.Helper()
	line = playID.ReplaceAllStringFunc(line, p.real)
	var shown string
	switch {
	case line == "again":
		shown = p.told("", p.chat.Again())
	case saying.MatchString(line):
		m := saying.FindStringSubmatch(line)
		shown = p.told(m[1], p.chat.Say(m[1], m[2]))
	case pressing.MatchString(line):
		m := pressing.FindStringSubmatch(line)
		shown = p.told(m[1], p.press(m[1], m[2], m[3], m[4]))
	case sending.MatchString(line):
		m := sending.FindStringSubmatch(line)
		shown = p.told(m[1], p.chat.Submit(m[1], p.forms[m[1]], valuesOf(m[2])))
	case waiting.MatchString(line):
		d, err := time.ParseDuration(waiting.FindStringSubmatch(line)[1])
		if err != nil {
			p.t.Fatalf("%s: %v", line, err)
		}
		p.chat.Pass(d)
	default:
		p.t.Fatalf("the scenario says what nobody can do: %s", line)
	}
	p.chat.Pass(0)
	return realID.ReplaceAllStringFunc(shown+p.news(), p.alias)
}

// told is a private answer.
func (p *play) told(user string, r bot.Reply) string {
	if r.Form != nil {
		p.forms[user] = *r.Form
	}
	words := ReplyWords(r)
	if words == "" {
		return ""
	}
	return "privately:\n" + indent(words)
}

func (p *play) press(user, label, place, number string) bot.Reply {
	n, _ := strconv.Atoi(number)
	for _, m := range p.now {
		if m.Place != place {
			continue
		}
		if n--; n > 0 {
			continue
		}
		all := p.buttons[m.Place+m.ID]
		if i := slices.IndexFunc(all, func(b bot.Button) bool { return b.Label == label }); i >= 0 {
			return p.chat.Press(user, m, all[i])
		}
		break
	}
	p.t.Fatalf("%s %s has never had a button %q", place, number, label)
	return bot.Reply{}
}

// news is what was posted or rewritten since the last look: channels first,
// then each person's direct messages.
func (p *play) news() string {
	p.now = nil
	for _, user := range []string{"ada", "ann", "bo", "con", "cy", "di", "sam"} {
		for _, m := range p.chat.See(user) {
			if strings.HasPrefix(m.Place, "#") == (user == "ada") || m.Place == "@"+user {
				p.now = append(p.now, m)
			}
		}
	}
	slices.SortStableFunc(p.now, func(a, b Shown) int { return strings.Compare(a.Place, b.Place) })
	var out strings.Builder
	count := map[string]int{}
	for _, m := range p.now {
		count[m.Place]++
		key, words := m.Place+m.ID, Words(m.Card)
		if p.seen[key] == words {
			continue
		}
		how := ""
		if p.seen[key] != "" {
			how = " now"
		}
		p.seen[key] = words
		for _, b := range m.Card.Buttons {
			if !slices.ContainsFunc(p.buttons[key], func(o bot.Button) bool { return o.Label == b.Label }) {
				p.buttons[key] = append(p.buttons[key], b)
			}
		}
		fmt.Fprintf(&out, "%s %d%s:\n%s", m.Place, count[m.Place], how, indent(words))
	}
	return out.String()
}

// alias is what the transcript calls an id; the same in every run.
func (p *play) alias(id string) string {
	i := slices.Index(p.ids, id)
	if i < 0 {
		i = len(p.ids)
		p.ids = append(p.ids, id)
	}
	return "id-" + strconv.Itoa(i+1)
}

func (p *play) real(alias string) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(alias, "id-"))
	if n < 1 || n > len(p.ids) {
		return alias
	}
	return p.ids[n-1]
}

func valuesOf(text string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, "; ") {
		name, value, _ := strings.Cut(part, "=")
		out[name] = value
	}
	return out
}

func indent(words string) string {
	var b strings.Builder
	for line := range strings.Lines(words) {
		b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
