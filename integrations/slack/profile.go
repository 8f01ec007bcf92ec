package slack

import (
	"context"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"jitbot/bot"
	"jitbot/jit"
)

// Profile says what Slack knows of a user, as of two minutes ago at most, and
// at once where Slack said that it changed. Somebody Slack does not know, or
// does not show, is nobody's active account.
func (c *Chat) Profile(ctx context.Context, user string) (bot.Profile, error) {
	if !userID.MatchString(user) {
		return bot.Profile{Account: jit.Account{Platform: Platform, User: user}}, nil
	}
	return c.profiles.get(user, func() (bot.Profile, error) {
		var u *slack.User
		var says bool
		err := c.call(ctx, "users.info", func(ctx context.Context) (err error) {
			u, err = c.api.GetUserInfoContext(looking(ctx, "is_email_confirmed", &says), user)
			return err
		})
		if saysWord(err, "user_not_found", "users_not_found", "user_not_visible") {
			return bot.Profile{Account: c.account(user, "")}, nil
		}
		if err != nil {
			return bot.Profile{}, fmt.Errorf("slack: profile of %s: %w", user, err)
		}
		p := c.profileOf(u)
		p.Unconfirmed = says && !u.IsEmailConfirmed
		return p, nil
	})
}

func (c *Chat) profileOf(u *slack.User) bot.Profile {
	p := bot.Profile{
		Account: c.account(u.ID, u.TeamID), Name: nameOf(u),
		Guest:  u.IsRestricted || u.IsUltraRestricted || u.IsStranger || !c.ours(u),
		Bot:    u.IsBot || u.IsConnectorBot || u.IsWorkflowBot || u.ID == "USLACKBOT",
		Active: !u.Deleted && !u.IsInvitedUser,
	}
	if u.IsEmailConfirmed {
		p.Email = u.Profile.Email
	}
	if zone, err := time.LoadLocation(u.TZ); err == nil && u.TZ != "" {
		p.Zone = zone
	}
	return p
}

func nameOf(u *slack.User) string {
	for _, name := range []string{u.Profile.RealName, u.RealName, u.Name} {
		if name != "" {
			return name
		}
	}
	return u.ID
}

// ours reports whether a user is a member of the workspace, or of the
// organisation it belongs to. There is no field that says so.
func (c *Chat) ours(u *slack.User) bool {
	org := c.cfg.Enterprise
	if c.cfg.Team[0] == 'E' {
		org = c.cfg.Team
	}
	if org != "" && u.Enterprise.EnterpriseID == org {
		return true
	}
	return u.TeamID == "" || u.TeamID == c.cfg.Team
}

// account is a user as jitbot knows accounts: with the workspace jitbot
// serves, unless the user is known to be of another.
func (c *Chat) account(user, team string) jit.Account {
	if team == "" || c.cfg.Team[0] == 'E' || c.cfg.Enterprise != "" {
		team = c.cfg.Team
	}
	return jit.Account{Platform: Platform, Team: team, User: user}
}
