package review_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/analysis"
	"jitbot/bot"
	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
	"jitbot/policy/edit"
	"jitbot/reports/review"
	"jitbot/reports/suggest"
)

var update = flag.Bool("update", false, "write the files under testdata anew")

var berlin = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return zone
}()

// week is the one that is reviewed: 16 to 22 November 2026.
var week = bot.WeekOf(time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC), berlin)

const (
	day  = 24 * time.Hour
	evil = "<b onclick=x>@here</b> [a](http://evil.example) | \u202eabc"
)

type past struct{ history.Past }

// grant adds a case that gave access at an instant of the week, for an hour, used.
func (p *past) grant(at time.Time, change ...func(*history.Case)) {
	n := len(p.Cases)
	c := history.Case{
		ID: fmt.Sprintf("req_%03d", n), At: at, Kind: jit.Access, User: "ann@example.com", Resource: "db", Rule: "db-rule", Outcome: policy.Approval,
		State: jit.RequestApproved, DecidedAt: at.Add(time.Minute), DecidedBy: "bo@example.com", Approvals: []history.Answer{{By: "bo@example.com", At: at.Add(time.Minute)}},
		Grant: &history.Grant{
			ID: fmt.Sprintf("grt_%03d", n), Resource: "db", From: at, Ends: at.Add(time.Hour), Ended: at.Add(time.Hour), Outcome: jit.Expired,
			Use: activity.Use{Actions: 3, OK: 3}, Verdict: activity.AsExpected, Evidence: &jit.Evidence{Complete: true},
		},
	}
	for _, f := range change {
		f(&c)
	}
	p.Cases = append(p.Cases, c)
}

func unused(c *history.Case) { c.Grant.Use, c.Grant.Verdict = activity.Use{}, activity.Unused }

func blind(c *history.Case) {
	c.Grant.Use, c.Grant.Verdict, c.Grant.Evidence = activity.Use{}, activity.Incomplete, &jit.Evidence{}
}

// busy is a week with a bit of everything, after four quieter ones.
func busy() review.In {
	var p past
	for i := range 4 {
		for n := range 3 {
			p.grant(week.Before(4 - i).From.Add(time.Duration(n+1) * day))
		}
	}
	at := week.From.Add(9 * time.Hour)
	p.grant(at)
	p.grant(at.Add(time.Hour), unused)
	p.grant(at.Add(2*time.Hour), unused, func(c *history.Case) { c.User = "di@example.com" })
	p.grant(at.Add(3*time.Hour), blind)
	p.grant(at.Add(4*time.Hour), func(c *history.Case) { c.Grant.Ended, c.Grant.Extensions = c.At.Add(10*time.Hour), 2 })
	p.grant(at.Add(5*time.Hour), func(c *history.Case) {
		c.Kind, c.Approvals, c.Grant.ReviewBy = jit.BreakGlass, nil, c.At.Add(day)
	})
	p.grant(at.Add(6*time.Hour), func(c *history.Case) { c.Grant.Outcome, c.Grant.From = jit.Failed, time.Time{} })
	p.grant(at.Add(7*time.Hour), func(c *history.Case) { c.State, c.Grant, c.Approvals, c.Answer = jit.RequestDenied, nil, nil, evil })
	p.grant(at.Add(8*time.Hour), func(c *history.Case) {
		c.State, c.Grant, c.Approvals, c.DecidedAt, c.DecidedBy = jit.RequestLapsed, nil, nil, c.At.Add(8*time.Hour), ""
	})
	p.Doors = []history.Door{{At: at, Actor: evil, Scope: "arn:r", Action: "s3:PutObject"}, {At: at.Add(-8 * day), Scope: "arn:r"}}
	p.Drifts = []jit.Drift{{ID: "drf_1", State: jit.DriftOpen, Kind: jit.DriftStanding, FirstSeen: at}}
	return review.In{
		Week: week, Past: &p.Past, Report: report(), Kept: kept(at),
		Name: func(id string) string { return strings.ToUpper(id[:1]) + id[1:strings.Index(id, "@")] },
	}
}

