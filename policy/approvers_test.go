package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/policy"
)

func TestAQuorumCountsPeopleAndOneOfEachGroup(t *testing.T) {
	t.Parallel()
	pair := policy.Approvers{From: []string{"a", "b", "c"}, Each: [][]string{{"a", "b"}, {"b", "c"}}, Count: 2}
	besides := policy.Approvers{From: []string{"a"}, Each: [][]string{{"x"}}, Count: 1}
	for _, tt := range []struct {
		name     string
		a        policy.Approvers
		approved []string
		want     bool
	}{
		{"one of one", policy.Approvers{From: []string{"a"}, Count: 1}, []string{"a"}, true},
		{"nobody", policy.Approvers{From: []string{"a"}, Count: 1}, nil, false},
		{"a stranger", policy.Approvers{From: []string{"a"}, Count: 1}, []string{"x"}, false},
		{"one person twice", policy.Approvers{From: []string{"a", "b"}, Count: 2}, []string{"a", "a"}, false},
		{"both groups", pair, []string{"a", "c"}, true},
		{"one person in both groups is not two", pair, []string{"b"}, false},
		{"the person in both gives way", pair, []string{"b", "c"}, true},
		{"the same, other order", pair, []string{"a", "b"}, true},
		{"two of one group", policy.Approvers{From: []string{"a", "b"}, Each: [][]string{{"a", "b"}, {"c"}}, Count: 2}, []string{"a", "b"}, false},
		{"a group besides", besides, []string{"a", "x"}, true},
		{"only the group besides", besides, []string{"x"}, false},
		{"only the others", besides, []string{"a"}, false},
		{"no approvers are never enough", policy.Approvers{}, []string{"a"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.a.Met(tt.approved); got != tt.want {
				t.Errorf("met: %v", got)
			}
		})
	}
}

func TestApproversComeFromEverySource(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: a, match: {resource: prod-db}, eligible: [everyone], approvals: {from: [group:payments, oncall:platform, oncall:primary, group:live, gus@example.com], each: [group:sre, group:live]}}`)
	f := with(known(), onDuty("primary", "pat", "dee"))
	f.OnCall = append(f.OnCall, onDuty("primary", "quinn"))
	f.Groups["live"] = []string{"zoe@example.com", "lu@example.com"}
	a := p.Approvers(p.Decide(ask("zoe", "prod-db", 0), f), ask("zoe", "prod-db", 0), f)
	want := policy.Approvers{
		Count: 1,
		From:  mails("ann", "dee", "eli", "gus", "lu", "pat", "quinn"),
		Each:  [][]string{mails("ann", "bo", "cy"), mails("lu")},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(mails("ann", "bo", "cy", "dee", "eli", "gus", "lu", "pat", "quinn"), a.All()); diff != "" {
		t.Error(diff)
	}
}

func mails(names ...string) []string {
	var out []string
	for _, n := range names {
		out = append(out, n+"@example.com")
	}
	return out
}

func TestAnApprovalGivenInAdvanceCountsOnlyWithinItsBounds(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: one, match: {resource: prod-db}, eligible: [everyone], on_behalf: [everyone], approvals: {from: [group:payments]}}
  - {id: two, match: {resource: prod-web}, eligible: [everyone], approvals: {count: 2, from: [group:payments, group:sre]}}
  - {id: sure, match: {resource: staging-db}, eligible: [everyone], approvals: {from: [group:payments], step_up: true}}
`)
	advance := func(id, by, resource string) policy.Advance {
		return policy.Advance{ID: id, By: by + "@example.com", Resource: resource, Until: noon.Add(3 * time.Hour), Cap: 2 * time.Hour}
	}
	for _, tt := range []struct {
		name string
		r    *policy.Request
		a    []policy.Advance
		want policy.Outcome
		ids  string
	}{
		{"given", ask("zoe", "prod-db", 2*time.Hour), []policy.Advance{advance("adv_1", "dee", "prod-db")}, policy.AutoApprove, "adv_1"},
		{"by one who cannot approve", ask("zoe", "prod-db", time.Hour), []policy.Advance{advance("adv_1", "ann", "prod-db")}, policy.Approval, ""},
		{"by the holder", ask("dee", "prod-db", time.Hour), []policy.Advance{advance("adv_1", "dee", "prod-db")}, policy.Approval, ""},
		{"over the cap", ask("zoe", "prod-db", 2*time.Hour+1), []policy.Advance{advance("adv_1", "dee", "prod-db")}, policy.Approval, ""},
		{"for something else", ask("zoe", "prod-db", time.Hour), []policy.Advance{advance("adv_1", "dee", "prod-web")}, policy.Approval, ""},
		{"one of two", ask("zoe", "prod-web", time.Hour), []policy.Advance{advance("adv_1", "dee", "prod-web"), advance("adv_2", "dee", "prod-web")}, policy.Approval, ""},
		{"two of two", ask("zoe", "prod-web", time.Hour), []policy.Advance{advance("adv_2", "dee", "prod-web"), advance("adv_1", "ann", "prod-web")}, policy.AutoApprove, "adv_1,adv_2"},
		{"where approvers sign in again", ask("zoe", "staging-db", time.Hour), []policy.Advance{advance("adv_1", "dee", "staging-db")}, policy.Approval, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := known()
			f.Advance = tt.a
			if d := p.Decide(tt.r, f); d.Outcome != tt.want || d.Advance != tt.ids {
				t.Errorf("got %+v", d)
			}
		})
	}
	late := known()
	late.At, late.Advance = noon.Add(2*time.Hour+1), []policy.Advance{advance("adv_1", "dee", "prod-db")}
	wantSaid(t, p, ask("zoe", "prod-db", time.Hour), late, "approval one") // would outlast the window
	byDee := ask("zoe", "prod-db", time.Hour)
	byDee.By = "dee@example.com"
	late.At = noon
	wantSaid(t, p, byDee, late, "approval one")
	if d := p.Decide(ask("zoe", "prod-db", time.Hour), late); d.MaxDuration != 2*time.Hour {
		t.Errorf("the most is %v, want the cap", d.MaxDuration)
	}
}

func TestMembersResolvesWhatAPolicyCanName(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: a, match: {resource: "*"}, eligible: [everyone], auto_approve: true}`)
	f := with(known(), onDuty("primary", "pat"))
	f.Groups = map[string][]string{"live": mails("lu")}
	for name, want := range map[string][]string{
		"group:sre": mails("ann", "bo", "cy"), "group:live": mails("lu"), "oncall:primary": mails("pat"), "oncall:platform": mails("ann"),
		"zoe@example.com": mails("zoe"), "person:zoe@example.com": mails("zoe"),
	} {
		if got, known := p.Members(name, f); !known || !cmp.Equal(got, want) {
			t.Errorf("%s: %v %v", name, got, known)
		}
	}
	for _, name := range []string{"group:other-live", "group:none", "oncall:none", "zoe", ""} {
		if got, known := p.Members(name, f); known || len(got) > 0 {
			t.Errorf("%s: %v %v", name, got, known)
		}
	}
}
