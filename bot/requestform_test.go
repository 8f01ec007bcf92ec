package bot_test

import (
	"slices"
	"strings"
	"testing"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

func refill(t *testing.T, w *world.World, user string, values map[string]string) bot.Form {
	t.Helper()
	in := w.Incoming(user)
	in.Form = &bot.Submission{Name: "request", Values: values}
	f, err := w.Service.Refill(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func outlook(f bot.Form) string {
	var lines []string
	for _, p := range f.Outlook {
		lines = append(lines, bottest.Plain(p))
	}
	return strings.Join(lines, "\n")
}

func TestF02TheFormSaysLiveWhatWouldBecomeOfTheRequest(t *testing.T) { // feature 2
	t.Parallel()
	w := start(t)
	for name, c := range map[string]struct {
		user   string
		values map[string]string
		says   []string
	}{
		"nothing chosen":      {"ann", nil, []string{"Choose a resource"}},
		"by rule":             {"ann", map[string]string{"resource": "staging", "duration": "1h"}, []string{"Will be approved at once", "staging-at-will"}},
		"by people":           {"ann", map[string]string{"resource": "prod-db", "duration": "1h", "reason": "orders are stuck"}, []string{"Will need 1 approval", "prod-by-approval", "Bo Berg or Cy Cole can approve"}},
		"on call":             {"cy", map[string]string{"resource": "prod-db", "duration": "1h", "reason": "incident: orders"}, []string{"Will be approved at once", "on-call-incident"}},
		"something lacks yet": {"ann", map[string]string{"resource": "prod-db", "duration": "1h"}, []string{"Will need 1 approval", "Bo Berg or Cy Cole can approve", "a reason of at least 5 characters"}},
		"never":               {"con", map[string]string{"resource": "prod-db", "duration": "1h", "reason": "let me in please"}, []string{"Will be refused", "ask your sponsor"}},
		"for nobody known":    {"ann", map[string]string{"resource": "staging", "for": "xyz"}, []string{`nobody called "xyz"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			says(t, outlook(refill(t, w, c.user, c.values)), c.says...)
		})
	}
}

func TestF02LengthsAreCappedByWhatThePolicyGives(t *testing.T) {
	t.Parallel()
	w := start(t)
	f := refill(t, w, "ann", map[string]string{"resource": "prod-db", "duration": "8h", "reason": "orders are stuck"})
	length := f.Fields[1]
	if length.Value != "4h" || length.Options[len(length.Options)-1].Value != "4h" || length.Hint != "At most 4h" {
		t.Errorf("offers %+v", length)
	}
	says(t, outlook(f), "Shortened: prod-db is given for at most 4h", "Will need 1 approval")
}

func TestF02TheFormOffersWhatTheCallerMayAskForAndNothingElse(t *testing.T) {
	t.Parallel()
	w := start(t)
	values := func(user string) (out []string) {
		r := w.Say(user, "")
		for _, o := range r.Form.Fields[0].Options {
			out = append(out, o.Value)
		}
		return out
	}
	if got := values("con"); !slices.Equal(got, []string{"staging"}) {
		t.Errorf("con is offered %v", got)
	}
	if got := values("ann"); !slices.Equal(got, []string{"prod-db", "prod-logs", "staging"}) {
		t.Errorf("ann is offered %v", got)
	}
	if f := w.Say("con", "").Form; f.Fields[0].Value != "staging" || !strings.Contains(outlook(*f), "Will be approved at once") {
		t.Error("the only choice is not chosen")
	}
}

func TestWhatIsWrongWithAFormIsSaidAtTheField(t *testing.T) {
	t.Parallel()
	w := start(t)
	good := map[string]string{"resource": "prod-db", "duration": "1h", "reason": "orders are stuck"}
	for name, c := range map[string]struct{ field, value, says string }{
		"a short reason":       {"reason", "x", "at least 5 characters"},
		"too long":             {"duration", "8h", "gives at most 4h"},
		"not a duration":       {"duration", "soon", "not a duration"},
		"an unknown resource":  {"resource", "prod-bd", "no resource"},
		"a start that is past": {"start", "2020-01-01T00:00:00Z", "passed already"},
		"nobody":               {"for", "xyz", "nobody called"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]string{"start": "", "for": ""}
			for k, v := range good {
				values[k] = v
			}
			values[c.field] = c.value
			r := w.Send("ann", "request", "", values)
			if !strings.Contains(r.Bad[c.field], c.says) {
				t.Errorf("%s is said to be %q; in all %+v", c.field, r.Bad[c.field], r)
			}
		})
	}
	if n := len(w.Events(jit.EventRequested)) + len(w.Events(jit.EventRequestDenied)); n != 0 {
		t.Errorf("%d requests were filed by forms that could be mended", n)
	}
}

func TestWhatNobodyCouldMendIsRefusedAsACard(t *testing.T) {
	t.Parallel()
	w := start(t)
	expect(t, w.Send("con", "request", "", map[string]string{"resource": "prod-db", "duration": "1h", "reason": "let me in please"}), "Refused by the policy")
}