func report() *suggest.Report {
	s := suggest.Suggestion{
		Class: "A2", Name: "partly used time", Rule: "db-rule", Direction: jit.Narrow, Title: "max_duration of rule db-rule from 8h to 2h",
		Sentence: "No use of db-rule took longer than 1h31m.", N: 71, K: 71, Bound: .95, Evidence: []string{"grt_001"}, Owner: "group:leads",
		Edit: edit.Edit{Op: edit.Set, Rule: "db-rule", Path: []string{"max_duration"}, Value: "2h"}, Base: "aa",
		Patch:  "--- a/policy.yaml\n+++ b/policy.yaml\n@@ -1,2 +1,2 @@\n   - id: db-rule\n-    max_duration: 8h\n+    max_duration: 2h\n",
		Replay: suggest.Replayed{Sentence: "2 people would have been asked to wait, nobody refused; 41 exposure-hours less."},
		Proof:  suggest.Proof{Direction: jit.Narrow, Sentence: "None of 12 kinds of request gets more."}, Place: 1,
	}
	wider := s
	wider.Class, wider.Direction, wider.Title, wider.Patch, wider.Place = "A20", jit.Widen, "add oncall:duty to approvals.from of rule db-rule", "", 2
	wider.ByHand, wider.Proof = "Add it by hand: the rule is written with an alias.", suggest.Proof{Direction: jit.Widen, Sentence: "Ann could then be approved by oncall:duty."}
	return &suggest.Report{
		Suggestions: []suggest.Suggestion{s, wider},
		Findings: []suggest.Finding{
			{Name: "after the end, and side doors", Finding: analysis.Finding{
				Class: "A6", Kind: "side_door", Subject: "door:arn:r", Urgent: true, N: 2, K: 2, Sentence: "2 actions were done by no grant.", Evidence: []string{"door 1"}, Owner: "security",
				Figures: []analysis.Figure{{Name: "by", Value: evil}},
			}},
			{Name: "off hours", Place: 3, Finding: analysis.Finding{Class: "A7", Rule: "db-rule", Subject: "grt_999", Sentence: "Long ago.", Owner: "security"}},
		},
		Growing: []suggest.Finding{{Finding: analysis.Finding{Class: "A12", Rule: "cache", Sentence: "67 of 67 requests of cache were approved.", More: 6}}},
	}
}

func kept(at time.Time) []jit.Suggestion {
	return []jit.Suggestion{
		{
			ID: "sug_1", State: jit.SuggestionApplied, Class: "A1", Rule: "old", Key: "A1|old|", AppliedAt: at.Add(-6 * day), ProposedBy: "bo@example.com", ConfirmedBy: "cy@example.com",
			Body: []byte(`{"title":"default_duration of rule old from 4h to 1h"}`), Verdict: []byte(`{"verdict":"no_visible_effect","sentence":"Exposure a grant fell by 3%."}`),
		},
		{ID: "sug_2", State: jit.SuggestionOpen, Class: "A2", Rule: "db-rule", Key: "A2|db-rule|", Week: "2026-W45", N: 60, Bound: .9},
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, diff)
	}
}

func TestAWeekReadsAsItsGoldenFiles(t *testing.T) {
	t.Parallel()
	thread := review.Build(busy())
	golden(t, "week.txt", thread.Text())
	golden(t, "week.md", thread.Markdown())
	raw, err := json.MarshalIndent(thread, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "week.json", string(raw)+"\n")
	cards, err := json.MarshalIndent(thread.Cards(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "cards.json", string(cards)+"\n")
}

func TestTheSameWeekIsTheSameBytes(t *testing.T) {
	t.Parallel()
	var a, b bytes.Buffer
	one, two := review.Build(busy()), review.Build(busy())
	if err := one.HTML(&a); err != nil {
		t.Fatal(err)
	}
	if err := two.HTML(&b); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("two pages differ: %v", err)
	}
}

func TestFiguresAreThoseOfTheWeekBesideTheFourBefore(t *testing.T) {
	t.Parallel()
	thread := review.Build(busy())
	want := []string{
		"Grants 6 up 100% on the 4 weeks before (3)",
		"Used 60% down 40 points on the 4 weeks before (100%)",
		"Access held 15 h up 400% on the 4 weeks before (3 h)",
		"Cannot tell 17% up 17 points on the 4 weeks before (0%)",
		"Log coverage 93% down 7 points on the 4 weeks before (100%)",
	}
	var got []string
	for _, f := range thread.Figures {
		got = append(got, f.Name+" "+f.Value+" "+f.Trend)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestItemsAreWorstFirstAndWhatIsOpenIsCarriedOver(t *testing.T) {
	t.Parallel()
	thread := review.Build(busy())
	var got []string
	for _, x := range thread.Items {
		got = append(got, fmt.Sprintf("%s %s %v %s", x.Class, x.State, x.Carried, x.Owner))
	}
	if want := []string{"A6 new false security", "A2 open true group:leads", "A20 new false group:leads"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v: an odd session of long ago is no news", got, want)
	}
}

func TestSessionsOfAnotherToolAreNewsInTheirWeekAloneAndEachIsOneItem(t *testing.T) {
	t.Parallel()
	in := busy()
	named := func(c *history.Case, id string) string { c.Grant.ID = id; return id }
	old, now := named(&in.Past.Cases[0], "tp-old"), named(&in.Past.Cases[12], "tp-now")
	odd := func(class analysis.Class, subject, kind string) suggest.Finding {
		return suggest.Finding{Name: "odd", Finding: analysis.Finding{Class: class, Rule: "db-rule", Subject: subject, Kind: kind, Sentence: "Odd.", Owner: "security"}}
	}
	in.Kept = nil
	in.Report = &suggest.Report{Findings: []suggest.Finding{
		odd("A9", now, analysis.Together), odd("A10", now, analysis.Together), odd("A9", old, analysis.Together),
		{Name: "after the end", Finding: analysis.Finding{Class: "A6", Rule: "db-rule", Subject: old, Kind: "after_end", Sentence: "Late.", Owner: "security"}},
	}}
	got := review.Build(in)
	if len(got.Items) != 1 || got.Items[0].Class != "A9" || got.Items[0].Subject != now {
		t.Errorf("items %+v", got.Items)
	}
	for i := range 9 { // edits that come first do not make it one of those that are likely harmless
		f := odd("A3", fmt.Sprint("right ", i), "")
		f.Rule = "db-rule"
		in.Report.Findings = slices.Insert(in.Report.Findings, 0, f)
	}
	for i := range in.Report.Findings {
		in.Report.Findings[i].Place = i
	}
	got = review.Build(in)
	if len(got.Odd) != 0 || !slices.ContainsFunc(got.More, func(x review.Item) bool { return x.Subject == now }) {
		t.Errorf("odd sessions %+v; more %+v", got.Odd, got.More)
	}
}

func TestAtMostSevenItemsHaveAPlaceAndTheRestIsBehindMore(t *testing.T) {
	t.Parallel()
	in := busy()
	for i := range 60 {
		s := in.Report.Suggestions[0]
		s.Rule, s.Place = fmt.Sprintf("rule-%02d", i), 10+i
		in.Report.Suggestions = append(in.Report.Suggestions, s)
	}
	thread := review.Build(in)
	if len(thread.Items) != review.MostItems || len(thread.More) != 43 || thread.Unnamed != 63-7-43 {
		t.Errorf("%d items, %d more, %d unnamed", len(thread.Items), len(thread.More), thread.Unnamed)
	}
}

func TestADismissedItemIsSilentUntilItsEvidenceIsMuchStronger(t *testing.T) {
	t.Parallel()
	in := busy()
	in.Kept[1].State, in.Kept[1].How, in.Kept[1].SilentUntil = jit.SuggestionDismissed, jit.NotNow, week.To.Add(day)
	has := func(in review.In) bool {
		return slices.ContainsFunc(review.Build(in).Items, func(x review.Item) bool { return x.Class == "A2" })
	}
	in.Report.Suggestions[0].Bound = .94
	if has(in) {
		t.Error("it is shown although it was dismissed")
	}
	in.Report.Suggestions[0].N = 120
	if !has(in) {
		t.Error("twice the evidence ends the silence")
	}
	in.Report.Suggestions[0].N = 71
	in.Kept[1].SilentUntil = week.To.Add(-day)
	if !has(in) {
		t.Error("its time is over")
	}
}

func TestAnEmptyWeekIsOneLine(t *testing.T) {
	t.Parallel()
	thread := review.Build(review.In{Week: week, Past: &history.Past{}, Report: &suggest.Report{}})
	if !thread.Quiet || strings.Count(thread.Text(), "\n") != 1 {
		t.Errorf("%s", thread.Text())
	}
	cards := thread.Cards()
	if !cards.Quiet || len(cards.Items)+len(cards.Rest) != 0 || len(cards.Head.Fields) != 0 {
		t.Errorf("%+v", cards)
	}
	var page bytes.Buffer
	if err := thread.HTML(&page); err != nil || strings.Contains(page.String(), "<img") {
		t.Errorf("an empty week has a picture, %v", err)
	}
}

func TestWhatPeopleTypedIsTextInEveryForm(t *testing.T) {
	t.Parallel()
	in := busy()
	in.Name = func(string) string { return evil }
	in.Report.Suggestions[0].Sentence, in.Report.Suggestions[0].Patch = evil, "@@ -1 +1 @@\n-```\n+"+evil+"\n"
	thread := review.Build(in)
	var page bytes.Buffer
	if err := thread.HTML(&page); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<b onclick") || strings.Contains(page.String(), "\u202e") {
		t.Error("it is markup on the page")
	}
	md := thread.Markdown()
	if outside := withoutFences(md); strings.Contains(outside, "<b") || strings.Contains(outside, "](http") || strings.Contains(outside, "@here") {
		t.Errorf("it is markup in Markdown:\n%s", outside)
	}
	if strings.Contains(thread.Text(), "\u202e") {
		t.Error("it turns a line of text around")
	}
}

// withoutFences is Markdown without its blocks of code.
func withoutFences(md string) string {
	var out []string
	fence := ""
	for line := range strings.Lines(md) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = strings.TrimSuffix(line, "diff")
		case line == fence && fence != "":
			fence = ""
		case fence == "":
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func TestSessionsThatStandOutComeAfterWhatIsSureAndAreFew(t *testing.T) {
	t.Parallel()
	in := busy()
	for i := range 6 {
		in.Report.Findings = append(in.Report.Findings, suggest.Finding{Name: "off hours", Place: -10 + i, Finding: analysis.Finding{
			Class: "A7", Rule: "db-rule", Subject: fmt.Sprintf("grt_%03d", 12+i), Sentence: "Ann used db at an odd hour.", Owner: "security",
		}})
	}
	thread := review.Build(in)
	var got []string
	for i := range thread.Items {
		got = append(got, thread.Items[i].Class)
	}
	if title := thread.Items[3].Body.Title; title != "Off hours: grt_012" {
		t.Errorf("a session is called %q", title)
	}
	if want := []string{"A6", "A2", "A20", "A7", "A7", "A7"}; !slices.Equal(got, want) {
		t.Errorf("the items are %v, want %v", got, want)
	}
	if len(thread.Odd) != 1 || thread.Odd[0].K != 3 {
		t.Errorf("the others are folded as %+v", thread.Odd)
	}
}

func TestTheChartIsAPictureWithWords(t *testing.T) {
	t.Parallel()
	thread := review.Build(busy())
	raw, err := thread.Chart.PNG()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(raw))
	if err != nil || picture.Bounds() != image.Rect(0, 0, 960, 500) {
		t.Fatalf("%v, %v", picture.Bounds(), err)
	}
	colours := map[string]int{}
	for x := range 960 {
		for y := range 500 {
			r, g, b, a := picture.At(x, y).RGBA()
			if a != 0xffff {
				t.Fatal("it shines through, so dark grounds would swallow it")
			}
			colours[fmt.Sprintf("%02x%02x%02x", r>>8, g>>8, b>>8)]++
		}
	}
	for _, c := range []string{"3451d1", "e09a2b", "b7bfcc"} {
		if colours[c] < 500 {
			t.Errorf("there is no bar of colour %s", c)
		}
	}
	if alt := thread.Chart.Alt; alt != "Grants that ended, by week, over 12 weeks: between 0 and 6. In the last week 6: 3 used, 2 not used, and of 1 nobody can tell." {
		t.Error(alt)
	}
	if n := len([]rune(thread.Chart.Line)); n != 12 {
		t.Errorf("%d blocks", n)
	}
}
