package policy_test

import (
	"errors"
	"strings"
	"testing"

	"jitbot/policy"
)

func TestAProblemOrAnOddityInAFileThatThePolicyNamesSaysWhichFile(t *testing.T) {
	t.Parallel()
	const src = `version: 1
groups: {sre: [ann@example.com, bo@example.com, cy@example.com]}
resources: {web: {entitlements: [{thing: {narrow: a.json}}]}}
rules: [{id: any, match: {resource: web}, eligible: [group:sre], approvals: {count: 1, from: [group:sre]}}]
`
	load := func(content string) (*policy.Policy, error) {
		return policy.Load("p.yaml", []byte(src), policy.Options{
			Kinds: []policy.Kind{{Name: "thing", Params: []policy.Param{{
				Name: "narrow", File: true,
				Check: func(value string) error {
					if value == "bad" {
						return errors.New("line 7, column 3: is bad")
					}
					return nil
				},
				Warn: func(value string) string { return map[string]string{"odd": "is odd"}[value] },
			}}}},
			ReadFile: func(string) ([]byte, error) { return []byte(content), nil },
		})
	}
	if _, err := load("bad"); err == nil || !strings.Contains(err.Error(), "p.yaml:3:51: resources.web.entitlements[0].thing.narrow: a.json: line 7, column 3: is bad") {
		t.Errorf("got %v", err)
	}
	for content, want := range map[string]string{"odd": "p.yaml:3: a.json: is odd", "good": ""} {
		p, err := load(content)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Warnings(), "\n"); got != want {
			t.Errorf("%s: warnings %q, want %q", content, got, want)
		}
	}
}
