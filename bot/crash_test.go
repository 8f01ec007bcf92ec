package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/internal/loopback/world"
)

// stages is a story in pieces; what a crash leaves out is left out.
type stages []func(*testing.T, *world.World)

func saying(user, text string) func(*testing.T, *world.World) {
	return func(_ *testing.T, w *world.World) { w.Say(user, text) }
}

func passing(d time.Duration) func(*testing.T, *world.World) {
	return func(t *testing.T, w *world.World) {
		w.Clock.Move(d)
		stepping(t, w)
	}
}

// stepping does what is due, as far as a process that may die gets.
func stepping(t *testing.T, w *world.World) {
	t.Helper()
	for range 100 {
		busy, err := w.Service.Step(t.Context())
		if err != nil || !busy {
			return
		}
	}
	t.Error("it does not come to rest")
}

func approving(t *testing.T, w *world.World) {
	w.Press("bo", "approve", w.Request("ann").ID)
	stepping(t, w)
}

// showing opens ann's credentials page.
func showing(t *testing.T, w *world.World) {
	reply := w.Say("ann", "creds")
	if reply.Card == nil || len(reply.Card.Links) == 0 {
		return // died before
	}
	_, token, _ := strings.Cut(reply.Card.Links[0].URL, "/c/")
	_, _, _ = w.Service.Collect(t.Context(), token, ann)
}

// fetching has a machine of ann's linked and fetch credentials, twice.
func fetching(t *testing.T, w *world.World) {
	d, err := w.Service.AskDevice(t.Context(), laptop)
	if err != nil {
		return // died before
	}
	reply := w.Say("ann", "link "+d.UserCode)
	if reply.Card == nil || len(reply.Card.Buttons) == 0 {
		return
	}
	w.Press("ann", "machine-confirm", reply.Card.Buttons[0].ID)
	token, err := w.Service.TakeToken(t.Context(), d.Code.Reveal())
	for range 2 {
		if err == nil {
			_, err = fetch(t, w, token, "")
		}
	}
}

// lives are full life cycles, each to be cut off anywhere.
func lives() map[string]stages {
	return map[string]stages{
		"asked approved used expired": {
			saying("ann", "request prod-db 1h orders are stuck"), approving, showing, passing(55 * time.Minute), passing(6 * time.Minute),
		},
		"fetched by a machine": {
			saying("ann", "request prod-logs 30m orders are stuck"), approving, fetching, passing(31 * time.Minute),
		},
		"overlapping and ended early": {
			saying("ann", "request staging 1h look around"), passing(time.Minute),
			saying("ann", "request staging 2h look around"), passing(59 * time.Minute), passing(2 * time.Minute),
			saying("ann", "end"), passing(0),
		},
		"extended": {
			saying("ann", "request prod-logs 30m orders are stuck"), approving, showing,
			saying("ann", "extend 30m still stuck"), approving, passing(50 * time.Minute), passing(11 * time.Minute),
		},
		"broke the glass where access stood": {
			saying("cy", "break-glass prod-db 1h all is down --yes"), saying("di", "request staging 1h look around"), passing(time.Minute), passing(time.Hour),
		},
	}
}

// live plays a story until it is over or the process is dead.
func live(t *testing.T, w *world.World, x *trouble, story stages) {
	t.Helper()
	for _, stage := range story {
		if x.isDead() {
			return
		}
		stage(t, w)
	}
}

func troubled(t *testing.T) (*world.World, *trouble) {
	t.Helper()
	x := &trouble{}
	return world.New(t, world.Setup{WrapStore: x.wrapStore, WrapProvisioner: x.wrapProvisioner}), x
}

// recovered restarts jitbot and lets everything run out.
func recovered(t *testing.T, w *world.World, x *trouble) {
	t.Helper()
	w.Crash()
	x.arm(0, false)
	w.Boot()
	w.Pass(12 * time.Hour)
	if err := w.Service.Rounds(t.Context()); err != nil {
		t.Error(err)
	}
	over(t, w)
	for _, fault := range x.broken {
		t.Error(fault)
	}
	if t.Failed() {
		t.Logf("log:\n%s", w.LogText())
	}
}

func TestACrashAnywhereEndsAsIfThereHadBeenNone(t *testing.T) { // features 43, 44 and 47
	t.Parallel()
	for name, story := range lives() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, x := troubled(t)
			live(t, w, x, story)
			points := x.n
			recovered(t, w, x)
			if points < 20 {
				t.Fatalf("the story has only %d points to crash at", points)
			}
			every := 1
			if testing.Short() {
				every = 5
			}
			for n := 1; n <= points; n += every {
				for _, after := range []bool{false, true} {
					t.Run(fmt.Sprintf("%d after=%v", n, after), func(t *testing.T) {
						t.Parallel()
						w, x := troubled(t)
						x.arm(n, after)
						live(t, w, x, story)
						if !x.isDead() {
							t.Error("it did not crash")
						}
						recovered(t, w, x)
					})
				}
			}
		})
	}
}

func TestT55AnUnwritableStoreDoesNotStopRevocation(t *testing.T) { // T55, features 52 and 53
	t.Parallel()
	w, x := troubled(t)
	g := held(t, w)
	collect(t, w)
	w.Say("ann", "request staging 55m look around")
	w.Step()
	w.Say("ann", "request staging 58m look around") // both are due: neither keeps it for the other
	w.Step()
	w.Say("bo", "request staging 8h look around")
	w.Step()
	x.setReadOnly(true)
	expect(t, w.Say("ann", "request prod-logs 1h orders are stuck"), "jitbot cannot keep its records")
	w.Clock.Move(61 * time.Minute)
	if _, err := w.Service.Step(t.Context()); err == nil {
		t.Fatal("the store was written")
	}
	if inGroup(w, operators, ann) || inGroup(w, staging, ann) || !w.AWS.Denied(g.ID) {
		t.Fatalf("not taken back: %v, %v, denied %v", w.AWS.Members(operators), w.AWS.Members(staging), w.AWS.Denied(g.ID))
	}
	if !inGroup(w, staging, bo) {
		t.Error("what was not due was taken back too")
	}
	x.setReadOnly(false)
	w.Pass(time.Minute)
	if got := endedOf(w); got != "ann/prod-db ann/staging" {
		t.Errorf("written down as ended: %s", got)
	}
	recovered(t, w, x)
}

var _ bot.Minter = (*shakyProvisioner)(nil)
