package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/history"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// everythingAsked is a policy whose rules rest on every kind of fact there is.
const everythingAsked = `
version: 1
defaults: {timezone: Europe/Berlin, pending_ttl: 8h, remind_after: 15m, max_duration: 8h, default_duration: 1h}
groups:
  payments: {directory: {id: g-payments}}
  platform: [cy@example.com, di@example.com]
  contractors: [con@example.com]
on_call:
  primary: {pagerduty: {schedule: P1}}
  second: {rotation: {start: "2026-01-05T09:00", every: 7d, members: [cy@example.com, di@example.com]}}
resources:
  prod-db:
    sensitivity: high
    labels: {env: prod}
    entitlements:
      - aws_session: {role: "arn:aws:iam::111122223333:role/ProdDB", session_policy: prod-db.json}
      - aws_iam_group: {account: "111122223333", group: prod-db-operators}
  prod-logs:
    labels: {env: prod}
    entitlements: [{aws_session: {role: "arn:aws:iam::111122223333:role/Logs"}}]
  staging:
    sensitivity: low
    labels: {env: staging}
    entitlements: [{aws_iam_group: {account: "111122223333", group: staging-operators}}]
bundles: {prod-all: [prod-db, prod-logs]}
rules:
  - id: in-an-incident
    match: {resource: prod-logs}
    eligible: [group:payments]
    when: incident.open
    max_duration: 30m
    auto_approve: true
  - id: on-call
    match: {resource: "prod-*"}
    eligible: [oncall:primary]
    require: {reason: 'INC-\d+'}
    max_duration: 1h
    auto_approve: {per_person: 1/24h}
  - id: with-a-ticket
    match: {labels: {env: prod}}
    eligible: [group:payments]
    require: {ticket: {open: true}}
    max_duration: 4h
    approvals: {each: [group:payments, oncall:second]}
  - id: by-approval
    match: {labels: {env: prod}}
    eligible: [group:payments, group:platform]
    on_behalf: [sam@example.com]
    require: {reason: '.{5,}'}
    max_duration: 2h
    default_duration: 30m
    approvals: {count: 1, from: [group:payments, oncall:second], exclude_last: 1}
    escalate: {after: 40m, to: [group:platform]}
    extend: {max_total: 6h}
    break_glass: {eligible: [group:platform], max_duration: 1h, review_within: 24h}
  - id: staging-by-day
    match: {resource: staging}
    eligible: [everyone]
    require: {hours: "09:00-18:00", days: [mon-fri]}
    max_duration: 8h
    auto_approve: true
    extend: {max_total: 8h}
  - id: contractors-never
    match: {sensitivity: high}
    eligible: [group:contractors]
    deny: Contractors get no high-sensitivity resources; ask your sponsor.
`

// roster is a group that lives elsewhere.
type roster struct {
	mu  sync.Mutex
	who []string
	err error
}

func (r *roster) set(err error, who ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.who, r.err = who, err
}

func (r *roster) Members(context.Context, string, map[string]string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.who, r.err
}

// asking is a world in which everything that a decision may rest on changes.
type asking struct {
	*world.World
	roster *roster
	pager  *pager
	desk   *tracker
	inline string // the session policy that the policy's file names
}

