package bot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/awsfake"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

const eve = "eve@example.com" // has an IAM user and is nobody jitbot knows

// comparing is a world that compares every hour what AWS holds.
func comparing(t *testing.T, repair ...jit.DriftKind) *world.World {
	t.Helper()
	return comparingWith(t, world.Setup{}, repair...)
}

func comparingWith(t *testing.T, setup world.Setup, repair ...jit.DriftKind) *world.World {
	t.Helper()
	setup.Change = func(c *bot.Config) { c.Drift = bot.DriftConfig{Every: time.Hour, Repair: repair} }
	return world.New(t, setup)
}

// twice looks at everything, and a minute later at what was suspected.
func twice(t *testing.T, w *world.World) {
	t.Helper()
	rounds(t, w)
	w.Pass(time.Minute)
	rounds(t, w)
}

// hourLater is a full round and its second look, later.
func hourLater(t *testing.T, w *world.World) {
	t.Helper()
	w.Pass(time.Hour)
	twice(t, w)
}

// byHand changes a group past jitbot.
func byHand(t *testing.T, change func(group, user string) error, group, user string) {
	t.Helper()
	if err := change(group, user); err != nil {
		t.Fatal(err)
	}
}

// drifted finds the rows as "kind who state", in order of their ids.
func drifted(t *testing.T, w *world.World) string {
	t.Helper()
	var out []string
	for _, d := range driftRows(t, w) {
		out = append(out, strings.Join([]string{string(d.Kind), strings.TrimSuffix(d.Who, "@example.com"), string(d.State)}, " "))
	}
	return strings.Join(out, ", ")
}

func driftRows(t *testing.T, w *world.World) []jit.Drift {
	t.Helper()
	var rows []jit.Drift
	w.Is(func(v storage.View) bool {
		var err error
		if rows, err = v.Drifts(storage.DriftFilter{}); err != nil {
			t.Fatal(err)
		}
		return true
	})
	return rows
}

// driftOf finds the row about somebody in a group.
func driftOf(t *testing.T, w *world.World, kind jit.DriftKind, who string) jit.Drift {
	t.Helper()
	for _, d := range driftRows(t, w) {
		if d.Kind == kind && d.Who == who {
			return d
		}
	}
	t.Fatalf("no drift %s of %s; there are: %s", kind, who, drifted(t, w))
	return jit.Drift{}
}

// alerts are the cards about drift in the alert channel.
func alerts(w *world.World) []string {
	var out []string
	for _, m := range w.Chat.In("alerts") {
		if text := bottest.Words(m.Card); strings.Contains(text, "rift") {
			out = append(out, text)
		}
	}
	return out
}

