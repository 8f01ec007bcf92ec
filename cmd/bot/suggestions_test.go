package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
)

func TestSuggestionsGoWhereTheConfigurationSays(t *testing.T) {
	t.Parallel()
	good := "policy: p.yaml\npeople: {ann@example.com: {name: Ann, accounts: [\"web:ann\"]}}\nchannels: {alerts: access}\nweb: {enabled: true, channels: [access]}\n"
	hub := "github: {repository: acme/access, path: p.yaml, token: \"${GITHUB_TOKEN}\"}"
	for _, c := range []struct{ src, want string }{
		{"", ""},
		{"suggestions: {apply: patch}", ""},
		{"suggestions: {apply: file, file: {commit: true, author: Jit <jit@example.com>}}", ""},
		{"suggestions: {apply: pull_request, " + hub + "}", ""},
		{"suggestions: {shadow: 7d}", ""},
		{"suggestions: {apply: file, shadow: 0}", ""},
		{"suggestions: {shadow: 91d}", "longer than 90d"},
		{"suggestions: {shadow: soon}", "soon"},
		{"suggestions: {shadow: -1h}", "shadow"},
		{"suggestions: {apply: email}", "none of pull_request, file and patch"},
		{"suggestions: {apply: pull_request}", "which repository pull requests are for"},
		{"suggestions: {apply: file, " + hub + "}", ""},
		{"suggestions: {apply: file, file: {comit: true}}", "comit"},
	} {
		cfg, err := readConfig(writeConfig(t, good+c.src+"\n"))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.src, err)
		}
		if c.src == "" && cfg.Suggestions.Apply != applyPatch {
			t.Errorf("changes go to %q where nothing is said", cfg.Suggestions.Apply)
		}
	}
}

func TestDoctorLooksAtWhereChangesGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := config{Policy: filepath.Join(dir, "policy.yaml"), Suggestions: suggestionsConfig{Apply: applyFile}}
	if found := examineSuggestions(t.Context(), c); len(found) != 1 || found[0].OK {
		t.Errorf("without a policy: %+v", found)
	}
	if err := os.WriteFile(c.Policy, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := examineSuggestions(t.Context(), c); len(found) != 1 || !found[0].OK {
		t.Errorf("%+v", found)
	}
	s, err := c.suggest(bot.Deps{})
	if err != nil || s.Writer == nil || s.File != "policy.yaml" {
		t.Errorf("%+v, %v", s, err)
	}
	if src, err := s.Read(t.Context()); err != nil || string(src) != "version: 1\n" {
		t.Errorf("read %q, %v", src, err)
	}
	c.Suggestions.Apply, c.Suggestions.Shadow = applyPatch, every(7*24*time.Hour)
	if s, err := c.suggest(bot.Deps{}); err != nil || s.Shadow != 7*24*time.Hour {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := c.suggest(bot.Deps{}); err != nil || s.Writer != nil || s.Read == nil {
		t.Errorf("%+v, %v", s, err)
	}
}
