package aws

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/internal/loopback/awsfake"
	"jitbot/jit"
)

// endMany ends grants that credentials were issued for, as one long shift
// would, without opening a session for each.
func endMany(t *testing.T, w *world, prefix string, n int) {
	t.Helper()
	until := w.clock.now().Add(time.Hour)
	grants := map[string]time.Time{}
	for i := range n {
		grants[fmt.Sprintf("%s_%024d", prefix, i)] = until
	}
	r, err := parseRole(prodDB)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.deny(t.Context(), r, grants, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

func TestAClockThatJumpsForwardGivesNoCredentialsBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ann, bo, cy := sessionHolding("grt_ann", "ann@example.com"), sessionHolding("grt_bo", "bo@example.com"), sessionHolding("grt_cy", "cy@example.com")
	first, second, third := w.open(t, &ann, time.Hour), w.open(t, &bo, time.Hour), w.open(t, &cy, time.Hour)
	removeAll(t.Context(), t, w, ann)
	w.clock.pass(5 * time.Hour) // wrongly
	if !w.observe(t, removing(bo)) {
		t.Error("credentials that a jump of the clock let run out were believed to be gone")
	}
	removeAll(t.Context(), t, w, bo)
	w.clock.pass(15 * time.Hour)
	removeAll(t.Context(), t, w, cy)
	w.clock.pass(-20 * time.Hour)
	if works(t, first) || works(t, second) || works(t, third) {
		t.Error("credentials of ended grants work after the clock jumped and was put right")
	}
	if w.observe(t, removing(ann)) || w.observe(t, removing(bo)) || w.observe(t, removing(cy)) {
		t.Error("read back: want all three gone")
	}
}

func TestCredentialsThatRanOutLongAgoNeedNoReadToBeGone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	h.ExposedUntil = w.clock.now()
	w.clock.pass(clockMargin - time.Second)
	if !w.observe(t, removing(h)) {
		t.Error("believed on the word of our clock alone, too soon")
	}
	w.clock.pass(time.Second)
	if w.observe(t, removing(h)) {
		t.Error("half a day after the last of them nothing can be alive")
	}
}

func TestARoleWithoutRoomForMoreNamesHasAllOlderSessionsCut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ann, live := sessionHolding("grt_ann", "ann@example.com"), sessionHolding("grt_live", "bo@example.com")
	ended, going := w.open(t, &ann, 3*time.Hour), w.open(t, &live, 3*time.Hour)
	endMany(t, w, "grt", 300)
	if strings.Contains(w.log.String(), "level=WARN") {
		t.Fatalf("there should be room for 300: %s", w.log)
	}
	endMany(t, w, "more", 100)
	removeAll(t.Context(), t, w, ann)
	if works(t, ended) {
		t.Error("ann's credentials work")
	}
	if works(t, going) {
		t.Error("the cut ends all sessions of the role; does the test reach it?")
	}
	if !strings.Contains(w.log.String(), "level=WARN") || !strings.Contains(w.log.String(), prodDB) {
		t.Errorf("the log does not say so: %s", w.log)
	}
	folded := jit.Holding{ID: "hld_f", Grant: fmt.Sprintf("more_%024d", 7), State: jit.HoldingRemoving, Entitlement: ann.Entitlement, ExposedUntil: w.clock.now().Add(time.Hour)}
	o, err := w.Observe(t.Context(), folded)
	if err != nil || o.Held || !strings.Contains(o.Detail, "had no room") {
		t.Errorf("a grant that gave way to the cut: %+v, %v", o, err)
	}
	folded.Grant = "grt_other"
	if !w.observe(t, folded) {
		t.Error("a grant that was never ended counts as cut")
	}
}

func TestAfterACutNamesAreListedAgainAndTheCutLeavesWhenItIsOver(t *testing.T) {
	t.Parallel()
	w := setup(t)
	endMany(t, w, "grt", 450)
	w.clock.pass(lateness + 2*time.Second)
	h, other := sessionHolding("grt_h", "ann@example.com"), sessionHolding("grt_other", "bo@example.com")
	session, going := w.open(t, &h, 4*time.Hour), w.open(t, &other, 4*time.Hour)
	if !works(t, session) || !works(t, going) {
		t.Fatal("sessions opened after the cut should work")
	}
	removeAll(t.Context(), t, w, h)
	if works(t, session) || !works(t, going) {
		t.Error("want the ended grant denied by name, and the other left alone")
	}
	endMany(t, w, "grt", 450) // again, as a sweep would: the cut stands in for them
	if !works(t, going) {
		t.Error("grants that gave way to the cut caused another one")
	}
	if err := w.Sweep(t.Context(), w.clock.now().Add(11*time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	if doc, _ := w.aws.RolePolicy("ProdDB", denyPolicyName); !strings.Contains(doc, cutPrefix) {
		t.Errorf("the cut left too early: %s", doc)
	}
	w.clock.pass(14 * time.Hour)
	if err := w.Sweep(t.Context(), w.clock.now(), nil); err != nil {
		t.Fatal(err)
	}
	if doc, found := w.aws.RolePolicy("ProdDB", denyPolicyName); found {
		t.Errorf("the cut is over and should be gone: %s", doc)
	}
}

func TestACutGoesByTheClockOfAWSAndNoSessionIsOpenedThatItWouldEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := sessionHolding("grt_1", "ann@example.com")
	session := w.open(t, &h, 3*time.Hour)
	w.now = func() time.Time { return w.clock.now().Add(-48 * time.Hour) } // ours is two days behind
	endMany(t, w, "grt", 450)
	if works(t, session) {
		t.Error("a clock that is behind left a session open")
	}
	now := w.clock.now()
	if _, err := w.Mint(t.Context(), h, mintFor(now)); err == nil || !strings.Contains(err.Error(), "ask again then") {
		t.Errorf("a session that is dead at once: %v", err)
	}
	if _, err := w.Mint(t.Context(), h, mintFor(now.Add(lateness+2*time.Second))); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}

func TestAStaleReadOfAFullListCausesNoSecondCut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	endMany(t, w, "grt", 290)
	endMany(t, w, "more", 100)
	w.clock.pass(time.Minute)
	before, _ := w.aws.RolePolicy("ProdDB", denyPolicyName)
	w.aws.Break("GetRolePolicy", awsfake.StaleRead, 1) // shows the 290 names
	endMany(t, w, "last", 50)
	after, _ := w.aws.RolePolicy("ProdDB", denyPolicyName)
	if !strings.Contains(before, cutPrefix) || !strings.HasSuffix(after, before[strings.Index(before, `{"Sid"`):]) {
		t.Errorf("want the same cut, and the 50 names beside it: %.200s", after)
	}
}
