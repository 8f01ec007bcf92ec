package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/storage"
)

const editedPolicy = `
version: 1
defaults: {timezone: Europe/Berlin}
groups: {sre: [ann@example.com, bo@example.com, cy@example.com, di@example.com, con@example.com]}
resources:
  roomy: {owner: group:sre, entitlements: [{aws_iam_group: {account: "111122223333", group: roomy}}]}
  tight: {owner: group:sre, entitlements: [{aws_iam_group: {account: "111122223333", group: tight}}]}
rules:
  - {id: roomy-rule, match: {resource: roomy}, eligible: [group:sre], max_duration: 2h, approvals: {count: 1, from: [group:sre]}}
  - {id: tight-rule, match: {resource: tight}, eligible: [group:sre], max_duration: 1h, approvals: {count: 1, from: [group:sre]}}
`

// edited is an installation whose policy was changed twice, 36 days before the
// end of the week that is reviewed. Since then roomy is held for a quarter of the
// time, and who has tight asks again as soon as it ends.
func edited(t *testing.T, week bot.Week) *app {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(editedPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	c := demoConfig("127.0.0.1:0", dir)
	c.AWS.Region, c.sources = "eu-central-1", nil
	a, err := openApp(t.Context(), c, newLog(c.Log, io.Discard), func() (*policy.Policy, error) { return loadPolicy(c.Policy) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	cut := week.To.Add(-36 * 24 * time.Hour)
	in := history.Importing{Store: a.store, At: a.service.Instant, Clean: bot.Clean, Policy: a.service.Policy(), Actor: jit.ActorJitbot, File: "past"}
	if got, err := in.Import(t.Context(), bytes.NewReader(pastAround(cut))); err != nil || got.Bad > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	log := a.service.Activity().Intake("log") // which tells that nothing was done
	b, _, err := log.Begin(t.Context(), "")
	if err == nil {
		err = log.Take(t.Context(), b, activity.Progress{Until: time.Now(), Newest: time.Now(), Tells: &activity.Tells{}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range []edit.Edit{
		{Op: edit.Set, Rule: "roomy-rule", Path: []string{"max_duration"}, Value: "2h"},
		{Op: edit.Set, Rule: "tight-rule", Path: []string{"max_duration"}, Value: "1h"},
	} {
		saveApplied(t, a, fmt.Sprintf("sug_%d", i+1), e, cut)
	}
	return a
}

// pastAround is 34 days before and after an instant, as another tool kept them.
func pastAround(cut time.Time) []byte {
	var lines bytes.Buffer
	n := 0
	ask := func(resource, user string, at time.Time, length time.Duration) {
		n++
		f := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
		fmt.Fprintf(&lines, `{"id":"r-%d","at":%q,"user":%q,"resource":%q,"duration":%q,"reason":"work","rule":%q,"outcome":"approval","needed":1,"approvers":["cy@example.com"],"state":"approved","decided_at":%q,"decided_by":"cy@example.com","approvals":[{"by":"cy@example.com","at":%q}],"grant":{"id":"g-%d","from":%q,"ends":%q,"ended":%q}}`+"\n",
			n, f(at), user, resource, length, resource+"-rule", f(at.Add(time.Minute)), f(at.Add(time.Minute)), n, f(at.Add(time.Minute)), f(at.Add(time.Minute+length)), f(at.Add(time.Minute+length)))
	}
	for day := -34; day < 34; day++ {
		at := cut.Add(time.Duration(day)*24*time.Hour + 8*time.Hour)
		for i, user := range []string{"ann@example.com", "bo@example.com"} {
			at, other := at.Add(time.Duration(i)*20*time.Minute), []string{"di@example.com", "con@example.com"}[i]
			if day < 0 {
				ask("roomy", other, at, 8*time.Hour)
				ask("tight", user, at, 4*time.Hour)
				continue
			}
			ask("roomy", other, at, 2*time.Hour)
			ask("tight", user, at, time.Hour)
			ask("tight", user, at.Add(70*time.Minute), time.Hour)
		}
	}
	return lines.Bytes()
}

func saveApplied(t *testing.T, a *app, id string, e edit.Edit, at time.Time) {
	t.Helper()
	back := e
	back.Value = map[string]string{"2h": "8h", "1h": "4h"}[e.Value]
	raw, _ := json.Marshal(e)
	inverse, _ := json.Marshal(map[string]any{"edit": back})
	body, _ := json.Marshal(bot.ItemBody{Name: "partly used time", Title: "Change max_duration of rule " + e.Rule + " from " + back.Value + " to " + e.Value})
	g := jit.Suggestion{
		ID: id, Class: "A2", Rule: e.Rule, Key: jit.SuggestionKey("A2", e.Rule, ""), Direction: jit.Narrow, Edit: raw, Inverse: inverse, Body: body, N: 60,
		FirstShown: at.Add(-time.Hour), ProposedBy: "sam@example.com", ConfirmedBy: "val@example.com", Where: jit.Where{Kind: "file"}, AppliedAt: at, InForceAt: at, Owner: "group:sre",
	}
	for _, to := range []jit.SuggestionState{jit.SuggestionOpen, jit.SuggestionAccepted, jit.SuggestionConfirmed, jit.SuggestionApplied} {
		err := a.store.Write(t.Context(), func(tx storage.Tx) error {
			c := jit.Record(jit.Event{Kind: jit.EventSuggestionApplied, At: at, Actor: "sam@example.com"})
			if err := c.Suggestion(g, to); err != nil {
				return err
			}
			return tx.Save(c)
		})
		if err != nil {
			t.Fatal(err)
		}
		g.State, g.Version = to, g.Version+1
	}
}

func TestAReviewSaysWhichEditsHelpedAndProposesToTakeBackWhatHurt(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	week := bot.WeekOf(time.Now(), zone).Before(1)
	a := edited(t, week)
	if _, err := a.service.PostReview(t.Context(), week, jit.ActorJitbot); err != nil {
		t.Fatal(err)
	}
	err = a.store.Read(t.Context(), func(v storage.View) error {
		thread, err := a.cfg.reviewer(a.service.Activity, time.Now, a.people.Name).Thread(t.Context(), v, week)
		if err != nil {
			return err
		}
		text := thread.Text()
		for _, want := range []string{"rule roomy-rule from 8h to 2h (applied ", ": helped.", "rule tight-rule from 4h to 1h (applied ", ": hurt."} {
			if !strings.Contains(text, want) {
				t.Errorf("the review does not say %q", want)
			}
		}
		if len(thread.Items) == 0 || thread.Items[0].Body.Title != "Take back: Change max_duration of rule tight-rule from 4h to 1h" || !thread.Items[0].Editable {
			t.Errorf("the first item is not to take back what hurt")
		}
		if t.Failed() {
			t.Log(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
