package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gopkg.in/yaml.v3"

	"jitbot/integrations/slack"
	"jitbot/internal/loopback/slackfake"
	"jitbot/jit"
)

// runApart is a command with its outputs apart, and no environment.
func runApart(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environment{&out, &errs, func(string) string { return "" }})
	return code, out.String(), errs.String()
}

func writeConfig(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// slackApp is what of a manifest decides how Slack reaches jitbot and what the
// app may do there.
type slackApp struct {
	Features struct {
		Commands []struct {
			Command, URL string
			Escape       bool `yaml:"should_escape"`
		} `yaml:"slash_commands"`
		Shortcuts []struct {
			Callback string `yaml:"callback_id"`
		}
	}
	OAuth struct {
		Scopes struct{ Bot, User []string }
	} `yaml:"oauth_config"`
	Settings struct {
		Events struct {
			URL string   `yaml:"request_url"`
			Bot []string `yaml:"bot_events"`
		} `yaml:"event_subscriptions"`
		Interactivity struct {
			Enabled bool   `yaml:"is_enabled"`
			URL     string `yaml:"request_url"`
			Options string `yaml:"message_menu_options_url"`
		}
		Socket bool `yaml:"socket_mode_enabled"`
	}
}

func manifestOf(t *testing.T, args ...string) (m slackApp) {
	t.Helper()
	code, out, errs := runApart(t, append([]string{"slack", "manifest"}, args...)...)
	if code != exitOK || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	if err := yaml.Unmarshal([]byte(out), &m); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	return m
}

// urls are all addresses of a manifest.
func (m slackApp) urls() []string {
	return []string{m.Features.Commands[0].URL, m.Settings.Events.URL, m.Settings.Interactivity.URL, m.Settings.Interactivity.Options}
}

func TestTheManifestOfModeSocketHasNoAddress(t *testing.T) {
	t.Parallel()
	m := manifestOf(t)
	if !m.Settings.Socket || !m.Settings.Interactivity.Enabled || !slices.Equal(m.urls(), make([]string, 4)) {
		t.Errorf("mode socket: %+v", m)
	}
	if c := m.Features.Commands; len(c) != 1 || c[0].Command != "/jit" || !c[0].Escape || len(m.Features.Shortcuts) != 1 {
		t.Errorf("how people reach it: %+v", m.Features)
	}
	if d := cmp.Diff(m, manifestOf(t, "--mode", "socket")); d != "" {
		t.Errorf("socket is not the default: %s", d)
	}
	want := slices.DeleteFunc(slackfake.DefaultScopes(), func(s string) bool { return s == "im:write" })
	if got := m.OAuth.Scopes.Bot; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("scopes %v, want %v", got, want)
	}
	for _, right := range slices.Concat(m.OAuth.Scopes.Bot, m.Settings.Events.Bot) {
		if strings.Contains(right, "history") || strings.HasPrefix(right, "message") || strings.HasPrefix(right, "app_mention") {
			t.Errorf("%s reads what people write", right)
		}
	}
	if len(m.OAuth.Scopes.User) > 0 || !slices.Contains(m.Settings.Events.Bot, "app_home_opened") {
		t.Errorf("user scopes %v, events %v", m.OAuth.Scopes.User, m.Settings.Events.Bot)
	}
}

func TestTheManifestOfModeHTTPHasTheThreeAddresses(t *testing.T) {
	t.Parallel()
	want := []string{
		"https://jit.example.com/slack/commands", "https://jit.example.com/slack/events",
		"https://jit.example.com/slack/interactions", "https://jit.example.com/slack/interactions",
	}
	for _, base := range []string{"https://jit.example.com", "https://jit.example.com/"} {
		m := manifestOf(t, "--mode", "http", "--url", base, "--command", "/access")
		if d := cmp.Diff(want, m.urls()); d != "" || m.Settings.Socket || m.Features.Commands[0].Command != "/access" {
			t.Errorf("%s: %s %+v", base, d, m)
		}
	}
}

