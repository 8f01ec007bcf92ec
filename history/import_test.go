package history_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

const (
	approved = `{"id":"OPS-1","at":"2026-03-02T09:00:00Z","user":"Ann@example.com","resource":"prod-db","duration":"4h","reason":"orders  are stuck",
		"ticket":"INC-7","rule":"prod-by-approval","outcome":"approval","approvers":["leo@example.com","lea@example.com"],"state":"approved",
		"decided_at":"2026-03-02T09:05:00Z","decided_by":"lea@example.com",
		"approvals":[{"by":"lea@example.com","at":"2026-03-02T09:05:00Z","note":"go on"}],
		"told":[{"who":"lea@example.com","at":"2026-03-02T09:00:01Z"},{"who":"group:leads","at":"2026-03-02T09:00:02Z"}],
		"grant":{"id":"g-1","from":"2026-03-02T09:06:00Z","promised":"2026-03-02T11:06:00Z","ends":"2026-03-02T13:06:00Z",
			"ended":"2026-03-02T12:00:00Z","ended_by":"ann@example.com","extensions":1,"opened":2,"access_keys":["ASIAOLD"]}}`
	denied = `{"id":"OPS-2","at":"2026-03-02T10:00:00Z","user":"con@example.com","resource":"prod-db","outcome":"deny","state":"denied","answer":"no rule"}`
	glass  = `{"id":"OPS-3","at":"2026-03-02T11:00:00Z","kind":"break_glass","user":"bo@example.com","resource":"prod-db","reason":"all is down","rule":"prod-by-approval",
		"outcome":"auto_approve","state":"approved","grant":{"from":"2026-03-02T11:00:00Z","ends":"2026-03-02T12:00:00Z","review_by":"2026-03-03T11:00:00Z"}}`
)

// flat is a line as one line.
func flat(line string) string { return strings.Join(strings.Fields(line), " ") }

func TestAnImportedRequestIsReadWithEverythingItsLineSays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := w.take(load(t), flat(approved), flat(denied), flat(glass))
	if want := (history.Imported{Lines: 3, Requests: 3, Grants: 2}); !cmp.Equal(got, want) {
		t.Fatalf("imported %+v", got)
	}
	past := w.past(history.Options{})
	if len(past.Cases) != 3 {
		t.Fatalf("%d cases", len(past.Cases))
	}
	at := func(clock string) time.Time {
		when, err := time.Parse("15:04:05", clock)
		if err != nil {
			t.Fatal(err)
		}
		return time.Date(2026, 3, 2, when.Hour(), when.Minute(), when.Second(), 0, time.UTC)
	}
	want := history.Case{
		ID: "OPS-1", At: at("09:00:00"), Kind: jit.Access, User: "ann@example.com", By: "ann@example.com", Resource: "prod-db",
		Asked: 4 * time.Hour, Duration: 2 * time.Hour, Reason: "orders are stuck", Ticket: "INC-7", Imported: true,
		Rule: "prod-by-approval", Outcome: policy.Approval, Said: policy.Approval,
		Approvers: []string{"lea@example.com", "leo@example.com"}, Needed: 1, State: jit.RequestApproved, DecidedAt: at("09:05:00"), DecidedBy: "lea@example.com",
		Approvals: []history.Answer{{By: "lea@example.com", At: at("09:05:00"), Duration: 2 * time.Hour, Note: "go on"}},
		Told:      []history.Notice{{"group:leads", at("09:00:02")}, {"lea@example.com", at("09:00:01")}},
		Grant: &history.Grant{
			ID: "g-1", Resource: "prod-db", Sensitivity: "high", From: at("09:06:00"), Promised: at("11:06:00"), Ends: at("13:06:00"), Ended: at("12:00:00"),
			EndedBy: "ann@example.com", Outcome: jit.Revoked, Extensions: 1, Opened: 2, Verdict: activity.Incomplete,
			Evidence: &jit.Evidence{Lacks: []string{"no source tells what is done with session"}},
		},
	}
	if diff := cmp.Diff(want, past.Cases[0], cmpopts.IgnoreUnexported(activity.Use{})); diff != "" {
		t.Errorf("the first case (-want +got):\n%s", diff)
	}
	if c := past.Cases[1]; c.State != jit.RequestDenied || c.Outcome != policy.Deny || c.Answer != "no rule" || c.DecidedBy != "policy" || c.Grant != nil {
		t.Errorf("the denied one: %+v", c)
	}
	g := past.Cases[2].Grant
	if g == nil || g.ID != "OPS-3" || !g.ReviewBy.Equal(at("11:00:00").Add(24*time.Hour)) || !g.Reviewed.IsZero() || past.Cases[2].Kind != jit.BreakGlass {
		t.Errorf("the broken glass: %+v", g)
	}
	w.read(func(v storage.View) error {
		open, err := v.Reviews(storage.ReviewFilter{OpenOnly: true})
		if len(open) != 0 {
			t.Errorf("a review that another tool left open binds somebody here: %+v", open)
		}
		report, verr := storage.Verify(v, nil)
		if verr != nil || report.Fault != "" {
			t.Errorf("the log: %s %v", report.Fault, verr)
		}
		return err
	})
}

