package bot_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"jitbot/internal/loopback/world"
	"jitbot/jit"
)

// walkSeed repeats one walk.
const walkSeed = "JITBOT_TEST_WALK"

const (
	walks     = 48
	walkSteps = 30
)

func TestRandomWalksKeepEveryLaw(t *testing.T) { // I01, I04, I07, features 44, 47, 52 and 54
	t.Parallel()
	seeds := make([]uint64, 0, walks)
	for seed := range uint64(walks) {
		seeds = append(seeds, seed)
	}
	if one, err := strconv.ParseUint(os.Getenv(walkSeed), 10, 64); err == nil {
		seeds = []uint64{one}
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			walk(t, seed)
			if t.Failed() {
				t.Logf("repeat it with: %s=%d go test ./bot -run TestRandomWalksKeepEveryLaw", walkSeed, seed)
			}
		})
	}
}

// walk does random things to a world and looks whether all is well after it.
func walk(t *testing.T, seed uint64) {
	w, x := troubled(t)
	dice := rand.New(rand.NewPCG(seed, 0))
	x.dice = rand.New(rand.NewPCG(seed, 1))
	for range walkSteps {
		switch n := dice.IntN(20); {
		case n == 0:
			x.arm(1+dice.IntN(12), dice.IntN(2) == 0)
		case n == 1 && !x.isDead():
			x.setReadOnly(true)
			passing(time.Duration(dice.IntN(30))*time.Minute)(t, w)
			x.setReadOnly(false)
		case n < 8:
			w.Clock.Move(10 * time.Minute * time.Duration(dice.IntN(4)))
			if dice.IntN(2) == 0 {
				stepping(t, w)
			}
		default:
			act(w, dice)
		}
		if dice.IntN(3) == 0 {
			stepping(t, w)
		}
		if x.isDead() {
			w.Crash()
			x.arm(0, false)
			w.Boot()
		}
		early(t, w)
	}
	x.dice = nil
	recovered(t, w, x)
}

// act has a random person do a random thing, sensible or not.
func act(w *world.World, dice *rand.Rand) {
	user := []string{"ann", "bo", "cy", "di", "sam", "con"}[dice.IntN(6)]
	all := allRows(w.T, w)
	id := func() string {
		if n := len(all.Requests) + len(all.Grants); n > 0 {
			if i := dice.IntN(n); i < len(all.Requests) {
				return all.Requests[i].ID
			} else {
				return all.Grants[i-len(all.Requests)].ID
			}
		}
		return "req_none"
	}
	resource := []string{"prod-db", "prod-logs", "staging", "staging", "prod-all"}[dice.IntN(5)]
	length := fmt.Sprintf("%dm", 30*(1+dice.IntN(4))) // few lengths: ends and starts should coincide
	switch dice.IntN(12) {
	case 0, 1, 2, 3:
		w.Say(user, "request "+resource+" "+length+" INC-1 orders are stuck")
	case 4, 5, 6:
		w.Press(user, "approve", id())
	case 7:
		w.Say(user, []string{"cancel ", "end ", "deny ", "abandon "}[dice.IntN(4)]+id()+" enough")
	case 8:
		w.Say(user, "extend "+id()+" "+length)
	case 9:
		w.Say(user, "break-glass "+resource+" 30m all is down --yes")
	case 10:
		w.Say(user, "advance ann "+resource+" 2d 2h")
	case 11:
		showing(w.T, w)
	}
}

// early checks that nobody is told to hold what they do not hold.
func early(t *testing.T, w *world.World) {
	t.Helper()
	for _, g := range allRows(t, w).Grants {
		if g.State != jit.GrantActive {
			continue
		}
		for _, h := range w.Holdings(g.ID) {
			if group := h.Entitlement.Params["group"]; group != "" && !inGroup(w, group, g.Principal) && w.Clock.Now().Before(g.ExpiresAt) {
				t.Fatalf("%s of %s is active, but AWS does not hold %s", g.ID, g.Principal, group)
			}
		}
	}
}