const manifestConfig = `policy: policy.yaml
people: {ann@example.com: {name: Ann, accounts: ["slack:U0ANN"]}}
channels: {default: access}
base_url: https://jit.example.com/
slack:
  mode: http
  team: T0TEAM
  app: A0APP
  command: /access
  bot_token: "${NOT_SET}"
  signing_secret: "file:/not/there"
  channels: {access: C0ACCESS}
`

func TestTheManifestComesFromTheConfigurationBeforeItsSecretsAreThere(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, manifestConfig)
	m := manifestOf(t, "--config", path)
	if m.Settings.Socket || m.urls()[0] != "https://jit.example.com/slack/commands" || m.Features.Commands[0].Command != "/access" {
		t.Errorf("from the configuration: %+v", m)
	}
	m = manifestOf(t, "--config", path, "--mode", "socket", "--command", "/jit")
	if !m.Settings.Socket || m.Features.Commands[0].Command != "/jit" {
		t.Errorf("what the command line says does not come first: %+v", m)
	}
}

func TestAManifestThatWouldNotWorkIsNotPrinted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "usage: bot slack manifest"},
		{"another command", []string{"install"}, "usage: bot slack manifest"},
		{"another mode", []string{"manifest", "--mode", "webhook"}, `"webhook" is neither socket nor http`},
		{"http without an address", []string{"manifest", "--mode", "http"}, "mode http needs --url"},
		{"http in the clear", []string{"manifest", "--mode", "http", "--url", "http://jit.example.com"}, "by https"},
		{"an unknown flag", []string{"manifest", "--team", "T0TEAM"}, "not defined: -team"},
		{"too much", []string{"manifest", "socket"}, `"socket" is too much`},
		{"no such file", []string{"manifest", "--config", filepath.Join(t.TempDir(), "none.yaml")}, "no such file"},
		{"a wrong configuration", []string{"manifest", "--config", writeConfig(t, strings.Replace(manifestConfig, "T0TEAM", "acme", 1))}, "config.yaml:7:9: slack.team: "},
	} {
		code, out, errs := runApart(t, append([]string{"slack"}, c.args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, printed %q\n%s", c.name, code, out, errs)
		}
	}
	for _, help := range [][]string{{"slack", "--help"}, {"slack", "manifest", "--help"}, {"slack", "manifest", "-h"}} {
		if code, out, errs := runApart(t, help...); code != exitOK || errs != "" || !strings.HasPrefix(out, "usage: bot slack manifest") {
			t.Errorf("%v: exit %d, %q, %q", help, code, out, errs)
		}
	}
}

// doctor runs `bot doctor` as a process, as an operator does.
func (w *workplace) doctor(env ...string) (string, int) {
	w.t.Helper()
	out, err := w.command([]string{"doctor", "--config", filepath.Join(w.dir, "config.yaml")}, env...).CombinedOutput()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return string(out), failed.ExitCode()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out), exitOK
}

func TestTheDoctorFindsAConfiguredSlackAndSignInWell(t *testing.T) {
	t.Parallel()
	for mode, way := range map[string]string{slack.ModeSocket: "ok     slack: Socket Mode is on", slack.ModeHTTP: "ok     slack: mode http; Slack has to reach /slack/commands"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorkplace(t, mode)
			w.slack.SetScopes(manifestOf(t).OAuth.Scopes.Bot...)
			out, code := w.doctor()
			if code != exitOK || strings.Contains(out, "WRONG") {
				t.Errorf("exit %d\n%s", code, out)
			}
			for _, line := range []string{
				"ok     slack: signed in to example (T0TEAM)", "ok     slack: all scopes are there, and no others\n", "ok     slack: the clocks agree", way,
				"ok     slack: channel access is #access\n", "ok     slack: channel access-prod is #access-prod\n",
				"ok     sign-in: http://127.0.0.1:", "ok     sign-in: the redirect address to register at the provider is " + w.url + "/s/callback\n",
				"ok     sign-in: the provider's keys can be fetched (1)",
			} {
				if !strings.Contains(out, line) {
					t.Errorf("it does not say %q:\n%s", line, out)
				}
			}
			for _, call := range w.slack.CallLog() {
				if strings.HasPrefix(call.Method, "chat.") || strings.HasPrefix(call.Method, "views.") {
					t.Errorf("the doctor called %s", call.Method)
				}
			}
		})
	}
}