// suspected is how many differences wait to be seen again.
func suspected(t *testing.T, w *world.World) (n int) {
	t.Helper()
	w.Is(func(v storage.View) bool {
		raw, err := v.Note("drift")
		var kept struct {
			Readings map[string]struct{ Suspects map[string]any }
		}
		if err == nil {
			err = json.Unmarshal(raw, &kept)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range kept.Readings {
			n += len(r.Suspects)
		}
		return true
	})
	return n
}

// order fills in the form of a drift's button.
func order(w *world.World, user, what, id string) bot.Reply {
	return w.Send(user, "drift-"+what, id, map[string]string{"reason": "seen in the quarterly review"})
}

func TestF63WhatStoodWhenJitbotFirstLookedIsSummedUpListedAndLeftAlone(t *testing.T) { // feature 63, T35
	t.Parallel()
	w := comparing(t)
	byHand(t, w.AWS.Join, operators, eve)
	rounds(t, w)
	expect(t, w.Say("sam", "drift"), "2 differences seen once")
	if got := alerts(w); len(got) > 0 || drifted(t, w) != "" {
		t.Fatalf("said after one look: %v %s", got, drifted(t, w))
	}
	w.Pass(time.Minute)
	rounds(t, w)
	got := alerts(w)
	if len(got) != 1 || !strings.Contains(got[0], "staging: 1 access by no grant stood when jitbot first looked") || strings.Contains(got[0], "Di Diaz") {
		t.Fatalf("the alerts are %q", got)
	}
	expect(t, w.Say("sam", "drift"), "2 differences", "Di Diaz, staging", "eve@example.com (unknown person), prod-db", "it was there when jitbot first looked", "(Accept 1…)", "(Remove 1…)")
	refused(t, w, bot.CodeNoRight, w.Say("ann", "drift"))
	for range 3 {
		hourLater(t, w)
	}
	if len(alerts(w)) != 1 || len(w.Events(jit.EventDriftFound)) != 2 { // one a resource
		t.Errorf("said again: %q", alerts(w))
	}
	if !inGroup(w, staging, di) || !inGroup(w, operators, eve) {
		t.Error("something was taken away unasked")
	}
	expect(t, order(w, "ada", "fix", driftOf(t, w, jit.DriftStanding, eve).ID), "Taking it away")
	w.Step()
	if d := driftOf(t, w, jit.DriftStanding, eve); d.State != jit.DriftGone || inGroup(w, operators, eve) || !inGroup(w, staging, di) {
		t.Errorf("asked, it is %s", d.State)
	}
	lawful(t, w)
}

func TestF62AccessThatAppearsLaterIsReportedOnceHoweverOftenItIsSeen(t *testing.T) { // features 62 and 63
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	byHand(t, w.AWS.Join, staging, eve)
	hourLater(t, w)
	first := driftOf(t, w, jit.DriftStanding, eve)
	hourLater(t, w)
	again := driftOf(t, w, jit.DriftStanding, eve)
	if n := len(alerts(w)); n != 2 { // the first look of all, and eve
		t.Errorf("%d alerts: %q", n, alerts(w))
	}
	if text := card(t, w.Chat.In("alerts"), "new difference"); !strings.Contains(bottest.Words(text.Card), "eve@example.com (unknown person), staging") {
		t.Errorf("the alert says %s", bottest.Words(text.Card))
	}
	if first.ID != again.ID || !again.FirstSeen.Equal(first.FirstSeen) || !again.LastSeen.After(first.LastSeen) || again.Version != first.Version {
		t.Errorf("it was %+v and is %+v", first, again)
	}
	byHand(t, w.AWS.Leave, staging, eve)
	w.Pass(time.Hour)
	rounds(t, w)
	if d := driftOf(t, w, jit.DriftStanding, eve); d.State != jit.DriftGone || len(w.Events(jit.EventDriftGone)) != 1 {
		t.Errorf("once it is gone it is %s", d.State)
	}
	byHand(t, w.AWS.Join, staging, eve)
	hourLater(t, w)
	if d := driftOf(t, w, jit.DriftStanding, eve); d.ID != first.ID || d.State != jit.DriftOpen || len(alerts(w)) != 3 {
		t.Errorf("back again it is %s %s, with %d alerts", d.ID, d.State, len(alerts(w)))
	}
	lawful(t, w)
}

func TestF62AccessThatSomebodyTookAwayIsMissing(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	g := held(t, w)
	w.Pass(time.Minute)
	twice(t, w)
	if strings.Contains(drifted(t, w), "missing") {
		t.Fatalf("while it is there: %s", drifted(t, w))
	}
	byHand(t, w.AWS.Leave, operators, ann)
	w.Pass(30 * time.Minute)
	w.Crash()
	w.Boot() // a start is a full round
	twice(t, w)
	d := driftOf(t, w, jit.DriftMissing, ann)
	if d.Grant != g.ID || d.Initial || !strings.Contains(strings.Join(alerts(w), "\n"), "Ann Lee, prod-db: should have it by "+g.ID+", and it is not there") {
		t.Errorf("found %+v\n%q", d, alerts(w))
	}
	if inGroup(w, operators, ann) {
		t.Error("given again unasked")
	}
	w.Pass(time.Hour) // the grant ends: nothing is missing any more
	rounds(t, w)
	if d := driftOf(t, w, jit.DriftMissing, ann); d.State != jit.DriftGone {
		t.Errorf("after the grant's end it is %s", d.State)
	}
}

func TestT35AccessThatIsThereAgainAfterItsGrantEndedIsLeftover(t *testing.T) { // T35, features 62 and 63
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	g := held(t, w)
	w.Say("ann", "end")
	w.UntilGrant("ann", jit.GrantEnded)
	byHand(t, w.AWS.Join, operators, ann)
	hourLater(t, w)
	if d := driftOf(t, w, jit.DriftLeftover, ann); d.Grant != g.ID || d.Principal != ann {
		t.Errorf("found %+v", d)
	}
	if !inGroup(w, operators, ann) || len(alerts(w)) != 2 {
		t.Errorf("in the group %v, alerts %q", inGroup(w, operators, ann), alerts(w))
	}
}

func TestT35AccessThatAGrantFoundStandingIsStandingBeforeAndAfterIt(t *testing.T) { // T35, feature 46
	t.Parallel()
	w := comparing(t)
	w.Say("di", "request staging 1h look around")
	w.UntilGrant("di", jit.GrantActive)
	w.Pass(time.Minute)
	twice(t, w)
	if got := drifted(t, w); got != "standing di open" {
		t.Fatalf("while its grant runs: %s", got)
	}
	hourLater(t, w)
	if got := drifted(t, w); got != "standing di open" || !inGroup(w, staging, di) {
		t.Errorf("after its grant: %s", got)
	}
}

func TestF62WhatIsGoneAtTheSecondLookIsNotReported(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	byHand(t, w.AWS.Join, staging, eve)
	w.Pass(time.Hour)
	rounds(t, w)
	if n := suspected(t, w); n != 1 {
		t.Fatalf("%d suspected", n)
	}
	for range 3 { // another look within the minute does not count
		w.Pass(10 * time.Second)
		rounds(t, w)
	}
	byHand(t, w.AWS.Leave, staging, eve)
	w.Pass(time.Minute)
	rounds(t, w)
	if got := drifted(t, w); got != "standing di open" || suspected(t, w) != 0 {
		t.Errorf("reported: %s", got)
	}
}

// racing is AWS where something happens between a listing and its use.
type racing struct {
	bot.Provisioner
	mu   sync.Mutex
	then func()
	lie  func([]bot.Held) []bot.Held
}

func (r *racing) List(ctx context.Context, e jit.Entitlement) ([]bot.Held, error) {
	all, err := r.Provisioner.(bot.Lister).List(ctx, e)
	r.mu.Lock()
	then, lie := r.then, r.lie
	if e.Kind == "aws_iam_group" {
		r.then = nil
	}
	r.mu.Unlock()
	if then != nil && e.Kind == "aws_iam_group" {
		then()
	}
	if lie != nil && e.Kind == "aws_iam_group" {
		all = lie(all)
	}
	return all, err
}

func (r *racing) set(then func(), lie func([]bot.Held) []bot.Held) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.then, r.lie = then, lie
}

