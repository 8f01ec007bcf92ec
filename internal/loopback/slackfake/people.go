package slackfake

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// userJSON of an interaction: never enough to know a person by.
func (s *Server) actor(id string) object {
	u := s.users[id]
	return object{"id": id, "username": u.Name, "name": u.Name, "team_id": u.TeamID}
}

// interaction is what all interaction payloads have. The caller holds the lock.
func (s *Server) interaction(kind, user string) object {
	team := object{"id": s.cfg.TeamID, "domain": s.cfg.TeamDomain}
	var enterprise any
	if s.cfg.EnterpriseID != "" {
		enterprise = object{"id": s.cfg.EnterpriseID, "name": "Example Org"}
		team["enterprise_id"], team["enterprise_name"] = s.cfg.EnterpriseID, "Example Org"
	}
	return object{
		"type": kind, "user": s.actor(user), "team": team, "enterprise": enterprise, "api_app_id": s.cfg.AppID,
		"is_enterprise_install": s.cfg.OrgInstall, "token": "verification",
	}
}

// Command types the app's slash command and text in a channel or a direct
// conversation. The answer in the acknowledgement is shown and recorded.
func (s *Server) Command(ctx context.Context, user, channel, text string) (Delivery, error) {
	s.mu.Lock()
	u, known := s.users[user]
	if !known || u.Deleted || u.IsStranger || !s.canSee(user, channel) {
		s.mu.Unlock()
		return Delivery{}, fmt.Errorf("%w: %s cannot type commands in %s", ErrNotShown, user, channel)
	}
	r := &response{user: user, channel: channel, via: "command"}
	p := object{
		"token": "verification", "team_id": u.TeamID, "team_domain": s.cfg.TeamDomain, "channel_id": channel,
		"channel_name": s.channelName(channel), "user_id": user, "user_name": u.Name, "command": s.cfg.CommandName, "text": text,
		"api_app_id": s.cfg.AppID, "is_enterprise_install": strconv.FormatBool(s.cfg.OrgInstall),
		"response_url": s.newResponse(r), "trigger_id": s.newTrigger(user, nil),
	}
	if s.cfg.EnterpriseID != "" {
		p["enterprise_id"], p["enterprise_name"] = s.cfg.EnterpriseID, "Example Org"
	}
	s.mu.Unlock()
	d, err := s.deliver(ctx, KindCommand, p)
	if err != nil {
		return d, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered(r, d)
	return d, nil
}

// answered shows what the app answered to a command.
func (s *Server) answered(r *response, d Delivery) {
	text := strings.TrimSpace(string(d.Answer))
	if text == "" || text == "{}" {
		return
	}
	a := args{"text": text}
	if strings.HasPrefix(text, "{") {
		a = args{}
		if err := readJSONArgs(d.Answer, a); err != nil {
			s.violate("command", "the answer is broken JSON")
			return
		}
		s.wantJSON("command", d)
	}
	_ = s.respondTo("command", r, a) // a refusal is kept as a violation
}

// wantJSON notes a JSON answer over HTTP that does not say it is one.
func (s *Server) wantJSON(where string, d Delivery) {
	if d.ID == "" && !strings.HasPrefix(d.answers.Get("Content-Type"), "application/json") {
		s.violate(where, "a JSON answer with content type %q", d.answers.Get("Content-Type"))
	}
}

func (s *Server) channelName(id string) string {
	switch c := s.channels[id]; {
	case c == nil:
		return "directmessage"
	case c.Private:
		return "privategroup"
	default:
		return c.Name
	}
}

// Shortcut uses a global shortcut. Its payload has neither channel nor
// api_app_id, as Slack's has none.
func (s *Server) Shortcut(ctx context.Context, user, callbackID string) (Delivery, error) {
	s.mu.Lock()
	p := s.interaction("shortcut", user)
	delete(p, "api_app_id")
	p["callback_id"], p["trigger_id"], p["action_ts"] = callbackID, s.newTrigger(user, nil), s.stamp()
	s.mu.Unlock()
	return s.deliver(ctx, KindInteraction, p)
}

// OpenHome looks at the app's Home tab: the event app_home_opened.
func (s *Server) OpenHome(ctx context.Context, user string) (Delivery, error) {
	s.mu.Lock()
	e := object{"type": "app_home_opened", "user": user, "channel": dmOf(user), "tab": "home", "event_ts": s.stamp()}
	if v := s.homes[user]; v != nil {
		e["view"] = s.viewJSON(v)
	}
	s.mu.Unlock()
	return s.Event(ctx, encode(e))
}

// Event sends an event whose inner object is given, such as
// {"type":"user_change","user":{...}}. event_ts is filled in when absent.
func (s *Server) Event(ctx context.Context, inner json.RawMessage) (Delivery, error) {
	var e object
	if err := json.Unmarshal(inner, &e); err != nil {
		return Delivery{}, fmt.Errorf("loopback Slack: the event is no object: %w", err)
	}
	s.mu.Lock()
	if e["event_ts"] == nil {
		e["event_ts"] = s.stamp()
	}
	var enterprise any
	if s.cfg.EnterpriseID != "" {
		enterprise = s.cfg.EnterpriseID
	}
	p := object{
		"type": "event_callback", "token": "verification", "team_id": s.cfg.TeamID, "context_team_id": s.cfg.TeamID,
		"context_enterprise_id": enterprise, "api_app_id": s.cfg.AppID, "event": e,
		"event_id": fmt.Sprintf("Ev%08d", s.next()), "event_time": s.cfg.Now().Unix(), "is_ext_shared_channel": false,
		"authorizations": []any{object{
			"enterprise_id": enterprise, "team_id": s.cfg.TeamID, "user_id": s.cfg.BotUserID, "is_bot": true,
			"is_enterprise_install": s.cfg.OrgInstall,
		}},
	}
	if enterprise != nil {
		p["enterprise_id"] = enterprise
	}
	s.mu.Unlock()
	return s.deliver(ctx, KindEvent, p)
}

// UserChange sends the user_change event of a person as the server knows them.
func (s *Server) UserChange(ctx context.Context, user string) (Delivery, error) {
	s.mu.Lock()
	e := object{"type": "user_change", "user": s.userJSON(s.users[user])}
	s.mu.Unlock()
	return s.Event(ctx, encode(e))
}
