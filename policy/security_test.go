package policy_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/internal/strictyaml"
	"jitbot/policy"
)

func TestT09_NobodyToApproveIsRefusedWhenThePolicyLoads(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ approvals, want string }{
		"empty list":      {"{from: []}", "approvals.from: is empty; nobody could approve"},
		"no list":         {"{count: 1}", "approvals: from is missing; name who may approve"},
		"empty group":     {"{from: [group:nobody]}", "names 0 people; nobody could ever be given access"},
		"too few people":  {"{count: 3, from: [group:payments]}", "asks for 3 approvals, but group:payments names 2 people"},
		"no approvals":    {"{count: 0, from: [group:payments]}", "0 is not possible; ask for 1 to 10 approvals"},
		"negative":        {"{count: -1, from: [group:payments]}", "-1 is not possible"},
		"too many":        {"{count: 11, from: [group:payments]}", "11 is not possible"},
		"empty each":      {"{from: [group:payments], each: [group:nobody]}", "asks for an approval from group:nobody, which is empty"},
		"everyone":        {"{from: [everyone]}", "everyone cannot stand here"},
		"unknown group":   {"{from: [group:paymets]}", `there is no "paymets" under groups; did you mean payments?`},
		"text for a list": {"{from: group:payments}", "want a list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problems(t, head+"rules:\n  - {id: a, match: {resource: prod-db}, eligible: [group:sre], approvals: "+tt.approvals+"}\n", options())
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s\nwant %q in it", got, tt.want)
			}
		})
	}
}

func TestT14_NobodyApprovesTheirOwnRequest(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: one, match: {resource: prod-db}, eligible: [everyone], on_behalf: [everyone], approvals: {from: [group:solo, group:live]}}
  - {id: two, match: {resource: prod-web}, eligible: [everyone], approvals: {count: 2, from: [group:payments, dee@example.com]}}
  - {id: both, match: {resource: staging-db}, eligible: [everyone], approvals: {each: [group:solo, group:sre]}}
`)
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), known(), "deny one (nobody_approves)")
	wantSaid(t, p, ask("bo", "prod-db", time.Hour), known(), "approval one")
	byAnn := ask("bo", "prod-db", time.Hour)
	byAnn.By = "ann@example.com"
	wantSaid(t, p, byAnn, known(), "deny one (nobody_approves)")
	wantSaid(t, p, ask("dee", "prod-web", time.Hour), known(), "deny two (nobody_approves)") // one of two is left
	wantSaid(t, p, ask("zoe", "prod-web", time.Hour), known(), "approval two")
	wantSaid(t, p, ask("ann", "staging-db", time.Hour), known(), "deny both (nobody_approves)")
	wantSaid(t, p, ask("zoe", "staging-db", time.Hour), known(), "approval both")
	a := p.Approvers(policy.Decision{Rule: 0}, byAnn, &policy.Facts{At: noon, Groups: map[string][]string{"live": {"bo@example.com", "ann@example.com", "cy@example.com"}}})
	if diff := cmp.Diff([]string{"cy@example.com"}, a.From); diff != "" {
		t.Error(diff)
	}
}

func TestT16_ASourceOfApproversThatIsDownApprovesNothing(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: live, match: {resource: prod-db}, eligible: [everyone], approvals: {from: [group:live, oncall:primary]}}
  - {id: some, match: {resource: prod-web}, eligible: [everyone], approvals: {from: [group:live, cy@example.com]}}
`)
	down := &policy.Facts{At: noon}
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), down, "deny live (unknown_members)")
	wantSaid(t, p, ask("ann", "prod-web", time.Hour), down, "approval some")
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), known(), "deny live (nobody_approves)")
	a := p.Approvers(policy.Decision{Rule: 0}, ask("ann", "prod-db", 0), down)
	if diff := cmp.Diff(policy.Approvers{From: []string{}, Count: 1, Unknown: []string{"group:live", "oncall:primary"}}, a); diff != "" {
		t.Error(diff)
	}
	stale := onDuty("primary", "eli")
	stale.Fetched = noon.Add(-policy.MaxFactAge - 1)
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), with(known(), stale), "deny live (unknown_members)")
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), with(known(), onDuty("primary", "eli")), "approval live")
}

