package history

import (
	"strconv"
	"strings"

	"jitbot/jit"
	"jitbot/policy"
)

// names keeps texts that come again and again once, and lists of them.
type names struct {
	texts map[string]string
	lists map[string][]string
}

func newNames() names { return names{map[string]string{}, map[string][]string{}} }

func (n names) one(text string) string {
	if known, ok := n.texts[text]; ok {
		return known
	}
	text = strings.Clone(text)
	n.texts[text] = text
	return text
}

// some keeps a text once that may be like others, while there are not too many:
// reasons and tickets.
func (n names) some(text string) string {
	if len(n.texts) < mostTexts {
		return n.one(text)
	}
	if known, ok := n.texts[text]; ok {
		return known
	}
	return text
}

// mostTexts is how many texts are kept in mind.
const mostTexts = 1 << 17

func (n names) list(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	key := strings.Join(all, "\x00")
	if known, ok := n.lists[key]; ok {
		return known
	}
	out := make([]string, len(all))
	for i := range all {
		out[i] = n.one(all[i])
	}
	n.lists[key] = out
	return out
}

// evidences keeps evidence that grants share once.
type evidences map[string]*jit.Evidence

func (s *evidences) one(e jit.Evidence) *jit.Evidence {
	if *s == nil {
		*s = evidences{}
	}
	key := strconv.AppendBool(nil, e.Complete)
	key = strconv.AppendInt(key, e.Until.UnixMicro(), 10)
	for _, list := range [][]string{e.Lacks, e.Sources, e.Unlogged} {
		key = append(key, 0)
		for _, text := range list {
			key = append(append(key, 1), text...)
		}
	}
	if known, ok := (*s)[string(key)]; ok {
		return known
	}
	kept := e
	(*s)[string(key)] = &kept
	return &kept
}

// outcomeOf reads a stored outcome; one that nobody knows is deny.
func outcomeOf(text string) (o policy.Outcome) {
	_ = o.UnmarshalText([]byte(text)) // leaves deny
	return o
}