func TestTheDoctorSaysWhatToDoAboutEachThingThatIsWrong(t *testing.T) {
	t.Parallel()
	withoutOne := func(scope string) func(*workplace) {
		return func(w *workplace) {
			w.slack.SetScopes(slices.DeleteFunc(slackfake.DefaultScopes(), func(s string) bool { return s == scope })...)
		}
	}
	group := func(id string) func(*workplace) {
		return func(w *workplace) {
			w.change("policy.yaml", "groups: {sre: [ann@example.com, bo@example.com]}", "groups: {sre: {"+id+"}}")
		}
	}
	for _, c := range []struct {
		name       string
		do         func(*workplace)
		env        string
		code       int
		what, hint string
	}{
		{"another bot token", nil, "SLACK_BOT_TOKEN=xoxb-another", exitRefused, "WRONG  slack: the bot token is not taken: ", "slack.bot_token has to be the Bot User OAuth Token"},
		{"another app token", func(w *workplace) { w.write("app-token", "xapp-another") }, "", exitRefused, "WRONG  slack: no socket would be opened: ", "slack.app_token has to be an app-level token"},
		{"no bot token", nil, "SLACK_BOT_TOKEN=", exitRefused, "slack.bot_token: environment variable SLACK_BOT_TOKEN is not set", "set it to the secret"},
		{"a secret that others can read", func(w *workplace) {
			if err := os.Chmod(filepath.Join(w.dir, "app-token"), 0o640); err != nil {
				t.Error(err)
			}
		}, "", exitRefused, "slack.app_token: secret file", "run: chmod 600"},
		{"another workspace", func(w *workplace) { w.change("config.yaml", "team: T0TEAM", "team: T0OTHER") }, "", exitRefused, "WRONG  slack: the token is of workspace T0TEAM, slack.team says T0OTHER", "set slack.team to T0TEAM"},
		{"a missing scope", withoutOne("users:read.email"), "", exitRefused, "WRONG  slack: scopes are missing: users:read.email (", "install the app again"},
		{"a scope too many", func(w *workplace) { w.slack.SetScopes(append(slackfake.DefaultScopes(), "channels:history")...) }, "", exitOK, "some that jitbot does not use: im:write, channels:history", "take them away"},
		{"a channel without the bot", func(w *workplace) { w.slack.SetBotIn("C0PROD", false) }, "", exitRefused, "WRONG  slack: the bot is not in channel access-prod (C0PROD)", "/invite @jitbot"},
		{"a channel with outsiders", func(w *workplace) {
			w.slack.SetChannel(slackfake.Channel{ID: "C0PROD", Name: "access-prod", BotIn: true, ExtShared: true})
		}, "", exitRefused, "WRONG  slack: channel access-prod (C0PROD) is shared with another organisation", "of your own organisation"},
		{"a channel that is not there", func(w *workplace) { w.change("config.yaml", "C0PROD", "C0GONE") }, "", exitRefused, "WRONG  slack: channel access-prod (C0GONE): ", "take the id from the channel's details"},
		{"a channel nobody configured", func(w *workplace) { w.change("config.yaml", ", access-prod: C0PROD", "") }, "", exitRefused, "writes to channel access-prod, which is not there", "add it to slack.channels"},
		{"a second factor without a sign-in", func(w *workplace) { w.change("config.yaml", "sign_in: {", "# {") }, "", exitRefused, "WRONG  rule billing-with-a-second-factor demands a second sign-in of approvers, which is not set up", "set up sign_in, or leave step_up out"},
		{"a sign-in that does not answer", func(w *workplace) {
			w.change("config.yaml", `sign_in: {issuer: "http://127.0.0.1:`, `sign_in: {issuer: "http://localhost:`)
		}, "", exitRefused, "WRONG  sign-in: ", "compare sign_in.issuer with the provider's own page"},
		{"a user group, which many can edit", group("slack_usergroup: S0ONCALL"), "", exitOK, "note   slack: group sre can be read: jitbot knows 2 of its members", "every member can edit user groups, and so let themselves in"},
		{"a channel as a group", group("slack_channel: C0PROD"), "", exitOK, "note   slack: group sre can be read: jitbot knows 2 of its members", "whoever is in the channel can invite others"},
		{"a user group that is not there", group("slack_usergroup: S0GONE"), "", exitRefused, "WRONG  slack: members of sre (S0GONE): ", "give nothing until it can be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkplace(t, slack.ModeSocket)
			if c.do != nil {
				c.do(w)
			}
			out, code := w.doctor(c.env)
			if code != c.code || !strings.Contains(out, c.what) || !strings.Contains(out, c.hint) {
				t.Errorf("exit %d; want %d, %q and %q:\n%s", code, c.code, c.what, c.hint, out)
			}
			if (code == exitOK) == strings.Contains(out, "WRONG") {
				t.Errorf("exit %d does not go with\n%s", code, out)
			}
			w.holdsNone("in any case", "what the doctor says", out, []string{canaryBot, canaryApp, canarySigning, canaryOIDC, canaryAWS, "xoxb-another", "xapp-another"})
		})
	}
}

