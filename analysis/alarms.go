package analysis

import (
	"cmp"
	"math"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// alarm is a session that one signal raised, or two that agree.
type alarm struct {
	i     int        // its case
	p     [4]float64 // of each kind; 0: it gave no signal
	by    [4]bool    // which of them raised it
	usual int        // A10: actions of a session in the middle
}

// The kinds of signals.
const (
	hourAlarm = iota
	sourceAlarm
	newAlarm
	volumeAlarm
)

// kindNames are what the signals are, for people; classes are whose they are.
func kindNames() [4]string { return [4]string{"hour", "source", "new action", "volume"} }
func alarmClass() [4]Class { return [4]Class{"A7", "A8", "A9", "A10"} }

func (a *alarm) count() (n int) {
	for _, by := range a.by {
		if by {
			n++
		}
	}
	return n
}

// budget are the chances at which signals raise a session, so that B false alerts
// a week are to be expected of G grants: half of them by one signal,
//
//	alone = B / (2 m G)
//
// with m = 4 kinds of signals, and half by two of different kinds that agree,
//
//	pairs = sqrt(B / (2 C(m,2) G)).
//
// That takes the kinds to be independent. Where they are not, the alarms that
// come of it scale both down; never up.
type budget struct{ alone, pairs float64 }

const (
	alertKinds = 4
	alertPairs = 6 // of 4
	stdAlerts  = 3 // a week
)

func (d *Data) budget(grants int) budget {
	lim := d.limits().Session
	if lim.Plain {
		return budget{.01, .01}
	}
	b, g := d.alertsAWeek(), max(1, float64(grants)/d.weeks())
	return budget{min(1, b*lim.Alone/(alertKinds*g)), min(1, math.Sqrt(b*lim.Pairs/(alertPairs*g)))}
}

func (d *Data) alertsAWeek() float64 {
	if d.Alerts > 0 {
		return float64(d.Alerts)
	}
	return stdAlerts
}

// raise marks the signals of an alarm that are enough. It reports whether any is.
func (b budget) raise(a *alarm) bool {
	agree := 0
	for _, p := range a.p {
		if p > 0 && p <= b.pairs {
			agree++
		}
	}
	for kind, p := range a.p {
		a.by[kind] = p > 0 && (p <= b.alone || p <= b.pairs && agree > 1)
	}
	return a.count() > 0
}

// allAlarms are the sessions that are raised, in the order of their cases.
func (d *Data) allAlarms() ([]alarm, error) {
	fold, err := d.fold()
	if err != nil {
		return nil, err
	}
	d.shared.alarmOnce.Do(func() { d.shared.alarms = raiseAll(d, fold) })
	return d.shared.alarms, nil
}

func raiseAll(d *Data, fold *fold) []alarm {
	b := d.budget(grantsOf(d.Past, d.now()))
	signals := gather(d, fold, max(b.alone, b.pairs))
	raised := b.among(signals)
	if d.limits().Session.Plain {
		return raised
	}
	return b.within(float64(len(raised))/d.weeks(), d.alertsAWeek()).among(signals)
}

// within scales a budget down that raised more alarms a week than it is for.
func (b budget) within(raised, most float64) budget {
	over := max(1, raised/most)
	return budget{b.alone / over, b.pairs / math.Sqrt(over)}
}

func (b budget) among(signals []alarm) []alarm {
	var out []alarm
	for _, a := range signals {
		if b.raise(&a) {
			out = append(out, a)
		}
	}
	return out
}

func grantsOf(p *history.Past, now time.Time) (n int) {
	for i := range p.Cases {
		if gave(&p.Cases[i], now) {
			n++
		}
	}
	return n
}

// gather collects the signals up to a chance.
func gather(d *Data, fold *fold, most float64) []alarm {
	of := map[int]*alarm{}
	note := func(i, kind int, p float64) *alarm {
		if p <= 0 || p > most || d.Past.Cases[i].Kind == jit.BreakGlass {
			return &alarm{} // break-glass is looked at one by one anyway
		}
		if of[i] == nil {
			of[i] = &alarm{i: i}
		}
		a := of[i]
		if a.p[kind] == 0 || p < a.p[kind] {
			a.p[kind] = p
		}
		return a
	}
	for i := range fold.sessions {
		note(i, sourceAlarm, fold.sessions[i].keyP)
		note(i, newAlarm, fold.sessions[i].newP)
	}
	volumes(fold, d.limits().Session, func(i int, p float64, usual int) { note(i, volumeAlarm, p).usual = usual })
	rankedHours(d, most, func(i int, p float64) { note(i, hourAlarm, p) })
	out := make([]alarm, 0, len(of))
	for _, a := range of {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b alarm) int { return cmp.Compare(a.i, b.i) })
	return out
}

// alarmsOf are the findings of one kind of signal.
func (d *Data) alarmsOf(kind int, tell func(*alarm, *Finding)) ([]Finding, error) {
	alarms, err := d.allAlarms()
	if err != nil {
		return nil, err
	}
	var out []Finding
	for i := range alarms {
		a := &alarms[i]
		if !a.by[kind] {
			continue
		}
		f := d.grantFinding(alarmClass()[kind], a.i)
		f.N, f.K, f.P, f.Kind = 1, 1, a.p[kind], alone
		tell(a, &f)
		for other, name := range kindNames() {
			if other != kind && a.by[other] {
				f.Kind = Together
				f.Figures = append(f.Figures, figure("also unusual", "%s", name))
			}
		}
		if risky := d.shared.fold.sessions[a.i].risky; risky > 0 {
			f.Figures = append(f.Figures, figure("always worth a look", "%s", d.shared.fold.verb.names.all[risky-1]))
		}
		f.Figures = append(f.Figures, figure("by chance", "1 in %.0f", 1/a.p[kind]))
		out = append(out, f)
	}
	return out, nil
}
