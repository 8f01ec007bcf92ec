package slackfake

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) authTest(args) (answer, error) {
	out := answer{
		"url": "https://" + s.cfg.TeamDomain + ".slack.com/", "team": s.cfg.TeamDomain, "user": "bot",
		"team_id": s.cfg.TeamID, "user_id": s.cfg.BotUserID, "bot_id": s.cfg.BotID,
		"is_enterprise_install": s.cfg.OrgInstall, "app_id": s.cfg.AppID,
	}
	if s.cfg.EnterpriseID != "" {
		out["enterprise_id"] = s.cfg.EnterpriseID
	}
	return out, nil
}

func (s *Server) usersInfo(a args) (answer, error) {
	u, ok := s.users[a["user"]]
	if !ok {
		return nil, refuse("user_not_found")
	}
	return answer{"user": s.userJSON(u)}, nil
}

func (s *Server) usersLookup(a args) (answer, error) {
	for _, id := range s.userOrder {
		u := s.users[id]
		if u.Email != "" && strings.EqualFold(u.Email, a["email"]) && !u.Deleted && !u.IsBot {
			return answer{"user": s.userJSON(u)}, nil
		}
	}
	return nil, refuse("users_not_found")
}

// usersList leaves out the members of other workspaces, as Slack does.
func (s *Server) usersList(a args) (answer, error) {
	var ids []string
	for _, id := range s.userOrder {
		if s.users[id].TeamID == s.cfg.TeamID {
			ids = append(ids, id)
		}
	}
	page, cursor, err := paged(ids, a, 1000)
	if err != nil {
		return nil, err
	}
	members := []answer{}
	for _, id := range page {
		members = append(members, s.userJSON(s.users[id]))
	}
	return answer{"members": members, "response_metadata": answer{"next_cursor": cursor}}, nil
}

// userJSON is a user object; the e-mail needs a scope of its own.
func (s *Server) userJSON(u User) answer {
	profile := answer{"real_name": u.RealName, "display_name": u.Name, "team": u.TeamID}
	if slices.Contains(s.scopes, "users:read.email") && u.Email != "" {
		profile["email"] = u.Email
	}
	out := answer{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted,
		"tz": u.TZ, "profile": profile, "updated": s.cfg.Now().Unix(),
		"is_bot": u.IsBot, "is_admin": u.IsAdmin, "is_owner": u.IsPrimaryOwner, "is_primary_owner": u.IsPrimaryOwner,
		"is_restricted": u.IsRestricted || u.IsUltraRestricted, "is_ultra_restricted": u.IsUltraRestricted,
		"is_stranger": u.IsStranger, "is_invited_user": u.IsInvited, "is_workflow_bot": u.IsWorkflowBot,
		"is_connector_bot": u.IsConnectorBot, "is_email_confirmed": !u.EmailUnconfirmed, "is_app_user": false,
	}
	if u.EnterpriseID != "" {
		out["enterprise_user"] = answer{"id": u.EnterpriseUserID, "enterprise_id": u.EnterpriseID, "teams": []string{u.TeamID}}
	}
	return out
}

func (s *Server) groupsList(a args) (answer, error) {
	groups := []answer{}
	for _, g := range s.groups {
		if g.Disabled && a["include_disabled"] != "true" {
			continue
		}
		out := answer{"id": g.ID, "team_id": s.cfg.TeamID, "name": g.Handle, "handle": g.Handle, "user_count": len(g.Users), "date_delete": 0}
		if g.Disabled {
			out["date_delete"] = s.cfg.Now().Unix()
		}
		if a["include_users"] == "true" {
			out["users"] = g.Users
		}
		groups = append(groups, out)
	}
	slices.SortFunc(groups, func(x, y answer) int { return strings.Compare(x["id"].(string), y["id"].(string)) })
	return answer{"usergroups": groups}, nil
}

