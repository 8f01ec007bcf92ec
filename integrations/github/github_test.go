package github_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"jitbot/bot"
	"jitbot/integrations/github"
	"jitbot/internal/secret"
	"jitbot/internal/strictyaml"
)

const before, after = "rules:\r\n- id: a # größer\r\n", "rules:\r\n- id: b # größer"

func change() bot.PolicyChange {
	sum := sha256.Sum256([]byte(before))
	return bot.PolicyChange{
		Suggestion: "sug_000042", Base: hex.EncodeToString(sum[:]), Before: []byte(before), After: []byte(after),
		Title: "Policy: max_duration of rule a\nfrom 8h to 2h", Body: "**Why:** 71 of 71\n",
		Trailers: []bot.Trailer{{Name: "Suggestion-Id", Value: "sug_000042"}, {Name: "Proposed-by", Value: "sam@example.com"}, {Name: "Confirmed-by", Value: "ada@example.com"}},
	}
}

const firstPull = "https://github.example/acme/access/pull/1"

func TestAChangeIsOneBranchOneCommitAndOnePullRequest(t *testing.T) {
	t.Parallel()
	for _, large := range []bool{false, true} {
		h := newHub(t, before)
		h.large = large
		c := h.client(t)
		if src, err := c.Read(t.Context()); err != nil || string(src) != before {
			t.Fatalf("read %q, %v", src, err)
		}
		where, err := c.Propose(t.Context(), change())
		if err != nil || where.Kind != "pull_request" || where.URL != firstPull || where.Commit != "c1" {
			t.Fatalf("%+v, %v", where, err)
		}
		got := h.commits[h.refs["jitbot/sug_000042"]]
		if got.text != after || got.parent != "c0" || h.refs["main"] != "c0" {
			t.Errorf("committed %+v, refs %v", got, h.refs)
		}
		if !strings.HasPrefix(got.message, "Policy: max_duration of rule a from 8h to 2h\n\nSuggestion-Id: sug_000042\nProposed-by: sam@example.com\nConfirmed-by: ada@example.com\n") {
			t.Errorf("the message is %q", got.message)
		}
		p := h.pulls[0]
		if p["title"] != "Policy: max_duration of rule a from 8h to 2h" || p["base"] != "main" || !strings.Contains(p["body"].(string), "**Why:** 71 of 71") || !strings.Contains(p["body"].(string), "Suggestion-Id: sug_000042") {
			t.Errorf("the pull request is %v", p)
		}
		again, err := c.Propose(t.Context(), change())
		if err != nil || again != where || len(h.pulls) != 1 || len(h.commits) != 2 {
			t.Errorf("the second time: %+v, %v, %d pull requests, %d commits", again, err, len(h.pulls), len(h.commits))
		}
	}
}

func TestWhateverAnswerIsLostTheNextTryEndsWithOnePullRequest(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"GET /pulls", "GET ", "GET /git/ref", "GET /contents", "POST /git/refs", "PUT /contents", "POST /pulls"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			h := newHub(t, before)
			c := h.client(t)
			h.lose(call)
			if _, err := c.Propose(t.Context(), change()); err == nil && !strings.HasPrefix(call, "GET") {
				t.Fatal("the answer was not lost")
			}
			where, err := c.Propose(t.Context(), change())
			if err != nil || where.URL != firstPull || len(h.pulls) != 1 || len(h.commits) != 2 || h.commits[h.refs["jitbot/sug_000042"]].text != after {
				t.Errorf("%+v, %v, %d pull requests, %d commits", where, err, len(h.pulls), len(h.commits))
			}
		})
	}
}

func TestABaseThatMovedOnIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHub(t, "# new\n"+before)
	if _, err := h.client(t).Propose(t.Context(), change()); !errors.Is(err, bot.ErrBaseMoved) || len(h.refs) != 1 || len(h.pulls) != 0 {
		t.Errorf("%v, refs %v", err, h.refs)
	}
}

func TestABranchThatAnEarlierTryLeftOnAnOlderBaseIsPutRight(t *testing.T) {
	t.Parallel()
	h := newHub(t, before)
	h.commits["old"] = commit{text: "older"}
	h.refs["jitbot/sug_000042"] = "old"
	where, err := h.client(t).Propose(t.Context(), change())
	if got := h.commits[h.refs["jitbot/sug_000042"]]; err != nil || where.URL != firstPull || got.text != after || got.parent != "c0" {
		t.Errorf("%+v, %v, %+v", where, err, got)
	}
}

