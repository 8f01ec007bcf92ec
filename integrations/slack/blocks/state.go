package blocks

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"jitbot/bot"
	"jitbot/integrations/slack/wire"
)

// Slack keeps what is in a field as long as its block_id and action_id stay
// the same, and ignores a new initial value. So a block whose value has to
// change is given a new block_id: the field's name and a version.
var version = regexp.MustCompile(`^(.+)#v([0-9]{1,6})$`)

// FieldOf is the name of the field that a block_id stands for.
func FieldOf(blockID string) string {
	if m := version.FindStringSubmatch(blockID); m != nil {
		return m[1]
	}
	return blockID
}

func nextVersion(blockID string) string {
	n := 1
	if m := version.FindStringSubmatch(blockID); m != nil {
		n, _ = strconv.Atoi(m[2]) // six digits at most
	}
	return FieldOf(blockID) + "#v" + strconv.Itoa(n+1)
}

// Values is what was filled in, by the names of the fields: an instant as RFC
// 3339 in UTC, a person as <@user>, everything else as it was typed or chosen,
// empty where nothing was.
func Values(state map[string]wire.Value) map[string]string {
	out := make(map[string]string, len(state))
	for blockID, v := range state {
		out[FieldOf(blockID)] = valueOf(v)
	}
	return out
}

func valueOf(v wire.Value) string {
	switch v.Type {
	case slack.OptTypeUser:
		if user := "<@" + v.Text + ">"; mention.MatchString(user) {
			return user
		}
		return ""
	case string(slack.METDatetimepicker):
		seconds, err := strconv.ParseInt(v.Text, 10, 64)
		if err != nil {
			return ""
		}
		return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
	default:
		return v.Text
	}
}

// Errors puts the problems of fields under the block_ids they have in the view
// that was submitted, as response_action errors wants them. A problem of a
// field the view does not have is left out, as Slack takes no other key; if
// none is left the result is empty, and an answer of errors would be refused.
func Errors(bad map[string]string, state map[string]wire.Value) map[string]string {
	out := map[string]string{}
	for blockID := range state {
		if words, ok := bad[FieldOf(blockID)]; ok {
			out[blockID] = line(words, maxErrorText)
		}
	}
	return out
}

// Refilled renders a form anew over a view whose state is given. What somebody
// typed stays where the form agrees with it; where the form says otherwise the
// field is replaced.
func Refilled(f bot.Form, state map[string]wire.Value) slack.ModalViewRequest {
	current := map[string]string{}
	for blockID := range state {
		current[FieldOf(blockID)] = blockID
	}
	values := Values(state)
	return modal(f, func(in bot.Input) string {
		id, ok := current[in.Name]
		if !ok {
			return in.Name
		}
		if sameValue(in, values[in.Name]) {
			return id
		}
		return nextVersion(id)
	})
}

// sameValue compares but for white space, which jitbot tidies.
func sameValue(in bot.Input, typed string) bool {
	if in.Kind == bot.Moment {
		a, err1 := time.Parse(time.RFC3339, in.Value)
		b, err2 := time.Parse(time.RFC3339, typed)
		return err1 == nil && err2 == nil && a.Equal(b) || in.Value == typed
	}
	return tidy(in.Value) == tidy(typed)
}

func tidy(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }
