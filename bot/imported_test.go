package bot_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"jitbot/bot"
	"jitbot/history"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// imported takes requests of another tool in: ann's, over and over, until now.
func imported(t *testing.T, w *world.World, n int, line string) {
	t.Helper()
	var all []string
	for i := range n {
		at := w.Clock.Now().Add(-time.Duration(n-i) * time.Second).Format(time.RFC3339)
		all = append(all, strings.NewReplacer("{n}", fmt.Sprint(i), "{at}", at).Replace(line))
	}
	in := history.Importing{Store: w.Store, At: w.Service.Instant, Clean: bot.Clean, Policy: w.Service.Policy(), Actor: "os:root", File: "old.jsonl"}
	got, err := in.Import(t.Context(), strings.NewReader(strings.Join(all, "\n")))
	if err != nil || got.Requests != n {
		t.Fatalf("%+v, %v", got, err)
	}
}

const (
	givenElsewhere = `{"id":"zz-{n}","at":"{at}","user":"ann@example.com","resource":"prod-db","duration":"1h","reason":"orders","rule":"prod-by-approval","outcome":"approval",
		"state":"approved","approvals":[{"by":"bo@example.com","at":"{at}"}],"grant":{"id":"zzg-{n}","from":"{at}","ends":"{at}","access_keys":["ASIA{n}"]}}`
	atOnceElsewhere = `{"id":"zz-{n}","at":"{at}","user":"cy@example.com","resource":"prod-db","reason":"INC-1","rule":"on-call-incident","outcome":"auto_approve","state":"approved",
		"grant":{"id":"zzg-{n}","from":"{at}","ends":"{at}"}}`
	glassElsewhere = `{"id":"zz-{n}","at":"{at}","kind":"break_glass","user":"di@example.com","resource":"prod-db","reason":"down","rule":"prod-by-approval","outcome":"auto_approve","state":"approved",
		"grant":{"id":"zzg-{n}","from":"{at}","ends":"{at}","review_by":"{at}"}}`
	strangerElsewhere = `{"id":"zz-{n}","at":"{at}","user":"zed@elsewhere.example","resource":"prod-db","reason":"orders","rule":"prod-by-approval","outcome":"approval",
		"approvers":["yan@elsewhere.example"],"state":"approved","approvals":[{"by":"yan@elsewhere.example","at":"{at}"}],"grant":{"id":"zzg-{n}","from":"{at}","ends":"{at}"}}`
)

func flatLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestWhatWasImportedCountsAgainstNobodysLimits(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{Policy: changed(t, askedOfApprovers, askedOfApprovers+", exclude_last: 1")})
	imported(t, w, 40, flatLine(givenElsewhere)) // ann asks for no more than 30 within ten minutes
	r := asked(t, w)
	if !strings.Contains(strings.Join(r.Decision.Approvers, " "), bo) || strings.Contains(string(r.Facts), `"by":["`+bo) {
		t.Errorf("who approved elsewhere is not asked here: %v, %s", r.Decision.Approvers, r.Facts)
	}
	w = start(t)
	imported(t, w, 5, flatLine(atOnceElsewhere)) // three a day, here
	expect(t, w.Say("cy", incident), "Approved by the policy")
	w = start(t)
	imported(t, w, 1, flatLine(glassElsewhere)) // its review was never done
	expect(t, w.Say("di", glass), "Approved by the policy")
}

func TestNothingIsDoneAboutWhatWasImported(t *testing.T) {
	t.Parallel()
	w := start(t)
	imported(t, w, 3, flatLine(givenElsewhere))
	calls, said := w.AWS.Members(operators), len(messages(w))
	before := allRows(t, w)
	for range 5 {
		w.Pass(6 * time.Hour)
		rounds(t, w)
	}
	if after := allRows(t, w); len(after.Requests) != len(before.Requests) || len(after.Grants) != 3 {
		t.Errorf("there are %d requests and %d grants", len(after.Requests), len(after.Grants))
	}
	for _, g := range allRows(t, w).Grants {
		if g.Version != 1 || g.State != jit.GrantEnded || g.Receipts != 0 || !g.ReceiptAt.IsZero() || !g.NextAt.IsZero() {
			t.Errorf("something was done about %+v", g)
		}
	}
	if got := w.AWS.Members(operators); len(got) != len(calls) || len(messages(w)) != said {
		t.Errorf("members were %v and are %v; %d messages were sent", calls, got, len(messages(w))-said)
	}
	if g := w.Grant("ann"); g.State.Live() {
		t.Errorf("ann holds %+v", g)
	}
	w.Is(func(v storage.View) bool {
		report, err := storage.Verify(v, nil)
		if err != nil || report.Fault != "" {
			t.Errorf("the log: %s %v", report.Fault, err)
		}
		return true
	})
}

func TestNobodyBecomesSomebodyByAnImport(t *testing.T) {
	t.Parallel()
	w := start(t)
	imported(t, w, 2, flatLine(strangerElsewhere))
	for _, id := range []string{"zed@elsewhere.example", "yan@elsewhere.example"} {
		if _, known := w.People.ByID(id); known || w.Service.People.Active(id) {
			t.Errorf("%s is somebody here", id)
		}
	}
	r := asked(t, w)
	if strings.Contains(strings.Join(r.Decision.Approvers, " "), "elsewhere") {
		t.Errorf("asked are %v", r.Decision.Approvers)
	}
}

// swept is a provisioner that notes what it is to clean up after.
type swept struct {
	bot.Provisioner
	grants map[string]bool
}

func (s *swept) Sweep(_ context.Context, _ time.Time, ended []jit.Holding) error {
	for _, h := range ended {
		s.grants[h.Grant] = true
	}
	return nil
}

func TestNothingIsCleanedUpAfterWhatWasImported(t *testing.T) {
	t.Parallel()
	s := &swept{grants: map[string]bool{}}
	w := world.New(t, world.Setup{WrapProvisioner: func(p bot.Provisioner) bot.Provisioner {
		s.Provisioner = p
		return s
	}})
	imported(t, w, 2, flatLine(givenElsewhere))
	own := held(t, w)
	w.Say("ann", "end "+own.ID)
	w.UntilGrant("ann", jit.GrantEnded)
	rounds(t, w)
	if len(s.grants) != 1 || !s.grants[own.ID] {
		t.Errorf("it is to clean up after %v, want %s alone", s.grants, own.ID)
	}
}