func racingWorld(t *testing.T, repair ...jit.DriftKind) (*world.World, *racing) {
	t.Helper()
	r := &racing{}
	return comparingWith(t, world.Setup{WrapProvisioner: func(p bot.Provisioner) bot.Provisioner {
		r.Provisioner = p
		return r
	}}, repair...), r
}

func TestF62WhatAGrantChangesDuringAListingIsNoDrift(t *testing.T) { // feature 62
	t.Parallel()
	for name, during := range map[string]func(w *world.World){
		"given":          func(w *world.World) { w.Say("ann", "request staging 1h look around"); w.Step() },
		"taken back":     func(w *world.World) { w.Say("bo", "end"); w.Step() },
		"about to start": func(w *world.World) { w.Say("ann", "request staging 1h look around") },
		"about to end":   func(w *world.World) { w.Say("bo", "end") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, r := racingWorld(t)
			w.Say("bo", "request staging 4h look around")
			w.UntilGrant("bo", jit.GrantActive)
			w.Pass(time.Minute)
			twice(t, w)
			w.Pass(time.Hour)
			old, _ := r.Provisioner.(bot.Lister).List(t.Context(), stagingEntitlement)
			// The listing is from before, whenever it comes.
			r.set(func() { during(w) }, func(now []bot.Held) []bot.Held {
				if len(now) > 0 {
					return old
				}
				return now
			})
			if err := w.Service.Rounds(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := suspected(t, w); n != 0 {
				t.Errorf("%d differences are suspected", n)
			}
			r.set(nil, nil)
			w.Step()
			w.Pass(time.Minute)
			twice(t, w)
			if got := drifted(t, w); got != "standing di open" {
				t.Errorf("found %s", got)
			}
		})
	}
}

var stagingEntitlement = jit.Entitlement{Kind: "aws_iam_group", Params: map[string]string{"account": world.Account, "group": staging}}

func TestF62AnOutsideThatCannotBeReadIsNeverSaidToBeWithoutDrift(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	byHand(t, w.AWS.Leave, staging, di)
	expect(t, w.Say("ada", "drift"), "Nothing was compared yet")
	rounds(t, w)
	expect(t, w.Say("ada", "drift"), "No drift")
	byHand(t, w.AWS.Join, staging, eve)
	w.AWS.Break("GetGroup", awsfake.Refuse, 1_000)
	w.Pass(time.Hour)
	rounds(t, w)
	w.Pass(5 * time.Minute)
	reply := w.Say("ada", "drift")
	expect(t, reply, "Not everything could be read", "group=staging-operators", "could not be read", "last read 1h5m ago")
	if strings.Contains(bottest.ReplyWords(reply), "No drift") || gauge(t, w, "unread") != 2 {
		t.Errorf("it says %s; unread %v", bottest.ReplyWords(reply), gauge(t, w, "unread"))
	}
	w.AWS.Heal()
	hourLater(t, w)
	expect(t, w.Say("ada", "drift"), "1 difference", "eve@example.com")
	if gauge(t, w, "unread") != 0 || gauge(t, w, "standing") != 1 {
		t.Errorf("unread %v, standing %v", gauge(t, w, "unread"), gauge(t, w, "standing"))
	}
}

// gauge reads jitbot_drift_open of a kind.
func gauge(t *testing.T, w *world.World, kind string) float64 {
	t.Helper()
	return gaugeOf(t, w.Service, kind)
}

func TestF62OneEmptyListingIsAReadingFaultAndRepairsNothing(t *testing.T) { // feature 62
	t.Parallel()
	w, r := racingWorld(t, jit.DriftMissing)
	for _, user := range []string{"ann", "bo"} {
		w.Say(user, "request staging 8h look around")
		w.UntilGrant(user, jit.GrantActive)
	}
	w.Pass(time.Minute)
	twice(t, w)
	calls := len(w.AWS.Calls())
	r.set(nil, func([]bot.Held) []bot.Held { return nil })
	hourLater(t, w)
	if got := drifted(t, w); got != "standing di open" {
		t.Errorf("found %s", got)
	}
	card(t, w.Chat.In("alerts"), "is not believed yet: nobody is listed where 3 have it")
	expect(t, w.Say("sam", "drift"), "read, and not believed", "last read 1h1m ago")
	for _, c := range w.AWS.Calls()[calls:] {
		if c.Action == "AddUserToGroup" {
			t.Errorf("repaired: %v", c)
		}
	}
	r.set(nil, nil)
	hourLater(t, w)
	if got := drifted(t, w); got != "standing di open" {
		t.Errorf("once it is read well: %s", got)
	}
	lawful(t, w)
}