func newAsking(t *testing.T) *asking {
	t.Helper()
	a := &asking{roster: &roster{who: []string{ann, bo}}, pager: &pager{shift: dutyOf(cy)}, desk: &tracker{open: true}, inline: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rds:*","Resource":"*"}]}`}
	a.World = world.New(t, world.Setup{
		Groups: map[string]bot.Groups{"directory": a.roster}, OnCall: map[string]bot.OnCall{"pagerduty": a.pager}, Tickets: a.desk,
	})
	a.reload(everythingAsked)
	return a
}

func (a *asking) options() policy.Options {
	return policy.Options{Kinds: world.Kinds(), ReadFile: func(string) ([]byte, error) { return []byte(a.inline), nil }}
}

func (a *asking) reload(text string) {
	a.T.Helper()
	p, err := policy.Load("policy.yaml", []byte(text), a.options())
	if err == nil {
		err = a.Service.SetPolicy(a.T.Context(), p, "os:root")
	}
	if err != nil {
		a.T.Fatal(err)
	}
}

// past reads everything that was asked, with its facts.
func (a *asking) past() (past *history.Past) {
	a.T.Helper()
	a.Is(func(v storage.View) bool {
		var err error
		if past, err = history.Read(v, history.Options{Facts: true}); err != nil {
			a.T.Fatal(err)
		}
		return true
	})
	return past
}

func (a *asking) replayed(past *history.Past) (r *history.Replayed) {
	a.T.Helper()
	a.Is(func(v storage.View) bool {
		p := a.Service.Policy()
		r = history.Replay(past, history.PoliciesOf(v, policy.Options{Kinds: world.Kinds()}), p, p)
		return true
	})
	return r
}

// live asks in every way there is, while the policy and the world change.
func (a *asking) live() {
	a.T.Helper()
	a.Say("cy", "request prod-db 1h INC-42 replica lag") // on call
	a.Say("cy", "request prod-db 1h INC-42 replica lag") // too soon for a second time
	a.Say("cy", "end --all")                             // not theirs to do
	a.Say("bo", "request prod-db 4h OPS-1 orders are stuck")
	a.Say("ann", "request prod-db 1h orders are stuck")
	first := a.Request("ann")
	a.Press("bo", "approve", first.ID)
	a.UntilGrant("ann", jit.GrantActive)
	a.Say("ann", "extend 30m still stuck")
	a.Press("bo", "approve", a.Request("ann").ID)
	a.Say("ann", "end")
	a.UntilGrant("ann", jit.GrantEnded)
	a.Say("ann", "request prod-db 1h stuck again") // bo approved last
	a.Pass(41 * time.Minute)                       // and it is escalated
	a.Press("di", "deny", a.Request("ann").ID)
	a.Say("ann", "cancel")

	a.Say("di", "request prod-all 1h orders are stuck")     // a bundle
	a.Say("con", "request prod-db 1h let me in please")     // never
	a.Say("con", "request prod-logs 1h let me in please")   // no rule
	a.Say("sam", "request prod-db 1h for our ann --for di") // for somebody else
	a.Say("di", "break-glass prod-db 1h everything is down --yes")
	a.Say("ann", "request staging 2h look at it")
	a.Say("bo", "request staging 1h look at it --at 14:30")

	a.inline = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`
	a.reload(everythingAsked) // the same file, and another one beside it
	a.desk.incidents = []policy.Incident{{ID: "INC-42", OpenedBy: sam}}
	a.roster.set(nil, ann) // bo has left
	a.Say("bo", "request prod-logs 10m look at the logs")
	a.Say("ann", "request prod-logs 10m look at the logs")
	a.reload(strings.Replace(everythingAsked, "max_duration: 2h", "max_duration: 90m", 1))
	a.roster.set(errors.New("the directory is away"))
	a.pager.err, a.desk.err = errors.New("the pager is away"), errors.New("the tracker is away")
	for i, who := range []string{"ann", "bo", "cy", "di", "con", "sam"} {
		a.Say(who, fmt.Sprintf("request prod-db %dm INC-7 OPS-1 while all is away", 30+i))
		a.Say(who, "request staging orders")
	}
	a.roster.set(nil, ann, bo)
	a.pager.err, a.desk.err = nil, nil
	a.Pass(10 * time.Hour) // what was to begin at half past two has; it is evening
	a.Say("ann", "request staging 1h at night")
	a.Pass(24 * time.Hour)
}

func TestEveryRequestOfTheWholeProductIsDecidedAgainAsItWas(t *testing.T) { // I09
	t.Parallel()
	a := newAsking(t)
	a.live()
	past := a.past()
	r := a.replayed(past)
	if r.Refused != "" || r.Share != 1 || r.Replayable != len(past.Cases) || len(past.Cases) < 20 || r.Rebuilt != 0 || !r.Same() {
		t.Errorf("%d of %d are decided again (%s): %+v", r.Replayable, len(past.Cases), r.Refused, r.Left)
	}
	seen := map[string]bool{}
	policies := map[string]bool{}
	for _, c := range past.Cases {
		seen[c.Rule], seen[string(c.Kind)], seen[c.Outcome.String()] = true, true, true
		policies[c.PolicySHA256] = true
	}
	for _, want := range []string{"", "in-an-incident", "on-call", "with-a-ticket", "by-approval", "staging-by-day", "contractors-never", "access", "extension", "break_glass", "deny", "approval", "auto_approve"} {
		if !seen[want] {
			t.Errorf("nothing was %q", want)
		}
	}
	if len(policies) != 3 {
		t.Errorf("%d policies decided, want 3", len(policies))
	}
	lawful(t, a.World)
}

func TestWhatIsDamagedIsLeftOutAndTheShareSaysSo(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	a.live()
	whole := a.past()
	find := func(p *history.Past, rule string) *history.Case {
		for i := range p.Cases {
			if c := &p.Cases[i]; c.Rule == rule && c.Kind == jit.Access {
				return c
			}
		}
		t.Fatalf("nothing was decided by %s", rule)
		return nil
	}
	swap := func(raw []byte, old, with string) []byte {
		if !strings.Contains(string(raw), old) {
			t.Fatalf("%s does not hold %s", raw, old)
		}
		return []byte(strings.Replace(string(raw), old, with, 1))
	}
	for name, damage := range map[string]func(p *history.Past) *history.Case{
		"a group": func(p *history.Past) *history.Case {
			c := find(p, "with-a-ticket")
			c.Facts = swap(c.Facts, bo, "nobody@example.com")
			return c
		},
		"who is on call": func(p *history.Past) *history.Case {
			c := find(p, "on-call")
			c.Facts = swap(c.Facts, cy, di)
			return c
		},
		"the ticket": func(p *history.Past) *history.Case {
			c := find(p, "with-a-ticket")
			c.Facts = swap(c.Facts, `"open":true`, `"open":false`)
			return c
		},
		"the incident": func(p *history.Past) *history.Case {
			c := find(p, "in-an-incident")
			c.Facts = swap(c.Facts, `"incidents_known":true`, `"incidents_known":false`)
			return c
		},
		"the instant": func(p *history.Past) *history.Case {
			c := find(p, "staging-by-day")
			c.Facts = swap(c.Facts, `"at":"2026-03-02T09`, `"at":"2026-03-02T23`)
			return c
		},
		"what was given before": func(p *history.Past) *history.Case {
			c := find(p, "on-call")
			c.Facts = swap(c.Facts, `"auto_approved_known":true`, `"auto_approved_known":false`)
			return c
		},
		"the length": func(p *history.Past) *history.Case {
			c := find(p, "staging-by-day")
			c.Asked /= 2 // of which what was judged is made
			return c
		},
		"the facts themselves": func(p *history.Past) *history.Case {
			c := find(p, "on-call")
			c.Facts = c.Facts[:len(c.Facts)/2]
			return c
		},
		"what was asked": func(p *history.Past) *history.Case {
			c := find(p, "on-call")
			c.Ask = []byte(`{"user":`)
			return c
		},
		"the policy": func(p *history.Past) *history.Case {
			c := find(p, "on-call")
			c.PolicySHA256 = strings.Repeat("0", 64)
			return c
		},
		"the decision": func(p *history.Past) *history.Case {
			c := find(p, "by-approval")
			c.Needed++
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			past := a.past()
			damage(past)
			r := a.replayed(past)
			n := len(whole.Cases)
			if r.Requests != n || r.Replayable != n-1 || r.Share != float64(n-1)/float64(n) || len(r.Left) != 1 || r.Left[0].N != 1 || r.Left[0].Why == "" {
				t.Errorf("%d of %d are decided again, a share of %.3f, left out are %v", r.Replayable, r.Requests, r.Share, r.Left)
			}
			if refused := r.Refused != ""; refused != (r.Share < 0.98) {
				t.Errorf("refused %q at %.3f", r.Refused, r.Share)
			}
		})
	}
}

func TestWhatThePolicySaidIsKeptWhereNobodyIsThereToApprove(t *testing.T) {
	t.Parallel()
	w := start(t)
	people(t, w, func(all []bot.Person) {
		for i := range all {
			all[i].Disabled = all[i].ID == bo || all[i].ID == cy || all[i].ID == di
		}
	})
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Nobody who could approve")
	r := w.Request("ann")
	if r.State != jit.RequestDenied || r.Decision.Outcome != "deny" || r.Decision.Said != "approval" {
		t.Errorf("%s, decided as %+v", r.State, r.Decision)
	}
	reproduced(t, w, r)
}
