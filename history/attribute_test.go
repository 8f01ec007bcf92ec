package history_test

import (
	"strings"
	"testing"

	"jitbot/history"
)

// plain is the approved request as a tool tells it that knows other rules.
func plain(changes ...string) string {
	line := strings.Replace(flat(approved), `"rule":"prod-by-approval",`, "", 1)
	for i := 0; i < len(changes); i += 2 {
		line = strings.Replace(line, changes[i], changes[i+1], 1)
	}
	return line
}

func TestAnImportedRequestIsOfTheRuleThatDecidesItNow(t *testing.T) {
	t.Parallel()
	open := func(extra string) []string {
		return []string{"eligible: [group:sre]\n    max_duration: 4h", "eligible: [group:sre]\n    max_duration: 4h\n    " + extra}
	}
	live := []string{"  sre: [ann@example.com, bo@example.com, cy@example.com]", "  sre: {slack_usergroup: S0123}"}
	for name, c := range map[string]struct {
		line  string
		edits []string
		rule  string
	}{
		"no rule is named":                    {plain(), nil, "prod-by-approval"},
		"another tool's rule is named":        {plain(`"outcome"`, `"rule":"R-17","outcome"`), nil, "prod-by-approval"},
		"a rule that there is stays":          {plain(`"outcome"`, `"rule":"staging-at-once","outcome"`), nil, "staging-at-once"},
		"the group is not in the file":        {plain(), live, "prod-by-approval"},
		"the facts tell of the ticket alone":  {plain(`"outcome"`, `"facts":{"ticket":{"id":"INC-7","open":true}},"outcome"`), open("require: {ticket: {open: true}}"), "prod-by-approval"},
		"the facts say that it was closed":    {plain(`"outcome"`, `"facts":{"ticket":{"id":"INC-7","open":false}},"outcome"`), open("require: {ticket: {open: true}}"), ""},
		"the policy decides otherwise":        {plain(`"outcome":"approval"`, `"outcome":"auto_approve"`), nil, ""},
		"the policy does not know the person": {plain("Ann@example.com", "Zed@example.com"), nil, ""},
		"nobody knows the resource":           {plain("prod-db", "old-db"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := setup(t), load(t, c.edits...)
			if got := w.take(p, c.line); got.Requests != 1 {
				t.Fatalf("%+v", got)
			}
			past := w.past(history.Options{Facts: true})
			history.Attribute(past, kept{}, p)
			want := c.rule
			if got := past.Cases[0].Rule; got != want {
				t.Errorf("it is of rule %q, want %q", got, want)
			}
			r := history.Replay(past, kept{}, p, p)
			if again := want == "prod-by-approval"; (r.Replayable == 1) != again && c.rule != "staging-at-once" {
				t.Errorf("replayable: %d, left %+v", r.Replayable, r.Left)
			}
		})
	}
}

func TestRequestsThatThePolicyRefusedAndOwnOnesKeepTheirRules(t *testing.T) {
	t.Parallel()
	p := load(t)
	own := asked(t, p, 0, db(ann, 0), func(c *history.Case) { c.Rule = "gone" })
	refused := asked(t, p, 1, db("con@example.com", 0), func(c *history.Case) { c.Imported = true })
	past := past(own, refused)
	history.Attribute(past, kept{}, p)
	if past.Cases[0].Rule != "gone" || past.Cases[1].Rule != "" {
		t.Errorf("%q and %q", past.Cases[0].Rule, past.Cases[1].Rule)
	}
}

func TestAFactThatIsNotToldIsTakenFromTheDecisionAndOneThatIsToldStands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts, extra string
		again        bool
	}{
		"only the instant":                  {`{"at":"2026-03-02T09:00:00Z"}`, "require: {ticket: {open: true}}", true},
		"the ticket was somebody else's":    {`{"ticket":{"id":"INC-7","open":true,"assignee":"bo@example.com"}}`, "require: {ticket: {assignee: self}}", false},
		"somebody else was on call":         {`{"on_call":[{"schedule":"duty","people":["bo@example.com"]}]}`, "", false},
		"the rule rests on call, untold":    {``, "", true},
		"an incident that was known not to": {`{"incidents_known":true}`, "when: incident.open", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eligible := "group:sre"
			edits := []string{}
			if strings.Contains(name, "on call") {
				eligible = "oncall:duty"
				edits = append(edits, "resources:\n", "on_call: {duty: {rotation: {start: \"2026-01-05T09:00\", every: 7d, members: [cy@example.com]}}}\nresources:\n")
			}
			line := "eligible: [" + eligible + "]\n    max_duration: 4h"
			if c.extra != "" {
				line += "\n    " + c.extra
			}
			w, p := setup(t), load(t, append(edits, "eligible: [group:sre]\n    max_duration: 4h", line)...)
			told := flat(approved)
			if c.facts != "" {
				told = strings.Replace(told, `"outcome"`, `"facts":`+c.facts+`,"outcome"`, 1)
			}
			w.take(p, told)
			r := history.Replay(w.past(history.Options{Facts: true}), kept{}, p, p)
			if (r.Replayable == 1) != c.again {
				t.Errorf("replayable %d; %+v", r.Replayable, r.Left)
			}
		})
	}
}

func TestFactsThatSayNothingOfEarlierRequestsDoNotFailAtALimit(t *testing.T) {
	t.Parallel()
	w, p := setup(t), load(t, "auto_approve: true", "auto_approve: {per_person: 2/24h}")
	w.take(p, `{"id":"S-1","at":"2026-03-02T09:00:00Z","user":"ann@example.com","resource":"staging","outcome":"auto_approve","state":"approved","facts":{"groups":{"sre":["ann@example.com"]}}}`)
	if r := history.Replay(w.past(history.Options{Facts: true}), kept{}, p, p); r.Replayable != 1 || r.Rebuilt != 1 {
		t.Errorf("%+v", r)
	}
}

func TestWhatAnotherToolDecidedIsCountedByRules(t *testing.T) {
	t.Parallel()
	w, p := setup(t), load(t)
	w.take(p, flat(approved),
		plain("OPS-1", "OPS-5", `"g-1"`, `"g-5"`, "Ann@", "Zed@"),     // of no rule: it counts for all that its resource has
		strings.Replace(flat(denied), "con@", "ann@", 1), flat(glass)) // what was refused counts for none
	past := w.past(history.Options{Facts: true})
	past.Cases = append(past.Cases, asked(t, p, 9, db(ann, 0)))
	r := history.Replay(past, kept{p}, p, p)
	if got := r.Rules["prod-by-approval"]; got != (history.Tally{Requests: 3, Replayable: 2}) || r.Own != (history.Tally{Requests: 1, Replayable: 1}) || len(r.Rules) != 1 {
		t.Errorf("%+v and %+v", r.Rules, r.Own)
	}
	for _, why := range r.Left {
		if why.Example == "" {
			t.Errorf("%+v names no request", why)
		}
	}
}
