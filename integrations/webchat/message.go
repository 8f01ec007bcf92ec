package webchat

import (
	"encoding/json"
	"time"

	"jitbot/bot"
)

// message is one line of the chat, as it is kept and as the page is told.
type message struct {
	ID      int64     `json:"id"`
	Seq     int64     `json:"seq"`              // grows with every change of any message
	Place   string    `json:"place"`            // channel, or direct
	Root    int64     `json:"root,omitempty"`   // first message of the thread it is in
	Author  string    `json:"author,omitempty"` // handle; empty: jitbot
	Private bool      `json:"private,omitempty"`
	At      time.Time `json:"at"`
	Edited  time.Time `json:"edited,omitzero"`
	Asked   string    `json:"asked,omitempty"` // the command a private answer answers
	Text    string    `json:"text,omitempty"`
	Card    *bot.Card `json:"card,omitempty"`
	Gone    bool      `json:"gone,omitempty"`

	directOf string // whose direct messages it is in
	onlyFor  string // who alone sees it
	delivery string // unique where set: the same delivery is one message
}

// thread is the id of the thread m starts or is in.
func (m message) thread() int64 {
	if m.Root != 0 {
		return m.Root
	}
	return m.ID
}

// visibleTo reports whether user may see m.
func (m message) visibleTo(user string) bool {
	return (m.directOf == "" || m.directOf == user) && (m.onlyFor == "" || m.onlyFor == user)
}

func encodeCard(card *bot.Card) (string, error) {
	if card == nil {
		return "", nil
	}
	b, err := json.Marshal(card)
	return string(b), err
}

func decodeCard(text string) (*bot.Card, error) {
	if text == "" {
		return nil, nil
	}
	card := new(bot.Card)
	return card, json.Unmarshal([]byte(text), card)
}
