package policy_test

import (
	"os"
	"path/filepath"
	"testing"

	"jitbot/policy"
)

func TestExamplePolicyLoads(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("../policy.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load("policy.example.yaml", src, policy.Options{
		Kinds: testKinds(),
		ReadFile: func(name string) ([]byte, error) {
			return os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Warnings(); len(got) > 0 {
		t.Errorf("warnings:\n%v", got)
	}
}

func testKinds() []policy.Kind {
	return []policy.Kind{
		{Name: "aws_session", Params: []policy.Param{{Name: "role", Required: true}, {Name: "session_policy", File: true}}},
		{Name: "aws_iam_group", Params: []policy.Param{{Name: "account", Required: true}, {Name: "group", Required: true}, {Name: "user"}}},
	}
}