func TestImportingAgainChangesNothingAndAChangedLineIsReported(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.take(load(t), flat(approved), flat(denied))
	before := w.past(history.Options{Facts: true})
	head := w.head()
	got := w.take(load(t), flat(denied), flat(approved), flat(denied), strings.Replace(flat(denied), "no rule", "another word", 1))
	if got.Requests != 0 || got.Known != 3 || got.Changed != 1 || got.Bad != 0 || len(got.Problems) != 1 || got.Problems[0].Line != 4 {
		t.Errorf("imported again: %+v", got)
	}
	if diff := cmp.Diff(before, w.past(history.Options{Facts: true}), cmpopts.IgnoreUnexported(activity.Use{})); diff != "" {
		t.Errorf("importing again changed (-before +after):\n%s", diff)
	}
	if w.head() != head {
		t.Error("importing again wrote an event")
	}
	again := w.take(load(t), flat(glass), flat(glass), strings.Replace(flat(glass), "all is down", "another word", 1))
	if again.Requests != 1 || again.Known != 1 || again.Changed != 1 {
		t.Errorf("twice in one import: %+v", again)
	}
}

func (w *world) head() (seq int64) {
	w.read(func(v storage.View) error {
		head, err := v.Head()
		seq = head.Seq
		return err
	})
	return seq
}

func TestABadLineIsSetAsideAloneWithItsNumberAndReason(t *testing.T) {
	t.Parallel()
	good := flat(denied)
	for name, c := range map[string]struct{ from, to, why string }{
		"not JSON":            {good, "{", "this is not JSON"},
		"unknown key":         {`"answer"`, `"reply"`, "reply: a key is not known"},
		"key twice":           {`"user":`, `"user":"x@example.com","user":`, "user: a key is given twice"},
		"no id":               {`"OPS-2"`, `""`, "id is missing"},
		"odd id":              {`"OPS-2"`, `"~2026"`, "id is missing"},
		"no person":           {`con@example.com`, `con`, "user is not an e-mail address"},
		"no resource":         {`"prod-db"`, `""`, "resource is no name"},
		"no outcome":          {`"outcome":"deny"`, `"outcome":"maybe"`, "outcome is none of"},
		"open":                {`"denied"`, `"pending"`, "state is none of"},
		"denied and approved": {`"denied"`, `"approved"`, "the policy denied it"},
		"tomorrow":            {`2026-03-02`, `2027-03-02`, "it was asked for or decided in the future"},
		"no time":             {`"at":"2026-03-02T10:00:00Z",`, ``, "at is missing"},
		"length":              {`"answer"`, `"duration":"soon","answer"`, "duration: "},
		"facts":               {`"answer"`, `"facts":{"moon":1},"answer"`, "facts: moon: a key is not known"},
		"grant of nothing":    {`"answer"`, `"grant":{"from":"2026-03-02T11:00:00Z","ends":"2026-03-02T12:00:00Z"},"answer"`, "a grant came of a request"},
		"no zone":             {`10:00:00Z`, `10:00:00`, "at: a value is of the wrong kind"},
		"seconds":             {`"answer"`, `"duration":7200,"answer"`, "duration: a value is of the wrong kind"},
		"names only":          {`"answer"`, `"told":["lea@example.com"],"answer"`, "told: a value is of the wrong kind"},
		"undated approval":    {`"answer"`, `"approvals":[{"by":"lea@example.com"}],"answer"`, "an approval has no at"},
		"on call by names":    {`"answer"`, `"facts":{"on_call":["duty"]},"answer"`, "facts: on_call: a value"},
		"digest":              {`"answer"`, `"policy":"abc","answer"`, "policy is no SHA-256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			bad := strings.Replace(good, c.from, c.to, 1)
			if bad == good {
				t.Fatal("the line was not changed")
			}
			got := w.take(load(t), "", bad, flat(glass))
			if got.Bad != 1 || got.Requests != 1 || len(got.Problems) != 1 {
				t.Fatalf("imported %+v", got)
			}
			if p := got.Problems[0]; p.Line != 2 || !strings.HasPrefix(p.Why, c.why) || strings.Contains(bad, `"OPS-2"`) && p.ID != "OPS-2" {
				t.Errorf("line %d: %s", p.Line, p.Why)
			}
		})
	}
}