func TestF62ADoubtThatStaysIsBelievedAndStillRepairsNothing(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t, jit.DriftMissing)
	for _, user := range []string{"ann", "bo"} {
		w.Say(user, "request staging 8h look around")
		w.UntilGrant(user, jit.GrantActive)
	}
	w.Pass(time.Minute)
	twice(t, w)
	for _, who := range []string{ann, bo, di} {
		byHand(t, w.AWS.Leave, staging, who)
	}
	hourLater(t, w)
	if got := drifted(t, w); got != "standing di open" {
		t.Fatalf("believed at once: %s", got)
	}
	hourLater(t, w)
	if got := drifted(t, w); got != "standing di gone, missing ann open, missing bo open" && got != "standing di gone, missing bo open, missing ann open" {
		t.Errorf("an hour later: %s", got)
	}
	hourLater(t, w)
	if len(w.AWS.Members(staging)) != 0 {
		t.Errorf("given again by itself: %v", w.AWS.Members(staging))
	}
}

// memory is an outside that holds what it is told, for more people than the
// loopback AWS has.
type memory struct {
	mu  sync.Mutex
	has map[string]string // principal by target
}

func (m *memory) Target(h jit.Holding) (string, error) {
	return h.Entitlement.Params["group"] + ":" + h.Principal, nil
}

func (m *memory) Apply(_ context.Context, h jit.Holding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.has[h.Target] = h.Principal
	return nil
}

func (m *memory) Remove(_ context.Context, h jit.Holding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.has, h.Target)
	return nil
}

func (m *memory) Observe(_ context.Context, h jit.Holding) (bot.Observation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, held := m.has[h.Target]
	return bot.Observation{Held: held, Detail: "in memory"}, nil
}

func (m *memory) List(_ context.Context, e jit.Entitlement) (all []bot.Held, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for target, who := range m.has {
		if strings.HasPrefix(target, e.Params["group"]+":") {
			all = append(all, bot.Held{Target: target, Who: who, Principal: who})
		}
	}
	return all, nil
}

// team has many people hold staging, in memory.
func team(t *testing.T, n int, repair ...jit.DriftKind) (*world.World, *memory) {
	t.Helper()
	m := &memory{has: map[string]string{"staging-operators:zed": ""}}
	w := comparingWith(t, world.Setup{Provisioners: map[string]bot.Provisioner{"aws_iam_group": m}}, repair...)
	people := world.Cast()
	for i := range n {
		name := fmt.Sprintf("u%02d", i)
		people = append(people, bot.Person{
			Principal: jit.Principal{ID: name + "@example.com", Name: name}, Accounts: []jit.Account{{Platform: "web", User: name}},
		})
	}
	if err := w.People.Replace(people); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		w.Say(fmt.Sprintf("u%02d", i), "request staging 8h look around")
	}
	w.Step()
	w.Pass(time.Minute)
	twice(t, w)
	return w, m
}

// lose takes from the first n people what they hold.
func (m *memory) lose(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range n {
		delete(m.has, fmt.Sprintf("staging-operators:u%02d@example.com", i))
	}
}

func TestF62MoreThanTwentyMissingAtOnceAreAReadingFaultFirst(t *testing.T) { // feature 62
	t.Parallel()
	for n, doubted := range map[int]bool{20: false, 21: true} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w, m := team(t, 25, jit.DriftMissing)
			m.lose(n)
			hourLater(t, w)
			w.Step()
			found := strings.Count(drifted(t, w), "missing")
			if doubted && (found != 0 || !strings.Contains(strings.Join(alerts(w), "\n"), "21 accesses of grants that run would be missing at once")) {
				t.Errorf("%d are missing; the alerts are %q", found, alerts(w))
			}
			if !doubted && (found != 20 || len(m.has) != 26) {
				t.Errorf("%d are missing, %d are there; the alerts are %q", found, len(m.has), alerts(w))
			}
			text := strings.Join(alerts(w), "\n")
			if !doubted && !strings.Contains(text, "And 10 more.") {
				t.Errorf("the alert names more than ten: %s", text)
			}
			if doubted && len(m.has) != 5 {
				t.Errorf("%d are there", len(m.has))
			}
		})
	}
}

