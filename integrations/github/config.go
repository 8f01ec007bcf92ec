package github

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"jitbot/internal/localonly"
	"jitbot/internal/secret"
)

// DefaultURL is where the REST API of github.com is.
const DefaultURL = "https://api.github.com"

// Config is the repository that has the policy.
type Config struct {
	// Repository is owner/name.
	Repository string `yaml:"repository"`
	// Path is the policy's file in it, such as access/policy.yaml.
	Path string `yaml:"path"`
	// Branch is where changes are to be merged. Default: the repository's own
	// default branch.
	Branch string `yaml:"branch"`
	// Token is a fine-grained token for that repository alone: contents and pull
	// requests, read and write.
	Token secret.Value `yaml:"token"`
	// BaseURL is the REST API: https, or http on this computer. GitHub Enterprise
	// has it at https://HOST/api/v3. Default: https://api.github.com.
	BaseURL string `yaml:"base_url"`
}

// Enabled reports whether a repository is named.
func (c Config) Enabled() bool { return c.Repository != "" }

var (
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`)
	branchForm     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]*$`)
)

// Check implements the configuration's checker.
func (c Config) Check(report func(key, text string)) {
	if !c.Enabled() && c.Path == "" && c.Branch == "" && c.BaseURL == "" && !c.Token.IsConfigured() {
		return
	}
	if !repositoryForm.MatchString(c.Repository) || strings.HasSuffix(c.Repository, "/..") {
		report("repository", "has to be owner/name")
	}
	if c.Path == "" || path.IsAbs(c.Path) || path.Clean(c.Path) != c.Path || strings.HasPrefix(c.Path, "..") {
		report("path", "has to be the policy's file in the repository, such as access/policy.yaml")
	}
	if c.Branch != "" && (!branchForm.MatchString(c.Branch) || strings.Contains(c.Branch, "..")) {
		report("branch", "is no name of a branch")
	}
	if !c.Token.IsConfigured() {
		report("token", "is missing: name where it is, such as env:GITHUB_TOKEN")
	}
	if u, err := url.Parse(c.BaseURL); c.BaseURL != "" && (err != nil || !safe(u)) {
		report("base_url", "has to be https, or http on this computer alone, without a name and password")
	}
}

// safe reports whether what is said to an address cannot be read or changed on
// the way.
func safe(u *url.URL) bool {
	return u.User == nil && u.Hostname() != "" && u.RawQuery == "" && (u.Scheme == "https" || u.Scheme == "http" && localonly.Host(u.Hostname()))
}

// Resolve reads the token from where the configuration says it is.
func (c *Config) Resolve(getenv func(string) string) error { return c.Token.Resolve(getenv) }
