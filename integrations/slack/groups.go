package slack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/slack-go/slack"

	"jitbot/bot"
	"jitbot/policy"
)

// The kinds of group that live in Slack, as a policy names them:
//
//	payments: {slack_usergroup: S0123ABCD}
//	oncall-room: {slack_channel: C0123ABCD}
const (
	KindUserGroup = "slack_usergroup"
	KindChannel   = "slack_channel"
)

// maxMembers bounds a group: a larger one is no circle of people to trust.
const maxMembers = 2000

var userGroupID = regexp.MustCompile(`^S[A-Z0-9]{2,}$`)

// GroupKinds are the sources of groups a policy may name.
func GroupKinds() []policy.Kind {
	id := func(form *regexp.Regexp, want string) []policy.Param {
		return []policy.Param{{Name: "id", Required: true, Check: func(s string) error {
			if !form.MatchString(s) {
				return fmt.Errorf("%q is not %s", s, want)
			}
			return nil
		}}}
	}
	return []policy.Kind{
		{Name: KindUserGroup, Params: id(userGroupID, "the id of a user group, such as S0123ABCD")},
		{Name: KindChannel, Params: id(channelID, "the id of a channel, such as C0123ABCD")},
	}
}

// Groups are the user groups and channels of the workspace, by kind. Members
// are those whose accounts somebody proved to be theirs; an answer is at most a
// minute old, and an outage longer than that is an error.
func (c *Chat) Groups() map[string]bot.Groups {
	return map[string]bot.Groups{
		KindUserGroup: groups{c, userGroupID, c.userGroup},
		KindChannel:   groups{c, channelID, c.inChannel},
	}
}

type groups struct {
	chat *Chat
	form *regexp.Regexp
	list func(ctx context.Context, id string) ([]string, error)
}

// Members implements bot.Groups.
func (g groups) Members(ctx context.Context, group string, params map[string]string) ([]string, error) {
	id := params["id"]
	if !g.form.MatchString(id) {
		return nil, bot.Permanent(fmt.Errorf("slack: group %s: %q is not an id in Slack", group, id))
	}
	users, err := g.chat.members.get(id, func() ([]string, error) { return g.list(ctx, id) })
	if err != nil {
		return nil, fmt.Errorf("slack: members of %s (%s): %w", group, id, err)
	}
	out := []string{}
	for _, user := range users {
		if person, ok := g.chat.who(g.chat.account(user, "")); ok {
			out = append(out, person)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (c *Chat) userGroup(ctx context.Context, id string) (users []string, err error) {
	err = c.call(ctx, "usergroups.users.list", func(ctx context.Context) error {
		var options []slack.GetUserGroupMembersOption
		if c.cfg.Team[0] == 'T' {
			options = append(options, slack.GetUserGroupMembersOptionTeamID(c.cfg.Team))
		}
		users, err = c.api.GetUserGroupMembersContext(ctx, id, options...)
		return err
	})
	if len(users) > maxMembers {
		return nil, errTooMany
	}
	return users, err
}

var errTooMany = fmt.Errorf("more than %d members", maxMembers)

// inChannel lists who is in a channel, page by page.
func (c *Chat) inChannel(ctx context.Context, id string) ([]string, error) {
	var all []string
	cursor := ""
	for {
		var page []string
		err := c.call(ctx, "conversations.members", func(ctx context.Context) (err error) {
			page, cursor, err = c.api.GetUsersInConversationContext(ctx, &slack.GetUsersInConversationParameters{ChannelID: id, Cursor: cursor, Limit: 200})
			return err
		})
		all = append(all, page...)
		switch {
		case err != nil:
			return nil, err
		case len(all) > maxMembers:
			return nil, errTooMany
		case cursor == "":
			return all, nil
		}
	}
}

// errOutsiders says that people of another organisation would read along.
var errOutsiders = errors.New("people of another organisation are in this channel: approvals are not posted there")

// mayPost refuses channels that are shared with another organisation. What
// cannot be looked up is tried again, unless the app may not look at all.
func (c *Chat) mayPost(ctx context.Context, channel string) error {
	if !channelID.MatchString(channel) {
		return nil
	}
	outsiders, err := c.shared.get(channel, func() (bool, error) {
		info, err := c.channelInfo(ctx, channel)
		if err != nil {
			return false, err
		}
		return info.IsExtShared || info.IsPendingExtShared, nil
	})
	switch {
	case saysWord(err, "missing_scope"):
		return bot.Permanent(err) // outsiders might read along; approvers are written to directly
	case err != nil:
		return err
	case outsiders:
		return bot.Permanent(errOutsiders)
	}
	return nil
}

func (c *Chat) channelInfo(ctx context.Context, id string) (info *slack.Channel, err error) {
	err = c.call(ctx, "conversations.info", func(ctx context.Context) error {
		info, err = c.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
		return err
	})
	return info, err
}