func TestF62AcceptedDriftIsSilentUntilItChanges(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	d := driftOf(t, w, jit.DriftStanding, di)
	form := w.Press("sam", "drift-accept-form", d.ID)
	expect(t, form, "Accept this drift", "Di Diaz, staging", "Why? *")
	refused(t, w, bot.CodeNoRight, w.Press("ann", "drift-accept-form", d.ID))
	refused(t, w, bot.CodeNoRight, order(w, "ann", "accept", d.ID))
	if r := w.Send("sam", "drift-accept", d.ID, map[string]string{"reason": ""}); r.Bad["reason"] == "" {
		t.Error("accepted without a reason")
	}
	expect(t, order(w, "sam", "accept", d.ID), "Accepted")
	refused(t, w, bot.CodeChanged, order(w, "ada", "accept", d.ID), "Sam Sand has accepted that already")
	refused(t, w, bot.CodeUnknownThing, order(w, "ada", "accept", "drf_none"))
	hourLater(t, w)
	d = driftOf(t, w, jit.DriftStanding, di)
	if d.State != jit.DriftAccepted || d.AcceptedBy != sam || d.Reason != "seen in the quarterly review" || len(alerts(w)) != 1 || gauge(t, w, "standing") != 0 {
		t.Errorf("accepted it is %+v, alerts %d", d, len(alerts(w)))
	}
	expect(t, w.Say("sam", "drift"), "1 other accepted")
	byHand(t, w.AWS.Leave, staging, di)
	w.Pass(time.Hour)
	rounds(t, w)
	byHand(t, w.AWS.Join, staging, di)
	hourLater(t, w)
	if d = driftOf(t, w, jit.DriftStanding, di); d.State != jit.DriftOpen || len(alerts(w)) != 2 {
		t.Errorf("there again it is %s, with %d alerts", d.State, len(alerts(w)))
	}
	if e := w.Events(jit.EventDriftAccepted); len(e) != 1 || e[0].Actor != sam || !strings.Contains(string(e[0].Data), "quarterly review") {
		t.Errorf("written down as %+v", e)
	}
	lawful(t, w)
}

func TestF62RemovingIsOrderedWrittenDownDoneAndReadBack(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	d := driftOf(t, w, jit.DriftStanding, di)
	expect(t, w.Press("sam", "drift-fix-form", d.ID), "Remove this access", "Di Diaz, staging: it is taken away")
	w.AWS.Break("RemoveUserFromGroup", awsfake.Lie, 3) // answers without effect: only the read back counts
	expect(t, order(w, "sam", "fix", d.ID), "Taking it away")
	w.Step()
	if d = driftOf(t, w, jit.DriftStanding, di); d.State != jit.DriftOpen || !inGroup(w, staging, di) {
		t.Fatalf("before it was seen to be gone it is %s", d.State)
	}
	expect(t, w.Say("sam", "drift"), "being put right 1 attempt failed: it was removed and is still there")
	refused(t, w, bot.CodeChanged, order(w, "ada", "fix", d.ID), "being put right already", "1 attempt failed")
	refused(t, w, bot.CodeChanged, order(w, "ada", "accept", d.ID), "being put right already")
	w.Pass(time.Minute)
	if d = driftOf(t, w, jit.DriftStanding, di); d.State != jit.DriftGone || d.ActedBy != sam || inGroup(w, staging, di) {
		t.Fatalf("it is %+v", d)
	}
	if e := w.Events(jit.EventDriftActed); len(e) != 1 || e[0].Actor != sam || !strings.Contains(string(e[0].Data), `"reason":"seen in the quarterly review"`) {
		t.Errorf("written down as %+v", e)
	}
	refused(t, w, bot.CodeChanged, order(w, "sam", "fix", d.ID), "gone already")
	hourLater(t, w)
	if len(alerts(w)) != 1 {
		t.Errorf("alerts %q", alerts(w))
	}
	lawful(t, w)
}

func TestT35NothingIsRemovedThatALiveGrantNeedsByNow(t *testing.T) { // T35, feature 47
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	g := held(t, w)
	w.Say("ann", "end")
	w.UntilGrant("ann", jit.GrantEnded)
	byHand(t, w.AWS.Join, operators, ann)
	hourLater(t, w)
	d := driftOf(t, w, jit.DriftLeftover, ann)
	next := held(t, w)
	if next.ID == g.ID {
		t.Fatal("no second grant")
	}
	refused(t, w, bot.CodeChanged, order(w, "sam", "fix", d.ID), next.ID+", needs it by now")
	w.Step()
	if !inGroup(w, operators, ann) {
		t.Error("taken away all the same")
	}
}

func TestT35AGrantThatComesToShareWhatIsBeingRemovedKeepsItUntilItsEnd(t *testing.T) { // T35, feature 47
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	d := driftOf(t, w, jit.DriftStanding, di)
	w.AWS.Break("RemoveUserFromGroup", awsfake.Refuse, 1_000)
	order(w, "sam", "fix", d.ID)
	w.Step()
	w.Say("di", "request staging 1h look around")
	w.Step()
	w.AWS.Heal()
	w.Pass(2 * time.Minute)
	if g := w.Grant("di"); g.State != jit.GrantActive || !inGroup(w, staging, di) {
		t.Fatalf("the grant is %s, in the group %v", g.State, inGroup(w, staging, di))
	}
	if d = driftOf(t, w, jit.DriftStanding, di); d.State != jit.DriftGone {
		t.Errorf("the drift is %s", d.State)
	}
	w.Pass(time.Hour)
	if inGroup(w, staging, di) {
		t.Error("what was to go stands again after the grant")
	}
	lawful(t, w)
}

