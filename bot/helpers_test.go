package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

const (
	ann, bo, cy, di = "ann@example.com", "bo@example.com", "cy@example.com", "di@example.com"
	sam, ada, con   = "sam@example.com", "ada@example.com", "con@example.com"
)

// operators and staging are the groups of the loopback AWS.
const (
	operators = "prod-db-operators"
	staging   = "staging-operators"
)

func start(t *testing.T) *world.World { return world.New(t, world.Setup{}) }

// expect checks that an answer says all of the given things.
func expect(t *testing.T, r bot.Reply, parts ...string) {
	t.Helper()
	text := bottest.ReplyWords(r)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Fatalf("the answer does not say %q:\n%s", part, text)
		}
	}
}

// refused checks that the answer is a refusal that says so, and that it was
// written down as one.
func refused(t *testing.T, w *world.World, code bot.Code, r bot.Reply, parts ...string) {
	t.Helper()
	expect(t, r, append(parts, "Nothing was changed")...)
	all := w.Events(jit.EventRefused)
	if len(all) == 0 || !strings.Contains(string(all[len(all)-1].Data), `"code":"`+string(code)+`"`) {
		t.Fatalf("no refusal with code %s is written down: %v", code, all)
	}
}

// asked files a request of ann's for prod-db and returns it.
func asked(t *testing.T, w *world.World) jit.Request {
	t.Helper()
	expect(t, w.Say("ann", "request prod-db 1h orders are stuck"), "Waiting for approval")
	return w.Request("ann")
}

// held has ann hold prod-db for an hour, approved by bo.
func held(t *testing.T, w *world.World) jit.Grant {
	t.Helper()
	r := asked(t, w)
	expect(t, w.Press("bo", "approve", r.ID), "Approved for 1h")
	return w.UntilGrant("ann", jit.GrantActive)
}

func requestOf(t *testing.T, w *world.World, id string) jit.Request {
	t.Helper()
	var r jit.Request
	w.Is(func(v storage.View) bool {
		var err error
		if r, err = v.Request(id); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return r
}

func grantOf(t *testing.T, w *world.World, id string) jit.Grant {
	t.Helper()
	var g jit.Grant
	w.Is(func(v storage.View) bool {
		var err error
		if g, err = v.Grant(id); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return g
}

func inGroup(w *world.World, group, who string) bool {
	return slices.Contains(w.AWS.Members(group), who)
}

// card is the newest message whose words hold a part, among some messages.
func card(t *testing.T, all []bottest.Message, part string) bottest.Message {
	t.Helper()
	for _, m := range slices.Backward(all) {
		if strings.Contains(bottest.Words(m.Card), part) {
			return m
		}
	}
	var seen []string
	for _, m := range all {
		seen = append(seen, bottest.Words(m.Card))
	}
	t.Fatalf("no message says %q; there are %d:\n%s", part, len(all), strings.Join(seen, "\n--\n"))
	return bottest.Message{}
}

func messages(w *world.World) []bottest.Message {
	all, _ := w.Chat.Messages()
	return all
}

// setPolicy puts the world's policy with some text replaced in force.
func setPolicy(t *testing.T, w *world.World, changes ...string) {
	t.Helper()
	p, err := policy.Load("policy.yaml", []byte(changed(t, changes...)), policy.Options{Kinds: world.Kinds()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Service.SetPolicy(t.Context(), p, "os:root"); err != nil {
		t.Fatal(err)
	}
}

// changed is the world's policy with old and new texts replaced, in pairs.
func changed(t *testing.T, pairs ...string) string {
	t.Helper()
	text := world.Policy
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the policy does not hold %q", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// people are the world's people, changed.
func people(t *testing.T, w *world.World, change func([]bot.Person)) {
	t.Helper()
	cast := world.Cast()
	change(cast)
	if err := w.People.Replace(cast); err != nil {
		t.Fatal(err)
	}
}

func disable(id string) func([]bot.Person) {
	return func(all []bot.Person) {
		for i := range all {
			if all[i].ID == id {
				all[i].Disabled = true
			}
		}
	}
}

func same(t *testing.T, what string, got, want time.Time) {
	t.Helper()
	if !got.Equal(want) {
		t.Errorf("%s is %s, want %s", what, got, want)
	}
}

// startLive is a world whose loops run by themselves.
func startLive(t *testing.T) *world.World { return world.New(t, world.Setup{Live: true}) }
