package analysis

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
)

// outside is A6, window and side door.
//
//	after_end  an action was done with a grant more than five minutes after it
//	           had ended: one is enough
//	side_door  something was done through what only grants should open, and by no
//	           grant
//	standing   somebody has access that no grant gives
//	leftover   somebody has access again that a grant gave and that was taken back
//
// What people accepted, and what stood before there was anything to compare it
// with, is not said. There is no edit: an incident is opened, or tokens that were
// issued before the end are refused.
func outside(d *Data) ([]Finding, error) {
	fold, err := d.fold()
	if err != nil {
		return nil, err
	}
	return slices.Concat(afterEnd(d, fold), sideDoors(d), drifts(d)), nil
}

func afterEnd(d *Data, fold *fold) []Finding {
	var out []Finding
	for i := range fold.sessions {
		s := &fold.sessions[i]
		if s.late == 0 {
			continue
		}
		c := &d.Past.Cases[i]
		f := d.grantFinding("A6", i)
		f.Kind, f.Urgent, f.N, f.K = "after_end", true, int(s.rows), int(s.late)
		f.Sentence = fmt.Sprintf("%s did %d actions with %s after the grant had ended.", c.User, s.late, c.Resource)
		f.Figures = []Figure{figure("ended", "%s", stamp(c.Grant.Ended))}
		out = append(out, f)
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// doorUse is what was done through one side door.
type doorUse struct {
	done, writes int
	first, last  time.Time
	actors       []string
	evidence     []string
}

func (u *doorUse) add(o *history.Door) {
	if u.done++; !o.ReadOnly {
		u.writes++
	}
	u.last = later(u.last, o.At)
	if !slices.Contains(u.actors, o.Actor) && len(u.actors) < mostEvidence {
		u.actors = append(u.actors, o.Actor)
	}
	u.evidence = cite(u.evidence, "door "+o.At.UTC().Format(time.RFC3339Nano)+" "+quoted(o.Action))
}

func sideDoors(d *Data) []Finding {
	doors := map[string]*doorUse{}
	for i := range d.Past.Doors {
		o := &d.Past.Doors[i]
		if o.Denied || o.At.After(d.now()) {
			continue
		}
		if doors[o.Scope] == nil {
			doors[o.Scope] = &doorUse{first: o.At}
		}
		doors[o.Scope].add(o)
	}
	var out []Finding
	for _, scope := range slices.Sorted(maps.Keys(doors)) {
		u := doors[scope]
		f := Finding{
			Class: "A6", Kind: "side_door", Subject: "door:" + named(scope), Urgent: true, Owner: "security",
			N: u.done, K: u.writes, Evidence: u.evidence, Sensitivity: "high",
			Sentence: fmt.Sprintf("%d actions, %d of them writes, were done by no grant through what only grants should open.", u.done, u.writes),
			Figures:  []Figure{figure("through", "%s", scope)},
		}
		for _, actor := range u.actors[:min(len(u.actors), 5)] {
			f.Figures = append(f.Figures, figure("by", "%s", actor))
		}
		f.Figures = append(f.Figures, figure("first", "%s", stamp(u.first)), figure("last", "%s", stamp(u.last)))
		out = append(out, f)
	}
	return out
}

func drifts(d *Data) []Finding {
	var out []Finding
	for _, x := range d.Past.Drifts {
		if x.Initial || x.State == jit.DriftAccepted || x.FirstSeen.After(d.now()) || x.Kind != jit.DriftStanding && x.Kind != jit.DriftLeftover {
			continue
		}
		f := d.resourceFinding("A6", "", x.Resource)
		f.Subject, f.Kind, f.Urgent, f.N, f.K = "drift:"+x.ID, string(x.Kind), true, 1, 1
		f.Evidence = []string{x.ID}
		if x.Kind == jit.DriftStanding {
			f.Sentence = fmt.Sprintf("Somebody has access to %s that no grant gives.", x.Resource)
		} else {
			f.Sentence = fmt.Sprintf("Somebody has access to %s again that a grant gave and that was taken back.", x.Resource)
			f.Evidence = append(f.Evidence, x.Grant)
		}
		f.Figures = []Figure{figure("who", "%s", x.Who), figure("since", "%s", stamp(x.FirstSeen))}
		out = append(out, f)
	}
	return out
}