func TestF62SomebodyWhoJudgesTheirOwnAccessIsNotSilent(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	if err := w.Service.SetOverseers(t.Context(), []string{"ada@example.com", di}, []string{sam}, "os:root", nil); err != nil {
		t.Fatal(err)
	}
	twice(t, w)
	d := driftOf(t, w, jit.DriftStanding, di)
	expect(t, w.Press("di", "drift-accept-form", d.ID), "This is your own access")
	expect(t, order(w, "di", "accept", d.ID), "Accepted")
	w.Step()
	card(t, w.Chat.In("alerts"), "Di Diaz judged a drift about their own access")
	card(t, w.Chat.Direct("sam"), "Di Diaz judged a drift about their own access")
	if e := w.Events(jit.EventDriftAccepted); len(e) != 1 || !strings.Contains(string(e[0].Data), `"own":true`) {
		t.Errorf("written down as %+v", e)
	}
}

func TestF62WhatNobodyCanBeNamedForIsNotRemoved(t *testing.T) { // feature 62
	t.Parallel()
	w, r := racingWorld(t)
	r.set(nil, func(all []bot.Held) []bot.Held {
		for i := range all {
			all[i].Principal = ""
		}
		return all
	})
	twice(t, w)
	d := driftOf(t, w, jit.DriftStanding, di)
	if text := bottest.ReplyWords(w.Say("sam", "drift")); strings.Contains(text, "Remove 1") || !strings.Contains(text, "di@example.com (unknown person)") {
		t.Errorf("the list says %s", text)
	}
	refused(t, w, bot.CodeBadInput, order(w, "sam", "fix", d.ID), "does not know whose")
}

func TestF62WhatIsMissingIsGivenAgainUntilTheEndItHad(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	g := held(t, w)
	w.Pass(time.Minute)
	byHand(t, w.AWS.Leave, operators, ann)
	twice(t, w)
	d := driftOf(t, w, jit.DriftMissing, ann)
	expect(t, w.Press("sam", "drift-fix-form", d.ID), "Give this access again", "until the grant ends as it would have")
	w.AWS.Break("AddUserToGroup", awsfake.Refuse, 1)
	expect(t, order(w, "sam", "fix", d.ID), "Giving it again")
	refused(t, w, bot.CodeChanged, order(w, "sam", "fix", d.ID), "being put right already")
	w.Step()
	if d = driftOf(t, w, jit.DriftMissing, ann); d.State != jit.DriftOpen {
		t.Fatalf("before it was seen to be there it is %s", d.State)
	}
	w.Pass(time.Minute)
	if d = driftOf(t, w, jit.DriftMissing, ann); d.State != jit.DriftGone || !inGroup(w, operators, ann) {
		t.Fatalf("it is %s, in the group %v", d.State, inGroup(w, operators, ann))
	}
	same(t, "the end", w.Grant("ann").ExpiresAt, g.ExpiresAt)
	for _, h := range w.Holdings(g.ID) {
		if h.State != jit.HoldingPresent || h.Drift != "" {
			t.Errorf("%s is %s and still about %q", h.ID, h.State, h.Drift)
		}
	}
	w.Pass(time.Hour)
	if w.Grant("ann").State != jit.GrantEnded || inGroup(w, operators, ann) {
		t.Error("it outlives its grant")
	}
	lawful(t, w)
}

func TestF62NothingIsGivenAgainForAGrantThatHasEnded(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	held(t, w)
	w.Pass(time.Minute)
	byHand(t, w.AWS.Leave, operators, ann)
	twice(t, w)
	d := driftOf(t, w, jit.DriftMissing, ann)
	w.Pass(time.Hour)
	refused(t, w, bot.CodeChanged, order(w, "sam", "fix", d.ID), "does not run any more")
	w.Step()
	if inGroup(w, operators, ann) {
		t.Error("given all the same")
	}
}

func TestT57NothingIsGivenAgainToSomebodyWhoHasLeft(t *testing.T) { // T57, feature 62
	t.Parallel()
	w := comparing(t)
	held(t, w)
	w.Pass(time.Minute)
	byHand(t, w.AWS.Leave, operators, ann)
	twice(t, w)
	d := driftOf(t, w, jit.DriftMissing, ann)
	people(t, w, disable(ann)) // and the round that ends what they hold is still to come
	refused(t, w, bot.CodeDenied, order(w, "sam", "fix", d.ID), "not active any more")
	w.Step()
	if inGroup(w, operators, ann) {
		t.Error("given all the same")
	}
}

func TestT35WhatStoodBeforeIsNotJitbotsToGiveAgain(t *testing.T) { // T35, I07
	t.Parallel()
	w := comparing(t, jit.DriftMissing)
	w.Say("di", "request staging 4h look around")
	w.UntilGrant("di", jit.GrantActive)
	w.Pass(time.Minute)
	byHand(t, w.AWS.Leave, staging, di)
	twice(t, w)
	d := driftOf(t, w, jit.DriftMissing, di)
	refused(t, w, bot.CodeChanged, order(w, "sam", "fix", d.ID), "stood before jitbot came")
	w.Pass(time.Hour)
	if inGroup(w, staging, di) {
		t.Error("given all the same")
	}
}

