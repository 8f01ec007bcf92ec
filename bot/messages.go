package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// What messages there should be, and what they should say, is a function of
// the state in the store. A change queues one refresh of its thread; when the
// outbox takes it, the thread's messages are made again from the state of that
// moment, so that no card can ever go back to an older state.

// refreshSlot marks an outbox row that stands for its whole thread.
const refreshSlot = "*"

// message is one message there should be.
type message struct {
	slot     string // names it in its thread, for ever
	root     string // slot of the message it replies to
	channel  string // or
	person   string // a direct message to a principal
	card     Card
	ifPosted bool // only rewritten where it was posted; never posted anew
}

// refresh has the messages of a request brought up to date.
func (s *Service) refresh(tx storage.Tx, request string, now time.Time) error {
	return tx.Queue(storage.Outgoing{Thread: request, Slot: refreshSlot, QueuedAt: now, NextAt: now})
}

// expand turns a refresh into the messages of its thread.
func (s *Service) expand(tx storage.Tx, thread string, now time.Time) error {
	if strings.HasPrefix(thread, threadAccount) {
		return s.expandAccount(tx, thread, now)
	}
	r, err := tx.Request(thread)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	st, err := s.tell(tx, r)
	if err != nil {
		return err
	}
	there, err := tx.Messages(thread)
	if err != nil {
		return err
	}
	var out []storage.Outgoing
	for _, m := range s.fitted(st, s.messages(st), there) {
		o, err := s.outgoing(r.ID, r.ByAccount.Platform, m, now)
		if err != nil {
			return err
		}
		out = append(out, o)
	}
	return errors.Join(tx.Queue(out...), s.refreshHomes(tx, r, now))
}

// fitted drops the messages that were not posted while they mattered, and has
// those that are there and not wanted any more say so.
func (s *Service) fitted(st story, want []message, there []storage.Message) []message {
	posted := func(slot string) bool {
		return slices.ContainsFunc(there, func(m storage.Message) bool { return m.Slot == slot })
	}
	out := slices.DeleteFunc(want, func(m message) bool { return m.ifPosted && !posted(m.slot) })
	for _, m := range there {
		wanted := slices.ContainsFunc(out, func(w message) bool { return w.slot == m.Slot })
		if wanted || m.Slot == refreshSlot {
			continue
		}
		if card, ok := s.lastWords(st, m); ok {
			out = append(out, message{slot: m.Slot, root: m.Root, channel: m.Channel, person: m.Person, card: card})
		}
	}
	return out
}

func overCard() Card {
	return Card{Title: "This is over", Status: Status{"Nothing to do", Neutral}, Notice: "This is over; nothing to do."}
}

// outgoing is a message of a thread, for a person on the preferred chat where
// they are there.
func (s *Service) outgoing(thread, preferred string, m message, now time.Time) (storage.Outgoing, error) {
	raw, err := json.Marshal(m.card)
	if err != nil {
		return storage.Outgoing{}, err
	}
	o := storage.Outgoing{
		Thread: thread, Slot: m.slot, Root: m.root, Channel: m.channel, Person: m.person,
		Chat: s.mainChat(), Card: raw, QueuedAt: now, NextAt: now,
	}
	if m.person != "" {
		o.Chat = s.chatOf(m.person, preferred)
	}
	return o, nil
}

// mainChat is the chat channels live in: the only one, or the first by name.
func (s *Service) mainChat() string {
	names := make([]string, 0, len(s.Chats))
	for name := range s.Chats {
		names = append(names, name)
	}
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}

// chatOf is where a person is reached: on the chat the request came from, if
// they are there, or on any.
func (s *Service) chatOf(person, preferred string) string {
	if _, ok := s.People.Account(person, preferred); ok && s.Chats[preferred] != nil {
		return preferred
	}
	p, _ := s.People.ByID(person)
	for _, a := range p.Accounts {
		if s.Chats[a.Platform] != nil {
			return a.Platform
		}
	}
	return s.mainChat()
}