func TestT28_AnOverrideOfTheAskersOwnMakingGivesNothing(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: duty, match: {resource: prod-db}, eligible: [oncall:primary], on_behalf: [everyone], auto_approve: true}
  - {id: ask, match: {resource: prod-db}, eligible: [everyone], on_behalf: [everyone], approvals: {from: [oncall:second, group:payments]}}
`)
	byBo := ask("zoe", "prod-db", time.Hour)
	byBo.By = "bo@example.com"
	for by, want := range map[string]string{"zoe@example.com": "approval ask", "bo@example.com": "approval ask", "cy@example.com": "auto_approve duty"} {
		s := onDuty("primary", "zoe")
		s.Override, s.OverrideBy = true, by
		wantSaid(t, p, byBo, with(known(), s), want)
	}
	for by, want := range map[string]string{"zoe@example.com": "approval ask", "": "approval ask", "bo@example.com": "auto_approve duty"} {
		s := onDuty("primary", "zoe")
		s.Override, s.OverrideBy = true, by
		wantSaid(t, p, ask("zoe", "prod-db", time.Hour), with(known(), s), want)
	}
	friend := onDuty("second", "eve")
	friend.Override, friend.OverrideBy = true, "zoe@example.com"
	a := p.Approvers(policy.Decision{Rule: 1}, ask("zoe", "prod-db", 0), with(known(), friend))
	if diff := cmp.Diff([]string{"oncall:second"}, a.Unknown); diff != "" {
		t.Errorf("a friend put on call by the asker: %s", diff)
	}
}

func TestT29_AnUnknownOrOddOnCallAnswerIsNotOnCall(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: duty, match: {resource: prod-db}, eligible: [oncall:primary], auto_approve: true}
  - {id: ask, match: {resource: prod-db}, eligible: [everyone], approvals: {from: [group:payments]}}
  - {id: never, match: {resource: prod-web}, eligible: [oncall:primary], deny: "Not while on call."}
  - {id: web, match: {resource: prod-web}, eligible: [everyone], auto_approve: true}
`)
	shift := func(change func(*policy.Shift)) *policy.Facts {
		s := onDuty("primary", "zoe")
		change(&s)
		return with(known(), s)
	}
	for _, tt := range []struct {
		name        string
		f           *policy.Facts
		db, staging string
	}{
		{"on call", shift(func(*policy.Shift) {}), "auto_approve duty", "deny never"},
		{"nobody on call", with(known(), onDuty("primary")), "approval ask", "auto_approve web"},
		{"somebody else", with(known(), onDuty("primary", "bo")), "approval ask", "auto_approve web"},
		{"no answer", &policy.Facts{At: noon}, "approval ask", "deny never"},
		{"old answer", shift(func(s *policy.Shift) { s.Fetched = noon.Add(-time.Hour) }), "approval ask", "deny never"},
		{"a shift without an end", shift(func(s *policy.Shift) { s.Until = time.Time{} }), "approval ask", "deny never"},
		{"a shift that ends now", shift(func(s *policy.Shift) { s.Until = noon }), "approval ask", "deny never"},
		{"a shift that begins later", shift(func(s *policy.Shift) { s.Since = noon.Add(1) }), "approval ask", "deny never"},
		{"a shift that begins now", shift(func(s *policy.Shift) { s.Since = noon }), "auto_approve duty", "deny never"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantSaid(t, p, ask("zoe", "prod-db", time.Hour), tt.f, tt.db)
			wantSaid(t, p, ask("zoe", "prod-web", time.Hour), tt.f, tt.staging)
		})
	}
}

func TestT30_AnIncidentOfTheAskersOwnOpensNothing(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: inc, match: {resource: prod-db}, eligible: [group:sre], on_behalf: [everyone], when: incident.open, auto_approve: true}
  - {id: calm, match: {resource: prod-web}, eligible: [group:sre], when: "!incident.open", auto_approve: true}
`)
	somebody := known()
	somebody.Incidents = []policy.Incident{{ID: "i"}}
	wantSaid(t, p, ask("ann", "prod-web", time.Hour), known(), "auto_approve calm")
	wantSaid(t, p, ask("ann", "prod-web", time.Hour), somebody, "deny") // opened by nobody knows whom
	somebody.Incidents[0].OpenedBy = "zoe@example.com"
	byZoe := ask("ann", "prod-db", time.Hour)
	byZoe.By = "zoe@example.com"
	wantSaid(t, p, byZoe, somebody, "deny")
	for _, tt := range []struct {
		openedBy []string
		known    bool
		want     string
	}{
		{nil, true, "deny"},
		{[]string{"ann@example.com"}, true, "deny"},
		{[]string{""}, true, "deny"},
		{[]string{"bo@example.com"}, true, "auto_approve inc"},
		{[]string{"ann@example.com", "bo@example.com"}, true, "auto_approve inc"},
		{[]string{"bo@example.com"}, false, "deny"},
	} {
		f := known()
		f.IncidentsKnown = tt.known
		for _, by := range tt.openedBy {
			f.Incidents = append(f.Incidents, policy.Incident{ID: "i", OpenedBy: by})
		}
		wantSaid(t, p, ask("ann", "prod-db", time.Hour), f, tt.want)
	}
}

func TestT33_APolicyIsAskedAgainAtTheStart(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: a, match: {resource: prod-db}, eligible: [group:sre], require: {hours: "09:00-17:00", days: [mon-fri]}, auto_approve: true}`)
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), known(), "auto_approve a")
	later := known()
	later.At = noon.Add(72 * time.Hour) // a Saturday
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), later, "deny")
}

func TestT40_AKindCanRefuseWhatIsNotToBeGiven(t *testing.T) {
	t.Parallel()
	src := strings.Replace(head, "{name: x}", "{name: bad}", 1) + "rules: []\n"
	if got := problems(t, src, options()); !strings.Contains(got, `resources.staging-db.entitlements[0].thing.name: "bad" is bad`) {
		t.Error(got)
	}
}

func TestT41_APolicyIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	rule := "rules:\n  - {id: a, match: {resource: prod-db}, eligible: [group:sre], auto_approve: true}\n"
	for name, tt := range map[string]struct{ src, want string }{
		"unknown key":       {head + rule + "rulez: []\n", `unknown key "rulez"; did you mean "rules"?`},
		"key twice":         {head + rule + "version: 1\n", `key "version" is given twice`},
		"alias":             {head + "rules: &r\n  - {id: a}\ntests: *r\n", "anchors (&r) are not supported"},
		"second document":   {head + rule + "---\nversion: 1\n", "a second document"},
		"cut off":           {head + "rules:\n  - {id: a, match: {resource: pro", "policy.yaml:"},
		"cut off in a line": {head + "rules:\n  - {id: a, match: {resource: prod-db}, eligible: [group:sre]}\n", "a rule says one of approvals, auto_approve and deny, and only auto_approve may stand beside approvals; this one says none"},
		"no rules":          {head, "rules is missing"},
		"empty":             {"", "the file is empty"},
		"10 MB":             {head + rule + "#" + strings.Repeat("x", 10<<20), "are too many; at most 4194304 are read"},
		"another version":   {strings.Replace(head, "version: 1", "version: 2", 1) + rule, "version 2 is not known"},
		"no version":        {strings.Replace(head, "version: 1\n", "", 1) + rule, "version is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := problems(t, tt.src, options()); !strings.Contains(got, tt.want) {
				t.Errorf("got %s\nwant %q in it", got, tt.want)
			}
		})
	}
}

