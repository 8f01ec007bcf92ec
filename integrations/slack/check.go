package slack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// maxClockGap is how far this machine's clock may be from Slack's: signatures
// older than five minutes are refused.
const maxClockGap = 2 * time.Minute

// Check looks at the token, the rights, the channels, the clock and, in mode
// socket, whether a connection would be opened, and says what to do about each
// that is wrong. It posts nothing.
func (c *Chat) Check(ctx context.Context) []bot.Finding {
	var who *slack.AuthTestResponse
	began := c.now()
	err := c.call(ctx, "auth.test", func(ctx context.Context) (err error) {
		who, err = c.api.AuthTestContext(ctx)
		return err
	})
	if err != nil {
		if !refuses(err) {
			return []bot.Finding{unreachable(err)}
		}
		return []bot.Finding{wrong("slack.bot_token has to be the Bot User OAuth Token (xoxb-...) of this app, installed in this workspace", "slack: the bot token is not taken: %v", err)}
	}
	found := []bot.Finding{c.checkTeam(who), checkScopes(who.Header), c.checkClock(who.Header, began)}
	if c.cfg.Mode == ModeSocket {
		found = append(found, c.checkSocket(ctx))
	} else {
		found = append(found, fine("slack: mode http; Slack has to reach /slack/commands, /slack/interactions and /slack/events of base_url"))
	}
	return append(found, c.checkChannels(ctx)...)
}

func fine(format string, args ...any) bot.Finding {
	return bot.Finding{OK: true, What: fmt.Sprintf(format, args...)}
}

func wrong(hint, format string, args ...any) bot.Finding {
	return bot.Finding{What: fmt.Sprintf(format, args...), Hint: hint}
}

// refuses reports whether an error is Slack's own word, not that of the way to it.
func refuses(err error) bool {
	var word slack.SlackErrorResponse
	return errors.As(err, &word)
}

func unreachable(err error) bot.Finding {
	return wrong("look at the network, its proxy (HTTPS_PROXY) and https://status.slack.com, and try again", "slack: could not be asked: %v", err)
}

func (c *Chat) checkTeam(who *slack.AuthTestResponse) bot.Finding {
	if got := who.TeamID; got != c.cfg.Team && who.EnterpriseID != c.cfg.Team {
		return wrong("set slack.team to "+got+", or take the token of the app in the right workspace", "slack: the token is of workspace %s, slack.team says %s", got, c.cfg.Team)
	}
	if c.cfg.Enterprise != "" && who.EnterpriseID != c.cfg.Enterprise {
		return wrong("set slack.enterprise to what the token says, or leave it out", "slack: the token is of organisation %q, slack.enterprise says %s", who.EnterpriseID, c.cfg.Enterprise)
	}
	return fine("slack: signed in to %s (%s) as %s", who.Team, who.TeamID, who.User)
}

// checkScopes compares the rights the token has with those it needs.
func checkScopes(h http.Header) bot.Finding {
	said := h.Get("X-OAuth-Scopes")
	if said == "" {
		return fine("slack: the workspace does not say which scopes the token has")
	}
	var has []string
	for s := range strings.SplitSeq(said, ",") {
		has = append(has, strings.TrimSpace(s))
	}
	var lacking, over []string
	for _, s := range scopes() {
		if !slices.Contains(has, s.name) {
			lacking = append(lacking, s.name+" ("+s.why+")")
		}
	}
	for _, s := range has {
		if !slices.ContainsFunc(scopes(), func(want scope) bool { return want.name == s }) {
			over = append(over, s)
		}
	}
	if len(lacking) > 0 {
		return wrong("add them under OAuth & Permissions, or take the manifest of `bot slack manifest`, and install the app again", "slack: scopes are missing: %s", strings.Join(lacking, "; "))
	}
	if len(over) > 0 {
		return bot.Finding{OK: true, What: "slack: all scopes are there, and some that jitbot does not use: " + strings.Join(over, ", "), Hint: "take them away: what a token cannot do nobody can do with it"}
	}
	return fine("slack: all scopes are there, and no others")
}

// checkClock holds this machine's clock against Slack's.
func (c *Chat) checkClock(h http.Header, began time.Time) bot.Finding {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return fine("slack: the workspace does not say what time it is")
	}
	if gap := began.Sub(at).Abs(); gap > maxClockGap {
		return wrong("set this machine's clock (NTP): what Slack signs would be refused as stale", "slack: this machine's clock is %s from Slack's", gap.Truncate(time.Second))
	}
	return fine("slack: the clocks agree")
}

// checkSocket asks for the address of a socket, which is not used.
func (c *Chat) checkSocket(ctx context.Context) bot.Finding {
	err := c.call(ctx, "apps.connections.open", func(ctx context.Context) error {
		_, _, err := c.api.StartSocketModeContext(ctx)
		return err
	})
	if err != nil && !refuses(err) {
		return unreachable(err)
	}
	if err != nil {
		return wrong("slack.app_token has to be an app-level token (xapp-...) with connections:write, and Socket Mode switched on in the app", "slack: no socket would be opened: %v", err)
	}
	return fine("slack: Socket Mode is on")
}

func (c *Chat) checkChannels(ctx context.Context) []bot.Finding {
	var found []bot.Finding
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Channels)) {
		found = append(found, c.checkChannel(ctx, name, c.cfg.Channels[name]))
	}
	return found
}

func (c *Chat) checkChannel(ctx context.Context, name, id string) bot.Finding {
	info, err := c.channelInfo(ctx, id)
	switch {
	case err != nil:
		return wrong("take the id from the channel's details in Slack; a private channel shows itself once the bot was invited: /invite @jitbot", "slack: channel %s (%s): %v", name, id, err)
	case info.IsArchived:
		return wrong("name another under slack.channels", "slack: channel %s (%s) is archived", name, id)
	case info.IsExtShared || info.IsPendingExtShared:
		return wrong("name a channel of your own organisation", "slack: channel %s (%s) is shared with another organisation: approvals are not posted there", name, id)
	case !info.IsMember:
		return wrong("write /invite @jitbot in it", "slack: the bot is not in channel %s (%s)", name, id)
	}
	return fine("slack: channel %s is #%s", name, info.Name)
}

// CheckGroups looks at the groups of the policy that live in Slack, by their
// names: whether they can be read, and who could change them.
func (c *Chat) CheckGroups(ctx context.Context, all map[string]map[string]string, kinds map[string]string) []bot.Finding {
	var found []bot.Finding
	for _, name := range slices.Sorted(maps.Keys(all)) {
		source, ok := c.Groups()[kinds[name]]
		if !ok {
			continue
		}
		members, err := source.Members(ctx, name, all[name])
		if err != nil {
			found = append(found, wrong("the rules that ask for it give nothing until it can be read", "%v", err))
			continue
		}
		f := fine("slack: group %s can be read: jitbot knows %d of its members", name, len(members))
		if kinds[name] == KindUserGroup {
			f.Hint = "in many workspaces every member can edit user groups, and so let themselves in: " +
				"restrict it under Settings & permissions -> User groups, or list the members in the policy"
		} else {
			f.Hint = "whoever is in the channel can invite others to it, and so let them in: make it private and keep it small, or list the members in the policy"
		}
		found = append(found, f)
	}
	return found
}
