package pages_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/jit"
	"jitbot/pages"
)

// archive keeps one timeline behind one link.
type archive struct {
	mu      sync.Mutex
	line    bot.Timeline
	owner   string
	browser string // empty: not opened yet
	opened  int
	until   time.Time
	err     error
}

const browserSecret = "bR0wserbR0wserbR0wserbR0wserbR0wserbR0wser0"

func (a *archive) check(t, viewer string) error {
	switch {
	case a.err != nil:
		return a.err
	case t != token:
		return bot.ErrNoTimeline
	case viewer != "" && viewer != a.owner:
		return bot.ErrNotYours
	}
	return nil
}

func (a *archive) PeekTimeline(_ context.Context, t, viewer string) (string, time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.check(t, viewer); err != nil || a.browser != "" {
		return "", time.Time{}, orGone(err)
	}
	return a.line.Grant.Resource, a.until, nil
}

func (a *archive) OpenTimeline(_ context.Context, t, viewer string) (string, time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.check(t, viewer); err != nil || a.browser != "" {
		return "", time.Time{}, orGone(err)
	}
	a.opened++
	a.browser = browserSecret
	return a.browser, a.until, nil
}

func (a *archive) Timeline(_ context.Context, t, browser, viewer string) (bot.Timeline, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.check(t, viewer); err != nil || browser != a.browser {
		return bot.Timeline{}, orGone(err)
	}
	return a.line, nil
}

func orGone(err error) error {
	if err == nil {
		return bot.ErrNoTimeline
	}
	return err
}

// reader is a browser that looks at timelines.
type reader struct {
	t       *testing.T
	archive *archive
	handler http.Handler
	viewer  string
	now     time.Time
	log     bytes.Buffer
	cookies map[string]string
}

