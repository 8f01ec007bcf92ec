package slackfake

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config says what the workspace holds at the start. Now is needed; everything
// else has a useful zero value.
type Config struct {
	TeamID        string // "T0TEAM" when empty
	TeamDomain    string // "example" when empty
	EnterpriseID  string // no enterprise when empty
	OrgInstall    bool   // the app is installed on the whole enterprise
	AppID         string // "A0APP" when empty
	BotUserID     string // "U0BOT" when empty; the user is added by itself
	BotID         string // "B0BOT" when empty
	BotToken      string // "xoxb-test" when empty
	AppToken      string // "xapp-test" when empty
	SigningSecret string // "signing-secret" when empty
	CommandName   string // what people type before the text; "/jit" when empty

	Scopes   []string // what the bot token may do; DefaultScopes when nil
	Users    []User
	Channels []Channel
	Groups   []Group

	Callback      string           // base URL of the app's HTTP endpoints; Socket Mode when empty
	Now           func() time.Time // the workspace's clock
	AckLimit      time.Duration    // real time the app has to acknowledge; 3 s when zero
	PingInterval  time.Duration    // between WebSocket pings; 10 s when zero
	AllowMentions bool             // <@U...> of a known user is no violation
}

// User is a person or a bot of the workspace. The zero value of every flag is
// what a full, active member with a confirmed e-mail has.
type User struct {
	ID, Name, RealName, Email, TZ string

	TeamID           string // the server's team when empty
	EnterpriseUserID string
	EnterpriseID     string // the server's enterprise when empty and TeamID is too

	Deleted, IsBot, IsRestricted, IsUltraRestricted  bool
	IsStranger, IsInvited, IsWorkflowBot, IsAdmin    bool
	IsConnectorBot, EmailUnconfirmed, IsPrimaryOwner bool
}

// Channel is a public or private channel.
type Channel struct {
	ID, Name string
	Members  []string // user ids; the bot is not among them

	BotIn, Private, Archived    bool
	ExtShared, PendingExtShared bool
	OrgShared                   bool
}

// Group is a user group.
type Group struct {
	ID, Handle string
	Users      []string
	Disabled   bool
}

// DefaultScopes are the bot scopes of an app that needs no message history.
func DefaultScopes() []string {
	return []string{
		"commands", "chat:write", "im:write", "users:read", "users:read.email",
		"usergroups:read", "channels:read", "groups:read", "files:write",
	}
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&c.TeamID, "T0TEAM"},
		{&c.TeamDomain, "example"},
		{&c.AppID, "A0APP"},
		{&c.BotUserID, "U0BOT"},
		{&c.BotID, "B0BOT"},
		{&c.BotToken, "xoxb-test"},
		{&c.AppToken, "xapp-test"},
		{&c.SigningSecret, "signing-secret"},
		{&c.CommandName, "/jit"},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if c.Scopes == nil {
		c.Scopes = DefaultScopes()
	}
	if c.AckLimit <= 0 {
		c.AckLimit = ackLimit
	}
	if c.PingInterval <= 0 {
		c.PingInterval = 10 * time.Second
	}
	return c
}

func (c Config) check() error {
	if c.Now == nil {
		return errors.New("no clock given")
	}
	for _, u := range c.Users {
		if !strings.HasPrefix(u.ID, "U") && !strings.HasPrefix(u.ID, "W") || len(u.ID) < 2 {
			return fmt.Errorf("user id %q does not begin with U or W", u.ID)
		}
	}
	for _, ch := range c.Channels {
		if !strings.HasPrefix(ch.ID, "C") && !strings.HasPrefix(ch.ID, "G") || len(ch.ID) < 2 {
			return fmt.Errorf("channel id %q does not begin with C or G", ch.ID)
		}
	}
	for _, g := range c.Groups {
		if !strings.HasPrefix(g.ID, "S") || len(g.ID) < 2 {
			return fmt.Errorf("user group id %q does not begin with S", g.ID)
		}
	}
	return nil
}
