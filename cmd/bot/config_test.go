package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/integrations/aws"
)

func TestTheExampleConfigurationAndPolicyLoad(t *testing.T) {
	t.Parallel()
	c, err := loadConfig("../../config.example.yaml", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	p, err := loadPolicy(c.Policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range p.People() {
		if _, ok := c.People[id]; !ok {
			t.Errorf("%s of the example policy is not in the example configuration", id)
		}
	}
	for _, f := range examineRules(c, p) {
		t.Errorf("the examples do not fit together: %s", f.What)
	}
}

func TestTheBlocksOfTheExampleThatAreSwitchedOffLoadToo(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	example, blocks, _ := strings.Cut(string(src), "# audit:\n")
	var on []string
	setting := regexp.MustCompile(`^#( +)(?:# )?([a-z_]+:.*\n)$`)
	for line := range strings.Lines("# audit:\n" + blocks) {
		if m := setting.FindStringSubmatch(line); m != nil && (m[1] != " " || m[2] == "audit:\n" || m[2] == "suggestions:\n" || m[2] == "export:\n") {
			on = append(on, m[1][1:]+m[2])
		}
	}
	path := writeConfig(t, example+strings.Join(on, ""))
	c, err := readConfig(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(on, ""))
	}
	if c.Suggestions.Apply != applyPull || c.Suggestions.GitHub.BaseURL == "" || len(c.Suggestions.Protected) != 1 {
		t.Errorf("got %+v", c.Suggestions)
	}
	if len(c.Export.names()) != 3 || !c.Audit.SigningKey.IsConfigured() || c.Export.Syslog["siem"].Hostname == "" || c.Export.OTLP["otel"].CA == "" {
		t.Errorf("got %+v", c.Export)
	}
}

func TestTheSourcesOfTheExampleThatAreSwitchedOffCanBeOpened(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(src), "# activity:\n")
	block, after, _ := strings.Cut("# activity:\n"+rest, "\n\n")
	option := regexp.MustCompile(`^( +)# ([a-z_]+: .*\n)$`)
	for name, options := range map[string]bool{"as it stands": false, "with every option": true} {
		var on strings.Builder
		for line := range strings.Lines(block + "\n") {
			line = strings.TrimPrefix(line, "# ")
			if options {
				line = option.ReplaceAllString(line, "$1$2")
			}
			on.WriteString(line)
		}
		secret := func(string) string { return strings.Repeat("s", 32) }
		c, err := loadConfig(writeConfig(t, before+on.String()+"\n"+after), secret)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, on.String())
		}
		sources, err := c.Activity.open(bot.Deps{Now: time.Now}, c.AWS.Reach())
		if err != nil || len(sources.all) != 7 {
			t.Errorf("%s: %d sources, %v", name, len(sources.all), err)
		}
		if pg := c.Activity.Postgres["shop-db"]; options != (pg.Statements || pg.SilentAfter != 0) {
			t.Errorf("%s: %+v", name, pg)
		}
	}
}

func TestTheDemosOwnPolicyLoadsWithoutAWarning(t *testing.T) {
	t.Parallel()
	p, err := loadPolicy("demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range p.Warnings() {
		t.Error(w)
	}
}

