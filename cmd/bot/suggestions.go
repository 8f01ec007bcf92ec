package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"jitbot/bot"
	"jitbot/integrations/github"
	"jitbot/integrations/policyfile"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/reports/suggest"
)

// suggestionsConfig says what becomes of a suggestion that two people want.
type suggestionsConfig struct {
	// Apply is pull_request, file or patch. What the other two would need may
	// stand there all the same.
	Apply  string            `yaml:"apply"`
	File   policyfile.Config `yaml:"file"`
	GitHub github.Config     `yaml:"github"`
	// Protected are rules, and resources whose rules, no suggestion touches.
	Protected []string `yaml:"protected"`
	// Trusted are analyses, such as A13, that come to the front of the review
	// again after people had not followed them.
	Trusted []string `yaml:"trusted"`
	// Shadow is how long both policies are asked before an edit that two people
	// want is written; 0: not at all.
	Shadow every `yaml:"shadow"`
}

// longestShadow is the longest that a shadow may be: by then the evidence of an
// edit is half a year old.
const longestShadow = 90 * 24 * time.Hour

// Where changes of the policy go.
const (
	applyPull  = "pull_request"
	applyFile  = "file"
	applyPatch = "patch"
)

// Check implements [strictyaml.Checker].
func (c suggestionsConfig) Check(report func(key, text string)) {
	switch {
	case !slices.Contains([]string{applyPull, applyFile, applyPatch}, c.Apply):
		report("apply", fmt.Sprintf("%q is none of pull_request, file and patch", c.Apply))
	case time.Duration(c.Shadow) > longestShadow:
		report("shadow", fmt.Sprintf("%s is longer than %s", jit.FormatDuration(time.Duration(c.Shadow)), jit.FormatDuration(longestShadow)))
	case c.Apply == applyPull && !c.GitHub.Enabled():
		report("github", "is missing: say which repository pull requests are for")
	}
}

// policyPlace is where changes are put and read from.
type policyPlace interface {
	bot.PolicyWriter
	Read(ctx context.Context) ([]byte, error)
	Check(ctx context.Context) []bot.Finding
}

// place opens what the configuration names; nil: changes are patches.
func (c config) place(deps bot.Deps) (policyPlace, error) {
	switch c.Suggestions.Apply {
	case applyPull:
		return github.Open(c.Suggestions.GitHub, deps)
	case applyFile:
		return policyfile.Open(c.Suggestions.File, c.Policy)
	default:
		return nil, nil
	}
}

// suggest is the service's part of the configuration.
func (c config) suggest(deps bot.Deps) (bot.SuggestConfig, error) {
	out := bot.SuggestConfig{
		File: filepath.Base(c.Policy), Protected: c.Suggestions.Protected, Shadow: time.Duration(c.Suggestions.Shadow),
		Read: func(context.Context) ([]byte, error) { return os.ReadFile(c.Policy) },
		Load: func(src []byte) (*policy.Policy, error) { return parsePolicy(c.Policy, src) },
		Prove: func(before, after *policy.Policy) jit.Direction {
			return suggest.Compared(deps.Now())(before, after).Direction
		},
	}
	place, err := c.place(deps)
	if err != nil || place == nil {
		return out, err
	}
	out.Writer, out.Read = place, place.Read
	if c.Suggestions.Apply == applyPull {
		out.File = c.Suggestions.GitHub.Path
	}
	return out, nil
}

// examineSuggestions says whether changes of the policy could be made.
func examineSuggestions(ctx context.Context, c config) []bot.Finding {
	place, err := c.place(bot.Deps{HTTP: &http.Client{Timeout: 10 * time.Second}})
	switch {
	case err != nil:
		return []bot.Finding{wrong("", "suggestions: %v", err)}
	case place == nil:
		return []bot.Finding{fine("suggestions: changes of the policy are patches to apply by hand")}
	default:
		return place.Check(ctx)
	}
}