func TestT42_WildcardsAreWrittenOutAndMatchOnlyNames(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ match, want string }{
		"nothing":        {"{}", `match: is empty; write match: {resource: "*"} for every resource`},
		"null":           {"", `match: want a mapping, key: value, got nothing`},
		"two stars":      {`{resource: "**"}`, "is not the name of a resource"},
		"odd characters": {`{resource: "prod/*"}`, "is not the name of a resource"},
		"no such":        {`{resource: prod-bd}`, "no resource matches; the rule can never apply; did you mean prod-db?"},
		"no such label":  {`{labels: {env: qa}}`, "no resource matches"},
		"empty list":     {`{resource: []}`, "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problems(t, head+"rules:\n  - {id: a, match: "+tt.match+", eligible: [group:sre], auto_approve: true}\n", options())
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s\nwant %q in it", got, tt.want)
			}
		})
	}
	p := load(t, `
  - {id: a, match: {resource: "*-d*"}, eligible: [ann@example.com], auto_approve: true}
  - {id: b, match: {resource: ["prod-*", staging-db], sensitivity: [medium, low]}, eligible: [bo@example.com], auto_approve: true}
  - {id: c, match: {labels: {env: prod, team: payments}}, eligible: [cy@example.com], auto_approve: true}
`)
	for i, want := range [][]string{{"prod-db", "staging-db"}, {"prod-web", "staging-db"}, {"prod-db"}} {
		if diff := cmp.Diff(want, p.Rule(i).Resources); diff != "" {
			t.Errorf("rule %d: %s", i, diff)
		}
	}
}

func TestT43_AConditionThatCostsTooMuchOrFailsGivesNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ when, want string }{
		"costly":        {`principal.groups.all(a, principal.groups.all(b, principal.groups.all(c, principal.groups.all(d, a + b + c + d != request.reason))))`, "could take too long"},
		"not a bool":    {`request.duration`, "must be true or false, but is of type"},
		"unknown name":  {`request.length > 1`, "undeclared reference to 'request'"},
		"syntax":        {`request.duration <`, "Syntax error"},
		"wrong types":   {`request.duration < 5`, "no matching overload"},
		"deep":          {strings.Repeat("(", 60) + "true" + strings.Repeat(")", 60), "rules[0].when"},
		"long":          {strings.Repeat("true && ", 400) + "true", "rules[0].when"},
		"bad type":      {"5", "got 5 without quotes"},
		"regexp unsafe": {`request.reason.matches("(")`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := head + "rules:\n  - id: a\n    match: {resource: prod-db}\n    eligible: [group:sre]\n    when: " + tt.when + "\n    auto_approve: true\n"
			p, err := policy.Load("policy.yaml", []byte(src), options())
			if err == nil {
				if tt.want != "" {
					t.Fatal("it loads")
				}
				wantSaid(t, p, ask("ann", "prod-db", time.Hour), known(), "deny")
				return
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %q in it", err, tt.want)
			}
		})
	}
}

func TestT43_AnErrorInARuleIsNoAndInADenyRuleDenies(t *testing.T) {
	t.Parallel()
	p := load(t, `
  - {id: yes, match: {resource: prod-db}, eligible: [group:sre], when: 'resource.labels["none"] == "x"', auto_approve: true}
  - {id: web, match: {resource: prod-web}, eligible: [group:sre], auto_approve: true}
  - {id: no, match: {resource: prod-web}, eligible: [bo@example.com], when: 'resource.labels["none"] == "x"', deny: "Not you."}
`)
	wantSaid(t, p, ask("ann", "prod-db", time.Hour), known(), "deny")
	wantSaid(t, p, ask("ann", "prod-web", time.Hour), known(), "auto_approve web")
	wantSaid(t, p, ask("bo", "prod-web", time.Hour), known(), "deny no")
}

func TestT43_AReasonThatMakesAConditionCostlyGivesNothing(t *testing.T) {
	t.Parallel()
	p := load(t, `  - {id: yes, match: {resource: prod-db}, eligible: [group:sre], when: 'request.reason.contains("INC")', auto_approve: true}`)
	r := ask("ann", "prod-db", time.Hour)
	wantSaid(t, p, r, known(), "auto_approve yes")
	r.Reason = "INC" + strings.Repeat("x", 10_000_000)
	wantSaid(t, p, r, known(), "deny")
}

