package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// keyLength is how many hex digits a delivery key has: 128 bits.
const keyLength = 32

// deliveryKey hashes a list so that no two lists give the same bytes: each
// part is preceded by its length. A hash, because a trigger id is as good as
// a password while it lives, and keys are stored and logged.
func deliveryKey(kind string, parts ...string) string {
	b := appendPart(nil, kind)
	for _, p := range parts {
		b = appendPart(b, p)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:keyLength]
}

func appendPart(b []byte, p string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
}

// Key is the same 32 hex digits on every redelivery and replica, and others
// for any other command.
func (c Command) Key() string {
	return deliveryKey("command", c.App, c.Enterprise, c.Team, c.Trigger)
}

// Key is the same 32 hex digits on every redelivery and replica, and others
// for anything else a person does, with two exceptions. The same form sent
// twice with the same values, say by a double click, is one submission; after
// an answer with errors the corrected form, which still is the same view with
// the same hash, is another. And asking twice for the options of the same
// typed text is one question.
func (i Interaction) Key() string {
	parts := []string{i.App, i.Enterprise, i.Team, i.User.ID}
	switch i.Type {
	case ViewSubmission, ViewClosed:
		parts = append(parts, i.View.parts()...)
	case BlockSuggestion:
		parts = append(append(parts, i.place()...), i.Suggestion.Block, i.Suggestion.Action, i.Suggestion.Typed)
	default:
		parts = append(parts, i.deed()...)
	}
	return deliveryKey(string(i.Type), parts...)
}

// deed is what tells a click or shortcut from any other.
func (i Interaction) deed() []string {
	if i.Trigger != "" {
		return []string{"trigger", i.Trigger}
	}
	parts := append([]string{"actions"}, i.place()...)
	for _, a := range i.Actions {
		parts = append(parts, a.Block, a.ID, a.TS)
	}
	return parts
}

func (i Interaction) place() []string {
	if i.View != nil {
		return []string{"view", i.View.ID, i.View.Hash}
	}
	return []string{"message", i.Channel, i.Message}
}

func (v *View) parts() []string {
	if v == nil { // never of a parsed one
		return nil
	}
	parts := []string{v.ID, v.Hash}
	for _, block := range slices.Sorted(maps.Keys(v.Values)) {
		value := v.Values[block]
		set := "unset"
		if value.Set {
			set = "set"
		}
		parts = append(parts, block, set, value.Text)
	}
	return parts
}

// Key is the same 32 hex digits on every redelivery and replica, and others
// for any other event.
func (e Event) Key() string {
	return deliveryKey(string(e.Type), e.App, e.Enterprise, e.Team, e.ID, e.Challenge, e.minute)
}