func TestAGrantThatStillRunsOrEndsBeforeItBeginsIsABadLine(t *testing.T) {
	t.Parallel()
	for change, why := range map[string]string{
		`"ended":"2026-03-02T12:00:00Z"`: "the grant has not ended yet",
		`"from":"2026-03-02T09:06:00Z"`:  "the grant ends before it begins",
	} {
		w := setup(t)
		key := strings.SplitAfter(change, ":")[0]
		got := w.take(load(t), strings.Replace(flat(approved), change, key+`"2026-12-01T00:00:00Z"`, 1))
		if got.Bad != 1 || !strings.HasPrefix(got.Problems[0].Why, why) {
			t.Errorf("%s: %+v", change, got)
		}
	}
}

func TestARequestOfJitbotsOwnIsNeverTouched(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := jit.Record(jit.Event{At: monday, Kind: "test"})
	own := jit.Request{ID: "OPS-2", Kind: jit.Access, By: "ann@example.com", For: "ann@example.com", Resource: "staging", CreatedAt: monday}
	if err := c.Request(own, jit.RequestPending); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(c) }); err != nil {
		t.Fatal(err)
	}
	got := w.take(load(t), flat(denied))
	if got.Bad != 1 || got.Requests != 0 || !strings.Contains(got.Problems[0].Why, "jitbot's own") {
		t.Errorf("imported %+v", got)
	}
}

func TestActionsOfAnImportedGrantAreFoundByItsMarks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.take(load(t), flat(approved), flat(glass), flat(denied))
	at := monday.Add(30 * time.Minute)
	key := action("2", at.Add(time.Minute), "", "")
	key.AccessKey = "ASIAOLD"
	named := action("3", at.Add(2*time.Minute), "", "")
	named.Grant, named.Unsigned = "OPS-3", true
	named.At = monday.Add(150 * time.Minute)
	door := action("4", at, "db", "who-is-that")
	tally := w.tell(w.now, &activity.Tells{}, action("1", at, "db", "g-1"), key, named, door)
	if tally.Grants != 3 || tally.SideDoor != 1 {
		t.Fatalf("attributed %+v", tally)
	}
	past := w.past(history.Options{})
	g := past.Cases[0].Grant
	if g.Use.OK != 2 || !g.Evidence.Complete || g.Verdict != activity.AsExpected && g.Verdict != activity.UnderUsed || !g.Judgeable() {
		t.Errorf("use %+v, evidence %+v, verdict %s", g.Use, g.Evidence, g.Verdict)
	}
	if u := past.Cases[2].Grant.Use; u.OK != 1 {
		t.Errorf("of the one that a line names: %+v", u)
	}
	if len(past.Doors) != 1 || past.Doors[0].Scope != "db" || past.Doors[0].Action != "s3:GetObject" || !past.Doors[0].At.Equal(at) {
		t.Errorf("side doors: %+v", past.Doors)
	}
	n := 0
	w.read(func(v storage.View) error {
		reader, err := activity.NewReader()
		if err != nil {
			return err
		}
		return history.ActionsOf(v, reader).Of("g-1", func(i int, a jit.Activity) error {
			if i != n || a.Grant != "g-1" || a.Sure < .97 { // also without a source identity, which other tools may not set
				t.Errorf("action %d: %+v", i, a)
			}
			n++
			return nil
		})
	})
	if n != 2 {
		t.Errorf("%d actions of g-1", n)
	}
}

func TestAnUnsignedLineIsNotBelievedOfAGrantOfJitbotsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := jit.Record(jit.Event{At: monday, Kind: "test"})
	g := jit.Grant{ID: "own", Request: "r", Kind: jit.Access, Principal: "ann@example.com", CreatedAt: monday, NotAfter: w.now, ExpiresAt: w.now}
	if err := c.Grant(g, jit.GrantProvisioning); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Write(t.Context(), func(tx storage.Tx) error { return tx.Save(c) }); err != nil {
		t.Fatal(err)
	}
	r := action("1", monday.Add(time.Hour), "", "")
	r.Grant = "own"
	if signed := w.tell(time.Time{}, nil, r); signed.Grants != 1 {
		t.Errorf("signed: %+v", signed)
	}
	r.ID, r.Unsigned = "2", true
	if unsigned := w.tell(time.Time{}, nil, r); unsigned.Grants != 0 {
		t.Errorf("unsigned: %+v", unsigned)
	}
}