func TestAClosedPullRequestIsNotOpenedAgainAndAMergedOneIsThePlace(t *testing.T) {
	t.Parallel()
	h := newHub(t, before)
	c := h.client(t)
	if _, err := c.Propose(t.Context(), change()); err != nil {
		t.Fatal(err)
	}
	h.pulls[0]["state"] = "closed"
	if _, err := c.Propose(t.Context(), change()); err == nil || !strings.Contains(err.Error(), "pull/1 was closed without merging") || len(h.pulls) != 1 {
		t.Errorf("%v, %d pull requests", err, len(h.pulls))
	}
	h.pulls[0]["merged_at"] = "2026-11-25T00:00:00Z"
	if where, err := c.Propose(t.Context(), change()); err != nil || where.URL != firstPull {
		t.Errorf("%+v, %v", where, err)
	}
}

func TestAPullRequestWithAnotherChangeIsGivenTheOneThatPeopleConfirmed(t *testing.T) {
	t.Parallel()
	h := newHub(t, before)
	c := h.client(t)
	h.lose("POST /pulls") // nobody knows that it was opened
	if _, err := c.Propose(t.Context(), change()); err == nil {
		t.Fatal("the answer was not lost")
	}
	other := change()
	other.After, other.Title, other.Body = []byte(before+"# corrected\n"), "Policy: max_duration of rule a from 8h to 4h", "**Why:** corrected\n"
	where, err := c.Propose(t.Context(), other)
	if err != nil || where.URL != firstPull || len(h.pulls) != 1 || where.Commit != h.refs["jitbot/sug_000042"] {
		t.Fatalf("%+v, %v, %d pull requests", where, err, len(h.pulls))
	}
	if got := h.commits[where.Commit]; got.text != string(other.After) || got.parent != "c0" {
		t.Errorf("it has %+v", got)
	}
	if p := h.pulls[0]; p["title"] != other.Title || !strings.Contains(p["body"].(string), "corrected") {
		t.Errorf("it says %v", p)
	}
	h.commits["theirs"] = commit{text: "by hand", message: "better words", parent: where.Commit}
	h.refs["jitbot/sug_000042"] = "theirs"
	if where, err = c.Propose(t.Context(), other); err != nil || where.Commit != "theirs" || h.refs["jitbot/sug_000042"] != "theirs" {
		t.Errorf("what people pushed is gone: %+v, %v", where, err)
	}
}

func TestRefusalsSayWhatToDoAndNeverTheToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, call, answer, want string
		code                     int
		header                   []string
	}{
		{"no right", "POST /git/refs", `{"message":"Resource not accessible by personal access token"}`, "needs contents and pull requests", 403, nil},
		{"asked too often", "POST /git/refs", `{"message":"secondary rate limit"}`, "asked too often", 403, []string{"Retry-After", "60"}},
		{"asked too often, without a header", "POST /git/refs", `{"message":"You have exceeded a secondary rate limit"}`, "asked too often", 403, nil},
		{"asked far too often", "GET /pulls", `{}`, "asked too often", 429, nil},
		{"none left", "GET /pulls", `{}`, "asked too often", 403, []string{"X-Ratelimit-Remaining", "0"}},
		{"not found", "GET /git/ref", `{"message":"Not Found"}`, "no such repository, branch or file", 404, nil},
		{"trouble", "PUT /contents", `<html>oops`, "trouble of its own", 502, nil},
		{"a protected branch", "PUT /contents", `{"message":"Validation Failed","errors":[{"message":"rule violations \u001b[2J found"}]}`, "rule violations", 422, nil},
		{"nonsense", "GET /pulls", `[{]`, "not what its API says", 200, nil},
		{"elsewhere", "GET /pulls", ``, "the repository has moved", 301, []string{"Location", "https://elsewhere.example/"}},
		{"changed meanwhile", "PUT /contents", `{"message":"does not match"}`, "the policy file has changed meanwhile", 409, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t, before)
			h.refuse(c.call, c.code, c.answer, c.header...)
			_, err := h.client(t).Propose(t.Context(), change())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), token) {
				t.Errorf("%v", err)
			}
			if len(h.pulls) != 0 {
				t.Errorf("%d pull requests", len(h.pulls))
			}
		})
	}
	h := newHub(t, before)
	_, err := h.client(t, func(c *github.Config) { c.Token = secret.Of("ghp_wrong") }).Propose(t.Context(), change())
	if err == nil || !strings.Contains(err.Error(), "the token is wrong or has run out") || strings.Contains(err.Error(), "ghp_") {
		t.Error(err)
	}
	h.Close()
	if _, err := h.client(t).Propose(t.Context(), change()); err == nil || !strings.Contains(err.Error(), "cannot be reached") || strings.Contains(err.Error(), token) {
		t.Error(err)
	}
}

