package analysis

import (
	"strings"
	"testing"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// daily adds requests of a person, one a day of the last days from ten on, held
// for an hour.
func (w *world) daily(rule string, n int, who ...string) *some {
	return w.asked(rule, n).by(who...).at(noon.Add(-26*day-2*time.Hour), day).each(func(c *history.Case) {
		gr := c.Grant
		gr.Ends, gr.Ended = gr.From.Add(time.Hour), gr.From.Add(time.Hour)
	})
}

func TestWhatOnePersonAsksAgainAndAgainIsFoundFromTheLeastEvidenceOn(t *testing.T) {
	t.Parallel()
	deskTable(t, repeated, []row{
		{"twelve times on twelve days", func(w *world) { w.daily("low", 12, "ann") }, true},
		{"eleven are one too few", func(w *world) { w.daily("low", 11, "ann") }, false},
		{"on eight days", func(w *world) { w.daily("low", 8, "ann"); w.daily("low", 4, "ann") }, true},
		{"on seven days", func(w *world) { w.daily("low", 7, "ann"); w.daily("low", 7, "ann") }, false},
		{"one was denied", func(w *world) { w.daily("low", 12, "ann"); w.daily("low", 1, "ann").denied("lee") }, false},
		{"another lapsed", func(w *world) { w.daily("low", 12, "ann"); w.daily("low", 1, "ann").ends(jit.RequestLapsed, time.Hour) }, true},
		{"one of twelve lapsed", func(w *world) { w.daily("low", 11, "ann"); w.daily("low", 1, "ann").ends(jit.RequestLapsed, time.Hour) }, false},
		{"one of twelve was withdrawn", func(w *world) {
			w.daily("low", 11, "ann")
			w.daily("low", 1, "ann").ends(jit.RequestCancelled, time.Hour)
		}, false},
		{"over months", func(w *world) { w.asked("low", 12).by("ann").at(noon.Add(-80*day), 6*day) }, false},
		{"some were not used", func(w *world) {
			i := 0
			w.daily("low", 12, "ann").each(func(c *history.Case) {
				if i++; i == 1 {
					c.Grant.Use.OK, c.Grant.Use.Actions = 0, 0
				}
			})
		}, false},
		{"nobody can tell of most", func(w *world) {
			i := 0
			w.daily("low", 12, "ann").each(func(c *history.Case) { i++; c.Grant.Evidence.Complete = i > 4 })
		}, false},
		{"nobody can tell of three", func(w *world) {
			i := 0
			w.daily("low", 12, "ann").each(func(c *history.Case) { i++; c.Grant.Evidence.Complete = i > 3 })
		}, true},
		{"half of the use was seen, and what is done with data is not logged", func(w *world) {
			i := 0
			w.daily("low", 12, "ann").each(func(c *history.Case) {
				c.Grant.Evidence.Unlogged = []string{"s3"}
				if i++; i%2 == 0 {
					c.Grant.Use.OK, c.Grant.Use.Actions = 0, 0
				}
			})
		}, false},
		{"all of the use was seen, and what is done with data is not logged", func(w *world) {
			w.daily("low", 12, "ann").each(func(c *history.Case) { c.Grant.Evidence.Unlogged = []string{"s3"} })
		}, true},
		{"they misused it once", func(w *world) {
			w.daily("low", 12, "ann")
			w.asked("low", 1).by("ann").did(1, jit.Activity{Action: "s3:PutObject", Stray: true})
		}, false},
		{"somebody else misused it", func(w *world) {
			w.daily("low", 12, "ann")
			w.asked("low", 1).by("bo").did(1, jit.Activity{Action: "s3:PutObject", Stray: true})
		}, true},
		{"emergencies", func(w *world) { w.daily("low", 12, "ann").each(func(c *history.Case) { c.Kind = jit.BreakGlass }) }, false},
		{"a team of three, each on four days", func(w *world) { w.daily("low", 12, "ann", "bo", "cy") }, true},
		{"a team of five, each on few days", func(w *world) { w.daily("low", 15, "ann", "bo", "cy", "di", "ed") }, false},
		{"a team of whom one asks often, on few days", func(w *world) {
			w.daily("low", 7, "ann")
			w.daily("low", 7, "ann")
			w.daily("low", 10, "bo", "cy", "di", "ed")
		}, false},
		{"one of a team, which is not found besides", func(w *world) { w.daily("low", 12, "ann"); w.daily("low", 1, "bo") }, true},
	})
}

func TestWhatIsAskedSeveralTimesADayGetsALongerDefault(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.daily("high", 8, "ann")
	w.daily("high", 8, "ann").each(func(c *history.Case) {
		gr := c.Grant
		c.At, gr.From, gr.Ends, gr.Ended = c.At.Add(2*time.Hour), gr.From.Add(2*time.Hour), gr.Ends.Add(2*time.Hour), gr.Ended.Add(2*time.Hour)
		gr.Use.LastOK = gr.From.Add(time.Minute)
		w.acts[gr.ID] = nil
	})
	f := w.one(repeated)
	w.leadsTo(&f, "neutral set high [default_duration] 4h")
	if f.Subject != "person:ann@example.com" {
		t.Errorf("got %+v", f)
	}
}

func TestWhatWasOnlyReadWhereNothingElseCanBeDoneNeedsNoApproval(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.daily("logs", 12, "ann")
	f := w.one(repeated)
	w.leadsTo(&f,
		"widen add_rule logs [] id: logs-read\nmatch: {resource: [logs]}\neligible: [ann@example.com]\nmax_duration: 1h\nauto_approve: {expires: 2027-02-21}\n",
		"widen add_rule logs [] id: logs-hours\nmatch: {resource: [logs]}\neligible: [ann@example.com]\nrequire: {hours: \"10:00-11:00\"}\nmax_duration: 1h\nauto_approve: {expires: 2027-02-21}\n")
	for name, build := range map[string]func(w *world){
		"more could be done": func(w *world) { w.daily("low", 12, "ann") },
		"something was done": func(w *world) { w.daily("logs", 12, "ann").did(1, jit.Activity{Action: "logs:DeleteLogGroup"}) },
		"not all of it is logged": func(w *world) {
			w.daily("logs", 12, "ann").each(func(c *history.Case) { c.Grant.Evidence.Unlogged = []string{"s3"} })
		},
	} {
		w := newDesk(t)
		build(w)
		f := w.one(repeated)
		for _, p := range f.Edits {
			if strings.Contains(p.Edit.Value, "-read") {
				t.Errorf("%s: it leads to %q", name, edits(&f))
			}
		}
	}
}

func TestWhatIsSensitiveIsNeverGivenByTheHour(t *testing.T) {
	t.Parallel()
	w := newDesk(t)
	w.daily("high", 12, "ann")
	f := w.one(repeated)
	w.leadsTo(&f)
}