// slackOnly is a configuration without the local chat page.
const slackOnly = `policy: policy.yaml
people:
  ann@example.com: {name: Ann, accounts: ["slack:U0ANN"]}
channels: {default: access}
slack:
  mode: socket
  team: T0TEAM
  app: A0APP
  bot_token: "${SLACK_BOT_TOKEN}"
  app_token: "${SLACK_APP_TOKEN}"
  channels: {access: C0ACCESS}
`

func TestASlackThatCouldNotWorkIsRefusedAtTheStartWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, text, want string }{
		{"a bot token that is not in the environment", "", "", "config.yaml: slack.bot_token: environment variable SLACK_BOT_TOKEN is not set; set it to the secret"},
		{"a token in the file", `"${SLACK_BOT_TOKEN}"`, canaryBot, "config.yaml:9:14: slack.bot_token: a secret is not written here"},
		{"no bot token", `  bot_token: "${SLACK_BOT_TOKEN}"` + "\n", "", "config.yaml:6:3: slack.bot_token: is missing: name where the xoxb-... token is, such as ${SLACK_BOT_TOKEN}"},
		{"no app token", `  app_token: "${SLACK_APP_TOKEN}"` + "\n", "", "config.yaml:6:3: slack.app_token: is missing: mode socket needs an app-level token, xapp-..."},
		{"no signing secret", "mode: socket", "mode: http", "config.yaml:6:3: slack.signing_secret: is missing: mode http needs it to tell Slack's requests from others"},
		{"no mode", "  mode: socket\n", "", "config.yaml:6:3: slack.mode: say socket or http, or leave the whole block out"},
		{"no chat at all", "mode: socket", `mode: ""`, "config.yaml:1:1: … no chat is switched on"},
		{"another mode", "mode: socket", "mode: webhook", `config.yaml:6:9: slack.mode: "webhook" is neither socket nor http`},
		{"a workspace by its name", "team: T0TEAM", "team: acme", `config.yaml:7:9: slack.team: "acme" is not the id of a workspace`},
		{"an app by its name", "app: A0APP", "app: jitbot", `config.yaml:8:8: slack.app: "jitbot" is not the id of an app`},
		{"an organisation by its name", "  app: A0APP", "  app: A0APP\n  enterprise: acme", `config.yaml:9:15: slack.enterprise: "acme" is not the id of an organisation`},
		{"a channel by its name", "access: C0ACCESS", "access: access", "config.yaml:11:13: slack.channels: access: access: write name: C0123ABCD"},
		{"a default channel that is not there", "default: access", "default: acess", `config.yaml:4:11: channels: default: there is no channel "acess" in the chat; add it to slack.channels`},
		{"a command without its slash", "  team: T0TEAM", "  team: T0TEAM\n  command: jit", `config.yaml:8:12: slack.command: "jit" is not a slash command`},
		{"one socket", "  team: T0TEAM", "  team: T0TEAM\n  sockets: 1", "config.yaml:8:12: slack.sockets: 1 is not between 2 and 5"},
		{"an API in the clear", "  team: T0TEAM", "  team: T0TEAM\n  api_url: http://slack.example.com/api/", `config.yaml:8:12: slack.api_url: "http://slack.example.com/api/" has to be https`},
		{"an unknown key", "team: T0TEAM", "taem: T0TEAM", `config.yaml:7:3: unknown key "taem"; did you mean "team"?`},
		{"nobody who could ask", `  ann@example.com: {name: Ann, accounts: ["slack:U0ANN"]}`, "  {}", "config.yaml:3:3: people: name at least one person, or the domains"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(slackOnly, c.old) {
				t.Fatalf("there is no %q to change", c.old)
			}
			code, out, errs := runApart(t, "serve", "--config", writeConfig(t, strings.Replace(slackOnly, c.old, c.text, 1)))
			place, words, _ := strings.Cut(c.want, "… ")
			if code != exitUsage || out != "" || !strings.Contains(errs, place) || !strings.Contains(errs, words) || strings.Contains(errs, canaryBot) {
				t.Errorf("exit %d, printed %q, want %q:\n%s", code, out, c.want, errs)
			}
		})
	}
}