func (s *Server) groupMembers(a args) (answer, error) {
	g := s.groups[a["usergroup"]]
	if g == nil || g.Disabled && a["include_disabled"] != "true" {
		return nil, refuse("no_such_subteam")
	}
	return answer{"users": append([]string{}, g.Users...)}, nil
}

// channel finds a conversation that the bot may know of and checks the scope
// for reading about it.
func (s *Server) channel(id string) (*Channel, error) {
	if user, ok := s.dms[id]; ok {
		return &Channel{ID: id, Members: []string{user}, Private: true, BotIn: true}, s.needs("im:write")
	}
	c := s.channels[id]
	if c == nil {
		return nil, refuse("channel_not_found")
	}
	if !c.Private {
		return c, s.needs("channels:read")
	}
	if !c.BotIn {
		return nil, refuse("channel_not_found")
	}
	return c, s.needs("groups:read")
}

func (s *Server) conversationsInfo(a args) (answer, error) {
	c, err := s.channel(a["channel"])
	if err != nil {
		return nil, err
	}
	if user, ok := s.dms[c.ID]; ok {
		return answer{"channel": answer{"id": c.ID, "is_im": true, "user": user, "context_team_id": s.cfg.TeamID}}, nil
	}
	members := len(c.Members)
	if c.BotIn {
		members++
	}
	return answer{"channel": answer{
		"id": c.ID, "name": c.Name, "name_normalized": c.Name, "context_team_id": s.cfg.TeamID,
		"is_channel": true, "is_group": false, "is_im": false, "is_mpim": false,
		"is_private": c.Private, "is_archived": c.Archived, "is_member": c.BotIn, "num_members": members,
		"is_shared": c.ExtShared || c.OrgShared, "is_ext_shared": c.ExtShared, "is_org_shared": c.OrgShared,
		"is_pending_ext_shared": c.PendingExtShared, "pending_shared": []string{},
	}}, nil
}

func (s *Server) conversationsMembers(a args) (answer, error) {
	c, err := s.channel(a["channel"])
	if err != nil {
		return nil, err
	}
	all := slices.Clone(c.Members)
	if c.BotIn {
		all = append(all, s.cfg.BotUserID)
	}
	page, cursor, err := paged(all, a, 100)
	return answer{"members": page, "response_metadata": answer{"next_cursor": cursor}}, err
}

func (s *Server) conversationsOpen(a args) (answer, error) {
	id := a["channel"]
	if users := strings.Split(a["users"], ","); id == "" && len(users) == 1 && users[0] != "" {
		if err := s.mayWrite(users[0]); err != nil {
			return nil, err
		}
		id = dmOf(users[0])
	} else if id == "" && len(users) > 1 {
		return nil, s.needs("mpim:write")
	}
	if _, ok := s.dms[id]; !ok {
		return nil, refuse("channel_not_found")
	}
	return answer{"channel": answer{"id": id}}, nil
}

// mayWrite says whether the bot can open a conversation with a user.
func (s *Server) mayWrite(user string) error {
	u, ok := s.users[user]
	switch {
	case !ok:
		return refuse("user_not_found")
	case u.IsBot || u.IsWorkflowBot:
		return refuse("cannot_dm_bot")
	case u.Deleted:
		return refuse("user_disabled")
	}
	return nil
}

// paged cuts one page out of a list. Slack's cursors are opaque; these hold a
// position.
func paged(all []string, a args, limit int) (page []string, cursor string, err error) {
	from := 0
	if c := a["cursor"]; c != "" {
		raw, err := base64.StdEncoding.DecodeString(c)
		if err != nil {
			return nil, "", refuse("invalid_cursor")
		}
		if from, err = strconv.Atoi(string(raw)); err != nil || from < 0 || from > len(all) {
			return nil, "", refuse("invalid_cursor")
		}
	}
	if l := a["limit"]; l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 1 || n > 1000 {
			return nil, "", refuse("invalid_limit")
		}
		limit = n
	}
	to := min(len(all), from+limit)
	if to < len(all) {
		cursor = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return append([]string{}, all[from:to]...), cursor, nil
}
