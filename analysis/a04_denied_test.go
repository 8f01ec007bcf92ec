package analysis

import (
	"fmt"
	"strings"
	"testing"

	"jitbot/activity"
	"jitbot/history"
	"jitbot/jit"
)

// refused is an action that a layer refused.
func refused(layer string) jit.Activity {
	return jit.Activity{Action: "s3:PutObject", Resource: "arn:aws:s3:::orders/1", Outcome: jit.ActivityDenied, Layer: layer}
}

// lately has the cases be of the last weeks.
func lately(c *history.Case) {
	shift := noon.Add(-27 * day).Sub(c.At)
	c.At, c.Grant.From, c.Grant.Ended = c.At.Add(shift), c.Grant.From.Add(shift), c.Grant.Ended.Add(shift)
}

func TestDeniedActionsAreFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	table(t, denied, []row{
		{"three people in five grants", func(w *world) {
			w.n(5).by("ann", "bo", "cy").each(lately).did(1, refused(activity.LayerSession))
		}, true},
		{"four grants are one too few", func(w *world) {
			w.n(4).by("ann", "bo", "cy").each(lately).did(1, refused(activity.LayerSession))
		}, false},
		{"two people are one too few", func(w *world) {
			w.n(9).by("ann", "bo").each(lately).did(1, refused(activity.LayerIdentity))
		}, false},
		{"three grants, in each of them often", func(w *world) {
			w.n(3).by("ann", "bo", "cy").each(lately).did(9, refused(activity.LayerSession))
		}, false},
		{"of a rule that is gone", func(w *world) {
			w.n(9).each(lately).did(1, refused(activity.LayerSession)).each(func(c *history.Case) { c.Rule = "gone" })
		}, false},
		{"somebody probes again and again", func(w *world) { w.n(9).by("ann").each(lately).did(9, refused(activity.LayerIdentity)) }, false},
		{"longer ago than four weeks", func(w *world) {
			w.n(5).by("ann", "bo", "cy").did(1, refused(activity.LayerSession)).each(func(*history.Case) {})
		}, false},
		{"the layer is not told", func(w *world) { w.n(9).each(lately).did(1, refused("")) }, false},
		{"ten kinds in one grant", func(w *world) {
			for i := range 10 {
				a := refused(activity.LayerOrg)
				a.Action = fmt.Sprintf("iam:Probe%c", 'A'+i)
				if i == 0 {
					w.n(1)
				}
				w.did(&w.past.Cases[0], a)
			}
		}, true},
		{"nine kinds", func(w *world) {
			w.n(1)
			for i := range 9 {
				a := refused(activity.LayerOrg)
				a.Action = fmt.Sprintf("iam:Probe%c", 'A'+i)
				w.did(&w.past.Cases[0], a)
			}
		}, false},
		{"15 of 20 denied", func(w *world) {
			w.n(1).did(15, refused(activity.LayerOrg)).did(5, jit.Activity{Action: "s3:GetObject"})
		}, true},
		{"14 of 19 denied", func(w *world) {
			w.n(1).did(14, refused(activity.LayerOrg)).did(5, jit.Activity{Action: "s3:GetObject"})
		}, false},
		{"10 of 20 denied", func(w *world) {
			w.n(1).did(10, refused(activity.LayerOrg)).did(10, jit.Activity{Action: "s3:GetObject"})
		}, false},
	})
}

func TestWhatIsOnlyDeniedLeadsToNoEdit(t *testing.T) {
	t.Parallel()
	for _, layer := range []string{activity.LayerIdentity, activity.LayerSession, activity.LayerOrg, activity.LayerBoundary} {
		w := newWorld(t)
		w.n(50).each(lately).did(30, refused(layer))
		for _, analysis := range append(UsageAnalyses(), SessionAnalyses()...) {
			for _, f := range w.find(analysis.Find) {
				if len(f.Edits) > 0 {
					t.Errorf("%s, denied by %s: %+v", analysis.Class, layer, f)
				}
			}
		}
	}
}

func TestRefusalsOfOtherLayersAreForTheirOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.n(6).each(lately).did(1, refused(activity.LayerOrg))
	if f := w.one(denied); f.Kind != "elsewhere" || f.Subject != "s3:PutObject" {
		t.Errorf("%+v", f)
	}
}

func TestTextsOfLogsStandInFiguresAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := refused(activity.LayerSession)
	a.Action = "s3:<script>\n" + strings.Repeat("x", 500) + "\x1b[31m"
	w.n(6).each(lately).did(1, a)
	f := w.one(denied)
	if strings.Contains(f.Sentence, "script") || strings.ContainsAny(f.Subject, "<>\n\x1b") {
		t.Errorf("%q %q", f.Subject, f.Sentence)
	}
	for _, g := range f.Figures {
		if len([]rune(g.Value)) > 80 || strings.ContainsAny(g.Value, "\n\x1b") {
			t.Errorf("figure %q", g.Value)
		}
	}
}

func TestClassesOfResources(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]string{
		"arn:aws:s3:::orders/2026/1": "s3 object", "arn:aws:s3:::orders": "s3 bucket", "arn:aws:ec2:eu:1:instance/i-1": "ec2 instance",
		"arn:aws:sns:eu:1:topic": "sns topic", "public.orders": "public", "": "",
	} {
		if got := classOf(resource); got != want {
			t.Errorf("%s is a %q, want %q", resource, got, want)
		}
	}
}
