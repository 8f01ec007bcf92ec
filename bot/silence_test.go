package bot_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/bot/bottest"
	"jitbot/internal/loopback/world"
	"jitbot/jit"
	"jitbot/storage"
)

// called is a source that tells what a test has it tell.
type called struct{ name string }

func (s called) Name() string                              { return s.name }
func (called) Watches(jit.Holding) bool                    { return true }
func (called) Read(context.Context, activity.Intake) error { return nil }

// withSources is a world with sources that have told nothing yet.
func withSources(t *testing.T, names ...string) *world.World {
	t.Helper()
	return world.New(t, world.Setup{Change: func(c *bot.Config) {
		for _, name := range names {
			c.Sources = append(c.Sources, called{name})
		}
	}})
}

// tells has a source tell that it knows everything until some while ago.
func tells(t *testing.T, w *world.World, name string, ago time.Duration) {
	t.Helper()
	in := w.Service.Activity().Intake(name)
	b, _, err := in.Begin(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Take(t.Context(), b, activity.Progress{Until: w.Clock.Now().Add(-ago)}); err != nil {
		t.Fatal(err)
	}
}

// passes lets time go by, with a round every ten minutes.
func passes(t *testing.T, w *world.World, d time.Duration) {
	t.Helper()
	for ; d > 0; d -= 10 * time.Minute {
		w.Clock.Move(min(d, 10*time.Minute))
		if err := w.Service.Rounds(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.Step()
}

// silences are how often people were told that a source fell silent, and that it
// tells again.
func silences(t *testing.T, w *world.World) (silent, heard int) {
	t.Helper()
	silent, heard = len(w.Events(jit.EventSourceSilent)), len(w.Events(jit.EventSourceHeard))
	var cards, again int
	for _, m := range w.Chat.In("alerts") {
		switch words := bottest.Words(m.Card); {
		case strings.Contains(words, "Source silent"):
			cards++
		case strings.Contains(words, "Heard again"):
			again++
		}
	}
	if cards != silent || again != heard {
		t.Errorf("%d and %d events, %d and %d cards in the alert channel", silent, heard, cards, again)
	}
	return silent, heard
}

func TestASourceThatFallsSilentIsToldOfOnceAndAgainWhenItTells(t *testing.T) {
	t.Parallel()
	w := withSources(t, "cloudtrail", "postgres")
	for range 12 { // two hours in which both tell
		tells(t, w, "cloudtrail", 15*time.Minute)
		tells(t, w, "postgres", 0)
		passes(t, w, 10*time.Minute)
	}
	if silent, _ := silences(t, w); silent != 0 {
		t.Fatalf("%d alarms while both tell", silent)
	}
	passes(t, w, 90*time.Minute) // cloudtrail's last word is 1h55 old by now
	if silent, _ := silences(t, w); silent != 0 {
		t.Fatal("an alarm too early")
	}
	tells(t, w, "postgres", 0)
	for range 30 {
		passes(t, w, 10*time.Minute)
		tells(t, w, "postgres", 0)
	}
	silent, heard := silences(t, w)
	if e := w.Events(jit.EventSourceSilent); silent != 1 || heard != 0 || e[0].Origin != "cloudtrail" || !strings.Contains(string(e[0].Data), "told_until") {
		t.Fatalf("%d alarms, %d endings: %v", silent, heard, e)
	}
	w.Crash()
	w.Boot()
	passes(t, w, 3*time.Hour)
	tells(t, w, "postgres", 0)
	if silent, _ = silences(t, w); silent != 2 { // postgres has not told since
		t.Errorf("%d alarms after a restart", silent)
	}
	tells(t, w, "cloudtrail", 4*time.Hour) // it catches up, and is not there yet
	passes(t, w, 10*time.Minute)
	if _, heard = silences(t, w); heard != 1 { // postgres
		t.Errorf("%d endings while cloudtrail still lags by hours", heard)
	}
	tells(t, w, "cloudtrail", 0)
	passes(t, w, 10*time.Minute)
	if _, heard = silences(t, w); heard != 2 {
		t.Errorf("%d endings", heard)
	}
}

func TestASourceThatNeverToldAnythingIsSilentAnHourAfterTheStart(t *testing.T) {
	t.Parallel()
	w := withSources(t, "cloudtrail")
	passes(t, w, 50*time.Minute)
	if silent, _ := silences(t, w); silent != 0 {
		t.Error("an alarm before its hour is over")
	}
	passes(t, w, 10*time.Minute)
	if silent, _ := silences(t, w); silent != 1 {
		t.Errorf("%d alarms after an hour", silent)
	}
	if m := card(t, w.Chat.In("alerts"), "Source silent"); !strings.Contains(bottest.Words(m.Card), "never told anything") {
		t.Errorf("%s", bottest.Words(m.Card))
	}
}

func TestAfterALongTimeDownASourceIsGivenTimeToTell(t *testing.T) {
	t.Parallel()
	w := withSources(t, "cloudtrail")
	tells(t, w, "cloudtrail", 0)
	w.Crash()
	w.Clock.Move(48 * time.Hour)
	w.Boot()
	passes(t, w, 110*time.Minute)
	if silent, _ := silences(t, w); silent != 0 {
		t.Error("it is called silent before it could tell")
	}
	passes(t, w, 10*time.Minute)
	if silent, _ := silences(t, w); silent != 1 {
		t.Errorf("%d alarms", silent)
	}
}

func TestByAClockInDoubtNoSourceIsSilent(t *testing.T) {
	t.Parallel()
	w := withSources(t, "cloudtrail")
	tells(t, w, "cloudtrail", 0)
	w.Clock.Jump(72 * time.Hour)
	if err := w.Service.Rounds(t.Context()); err != nil {
		t.Fatal(err)
	}
	if silent, _ := silences(t, w); silent != 0 {
		t.Error("a jump of the clock makes a source silent")
	}
}

// figure is a figure of a source, summed over what else tells series apart; ok is
// false if it has none.
func figure(t *testing.T, w *world.World, name, source string) (value float64, ok bool) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.Service.Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if f.GetName() == name && l.GetName() == "source" && l.GetValue() == source {
					value, ok = value+m.GetGauge().GetValue()+m.GetCounter().GetValue(), true
				}
			}
		}
	}
	return value, ok
}

