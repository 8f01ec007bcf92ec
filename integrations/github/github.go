package github

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"jitbot/bot"
	"jitbot/jit"
)

// Client proposes changes to one repository. Make it with [Open]; it may be
// used concurrently.
type Client struct {
	cfg  Config
	http *http.Client
	base string // of the repository in the API
}

var _ bot.PolicyWriter = (*Client)(nil)

// Open checks cfg and returns a client; nothing is called yet.
func Open(cfg Config, deps bot.Deps) (*Client, error) {
	if !cfg.Enabled() || cfg.Path == "" || !cfg.Token.IsSet() || deps.HTTP == nil {
		return nil, errors.New("github: a repository, a path, a token and an HTTP client are needed")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultURL
	}
	client := *deps.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { // the token goes nowhere else
		return errors.New("the repository has moved; put its new name into the configuration")
	}
	return &Client{cfg, &client, strings.TrimSuffix(cfg.BaseURL, "/") + "/repos/" + cfg.Repository}, nil
}

// Read returns the policy as the branch has it.
func (c *Client) Read(ctx context.Context) ([]byte, error) {
	branch, err := c.branch(ctx)
	if err != nil {
		return nil, err
	}
	f, err := c.file(ctx, branch)
	return f.text, err
}

// Propose opens a pull request with the change, or finds the one that was
// opened before. One that is open and has another change, as of a value that
// people have corrected since, is given this one.
func (c *Client) Propose(ctx context.Context, change bot.PolicyChange) (jit.Where, error) {
	into, err := c.branch(ctx)
	if err != nil {
		return jit.Where{}, err
	}
	branch := branchOf(change)
	old, found, err := c.opened(ctx, branch)
	if err != nil {
		return jit.Where{}, err
	}
	if found {
		same, err := c.has(ctx, old, change)
		switch {
		case err != nil:
			return jit.Where{}, err
		case same:
			return old.where(), nil
		}
	}
	head, err := c.head(ctx, into)
	if err != nil {
		return jit.Where{}, err
	}
	commit, err := c.committed(ctx, branch, head, change)
	if err != nil {
		return jit.Where{}, err
	}
	if found {
		return c.rewritten(ctx, old, commit, change)
	}
	return c.pullRequest(ctx, branch, into, commit, change)
}

// has reports whether a pull request has a change. One that was merged, or that
// people have pushed to, has what they made of it.
func (c *Client) has(ctx context.Context, p pull, change bot.PolicyChange) (bool, error) {
	if p.MergedAt != "" {
		return true, nil
	}
	f, err := c.file(ctx, p.Head.SHA)
	if err != nil || bytes.Equal(f.text, change.After) {
		return true, err
	}
	var last struct{ Message string }
	err = c.call(ctx, http.MethodGet, "/git/commits/"+escaped(p.Head.SHA), nil, nil, &last)
	return !strings.Contains(last.Message, "Suggestion-Id: "+change.Suggestion+"\n"), err
}

// rewritten has an open pull request say what its branch has now.
func (c *Client) rewritten(ctx context.Context, p pull, commit string, change bot.PolicyChange) (jit.Where, error) {
	err := c.call(ctx, http.MethodPatch, fmt.Sprintf("/pulls/%d", p.Number), nil, map[string]string{"title": oneLine(change.Title), "body": body(change)}, nil)
	if err != nil {
		err = fmt.Errorf("the text of %s is of an earlier change: %w", p.HTMLURL, err)
	}
	p.Head.SHA = commit
	return p.where(), err
}

// branchOf names the branch of a suggestion.
func branchOf(change bot.PolicyChange) string { return "jitbot/" + change.Suggestion }

func (c *Client) branch(ctx context.Context) (string, error) {
	if c.cfg.Branch != "" {
		return c.cfg.Branch, nil
	}
	var repo struct {
		DefaultBranch string `json:"default_branch"`
	}
	err := c.call(ctx, http.MethodGet, "", nil, nil, &repo)
	if err == nil && repo.DefaultBranch == "" {
		err = errors.New("GitHub does not say which branch is the default one; set branch in the configuration")
	}
	return repo.DefaultBranch, err
}

// head is the newest commit of a branch.
func (c *Client) head(ctx context.Context, branch string) (string, error) {
	var ref struct{ Object struct{ SHA string } }
	err := c.call(ctx, http.MethodGet, "/git/ref/heads/"+escaped(branch), nil, nil, &ref)
	return ref.Object.SHA, err
}

// blob is the file at some commit.
type blob struct {
	text []byte
	sha  string
}

// file reads the policy at a branch or commit. Larger files come as a blob.
func (c *Client) file(ctx context.Context, at string) (blob, error) {
	var got struct {
		Type, Content, Encoding, SHA string
		Size                         int
	}
	err := c.call(ctx, http.MethodGet, "/contents/"+escaped(c.cfg.Path), url.Values{"ref": {at}}, nil, &got)
	if err != nil {
		return blob{}, err
	}
	if got.Type != "file" {
		return blob{}, fmt.Errorf("%s is no file in the repository", c.cfg.Path)
	}
	if got.Content == "" && got.Size > 0 {
		if err := c.call(ctx, http.MethodGet, "/git/blobs/"+escaped(got.SHA), nil, nil, &got); err != nil {
			return blob{}, err
		}
	}
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(got.Content, "\n", ""))
	if err != nil {
		return blob{}, fmt.Errorf("the file does not come as base64: %w", err)
	}
	return blob{text, got.SHA}, nil
}