func TestAnAccountInSlackWithoutAWorkspaceIsOfTheOneServed(t *testing.T) {
	t.Parallel()
	text := strings.Replace(slackOnly, `"slack:U0ANN"`, `"slack:U0ANN", "slack:T0OTHER/U0ANN", "web:ann"`, 1)
	c, err := readConfig(writeConfig(t, text))
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.people()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d people, %v", len(all), err)
	}
	want := []jit.Account{{Platform: "slack", Team: "T0TEAM", User: "U0ANN"}, {Platform: "slack", Team: "T0OTHER", User: "U0ANN"}, {Platform: "web", User: "ann"}}
	if d := cmp.Diff(want, all[0].Accounts); d != "" {
		t.Error(d)
	}
}

func TestOnlyTheLocalChatPageKeepsJitbotOnThisComputer(t *testing.T) {
	t.Parallel()
	const everywhere = "listen: 0.0.0.0:8080\nbase_url: https://jit.example.com\n"
	getenv := func(string) string { return "a secret" }
	c, err := loadConfig(writeConfig(t, everywhere+slackOnly), getenv)
	if err != nil || c.Web.Enabled || !c.Slack.Enabled() {
		t.Errorf("Slack alone, on every interface: %v", err)
	}
	_, err = loadConfig(writeConfig(t, everywhere+slackOnly+"web: {enabled: true, channels: [access]}\n"), getenv)
	if err == nil || !strings.Contains(err.Error(), "the local chat page has no login") {
		t.Errorf("with the page, on every interface: %v", err)
	}
	if _, err = loadConfig(writeConfig(t, slackOnly+"web: {enabled: true, channels: [access]}\n"), getenv); err != nil {
		t.Errorf("with the page, on this computer: %v", err)
	}
}