func readerOf(t *testing.T, line bot.Timeline, baseURL string) *reader {
	t.Helper()
	r := &reader{t: t, now: ten, archive: &archive{line: line, owner: "bo@example.com", until: ten.Add(30 * time.Minute)}, cookies: map[string]string{}}
	var err error
	r.handler, err = pages.NewTimelines(pages.TimelinesConfig{
		Timelines: r.archive, BaseURL: baseURL, Now: func() time.Time { return r.now }, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Viewer: func(*http.Request) (string, bool) { return r.viewer, r.viewer != "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reader) ask(method, path string, header ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	q := httptest.NewRequest(method, "https://jit.example.com"+path, nil)
	for name, value := range r.cookies {
		q.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	for _, c := range w.Result().Cookies() {
		r.cookies[c.Name] = c.Value
	}
	return w
}

// page opens a timeline and returns its page.
func (r *reader) page() string {
	r.t.Helper()
	if w := r.ask(http.MethodPost, "/g/"+token); w.Code != http.StatusSeeOther {
		r.t.Fatalf("opening: %d %s", w.Code, w.Body)
	}
	w := r.ask(http.MethodGet, "/g/"+token)
	if w.Code != http.StatusOK {
		r.t.Fatalf("looking: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

var ten = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// emptyLine is a grant of an hour that was held from ten on, and that nothing
// was done with as far as everybody knows.
func emptyLine() bot.Timeline {
	held, ended := ten.Add(4*time.Minute), ten.Add(64*time.Minute)
	t := bot.Timeline{
		At: ended.Add(25 * time.Hour), Person: "Ann Weber", Status: bot.Status{Text: "Ended on time", Tone: bot.Neutral},
		Request: jit.Request{
			ID: "req_01jx7m3k9a", By: "ann@example.com", For: "ann@example.com", Kind: jit.Access, Resource: "prod-db", Duration: time.Hour,
			Reason: "INC-42: the replica lags by 40 minutes, I have to see which query blocks it", CreatedAt: ten, DecidedAt: held.Add(-2 * time.Second),
			Decision: jit.Decision{Rule: "prod-by-approval", Line: 59},
		},
		Grant: jit.Grant{
			ID: "grt_01jx7m3k9q", Resource: "prod-db", Duration: time.Hour, State: jit.GrantEnded, Outcome: jit.Expired,
			CreatedAt: held.Add(-2 * time.Second), ConfirmedAt: held, NotAfter: held.Add(75 * time.Minute), ExpiresAt: ended, EndedAt: ended.Add(2 * time.Second),
		},
		Approvals: []bot.ApprovalBy{{Who: "Bo Lund", At: held.Add(-2 * time.Second)}},
		Evidence:  jit.Evidence{Complete: true, Until: ended.Add(24 * time.Hour), Sources: []string{"cloudtrail"}},
		Sources:   []activity.State{{Name: "cloudtrail", Until: ended.Add(24 * time.Hour), ReadAt: ended.Add(24 * time.Hour)}},
		Receipt:   activity.Receipt{Number: 2, Final: true, At: ended.Add(24 * time.Hour), Verdict: activity.Unused, Evidence: jit.Evidence{Complete: true}},
		Until:     ended.Add(26 * time.Hour),
	}
	say := func(at time.Time, kind, who, text string) {
		t.Entries = append(t.Entries, bot.Entry{At: at, Kind: kind, Who: who, Text: text})
	}
	say(ten, jit.EventRequested, "Ann Weber", "Asked for prod-db for 1h: "+t.Request.Reason)
	say(held.Add(-2*time.Second), jit.EventRequestApproved, "Bo Lund", "Approved, by rule prod-by-approval")
	say(held.Add(-time.Second), jit.EventHoldingApplying, "jitbot", "Began to give prod-db-operators")
	say(held, jit.EventGrantActive, "jitbot", "Access was read back as given; the clock runs")
	say(ended.Add(-10*time.Minute), jit.EventGrantWarned, "jitbot", "Told the holder that the end is near")
	say(ended, jit.EventGrantRevoking, "jitbot", "The end began: its time was up")
	say(ended.Add(2*time.Second), jit.EventGrantEnded, "jitbot", "Everything was read back as gone; the grant ended")
	say(ended.Add(15*time.Minute), jit.EventReceipt, "jitbot", "Its use was summed up: unused")
	say(ended.Add(24*time.Hour), jit.EventReceipt, "jitbot", "Its use was summed up: unused")
	return t
}

// do adds actions to a timeline, each so long after the one before.
func do(t *bot.Timeline, n int, at time.Time, every time.Duration, a jit.Activity) {
	for i := range n {
		a.At = at.Add(time.Duration(i) * every)
		a.ID = fmt.Sprintf("%08x-0000-4000-8000-000000000000", len(t.Actions))
		t.Actions = append(t.Actions, a)
		t.Deeds = append(t.Deeds, bot.Deed{At: a.At, Denied: a.Outcome == jit.ActivityDenied, Stray: a.Stray, Late: a.Late, ReadOnly: a.ReadOnly})
		count(&t.Use, a)
	}
}

func count(u *activity.Use, a jit.Activity) {
	u.Actions++
	add := func(yes bool, to *int) {
		if yes {
			*to++
		}
	}
	denied := a.Outcome == jit.ActivityDenied
	add(denied, &u.Denied)
	add(a.Outcome == jit.ActivityOK, &u.OK)
	add(!denied && a.ReadOnly, &u.Reads)
	add(!denied && !a.ReadOnly, &u.Writes)
	add(a.Stray, &u.Stray)
	add(a.Stray && !a.ReadOnly, &u.StrayWrites)
	add(a.Late, &u.Late)
	if u.First.IsZero() || a.At.Before(u.First) {
		u.First = a.At
	}
	if a.At.After(u.Last) {
		u.Last, u.LastOK = a.At, a.At
	}
}

func action(name, resource string) jit.Activity {
	return jit.Activity{
		Source: "cloudtrail", Method: jit.BySourceIdentity, Sure: .98, Actor: "arn:aws:sts::111122223333:assumed-role/ProdDB/grt_01jx7m3k9q",
		Action: name, Resource: resource, Outcome: jit.ActivityOK, Origin: "203.0.113.7", Agent: "aws-cli/2.17.9 Python/3.12.6",
		Account: "111122223333", Region: "eu-central-1", Scope: "arn:aws:iam::111122223333:role/jit/ProdDB",
		ReadOnly: strings.Contains(name, "Get") || strings.Contains(name, "Describe") || strings.Contains(name, "List"),
	}
}

func deniedBy(a jit.Activity, layer string) jit.Activity {
	a.Outcome, a.Layer, a.Code = jit.ActivityDenied, layer, "AccessDenied"
	return a
}

// richLine is a grant with everything that can be on a timeline.
func richLine() bot.Timeline {
	t := emptyLine()
	t.Grant.Outcome, t.Grant.EndBy, t.Because = jit.Revoked, "ann@example.com", "done, the query is cancelled"
	t.Status = bot.Status{Text: "Ended early by Ann Weber", Tone: bot.Neutral}
	t.Grant.EndedAt = ten.Add(50 * time.Minute)
	t.Entries = append(t.Entries[:4:4], bot.Entry{At: ten.Add(5 * time.Minute), Kind: jit.EventCredentialIssued, Who: "Ann Weber", Text: "Credentials were handed out: key ASIAEXAMPLE0000000"},
		bot.Entry{At: ten.Add(50*time.Minute - time.Second), Kind: jit.EventGrantRevoking, Who: "Ann Weber", Text: "The end began: done, the query is cancelled"},
		bot.Entry{At: ten.Add(50 * time.Minute), Kind: jit.EventGrantEnded, Who: "jitbot", Text: "Everything was read back as gone; the grant ended"},
		bot.Entry{At: ten.Add(74 * time.Minute), Kind: jit.EventReceipt, Who: "jitbot", Text: "Its use was summed up: off purpose"})
	at := func(minutes float64) time.Time { return ten.Add(time.Duration(minutes * float64(time.Minute))) }
	do(&t, 3, at(5.5), 4*time.Second, action("sts:GetCallerIdentity", ""))
	do(&t, 26, at(7), 3*time.Second, action("rds:DescribeDBInstances", "arn:aws:rds:eu-central-1:111122223333:db:orders"))
	do(&t, 42, at(9.2), 5*time.Second, action("s3:GetObject", "arn:aws:s3:::orders-exports/2026/11/24/part-0001.csv"))
	do(&t, 2, at(13), 20*time.Second, deniedBy(action("rds:DeleteDBInstance", "arn:aws:rds:eu-central-1:111122223333:db:orders"), "session policy"))
	do(&t, 1, at(15), time.Second, action("rds:RebootDBInstance", "arn:aws:rds:eu-central-1:111122223333:db:orders-replica-2"))
	do(&t, 7, at(18), 11*time.Second, action("logs:GetLogEvents", "arn:aws:logs:eu-central-1:111122223333:log-group:/rds/orders:*"))
	stray := action("s3:PutObject", "arn:aws:s3:::marketing-site/banner.png")
	stray.Stray = true
	do(&t, 1, at(24), time.Second, stray)
	failed := action("rds:ModifyDBInstance", "arn:aws:rds:eu-central-1:111122223333:db:orders")
	failed.Outcome, failed.Code = jit.ActivityFailed, "InvalidDBInstanceState"
	do(&t, 1, at(31), time.Second, failed)
	weak := action("secretsmanager:GetSecretValue", "orders/replica")
	weak.Sure, weak.Detail = .5, "[redacted]"
	do(&t, 1, at(33), time.Second, weak)
	do(&t, 12, at(41), 9*time.Second, action("rds:DescribeDBInstances", "arn:aws:rds:eu-central-1:111122223333:db:orders-replica-2"))
	late := deniedBy(action("s3:GetObject", "arn:aws:s3:::orders-exports/2026/11/24/part-0002.csv"), "identity policy")
	late.Late = true
	do(&t, 3, at(70), 40*time.Second, late)
	t.Receipt.Verdict, t.Receipt.Use = activity.OffPurpose, t.Use
	t.Receipt.Did = []activity.Line{{What: "s3:GetObject", N: 42}, {What: "rds:DescribeDBInstances", N: 38}, {What: "logs:GetLogEvents", N: 7}, {What: "sts:GetCallerIdentity", N: 3}, {What: "s3:PutObject", N: 1}}
	t.Receipt.Denied = []activity.Line{{What: "s3:GetObject", N: 3}, {What: "rds:DeleteDBInstance", N: 2}}
	t.Receipt.Stray = []activity.Line{{What: "arn:aws:s3:::marketing-site/banner.png", N: 1}}
	return t
}

// incompleteLine is a grant of which a source has lost a while, and another has
// told nothing.
func incompleteLine() bot.Timeline {
	t := emptyLine()
	do(&t, 9, ten.Add(12*time.Minute), 20*time.Second, action("rds:DescribeDBInstances", "arn:aws:rds:eu-central-1:111122223333:db:orders"))
	t.Evidence = jit.Evidence{
		Sources: []string{"cloudtrail", "postgres-orders"},
		Lacks:   []string{"source cloudtrail has a gap from 2026-11-24 10:30 UTC to 2026-11-24 10:41 UTC: a file was cut off", "source postgres-orders could not be read; it has told all until 2026-11-24 10:52 UTC"},
	}
	t.Unknowns = []activity.Unknown{
		{Span: activity.Span{From: ten.Add(30 * time.Minute), To: ten.Add(41 * time.Minute), Why: "a file was cut off"}, Source: "cloudtrail"},
		{Span: activity.Span{From: ten.Add(52 * time.Minute), To: ten.Add(79 * time.Minute), Why: "not told yet"}, Source: "postgres-orders"},
	}
	t.Sources = append(t.Sources, activity.State{Name: "postgres-orders", Until: ten.Add(52 * time.Minute), Error: "connection refused", FailedAt: t.At.Add(-time.Minute)})
	t.Receipt.Verdict, t.Receipt.Use, t.Receipt.Evidence = activity.Incomplete, t.Use, t.Evidence
	t.Receipt.Did = []activity.Line{{What: "rds:DescribeDBInstances", N: 9}}
	return t
}

// nasty would be a script, turn the line around, or spill over its neighbours.
var nasty = hostile + " \u202egnp.exe\u202c \u2066x 🔥🧨👩‍👩‍👧‍👦 Z" + strings.Repeat("\u0321\u0489", 30) + strings.Repeat("W", 400) + "\nnext line\x1b[31m"

// hostileLine has a text in every place that somebody outside chose.
func hostileLine(text string) bot.Timeline {
	t := richLine()
	t.Person, t.Asker, t.Because, t.Status.Text = text, text, text, text
	t.Request.Reason, t.Request.Ticket, t.Request.Decision.Rule = text, text, text
	t.Grant.Resource, t.Grant.ID = text, text
	for i := range t.Approvals {
		t.Approvals[i].Who = text
	}
	for i := range t.Entries {
		t.Entries[i].Who, t.Entries[i].Text = text, text
	}
	for i := range t.Actions {
		a := &t.Actions[i]
		a.ID, a.Source, a.Actor, a.Action, a.Resource, a.Code, a.Origin = text, text, text, text, text, text, text
		a.Agent, a.Account, a.Region, a.Scope, a.Detail = text, text, text, text, text
		if a.Layer != "" {
			a.Layer = text
		}
	}
	for _, lines := range [][]activity.Line{t.Receipt.Did, t.Receipt.Denied, t.Receipt.Stray} {
		for i := range lines {
			lines[i].What = text
		}
	}
	t.Evidence = jit.Evidence{Lacks: []string{text, text}, Sources: []string{text}}
	t.Unknowns = []activity.Unknown{{Span: activity.Span{From: ten.Add(20 * time.Minute), To: ten.Add(22 * time.Minute), Why: text}, Source: text}}
	t.Sources = []activity.State{{Name: text, Error: text, FailedAt: ten}}
	return t
}

// runningLine is a grant that is half over.
func runningLine() bot.Timeline {
	t := emptyLine()
	t.At, t.Until = ten.Add(34*time.Minute), ten.Add(60*time.Minute)
	t.Grant.State, t.Grant.Outcome, t.Grant.EndedAt = jit.GrantActive, "", time.Time{}
	t.Status, t.Receipt, t.Entries = bot.Status{Text: "Active", Tone: bot.Good}, activity.Receipt{}, t.Entries[:4]
	t.Evidence = jit.Evidence{Lacks: []string{"the grant has not ended yet"}, Sources: []string{"cloudtrail"}}
	do(&t, 9, ten.Add(12*time.Minute), 40*time.Second, action("rds:DescribeDBInstances", "arn:aws:rds:eu-central-1:111122223333:db:orders"))
	return t
}