func TestWithoutALogThatTellsAllNothingIsSaidOfAnImportedGrant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		until time.Time
		tells *activity.Tells
		p     *policy.Policy
		want  bool
	}{
		"nothing was said":    {monday.Add(20 * time.Hour), nil, load(t), false},
		"of everything":       {monday.Add(20 * time.Hour), &activity.Tells{}, load(t), true},
		"until before it":     {monday.Add(time.Hour), &activity.Tells{}, load(t), false},
		"of its kind":         {monday.Add(20 * time.Hour), &activity.Tells{Watched: activity.Watched{Kinds: []string{"session"}}}, load(t), true},
		"of another kind":     {monday.Add(20 * time.Hour), &activity.Tells{Watched: activity.Watched{Kinds: []string{"login"}}}, load(t), false},
		"of its resource":     {monday.Add(20 * time.Hour), &activity.Tells{Watched: activity.Watched{Resources: []string{"prod-db"}}}, nil, true},
		"no policy":           {monday.Add(20 * time.Hour), &activity.Tells{}, nil, true},
		"no policy, no words": {monday.Add(20 * time.Hour), nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.take(c.p, flat(approved))
			w.tell(c.until, c.tells)
			g := w.past(history.Options{}).Cases[0].Grant
			if g.Evidence.Complete != c.want || g.Evidence.Complete != (g.Verdict == activity.Unused) {
				t.Errorf("evidence %+v, verdict %s", g.Evidence, g.Verdict)
			}
		})
	}
}

// live is a configured source that watches everything.
type live struct{}

func (live) Name() string                                { return "live" }
func (live) Watches(jit.Holding) bool                    { return true }
func (live) Read(context.Context, activity.Intake) error { return nil }

func TestASourceThatTellsOfTodayTellsNothingOfAnImportedGrantUntilSomebodySaysSo(t *testing.T) {
	t.Parallel()
	w := setup(t, live{})
	w.take(load(t), flat(approved))
	evidence := func() *jit.Evidence { return w.past(history.Options{}).Cases[0].Grant.Evidence }
	w.tellAs("live", w.now, nil)
	if evidence().Complete {
		t.Error("the source was not there when the grant ran")
	}
	w.tellAs("live", w.now, &activity.Tells{})
	if e := evidence(); !e.Complete || len(e.Sources) != 1 {
		t.Errorf("evidence %+v", e)
	}
}

func TestAnImportIsSeenByALogThatHasLookedAtThoseDaysBefore(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.take(load(t), flat(glass))
	at := monday.Add(30 * time.Minute)
	if tally := w.tell(time.Time{}, nil, action("1", at, "db", "g-1")); tally.Grants != 0 {
		t.Fatalf("%+v", tally)
	}
	w.take(load(t), flat(approved))
	if tally := w.tell(time.Time{}, nil, action("2", at, "db", "g-1")); tally.Grants != 1 {
		t.Errorf("%+v", tally)
	}
}

func TestLongLinesAreWrittenBeforeTheyFillTheMemory(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var all []string
	for i := range 20 {
		all = append(all, strings.Replace(strings.Replace(flat(denied), "OPS-2", fmt.Sprintf("OPS-%02d", i), 1), "no rule", strings.Repeat("no ", 300_000), 1))
	}
	if got := w.take(nil, all...); got.Requests != 20 || got.Bad != 0 {
		t.Fatalf("%+v", got)
	}
	if n := len(w.imports()); n < 2 {
		t.Errorf("20 lines of almost 1 MiB are %d batch", n)
	}
	longest := strings.Replace(flat(denied), "no rule", strings.Repeat("x", history.MaxLine), 1)
	if got := w.take(nil, longest, flat(glass)); got.Bad != 1 || got.Requests != 1 || got.Problems[0].Line != 1 || !strings.Contains(got.Problems[0].Why, "longer than 1 MiB") {
		t.Errorf("%+v", got)
	}
}

// imports are the events of imports.
func (w *world) imports() (all []jit.Event) {
	w.Helper()
	w.read(func(v storage.View) (err error) {
		all, err = v.Events(storage.EventFilter{Kind: jit.EventImported})
		return err
	})
	return all
}

// failing is a store whose n-th write fails.
type failing struct {
	storage.Store
	left int
}

var errPower = errors.New("the power is gone")

