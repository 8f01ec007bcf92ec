package slack

import (
	"fmt"
	"strings"
)

// scope is one right the app asks for, and why.
type scope struct{ name, why string }

// scopes are the bot token's, in the order of the manifest. None reads what
// people write: jitbot reads no messages.
func scopes() []scope {
	return []scope{
		{"commands", "the slash command and the global shortcut"},
		{"chat:write", "cards and direct messages; only in channels the bot was invited to"},
		{"users:read", "whether who acts is a full, active member: asked before every request and approval"},
		{"users:read.email", "their confirmed e-mail: a change of it suspends the link to a person"},
		{"usergroups:read", "members of user groups that the policy names (slack_usergroup)"},
		{"channels:read", "whether a channel is shared with outsiders, and its members (slack_channel)"},
		{"groups:read", "the same of private channels"},
		{"files:write", "the chart of the weekly review; it reads no files"},
	}
}

// event is one thing the app is told about, and why.
func events() []scope {
	return []scope{
		{"app_home_opened", "the Home tab is made when somebody opens it"},
		{"user_change", "who is deactivated, or changes their e-mail, is noticed at once"},
		{"subteam_members_changed", "members of user groups count at once"},
		{"subteam_updated", "and so does a user group that is switched off"},
		{"member_joined_channel", "members of channels count at once"},
		{"member_left_channel", "and those who left do not"},
		{"channel_shared", "a channel that outsiders join gets no approvals any more"},
		{"channel_unshared", "and does again when they are gone"},
		{"channel_id_changed", "a private channel that is shared changes its id"},
		{"app_uninstalled", "said loudly in the log"},
		{"tokens_revoked", "the same"},
	}
}

// Manifest is the app, for https://api.slack.com/apps -> Create New App -> From a manifest. In mode
// http base is where Slack reaches jitbot, such as https://jit.example.com.
func Manifest(mode, base, command string) string {
	if command == "" {
		command = defaultCommand
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	at := func(path string) string { return strings.TrimSuffix(base, "/") + path }
	line("# The Slack app of jitbot, mode %s. Every right has its reason behind it.", mode)
	line("_metadata: {major_version: 2, minor_version: 1}")
	line("display_information:")
	line("  name: jitbot")
	line("  description: Access for as long as it is needed, with approval")
	line(`  background_color: "#1d3557"`)
	line("features:")
	line("  app_home:")
	line("    home_tab_enabled: true                # my access, what waits for me")
	line("    messages_tab_enabled: true            # direct messages: what became of a request")
	line("    messages_tab_read_only_enabled: true  # nobody has to write to the bot")
	line("  bot_user: {display_name: jitbot, always_online: true}")
	line("  shortcuts:")
	line("    - {name: Request access, type: global, callback_id: %s, description: Opens the form from anywhere}", callbackForm)
	line("  slash_commands:")
	line("    - command: %s", command)
	if mode == ModeHTTP {
		line("      url: %s", at("/slack/commands"))
	}
	line("      description: Access for a while")
	line(`      usage_hint: "request prod-db 1h incident"`)
	line("      should_escape: true                 # people arrive as ids, not as names")
	line("oauth_config:")
	line("  scopes:")
	line("    bot:")
	for _, s := range scopes() {
		line("      - %-18s # %s", s.name, s.why)
	}
	line("settings:")
	line("  event_subscriptions:")
	if mode == ModeHTTP {
		line("    request_url: %s", at("/slack/events"))
	}
	line("    bot_events:")
	for _, e := range events() {
		line("      - %-25s # %s", e.name, e.why)
	}
	line("  interactivity:")
	line("    is_enabled: true")
	if mode == ModeHTTP {
		line("    request_url: %s", at("/slack/interactions"))
		line("    message_menu_options_url: %s  # searching in long lists", at("/slack/interactions"))
	}
	line("  org_deploy_enabled: false")
	line("  socket_mode_enabled: %v", mode == ModeSocket)
	line("  token_rotation_enabled: false")
	return b.String()
}