func TestABranchOfAnotherNameIsUsedWhereOneIsSet(t *testing.T) {
	t.Parallel()
	h := newHub(t, before)
	h.commits["r"] = commit{text: before}
	h.refs["release/1 & more"] = "r"
	c := h.client(t, func(c *github.Config) { c.Branch = "release/1 & more" })
	if _, err := c.Propose(t.Context(), change()); err != nil || h.pulls[0]["base"] != "release/1 & more" || slices.Contains(h.calls, "GET ") {
		t.Errorf("%v, %v, calls %v", err, h.pulls, h.calls)
	}
}

func TestTheConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	good := "repository: acme/access\npath: access/policy.yaml\ntoken: env:GITHUB_TOKEN\n"
	for _, c := range [][2]string{
		{good, ""},
		{good + "base_url: https://github.example/api/v3", ""},
		{good + "base_url: http://github.example/api/v3", "https"},
		{good + "branch: a..b", "no name of a branch"},
		{"repository: acme\npath: p\ntoken: env:X", "owner/name"},
		{"repository: acme/x\npath: ../p\ntoken: env:X", "file in the repository"},
		{"repository: acme/x\npath: p", "token"},
		{"repository: acme/x\npath: p\ntoken: ghp_plain", "token"},
		{"path: p\ntoken: env:X", "owner/name"},
	} {
		var cfg github.Config
		err := strictyaml.Decode("c.yaml", []byte(c[0]), &cfg, nil)
		if (err == nil) != (c[1] == "") || err != nil && !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%q: %v", c[0], err)
		}
	}
	if _, err := github.Open(github.Config{}, bot.Deps{HTTP: http.DefaultClient}); err == nil {
		t.Error("it opens without a repository")
	}
}

func TestDoctorSaysWhetherPullRequestsCouldBeOpened(t *testing.T) {
	t.Parallel()
	h := newHub(t, before)
	if found := h.client(t).Check(t.Context()); len(found) != 1 || !found[0].OK {
		t.Errorf("%+v", found)
	}
	h.refuse("GET ", 200, `{"default_branch":"main","permissions":{"push":false}}`)
	if found := h.client(t).Check(t.Context()); len(found) != 1 || found[0].OK || !strings.Contains(found[0].What, "may not write") {
		t.Errorf("%+v", found)
	}
	h.refuse("GET /contents", 404, `{"message":"Not Found"}`)
	if found := h.client(t).Check(t.Context()); len(found) != 1 || found[0].OK || !strings.Contains(found[0].What, "access/policy.yaml in acme/access") {
		t.Errorf("%+v", found)
	}
}

func TestAPullRequestOfAnotherBranchIsNotThePlace(t *testing.T) {
	t.Parallel()
	h := newHub(t, before)
	h.refs["other"] = "c0"
	h.pulls = []map[string]any{{"number": 1, "html_url": firstPull, "state": "open", "head": map[string]any{"ref": "other", "sha": "c0"}}}
	h.unfiltered = true // what GitHub does with a head that it does not know
	where, err := h.client(t).Propose(t.Context(), change())
	if err != nil || where.URL == firstPull || len(h.pulls) != 2 {
		t.Errorf("%+v, %v, %d pull requests", where, err, len(h.pulls))
	}
}

func TestWhatGitHubSaysAndIsToldIsBounded(t *testing.T) {
	t.Parallel()
	h := newHub(t, before)
	long := change()
	long.Body = strings.Repeat("ä", 100_000)
	if _, err := h.client(t).Propose(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	if text := h.pulls[0]["body"].(string); len([]rune(text)) > 65_536 || !strings.Contains(text, "Confirmed-by: ada@example.com") {
		t.Errorf("the text has %d characters", len([]rune(text)))
	}
	h.refuse("GET /contents", 200, `{"type":"file","content":"`+strings.Repeat("A", 9<<20)+`"}`)
	if _, err := h.client(t).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
}