// messages are all messages a story should have by now.
func (s *Service) messages(st story) []message {
	r := st.request
	if r.State == jit.RequestDenied && r.DecidedBy == "policy" && r.StartAt.IsZero() {
		return nil // who asked was told at once, and nobody else was
	}
	out := s.decisionMessages(st)
	out = append(out, message{slot: "holder", person: r.For, card: s.holderCard(st)})
	if r.By != r.For {
		card := s.holderCard(st)
		card.Title, card.Buttons = s.titleOf(r), nil
		if r.State == jit.RequestPending || r.State == jit.RequestScheduled {
			card.Buttons = []Button{{Action: Action{verbCancel, r.ID}, Label: "Withdraw"}}
		}
		out = append(out, message{slot: "asker", person: r.By, card: card})
	}
	if st.review.Grant != "" {
		out = append(out, s.glassMessages(st)...)
	}
	if st.grant.ID != "" && r.Kind != jit.Extension {
		out = append(out, s.grantMessages(st)...)
	}
	return out
}

// decisionMessages are the card approvers decide on, wherever it goes, its
// reminders and its escalation.
func (s *Service) decisionMessages(st story) []message {
	r := st.request
	if r.State == jit.RequestScheduled {
		return nil
	}
	channel := s.channelOf(r)
	card := s.approvalCard(st)
	if channel == "" && st.receipt.Number > 0 {
		card.Body = append(card.Body, s.useWords(st)...) // there is no receipt in a channel
	}
	var out []message
	if channel != "" {
		out = append(out, message{slot: slotCard, channel: channel, card: card})
	}
	people, left := s.directly(r, channel)
	for _, id := range people {
		out = append(out, message{slot: slotOf(slotApprover, id), person: id, card: withLeft(card, left), ifPosted: r.State != jit.RequestPending})
	}
	if channel == "" {
		return out
	}
	waiting := r.State == jit.RequestPending
	for n := 1; n <= r.Reminders; n++ {
		out = append(out, message{slot: "reminder:" + strconv.Itoa(n), root: slotCard, channel: channel, card: s.nudgeCard(r, false), ifPosted: !waiting || n < r.Reminders})
	}
	if r.Escalated {
		out = append(out, message{slot: "escalated", root: slotCard, channel: channel, card: s.nudgeCard(r, true), ifPosted: !waiting})
	}
	return out
}

// directly is who gets the card in person, and how many who could approve do
// not: approvers where there is no channel, and once it was escalated; those it
// was escalated to first.
func (s *Service) directly(r jit.Request, channel string) (people []string, left int) {
	if r.Kind == jit.BreakGlass || r.Decision.Outcome == "auto_approve" || channel != "" && !r.Escalated {
		return nil, 0
	}
	all := couldApprove(r)
	var first []string
	if r.Escalated {
		escalated := s.escalatedAt(r)
		first = slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !slices.Contains(escalated, id) })
	}
	return told(first, all)
}

// escalatedAt is who the deciding rule escalates to, by the facts the request
// was judged by.
func (s *Service) escalatedAt(r jit.Request) []string {
	p, facts := s.Policy(), &policy.Facts{}
	rule, ok := ruleNamed(p, r.Decision.Rule)
	if !ok || json.Unmarshal(r.Facts, facts) != nil {
		return nil
	}
	var out []string
	for _, ref := range rule.Escalate.To {
		people, _ := p.Members(ref, facts)
		out = append(out, people...)
	}
	return out
}

// channelOf is where a request's card goes: the rule's channel or the default.
func (s *Service) channelOf(r jit.Request) string {
	if rule, ok := ruleNamed(s.Policy(), r.Decision.Rule); ok && rule.Channel != "" {
		return rule.Channel
	}
	return s.DefaultChannel
}