// committed has the change on its branch, one commit after head, and returns
// that commit. What an earlier try left is used as far as it is right.
func (c *Client) committed(ctx context.Context, branch, head string, change bot.PolicyChange) (string, error) {
	base, err := c.file(ctx, head)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(base.text, change.Before) {
		return "", bot.ErrBaseMoved
	}
	err = c.call(ctx, http.MethodPost, "/git/refs", nil, map[string]string{"ref": "refs/heads/" + branch, "sha": head}, nil)
	if status(err) == http.StatusUnprocessableEntity { // it is there already
		if f, err := c.file(ctx, branch); err == nil && bytes.Equal(f.text, change.After) {
			return c.head(ctx, branch)
		}
		err = c.call(ctx, http.MethodPatch, "/git/refs/heads/"+escaped(branch), nil, map[string]any{"sha": head, "force": true}, nil)
	}
	if err != nil {
		return "", err
	}
	return c.put(ctx, branch, base.sha, change)
}

func (c *Client) put(ctx context.Context, branch, sha string, change bot.PolicyChange) (string, error) {
	var got struct{ Commit struct{ SHA string } }
	err := c.call(ctx, http.MethodPut, "/contents/"+escaped(c.cfg.Path), nil, map[string]string{
		"message": message(change), "content": base64.StdEncoding.EncodeToString(change.After), "sha": sha, "branch": branch,
	}, &got)
	if status(err) == http.StatusConflict {
		return "", errors.Join(bot.ErrBaseMoved, err)
	}
	return got.Commit.SHA, err
}

func message(change bot.PolicyChange) string {
	var b strings.Builder
	b.WriteString(oneLine(change.Title) + "\n\n")
	for _, t := range change.Trailers {
		b.WriteString(oneLine(t.String()) + "\n")
	}
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// pull is a pull request as far as it matters here.
type pull struct {
	Number   int    `json:"number"`
	HTMLURL  string `json:"html_url"`
	State    string `json:"state"`
	MergedAt string `json:"merged_at"`
	Head     struct {
		Ref string `json:"ref"`
		SHA string `json:"sha"`
	} `json:"head"`
}

func (p pull) where() jit.Where {
	return jit.Where{Kind: "pull_request", URL: p.HTMLURL, Commit: p.Head.SHA}
}

// opened finds the pull request of a branch, whatever became of it: one that
// people have closed is not opened again behind their backs.
func (c *Client) opened(ctx context.Context, branch string) (pull, bool, error) {
	owner, _, _ := strings.Cut(c.cfg.Repository, "/")
	var all []pull
	err := c.call(ctx, http.MethodGet, "/pulls", url.Values{"head": {owner + ":" + branch}, "state": {"all"}}, nil, &all)
	if err != nil {
		return pull{}, false, err
	}
	for _, p := range all {
		if p.Head.Ref != branch { // an unknown head would list all there are
			continue
		}
		if p.State == "closed" && p.MergedAt == "" {
			return pull{}, false, fmt.Errorf("%s was closed without merging; open it again there, or withdraw the suggestion", p.HTMLURL)
		}
		return p, true, nil
	}
	return pull{}, false, nil
}

func (c *Client) pullRequest(ctx context.Context, branch, into, commit string, change bot.PolicyChange) (jit.Where, error) {
	var p pull
	err := c.call(ctx, http.MethodPost, "/pulls", nil, map[string]any{
		"title": oneLine(change.Title), "head": branch, "base": into, "body": body(change), "maintainer_can_modify": true,
	}, &p)
	if status(err) == http.StatusUnprocessableEntity { // a try whose answer was lost has opened it
		if p, found, findErr := c.opened(ctx, branch); findErr == nil && found {
			return p.where(), nil
		}
	}
	if err != nil {
		return jit.Where{}, err
	}
	p.Head.SHA = commit
	return p.where(), nil
}

// maxBody is how many characters of text GitHub takes.
const maxBody = 60_000

func body(change bot.PolicyChange) string {
	var b strings.Builder
	for _, t := range change.Trailers {
		b.WriteString(oneLine(t.String()) + "\n")
	}
	return bot.Shorten(change.Body, maxBody) + "\n" + b.String()
}

// escaped is a path for an address, its slashes kept.
func escaped(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// Check says whether pull requests could be opened, as far as reading tells.
func (c *Client) Check(ctx context.Context) []bot.Finding {
	var repo struct {
		DefaultBranch string `json:"default_branch"`
		Archived      bool
		Permissions   struct{ Push *bool }
	}
	if err := c.call(ctx, http.MethodGet, "", nil, nil, &repo); err != nil {
		return []bot.Finding{{What: "suggestions: " + c.cfg.Repository + ": " + err.Error()}}
	}
	switch {
	case repo.Archived:
		return []bot.Finding{{What: "suggestions: " + c.cfg.Repository + " is archived", Hint: "name the repository the policy is in now"}}
	case repo.Permissions.Push != nil && !*repo.Permissions.Push:
		return []bot.Finding{{What: "suggestions: the token may not write to " + c.cfg.Repository, Hint: "give it contents and pull requests, read and write"}}
	}
	if _, err := c.Read(ctx); err != nil {
		return []bot.Finding{{What: "suggestions: " + c.cfg.Path + " in " + c.cfg.Repository + ": " + err.Error()}}
	}
	return []bot.Finding{{OK: true, What: "suggestions: pull requests are opened in " + c.cfg.Repository}}
}
