package slackfake

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Version is one state of a message. Blocks is the JSON array as the app sent
// it, with the ids that Slack fills in; nil when there are none.
type Version struct {
	Text   string
	Blocks json.RawMessage
	At     time.Time
}

// Message is one message in a channel or a direct conversation. Its embedded
// Version is the newest one; Versions has all of them, oldest first.
type Message struct {
	Channel, TS, ThreadTS, User string
	Version
	Versions []Version
	Deleted  bool
	File     *File // nil: it is no file
}

// Private is something that only one person sees: an ephemeral message, an
// answer to a command, or a post to a response_url.
type Private struct {
	ID, User, Channel, ThreadTS string
	Via                         string // "ephemeral", "response_url" or "command"
	Number                      int    // the how manieth post of its response_url, from 1; 0 for others
	Version
	Versions []Version
	Deleted  bool
}

// SetUser adds a person or replaces what is known about one. It sends no event.
func (s *Server) SetUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.TeamID == "" {
		u.TeamID = s.cfg.TeamID
		if u.EnterpriseID == "" {
			u.EnterpriseID = s.cfg.EnterpriseID
		}
	}
	if _, known := s.users[u.ID]; !known {
		s.userOrder = append(s.userOrder, u.ID)
	}
	s.users[u.ID] = u
	s.dms[dmOf(u.ID)] = u.ID
	s.touch()
}

// User returns what is known about a person.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[id]
	return u, ok
}

// SetChannel adds or replaces a channel. It sends no event.
func (s *Server) SetChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Members = slices.Clone(c.Members)
	s.channels[c.ID] = &c
	s.touch()
}

// SetMembers replaces who is in a channel, the bot apart. An unknown channel
// stays unknown.
func (s *Server) SetMembers(channel string, users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		c.Members = slices.Clone(users)
		s.touch()
	}
}

// SetBotIn invites the bot into a channel or kicks it out.
func (s *Server) SetBotIn(channel string, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		c.BotIn = in
		s.touch()
	}
}

// SetGroup adds or replaces a user group. It sends no event.
func (s *Server) SetGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.Users = slices.Clone(g.Users)
	s.groups[g.ID] = &g
	s.touch()
}

// SetScopes replaces what the bot token may do.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = slices.Clone(scopes)
}

// SetCallback switches to signed HTTP callbacks below base; empty switches back
// to Socket Mode.
func (s *Server) SetCallback(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callback = strings.TrimRight(base, "/")
}

// DM is the id of the bot's direct conversation with a user.
func DM(user string) string { return dmOf(user) }

func dmOf(user string) string { return "D" + user }

// Messages lists what a user can see now, oldest first: the channels the user
// is in and the direct conversation with the bot. Deleted ones are gone.
func (s *Server) Messages(user string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages {
		if !m.Deleted && s.canSee(user, m.Channel) {
			out = append(out, m.copy())
		}
	}
	return out
}

// Message returns one message with all its versions, deleted or not.
func (s *Server) Message(channel, ts string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.message(channel, ts); m != nil {
		return m.copy(), true
	}
	return Message{}, false
}

// Private lists what only this user was shown, oldest first, deleted ones too.
func (s *Server) Private(user string) []Private {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Private
	for _, p := range s.privates {
		if p.User == user {
			q := *p
			q.Versions = slices.Clone(p.Versions)
			out = append(out, q)
		}
	}
	return out
}

func (m *Message) copy() Message {
	c := *m
	c.Versions = slices.Clone(m.Versions)
	return c
}

// message finds a message. The caller holds the lock.
func (s *Server) message(channel, ts string) *Message { return s.byRef[channel+" "+ts] }

// private finds an answer by its id. The caller holds the lock.
func (s *Server) private(user, id string) *Private {
	for _, p := range s.privates {
		if p.User == user && p.ID == id {
			return p
		}
	}
	return nil
}

// canSee says whether a user is in a conversation. The caller holds the lock.
func (s *Server) canSee(user, channel string) bool {
	if u, ok := s.dms[channel]; ok {
		return u == user
	}
	c := s.channels[channel]
	return c != nil && slices.Contains(c.Members, user)
}

func (m *Message) change(v Version) {
	m.Version = v
	m.Versions = append(m.Versions, v)
}

func (p *Private) change(v Version) {
	p.Version = v
	p.Versions = append(p.Versions, v)
}