func TestAConfigurationThatIsWrongIsRefusedWithEveryPlace(t *testing.T) {
	t.Parallel()
	const good = `policy: policy.yaml
people:
  ann@example.com: {name: Ann, accounts: ["web:ann"]}
channels: {default: access}
web: {enabled: true, channels: [access, "on-call"]}
`
	for _, c := range []struct{ name, text, want string }{
		{"an unknown key", good + "polcy: x\n", `config.yaml:6:1: unknown key "polcy"; did you mean "policy"?`},
		{"a secret in the text", good + "metrics: {token: hunter2}\n", "config.yaml:6:18"},
		{"the chat page on every interface", good + "listen: 0.0.0.0:8080\n", "has no login"},
		{"plain http across the network", good + "base_url: http://jitbot.example.com\n", "config.yaml:6:11"},
		{"an admin nobody knows", good + "admins: [zoe@example.com]\n", "zoe@example.com is not under people"},
		{"no time for a call", good + "limits: {call_time: 0}\n", "config.yaml:6:21: limits.call_time: not a duration"},
		{"rounds of drift without a rest", good + "drift: {every: 10s}\n", "config.yaml:6:16: drift.every: 10s is not between 1m and 7d, nor 0 for never"},
		{"a repair that takes away", good + "drift: {repair: [standing]}\n", "only missing can be put right unasked"},
		{"a bad duration", good + "limits: {call_time: 10}\n", "config.yaml:6:21"},
		{"a machine linked for too short", good + "cli: {token_life: 59m}\n", "config.yaml:6:19: cli.token_life: 59m is not between 1h and 90d"},
		{"a machine linked for too long", good + "cli: {enabled: false, token_life: 91d}\n", "91d is not between 1h and 90d"},
		{"an unknown key of the command line", good + "cli: {enable: true}\n", `did you mean "enabled"?`},
		{"an account without a platform", strings.Replace(good, "web:ann", "ann", 1), "platform:user"},
		{"an upper-case e-mail", strings.Replace(good, "ann@", "Ann@", 1), "in lower case"},
		{"a default channel that is not there", strings.Replace(good, "default: access", "default: acess", 1), `config.yaml:4:11: channels: default: there is no channel "acess" in the chat`},
		{"an alert channel that is not there", strings.Replace(good, "default: access", "alerts: pager", 1), `alerts: there is no channel "pager"`},
		{"nobody to tell of an alarm", strings.Replace(good, "channels: {default: access}\n", "", 1), "nobody would hear of an end that is overdue"},
		{"nobody at all", "policy: p.yaml\npeople: {}\nweb: {enabled: true, channels: [access]}\n", "at least one person"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := loadConfig(path, func(string) string { return "" })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error repeats the secret")
			}
		})
	}
}

func TestT49TheMetricsTokenMustBeThereWhenItIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.yaml")
	text := "policy: p.yaml\npeople: {ann@example.com: {name: Ann, accounts: [\"web:ann\"]}}\nchannels: {alerts: access}\nweb: {enabled: true, channels: [access]}\nmetrics: {token: \"${JITBOT_METRICS_TOKEN}\"}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadConfig(path, func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "metrics.token") {
		t.Errorf("a missing token: %v", err)
	}
	c, err := loadConfig(path, func(string) string { return "from-the-environment" })
	if err != nil || c.Metrics.Token.Reveal() != "from-the-environment" {
		t.Errorf("a token from the environment: %v", err)
	}
}

func TestDriftIsComparedEveryHourUnlessTheConfigurationSaysOtherwise(t *testing.T) { // feature 62
	t.Parallel()
	for text, want := range map[string]time.Duration{"": time.Hour, "drift: {every: 0}\n": 0, "drift: {every: 30m, repair: [missing]}\n": 30 * time.Minute} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(serveConfig+text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(path, func(string) string { return "" })
		if err != nil || time.Duration(c.Drift.Every) != want {
			t.Errorf("%q: every %s, %v", text, time.Duration(c.Drift.Every), err)
		}
		if got := len(c.Drift.repairs()) == 1; got != strings.Contains(text, "missing") {
			t.Errorf("%q repairs %v", text, c.Drift.repairs())
		}
	}
}

func TestTheCommandLineIsOnWithTokensOfThirtyDaysUnlessTheConfigurationSaysOtherwise(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"":                                      30 * 24 * time.Hour,
		"cli: {token_life: 1h}":                 time.Hour,
		"cli: {token_life: 90d}":                90 * 24 * time.Hour,
		"cli: {enabled: false}":                 0,
		"cli: {enabled: true}":                  30 * 24 * time.Hour,
		"cli: {enabled: false, token_life: 2d}": 0,
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		base := "policy: p.yaml\npeople: {ann@example.com: {name: Ann, accounts: [\"web:ann\"]}}\nchannels: {alerts: access}\nweb: {enabled: true, channels: [access]}\n"
		if err := os.WriteFile(path, []byte(base+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(path, func(string) string { return "" })
		if err != nil || c.CLI.tokenLife() != want {
			t.Errorf("%q: tokens last %s, want %s; %v", text, c.CLI.tokenLife(), want, err)
		}
	}
}

func TestTheExamplePolicyShowsEveryKindOfEntitlement(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../policy.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{aws.KindSession, aws.KindGroup, aws.KindAssignment, aws.KindStoreGroup} {
		if !strings.Contains(string(text), "- "+kind+": {") {
			t.Errorf("nobody is told how to write %s", kind)
		}
	}
}
