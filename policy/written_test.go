package policy_test

import (
	"testing"

	"jitbot/policy"
)

func TestAPolicyTellsWhatItsFileWritesAndWhatIsADefault(t *testing.T) {
	t.Parallel()
	p, err := policy.Load("policy.yaml", []byte(`version: 1
resources:
  r: {entitlements: [{k: {p: x}}]}
rules:
  - {id: one, match: {resource: r}, eligible: [everyone], max_duration: 2h, require: {ticket: {open: true}, hours: "08:00-18:00"}, auto_approve: true}
  - {id: two, match: {resource: r}, eligible: [ann@example.com], auto_approve: true}
`), policy.Options{WarnUnreachable: true, Kinds: []policy.Kind{{Name: "k", Params: []policy.Param{{Name: "p"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if !p.Writes(0, "max_duration") || !p.Writes(0, "require", "ticket", "open") || !p.RequiresTime(0) {
		t.Error("what the file has is not told")
	}
	if p.Writes(0, "default_duration") || p.Writes(1, "max_duration") || p.Writes(7, "max_duration") || p.RequiresTime(1) {
		t.Error("a default is told as written")
	}
}