func TestF62JitbotGivesAgainByItselfOnlyWhereToldToAndOnce(t *testing.T) { // feature 62
	t.Parallel()
	for name, repair := range map[string][]jit.DriftKind{"told to": {jit.DriftMissing}, "not told to": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := comparing(t, repair...)
			w.Say("ann", "request staging 8h look around")
			w.UntilGrant("ann", jit.GrantActive)
			w.Pass(time.Minute)
			twice(t, w)
			byHand(t, w.AWS.Leave, staging, ann)
			hourLater(t, w)
			if got := inGroup(w, staging, ann); got != (repair != nil) {
				t.Fatalf("in the group: %v", got)
			}
			if e := w.Events(jit.EventDriftActed); len(e) > 0 && e[0].Actor != jit.ActorJitbot {
				t.Errorf("it was %s", e[0].Actor)
			}
			byHand(t, w.AWS.Leave, staging, ann)
			hourLater(t, w)
			if inGroup(w, staging, ann) {
				t.Error("given again and again")
			}
			if d := driftOf(t, w, jit.DriftMissing, ann); d.State != jit.DriftOpen {
				t.Errorf("it is %s", d.State)
			}
			lawful(t, w)
		})
	}
}

func TestF62TwoReplicasDoOneRound(t *testing.T) { // feature 62
	t.Parallel()
	var config bot.Config
	w := world.New(t, world.Setup{Change: func(c *bot.Config) {
		c.Drift = bot.DriftConfig{Every: time.Hour}
		config = *c
	}})
	other, err := bot.New(config)
	if err != nil {
		t.Fatal(err)
	}
	both := func() {
		var wait sync.WaitGroup
		for _, s := range []*bot.Service{w.Service, other} {
			wait.Go(func() {
				if err := s.Rounds(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		w.Step()
	}
	for range 4 {
		both()
		w.Pass(time.Minute)
	}
	byHand(t, w.AWS.Join, staging, eve)
	w.Pass(time.Hour)
	before := listings(w)
	for range 4 {
		both()
		w.Pass(time.Minute)
	}
	if n := listings(w) - before; n != 3 { // two groups, and the one with eve again
		t.Errorf("%d listings", n)
	}
	if n := len(alerts(w)); n != 2 || len(w.Events(jit.EventDriftFound)) != 2 {
		t.Errorf("%d alerts, %d events", n, len(w.Events(jit.EventDriftFound)))
	}
	if gauge(t, w, "standing") != 2 || gaugeOf(t, other, "standing") != 2 {
		t.Error("the figures of the two differ")
	}
}

func TestF62ARoundThatWasTakenOverSettlesNothing(t *testing.T) { // feature 62
	t.Parallel()
	r := &racing{}
	var config bot.Config
	w := world.New(t, world.Setup{
		WrapProvisioner: func(p bot.Provisioner) bot.Provisioner {
			r.Provisioner = p
			return r
		},
		Change: func(c *bot.Config) {
			c.Drift = bot.DriftConfig{Every: time.Hour}
			config = *c
		},
	})
	other, err := bot.New(config)
	if err != nil {
		t.Fatal(err)
	}
	twice(t, w)
	for _, group := range []string{operators, staging} {
		byHand(t, w.AWS.Join, group, eve)
	}
	w.Pass(time.Hour)
	r.set(func() { // it hangs until another replica has done a round in its place
		w.Clock.Move(11 * time.Minute)
		for _, group := range []string{operators, staging} {
			byHand(t, w.AWS.Leave, group, eve)
		}
		if err := other.Rounds(t.Context()); err != nil {
			t.Error(err)
		}
	}, nil)
	if err := w.Service.Rounds(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := suspected(t, w); n != 0 {
		t.Errorf("%d suspected by what was listed before the other round", n)
	}
}

func TestF62AStartDoesNotHastenTheSecondLook(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	byHand(t, w.AWS.Join, staging, eve)
	w.Pass(time.Hour)
	rounds(t, w)
	byHand(t, w.AWS.Join, staging, bo)
	w.Pass(time.Minute)
	rounds(t, w) // eve for the second time, bo for the first
	w.Crash()
	w.Boot()
	w.Pass(30 * time.Second)
	rounds(t, w)
	if got := drifted(t, w); got != "standing di open, standing eve open" {
		t.Errorf("half a minute later: %s", got)
	}
	w.Pass(30 * time.Second)
	w.Pass(time.Minute)
	rounds(t, w)
	if got := drifted(t, w); got != "standing di open, standing eve open, standing bo open" {
		t.Errorf("a minute later: %s", got)
	}
}

func listings(w *world.World) (n int) {
	for _, c := range w.AWS.Calls() {
		if c.Action == "GetGroup" {
			n++
		}
	}
	return n
}

func gaugeOf(t *testing.T, s *bot.Service, kind string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.Collectors()...)
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if family.GetName() == "jitbot_drift_open" && m.GetLabel()[0].GetValue() == kind {
				return m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("there is no jitbot_drift_open{kind=%q}", kind)
	return 0
}

func TestF62ACrashAnywhereNeitherLosesAnOrderNorRemovesUnasked(t *testing.T) { // features 43, 44 and 62
	t.Parallel()
	begin := func(t *testing.T) (*world.World, *trouble) {
		x := &trouble{}
		w := comparingWith(t, world.Setup{WrapStore: x.wrapStore, WrapProvisioner: x.wrapProvisioner})
		twice(t, w)
		return w, x
	}
	story := func(t *testing.T, w *world.World) {
		d := driftOf(t, w, jit.DriftStanding, di)
		in := w.Incoming("sam")
		in.Form = &bot.Submission{Name: "drift-fix", ID: d.ID, Values: map[string]string{"reason": "she has left the team"}}
		_, _ = w.Service.Handle(t.Context(), in)
		stepping(t, w)
	}
	w, x := begin(t)
	before := x.n
	story(t, w)
	points := x.n - before
	if points < 4 || inGroup(w, staging, di) {
		t.Fatalf("the story has only %d points to crash at; di is in the group: %v", points, inGroup(w, staging, di))
	}
	for n := 1; n <= points; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d after=%v", n, after), func(t *testing.T) {
				t.Parallel()
				w, x := begin(t)
				x.arm(n, after)
				story(t, w)
				if !x.isDead() {
					t.Fatal("it did not crash")
				}
				w.Crash()
				x.arm(0, false)
				w.Boot()
				w.Pass(10 * time.Minute)
				ordered := len(w.Events(jit.EventDriftActed)) > 0
				if d := driftOf(t, w, jit.DriftStanding, di); inGroup(w, staging, di) == ordered || (d.State == jit.DriftGone) != ordered {
					t.Errorf("ordered %v, in the group %v, the drift is %s", ordered, inGroup(w, staging, di), d.State)
				}
				lawful(t, w)
				for _, fault := range x.broken {
					t.Error(fault)
				}
			})
		}
	}
}

func TestF62NothingIsComparedWhileARestoredStoreIsNotReadBack(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	w.Say("ann", "request staging 8h look around")
	w.UntilGrant("ann", jit.GrantActive)
	err := w.Store.Write(t.Context(), func(tx storage.Tx) error {
		return tx.SetNote(storage.NoteRestored, []byte(storage.JustRestored))
	})
	if err != nil {
		t.Fatal(err)
	}
	before := listings(w) // the grant's own group was read when it was given
	w.AWS.Break("ListGroupsForUser", awsfake.Refuse, 1)
	if err := w.Service.Rounds(t.Context()); err == nil || listings(w) != before {
		t.Errorf("%d listings, %v", listings(w)-before, err)
	}
	if err := w.Service.Rounds(t.Context()); err != nil || listings(w) != before+2 {
		t.Errorf("once it was read back: %d listings, %v", listings(w)-before, err)
	}
}

func TestF62WhatIsMissingOfAnotherGrantIsAnotherDrift(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	w.Say("ann", "request staging 4h look around")
	w.UntilGrant("ann", jit.GrantActive)
	w.Pass(time.Minute)
	byHand(t, w.AWS.Leave, staging, ann)
	twice(t, w)
	first := driftOf(t, w, jit.DriftMissing, ann)
	order(w, "sam", "accept", first.ID)
	w.Say("ann", "request staging 8h look around longer")
	next := w.UntilGrant("ann", jit.GrantActive)
	if !inGroup(w, staging, ann) {
		t.Fatal("the second grant gave nothing")
	}
	byHand(t, w.AWS.Leave, staging, ann)
	hourLater(t, w)
	if d := driftOf(t, w, jit.DriftMissing, ann); d.ID != first.ID || d.State != jit.DriftOpen || d.Grant != next.ID || d.Grant == first.Grant {
		t.Errorf("it is %+v", d)
	}
	lawful(t, w)
}

func TestF62WhatIsBeingPutRightIsNotGoneBeforeItWasReadBack(t *testing.T) { // feature 62
	t.Parallel()
	w := comparing(t)
	twice(t, w)
	d := driftOf(t, w, jit.DriftStanding, di)
	w.AWS.Break("RemoveUserFromGroup", awsfake.Refuse, 100_000)
	order(w, "sam", "fix", d.ID)
	hourLater(t, w)
	if d = driftOf(t, w, jit.DriftStanding, di); d.State != jit.DriftOpen {
		t.Errorf("it is %s", d.State)
	}
	w.AWS.Heal()
	w.Pass(2 * time.Minute)
	if d = driftOf(t, w, jit.DriftStanding, di); d.State != jit.DriftGone || inGroup(w, staging, di) {
		t.Errorf("healed, it is %s", d.State)
	}
}

func TestF62NothingIsGivenAgainWhileTheClockIsInDoubt(t *testing.T) { // feature 62, I03
	t.Parallel()
	w := comparing(t)
	held(t, w)
	w.Pass(time.Minute)
	byHand(t, w.AWS.Leave, operators, ann)
	twice(t, w)
	d := driftOf(t, w, jit.DriftMissing, ann)
	w.Clock.Jump(5 * time.Minute)
	refused(t, w, bot.CodeClockDoubt, order(w, "sam", "fix", d.ID), "clock")
}