func toldUntil(t *testing.T, w *world.World, source string) (seconds float64, ok bool) {
	t.Helper()
	return figure(t, w, "jitbot_activity_told_until_seconds", source)
}

func TestTheMetricOfASourceIsThereFromTheStartAndKnowsWhatWasToldBefore(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Setup{Live: true, Change: func(c *bot.Config) { c.Sources = []activity.Source{called{"cloudtrail"}, called{"postgres"}} }})
	if got, ok := toldUntil(t, w, "cloudtrail"); !ok || got != 0 {
		t.Errorf("before anything was told: %g, %v", got, ok)
	}
	at := w.Clock.Now()
	tells(t, w, "cloudtrail", 0)
	if got, _ := toldUntil(t, w, "cloudtrail"); got != float64(at.Unix()) {
		t.Errorf("told until %g, want %d", got, at.Unix())
	}
	w.Crash()
	w.Boot()
	w.Until("sources are read again", func(storage.View) bool {
		n, _ := figure(t, w, "jitbot_activity_reads_total", "postgres")
		return n > 0
	})
	if got, _ := toldUntil(t, w, "cloudtrail"); got != float64(at.Unix()) {
		t.Errorf("after a restart it is %g, want %d", got, at.Unix())
	}
	if got, ok := toldUntil(t, w, "postgres"); !ok || got != 0 {
		t.Errorf("one that never told: %g, %v", got, ok)
	}
}
