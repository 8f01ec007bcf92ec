package slackfake

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// draft is what a message call wants shown.
type draft struct {
	text      string
	hasText   bool
	blocks    []any
	hasBlocks bool
}

// draft reads text and blocks, and refuses what Slack refuses. The caller holds
// the lock.
func (s *Server) draft(where string, a args) (draft, error) {
	l := s.linter("message")
	d := draft{text: a["text"]}
	_, d.hasText = a["text"]
	raw, given := a["blocks"]
	if given && raw != "" {
		d.hasBlocks = true
		d.blocks = l.blocks("/blocks", raw)
	}
	l.formatted("/text", d.text)
	if len(d.blocks) > 0 && d.text == "" {
		l.note("/text", "blocks without a text for notifications and screen readers")
	}
	if a["link_names"] == "true" || a["link_names"] == "1" || a["parse"] == "full" {
		l.note("", "link_names or parse=full turns typed names into mentions")
	}
	s.leaks(l, d.text+raw)
	if err := s.judge(where, l, "invalid_blocks"); err != nil {
		return d, err
	}
	return d, s.judgeSize(where, l, d)
}

func (s *Server) judgeSize(where string, l *linter, d draft) error {
	n := utf8.RuneCountInString(d.text)
	switch {
	case l.texts > maxBlocksText:
		s.violate(where, "msg_blocks_too_long: %d characters in all blocks", l.texts)
		return refuse("msg_blocks_too_long")
	case n > maxTextAimed && where != "chat.postMessage":
		s.violate(where, "msg_too_long: a text of %d characters", n)
		return refuse("msg_too_long")
	case n > maxTextAimed:
		s.violate(where, "a text of %d characters could never be updated", n)
	}
	if d.text == "" && len(d.blocks) == 0 && (d.hasText || !d.hasBlocks) {
		s.violate(where, "no_text: neither text nor blocks")
		return refuse("no_text")
	}
	return nil
}

// judge keeps what a linter found and returns the refusal, if any.
func (s *Server) judge(where string, l *linter, code string) error {
	for _, n := range l.notes {
		s.violate(where, "%s", n)
	}
	if len(l.errs) == 0 {
		return nil
	}
	slices.Sort(l.errs)
	s.violate(where, "%s: %s", code, strings.Join(l.errs, "; "))
	return &apiError{code: code, messages: l.errs}
}

// leaks notes secrets in what people or other apps could read.
func (s *Server) leaks(l *linter, shown string) {
	for _, secret := range []string{s.cfg.BotToken, s.cfg.AppToken, s.cfg.SigningSecret, s.base + "/response/"} {
		if strings.Contains(shown, secret) {
			l.note("", "carries a token, the signing secret or a response_url")
		}
	}
}

// room resolves where a message goes and says whether the bot may write there.
func (s *Server) room(id string) (string, error) {
	if strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W") {
		if _, known := s.users[id]; !known {
			return "", refuse("channel_not_found")
		}
		return dmOf(id), s.mayWrite(id)
	}
	if user, ok := s.dms[id]; ok {
		return id, s.mayWrite(user)
	}
	c := s.channels[id]
	switch {
	case c == nil || c.Private && !c.BotIn:
		return "", refuse("channel_not_found")
	case c.Archived:
		return "", refuse("is_archived")
	case !c.BotIn && !slices.Contains(s.scopes, "chat:write.public"):
		return "", refuse("not_in_channel")
	}
	return id, nil
}

func (s *Server) postMessage(a args) (answer, error) {
	const where = "chat.postMessage"
	channel, err := s.room(a["channel"])
	if err != nil {
		return nil, err
	}
	if a["unfurl_links"] != "false" || a["unfurl_media"] != "false" {
		s.violate(where, "unfurl_links and unfurl_media are not both false: Slack's crawler would fetch the links")
	}
	d, err := s.draft(where, a)
	if err != nil {
		return nil, err
	}
	thread := a["thread_ts"]
	if thread != "" && s.message(channel, thread) == nil {
		s.violate(where, "thread_not_found: no message %s in %s", thread, channel)
		return nil, refuse("thread_not_found")
	}
	if wait := s.bucket.take(channel, s.cfg.Now()); wait > 0 {
		return nil, &apiError{code: "ratelimited", wait: wait}
	}
	m := s.post(channel, thread, s.version(d))
	return answer{"channel": channel, "ts": m.TS, "message": s.messageJSON(m)}, nil
}