func TestT44_NamesAreplainAndThoseThatLookAlikeAreWarnedOf(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Prod-db", "prod_db", "prоd-db", "-db", "prod db", strings.Repeat("a", 64)} {
		src := strings.Replace(head, "prod-web:", fmt.Sprintf("%q:", name), 1) + "rules: []\n"
		if got := problems(t, src, options()); !strings.Contains(got, "cannot name a resource; use a-z, 0-9 and -") {
			t.Errorf("%s: %s", name, got)
		}
	}
	src := strings.Replace(head, "prod-web:", "pr0d-db:", 1) + "rules:\n  - {id: a, match: {resource: \"*\"}, eligible: [group:sre], auto_approve: true}\n"
	p, err := policy.Load("policy.yaml", []byte(src), options())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Warnings(), "\n"); !strings.Contains(got, "policy.yaml:16: resource pr0d-db looks like prod-db") {
		t.Error(got)
	}
}

func TestT64_AddressesAreCanonicalOrRefused(t *testing.T) {
	t.Parallel()
	for mail, want := range map[string]string{
		"Ann@example.com": "must be in lower case: ann@example.com", "ann@example": "full domain", "ann": "is not a person or a group",
		"ann@ex@ample.com": "is not an e-mail", "аnn@example.com": "plain ASCII", "ann@exämple.com": "full domain", "@example.com": "is not an e-mail", "ann @example.com": "plain ASCII",
	} {
		got := problems(t, head+"rules:\n  - {id: a, match: {resource: prod-db}, eligible: [\""+mail+"\"], auto_approve: true}\n", options())
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %q in it", mail, got, want)
		}
	}
}

func TestI09_TheSamePolicyAndFactsGiveTheSameDecisionEveryTime(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/fuzz.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first := loadSource(t, src)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			again := loadSource(t, src)
			g := newWorld(7)
			for range 500 {
				r, f := g.request(), g.facts()
				a, b := first.Decide(r, f), again.Decide(r, f)
				if a != b || !cmp.Equal(first.Explain(r, f), again.Explain(r, f)) {
					t.Errorf("%+v and %+v for %+v", a, b, r)
				}
			}
		})
	}
	all.Wait()
}

func TestI21_APolicyIsKnownByTheHashOfAllItIsMadeOf(t *testing.T) {
	t.Parallel()
	src := strings.Replace(head, "{name: x}", "{file: there.json}", 1) + "rules:\n  - {id: a, match: {resource: \"*\"}, eligible: [group:sre], auto_approve: true}\n"
	sum := func(src, file string) string {
		o := options()
		o.ReadFile = func(string) ([]byte, error) { return []byte(file), nil }
		p, err := policy.Load("policy.yaml", []byte(src), o)
		if err != nil {
			t.Fatal(err)
		}
		return p.SHA256()
	}
	base := sum(src, "{}")
	if base != sum(src, "{}") || len(base) != 64 {
		t.Errorf("unstable or odd: %s", base)
	}
	if base == sum(src, "{ }") || base == sum(src+"# x\n", "{}") {
		t.Error("a changed file keeps the hash")
	}
	p, err := policy.Load("policy.yaml", []byte(src), options())
	if err != nil {
		t.Fatal(err)
	}
	res, _ := p.Resource("staging-db")
	if got := res.Entitlements[0].Params["file"]; got != "{}" {
		t.Errorf("the file's content is %q", got)
	}
	if got := problems(t, strings.Replace(src, "there.json", "gone.json", 1), options()); !strings.Contains(got, "cannot read the file: gone.json does not exist") {
		t.Error(got)
	}
	if got := problems(t, src, policy.Options{Kinds: thingKinds()}); !strings.Contains(got, "files cannot be read here") {
		t.Error(got)
	}
}

func loadSource(t testing.TB, src []byte) *policy.Policy {
	t.Helper()
	p, err := policy.Load("testdata/fuzz.yaml", src, options())
	var ps strictyaml.Problems
	if errors.As(err, &ps) || err != nil {
		t.Fatal(err)
	}
	return p
}