func (f *failing) Write(ctx context.Context, fn func(storage.Tx) error) error {
	if f.left--; f.left < 0 {
		return errPower
	}
	return f.Store.Write(ctx, fn)
}

func TestAnImportThatBreaksOffIsGoneOnWithByTheNextOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var all []string
	for i := range 1200 {
		all = append(all, strings.Replace(flat(denied), "OPS-2", fmt.Sprintf("OPS-%04d", i), 1))
	}
	text := strings.Join(all, "\n")
	in := history.Importing{Store: &failing{w.store, 1}, At: w.at, Actor: "os:root", Clean: strings.TrimSpace}
	got, err := in.Import(t.Context(), strings.NewReader(text))
	if !errors.Is(err, errPower) || got.Requests != 500 {
		t.Fatalf("%+v, %v", got, err)
	}
	if n := len(w.past(history.Options{}).Cases); n != 500 {
		t.Fatalf("%d are kept of the first batch", n)
	}
	in.Store = w.store
	if got, err = in.Import(t.Context(), strings.NewReader(text)); err != nil || got.Requests != 700 || got.Known != 500 || got.Bad != 0 {
		t.Errorf("the second time: %+v, %v", got, err)
	}
	if n := len(w.past(history.Options{}).Cases); n != 1200 || len(w.imports()) != 3 {
		t.Errorf("%d are kept, by %d events", n, len(w.imports()))
	}
	w.read(func(v storage.View) error {
		report, err := storage.Verify(v, nil)
		if report.Fault != "" {
			t.Errorf("the log: %s", report.Fault)
		}
		return err
	})
}

func TestTwoImportsAtOnceTakeEachRequestInOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var all []string
	for i := range 1100 {
		line := strings.NewReplacer("OPS-1", fmt.Sprintf("OPS-%04d", i), "g-1", fmt.Sprintf("g-%04d", i), "ASIAOLD", fmt.Sprintf("ASIA%04d", i))
		all = append(all, line.Replace(flat(approved)))
	}
	p := load(t)
	var both sync.WaitGroup
	var out [2]history.Imported
	for i := range out {
		both.Go(func() {
			in := history.Importing{Store: w.store, At: w.at, Policy: p, Actor: "os:root", Clean: strings.TrimSpace}
			var err error
			if out[i], err = in.Import(t.Context(), strings.NewReader(strings.Join(all, "\n"))); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if out[0].Requests+out[1].Requests != 1100 || out[0].Known+out[1].Known != 1100 || out[0].Bad+out[1].Bad+out[0].Changed+out[1].Changed != 0 || out[0].Grants+out[1].Grants != 1100 {
		t.Errorf("%+v and %+v", out[0], out[1])
	}
	lines := 0
	for _, e := range w.imports() {
		var said struct{ Lines, Grants int }
		if err := json.Unmarshal(e.Data, &said); err != nil || said.Lines != said.Grants {
			t.Errorf("%s: %v", e.Data, err)
		}
		lines += said.Lines
	}
	if lines != 1100 || len(w.past(history.Options{}).Cases) != 1100 {
		t.Errorf("the events count %d lines, and %d cases are kept", lines, len(w.past(history.Options{}).Cases))
	}
}

func TestAReviewThatWasDoneInTheFutureIsABadLine(t *testing.T) {
	t.Parallel()
	for _, done := range []string{"2026-12-01T00:00:00Z", "2026-03-02T10:59:59Z"} {
		w := setup(t)
		got := w.take(load(t), strings.Replace(flat(glass), `"review_by"`, `"reviewed":"`+done+`","review_by"`, 1))
		if got.Bad != 1 || !strings.HasPrefix(got.Problems[0].Why, "grant.reviewed is") {
			t.Errorf("%s: %+v", done, got)
		}
	}
}

func TestThatCredentialsWereNeverHandedOutIsKnownOnlyWhereItIsTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	with := func(id, opened string) string {
		return strings.NewReplacer("OPS-3", id, `"review_by"`, opened+`"review_by"`).Replace(flat(glass))
	}
	w.take(load(t), with("OPS-1", ""), with("OPS-2", `"opened":0,`), with("OPS-3", `"opened":3,`))
	for i, want := range []struct {
		opened   int
		unopened bool
	}{{0, false}, {0, true}, {3, false}} {
		if g := w.past(history.Options{}).Cases[i].Grant; g.Opened != want.opened || g.Unopened != want.unopened {
			t.Errorf("%s: opened %d, never: %v", g.ID, g.Opened, g.Unopened)
		}
	}
}