// version makes a draft a state of a message.
func (s *Server) version(d draft) Version {
	v := Version{Text: cutText(d.text), At: s.cfg.Now()}
	if len(d.blocks) > 0 {
		v.Blocks = encode(d.blocks)
	}
	return v
}

func cutText(text string) string {
	if r := []rune(text); len(r) > maxText {
		return string(r[:maxText])
	}
	return text
}

// post adds a message of the bot. The caller holds the lock.
func (s *Server) post(channel, thread string, v Version) *Message {
	m := &Message{Channel: channel, TS: s.stamp(), ThreadTS: thread, User: s.cfg.BotUserID}
	m.change(v)
	s.messages = append(s.messages, m)
	s.byRef[channel+" "+m.TS] = m
	s.touch()
	return m
}

// Say posts a message of a person into a channel or the direct conversation
// with the bot, and returns its timestamp. It sends no event, as apps without
// history scopes get none.
func (s *Server) Say(user, channel, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.post(channel, "", Version{Text: text, At: s.cfg.Now()})
	m.User = user
	return m.TS
}

// own finds a message of the bot's for a change.
func (s *Server) own(a args, refusal string) (*Message, error) {
	id := a["channel"]
	_, dm := s.dms[id]
	if c := s.channels[id]; !dm && (c == nil || c.Private && !c.BotIn) {
		return nil, refuse("channel_not_found")
	}
	m := s.message(id, a["ts"])
	switch {
	case m == nil || m.Deleted:
		return nil, refuse("message_not_found")
	case m.User != s.cfg.BotUserID:
		return nil, refuse(refusal)
	}
	return m, nil
}

// updateMessage drops the blocks when only text is given, and keeps them and
// the text when they are not mentioned.
func (s *Server) updateMessage(a args) (answer, error) {
	m, err := s.own(a, "cant_update_message")
	if err != nil {
		return nil, err
	}
	d, err := s.draft("chat.update", a)
	if err != nil {
		return nil, err
	}
	v := s.version(d)
	if !d.hasText {
		v.Text = m.Text
	}
	m.change(v)
	s.touch()
	return answer{"channel": m.Channel, "ts": m.TS, "text": v.Text, "message": s.messageJSON(m)}, nil
}

func (s *Server) deleteMessage(a args) (answer, error) {
	m, err := s.own(a, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	m.Deleted = true
	s.touch()
	return answer{"channel": m.Channel, "ts": m.TS}, nil
}

func (s *Server) postEphemeral(a args) (answer, error) {
	channel, err := s.room(a["channel"])
	if err != nil {
		return nil, err
	}
	if channel != a["channel"] {
		return nil, refuse("channel_not_found") // a user id is none here
	}
	u, known := s.users[a["user"]]
	if !known || u.Deleted || !s.canSee(u.ID, channel) {
		return nil, refuse("user_not_in_channel")
	}
	d, err := s.draft("chat.postEphemeral", a)
	if err != nil {
		return nil, err
	}
	p := s.show(Private{User: u.ID, Channel: channel, ThreadTS: a["thread_ts"], Via: "ephemeral"}, s.version(d))
	return answer{"message_ts": p.ID}, nil
}

// show adds something that one person sees. The caller holds the lock.
func (s *Server) show(p Private, v Version) *Private {
	p.ID = s.stamp()
	p.change(v)
	s.privates = append(s.privates, &p)
	s.touch()
	return &p
}

// messageJSON is a message object as Slack gives it back: the texts rewritten.
func (s *Server) messageJSON(m *Message) answer {
	out := answer{
		"type": "message", "user": m.User, "ts": m.TS, "team": s.cfg.TeamID,
		"text": rewritten(m.Text), "app_id": s.cfg.AppID, "bot_id": s.cfg.BotID,
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if len(m.Versions) > 1 {
		out["edited"] = answer{"user": m.User, "ts": m.TS}
	}
	if m.Blocks != nil {
		out["blocks"] = rewrittenBlocks(m.Blocks)
	}
	return out
}

// rewrittenBlocks is Slack's own copy of blocks, for reading and no more.
func rewrittenBlocks(raw json.RawMessage) any {
	var v any
	_ = json.Unmarshal(raw, &v) // was encoded here
	return rewriteTexts(v)
}
