package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		{"a bad duration", good + "limits: {call_time: 10}\n", "config.yaml:6:21"},
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