// grantMessages are the warning before the end, the alarm when the end is
// overdue, and the receipt.
func (s *Service) grantMessages(st story) []message {
	r, g := st.request, st.grant
	var out []message
	if !g.WarnedAt.IsZero() {
		slot := "warn:" + strconv.FormatInt(g.ExpiresAt.Unix(), 10)
		if g.State == jit.GrantActive {
			out = append(out, message{slot: slot, root: "holder", person: r.For, card: s.warnCard(g)})
		}
	}
	if !g.PagedAt.IsZero() {
		out = append(out, s.overdueMessages(st)...)
	}
	if channel := s.channelOf(r); g.State == jit.GrantEnded && channel != "" {
		out = append(out, message{slot: "receipt", root: slotCard, channel: channel, card: s.receiptCard(st)})
	}
	return out
}

// strayCopy is what a message should say now whose button was pressed, if it
// is a copy of an approval's card that jitbot does not keep; nil: it keeps it,
// or the message is none. What it says is for everybody who reads it: so it has
// to stand where the card itself does, and who pressed it may see the request.
func (s *Service) strayCopy(ctx context.Context, in Incoming) *Card {
	decides := []string{verbApprove, pressApproveForm, pressShortenForm, pressDenyForm}
	if in.Message == "" || in.Action == nil || !slices.Contains(decides, in.Action.Verb) {
		return nil
	}
	who, known := s.People.ByAccount(in.From)
	var card *Card
	err := s.store.Read(ctx, func(v storage.View) error {
		st, err := s.storyOf(v, in.Action.ID)
		if err != nil || !known || !s.concerns(call{who: who}, st) {
			return err
		}
		kept, err := v.Messages(st.request.ID)
		if err != nil || !strays(kept, in.Message) {
			return err
		}
		now := s.approvalCard(st)
		card = &now
		return nil
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		s.log.Warn("whether a message is a stray copy could not be looked up", "cause", err)
	}
	return card
}

// strays reports whether a message is none of those that are kept, in a place
// where one of them is an approval's card. One that is still on its way may be it.
func strays(kept []storage.Message, message Ref) bool {
	beside := false
	for _, m := range kept {
		name, _, _ := strings.Cut(m.Slot, ":")
		asks := name == slotCard || name == slotApprover
		if m.Ref == string(message) || asks && m.Ref == "" {
			return false
		}
		beside = beside || asks && Ref(m.Ref).place() == message.place()
	}
	return beside
}

// alert records an event and tells the alert channel and the admins.
func (s *Service) alert(ctx context.Context, e jit.Event, details map[string]any, card Card) error {
	err := s.store.Write(ctx, func(tx storage.Tx) error { return s.saveAlert(tx, e, details, card) })
	poke(s.wakeOutbox)
	return err
}

// saveAlert writes an event and queues what people are told of it.
func (s *Service) saveAlert(tx storage.Tx, e jit.Event, details map[string]any, card Card, people ...string) error {
	if err := s.saveNote(tx, e, details); err != nil {
		return err
	}
	return s.queueAlert(tx, card, people...)
}

// queueAlert queues one message each to the alert channel, the admins and the
// people named.
func (s *Service) queueAlert(tx storage.Tx, card Card, people ...string) error {
	raw, err := json.Marshal(card)
	if err != nil {
		return err
	}
	now, err := s.instant(tx)
	if err != nil {
		return err
	}
	thread := "alert:" + s.NewID("alr", now)
	base := storage.Outgoing{Thread: thread, Card: raw, QueuedAt: now, NextAt: now, Chat: s.mainChat()}
	var out []storage.Outgoing
	if s.AlertChannel != "" {
		o := base
		o.Slot, o.Channel = "alert", s.AlertChannel
		out = append(out, o)
	}
	told := s.admins()
	if len(told) == 0 {
		told = s.overseers()
	}
	for _, id := range union(told, people) {
		o := base
		o.Slot, o.Person, o.Chat = "alert:"+id, id, s.chatOf(id, "")
		out = append(out, o)
	}
	return tx.Queue(out...)
}
