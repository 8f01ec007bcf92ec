package blocks

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// linkVerb is the action_id of buttons that only lead somewhere. Slack reports
// a click on them all the same.
const linkVerb = "link"

// inputMark begins the action_id of a form's inputs; after it comes the kind.
const inputMark = "v:"

// ParseAction is what a button with this action_id and value does. ok is false
// for links and for inputs of a form, which only have to be acknowledged.
func ParseAction(actionID, value string) (a bot.Action, ok bool) {
	verb, _, _ := strings.Cut(actionID, "#")
	if verb == "" || verb == linkVerb || IsInput(actionID) {
		return bot.Action{}, false
	}
	return bot.Action{Verb: verb, ID: value}, true
}

// ActionID is the action_id of the nth button of a verb in one message; the
// first is 1.
func ActionID(verb string, n int) string {
	if n < 2 && verb != linkVerb {
		return verb
	}
	return verb + "#" + strconv.Itoa(n)
}

// IsLink reports whether an action_id is that of a button that only leads
// somewhere.
func IsLink(actionID string) bool {
	verb, _, numbered := strings.Cut(actionID, "#")
	return numbered && verb == linkVerb
}

// IsInput reports whether an action_id is that of an input of a form.
func IsInput(actionID string) bool { return strings.HasPrefix(actionID, inputMark) }

// names gives every button of one message or view an action_id of its own.
type names struct{ used map[string]int }

func newNames() *names { return &names{map[string]int{}} }

func (n *names) of(verb string) string {
	n.used[verb]++
	return ActionID(verb, n.used[verb])
}

// actions are a card's buttons and links in rows, and how many did not fit.
func actions(c bot.Card, n *names) (rows []slack.Block, left int) {
	var row []slack.BlockElement
	spare := maxButtonsWeight
	add := func(e *slack.ButtonBlockElement, ok bool) {
		w := weight(e)
		if !ok || w > spare {
			left++
			return
		}
		spare -= w
		if row = append(row, e); len(row) == maxInRow {
			rows, row = append(rows, slack.NewActionBlock("", row...)), nil
		}
	}
	for _, b := range c.Buttons {
		add(button(b, n))
	}
	for _, l := range c.Links {
		add(link(l, n))
	}
	if len(row) > 0 {
		rows = append(rows, slack.NewActionBlock("", row...))
	}
	return rows, left
}

// button renders one that acts. One whose verb or id cannot be carried whole
// is none: half an id is somebody else's.
func button(b bot.Button, n *names) (*slack.ButtonBlockElement, bool) {
	if b.Verb == "" || b.Verb == linkVerb || strings.ContainsAny(b.Verb, "#:") ||
		utf8.RuneCountInString(b.Verb) > maxActionID-10 || utf8.RuneCountInString(b.ID) > maxValue {
		return nil, false
	}
	e := slack.NewButtonBlockElement(n.of(b.Verb), b.ID, plain(b.Label, maxButton))
	e.Style = styleOf(b.Style)
	if b.Confirm != nil {
		e.Confirm = confirm(*b.Confirm, b)
	}
	return e, true
}

func styleOf(s bot.Style) slack.Style {
	switch s {
	case bot.Primary:
		return slack.StylePrimary
	case bot.Danger:
		return slack.StyleDanger
	default:
		return slack.StyleDefault
	}
}

func confirm(c bot.Confirm, b bot.Button) *slack.ConfirmationBlockObject {
	yes := c.Yes
	if strings.TrimSpace(clean(yes)) == "" {
		yes = b.Label
	}
	out := slack.NewConfirmationBlockObject(
		plain(c.Title, maxConfirmTitle), plain(c.Text, maxConfirmText),
		plain(yes, maxConfirmButton), plain("Cancel", maxConfirmButton),
	)
	return out.WithStyle(styleOf(b.Style))
}

// link renders a button that leads somewhere. An address that is too long or
// no web address would have the whole message refused.
func link(l bot.Link, n *names) (*slack.ButtonBlockElement, bool) {
	web := strings.HasPrefix(l.URL, "https://") || strings.HasPrefix(l.URL, "http://")
	if !web || utf8.RuneCountInString(l.URL) > maxURL {
		return nil, false
	}
	return slack.NewButtonBlockElement(n.of(linkVerb), "", plain(l.Label, maxButton)).WithURL(l.URL), true
}
