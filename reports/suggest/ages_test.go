package suggest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/reports/suggest"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// shelf keeps policies by their digest.
type shelf map[string]*policy.Policy

func (s shelf) Policy(sha string) (*policy.Policy, error) {
	if p := s[sha]; p != nil {
		return p, nil
	}
	return nil, errors.New("not kept")
}

const twoRules = `
version: 1
resources: {db: {entitlements: [{aws_iam_group: {account: "111122223333", group: g}}]}}
rules:
  - {id: first, match: {resource: db}, eligible: [ann@example.com], max_duration: 1h, auto_approve: true}
  - {id: second, match: {resource: db}, eligible: [bo@example.com], max_duration: %s, auto_approve: true}
`

func TestARuleIsAsOldAsTheFirstPolicyThatSaysTheSame(t *testing.T) {
	t.Parallel()
	came, changed := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		imported      bool
		first, second time.Time
	}{
		"as jitbot knows it":                  {false, came, changed},
		"or older, where a past was imported": {true, time.Time{}, changed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			old, now := parsed(t, "2h"), parsed(t, "1h")
			err = store.Write(t.Context(), func(tx storage.Tx) error {
				events := []jit.Event{
					{Kind: jit.EventStarted, At: came, Actor: jit.ActorJitbot, PolicySHA256: old.SHA256()},
					{Kind: jit.EventPolicyLoaded, At: changed, Actor: jit.ActorJitbot, PolicySHA256: now.SHA256()},
				}
				if row.imported {
					events = append(events, jit.Event{Kind: jit.EventImported, At: came.Add(time.Hour), Actor: jit.ActorJitbot})
				}
				for _, e := range events {
					if err := tx.Save(jit.Record(e)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			err = store.Read(t.Context(), func(v storage.View) error {
				since, err := suggest.Ages(v, shelf{old.SHA256(): old, now.SHA256(): now}, now)
				if err == nil && (!since("first").Equal(row.first) || !since("second").Equal(row.second)) {
					t.Errorf("the rules stand since %s and %s, want %s and %s", since("first"), since("second"), row.first, row.second)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func parsed(t *testing.T, length string) *policy.Policy {
	t.Helper()
	p, err := policy.Load("policy.yaml", []byte(fmt.Sprintf(twoRules, length)), policy.Options{Kinds: []policy.Kind{{Name: "aws_iam_group", Params: []policy.Param{{Name: "account"}, {Name: "group"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
