package bot

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// When many accesses of live grants would be missing at once, or nobody is
// listed where several were, the reading is the first to be doubted: a wrong
// account, a wrong name, an answer cut short. A doubt that stays is believed
// after a while, and even then nothing is put right by itself.
const (
	massMissing  = 20 // more new ones than this at once are doubted
	suddenlyGone = 2  // nobody is listed where at least so many should be
	doubtLasts   = time.Hour
	initialBatch = 100 // drifts of a first reading that one event records
)

// difference is one thing a listing and the store do not agree on.
type difference struct {
	kind    jit.DriftKind
	target  string
	held    Held        // standing, leftover: as it was listed
	holding jit.Holding // missing: that should give it; leftover: that gave it last
}

func driftKey(kind jit.DriftKind, target string) string { return string(kind) + " " + target }

func (d difference) key() string { return driftKey(d.kind, d.target) }

// reckoning compares what a round has listed with the store and settles it.
type reckoning struct {
	s    *Service
	tx   storage.Tx
	r    *round
	now  time.Time
	w    watch
	live map[string][]jit.Holding // by target
	of   map[string][]string      // targets of live holdings, by the key of their entitlement
	rows map[string]jit.Drift     // open and accepted, by key
	was  map[string][]string      // keys of rows, by the key of their entitlement

	found     map[string]bool // keys, whichever listing they were found by
	suspected int
	changes   []*jit.Change
	seen      []string
	news      []jit.Drift
	initial   []jit.Drift
	doubts    []reading
}

func (s *Service) newReckoning(tx storage.Tx, r *round, w watch) (*reckoning, error) {
	for _, t := range r.things { // the store may run a write more than once: nothing of the last time counts
		t.found, t.moving, t.doubt = nil, map[string]bool{}, ""
	}
	k := &reckoning{s: s, tx: tx, r: r, w: w, live: map[string][]jit.Holding{}, of: map[string][]string{}, rows: map[string]jit.Drift{}, was: map[string][]string{}, found: map[string]bool{}}
	var err error
	if k.now, err = s.instant(tx); err != nil {
		return nil, err
	}
	live, err := tx.Holdings(storage.HoldingFilter{States: livingHoldings(), Limit: maxDriftLive})
	if err != nil {
		return nil, err
	}
	if len(live) == maxDriftLive {
		return nil, errors.New("too many holdings are live to compare them: those beyond the bound would look like drift")
	}
	for _, h := range live {
		if h.Target == "" {
			continue
		}
		k.live[h.Target] = append(k.live[h.Target], h)
		key := thingKey(h.Entitlement)
		if !slices.Contains(k.of[key], h.Target) {
			k.of[key] = append(k.of[key], h.Target)
		}
	}
	rows, err := tx.Drifts(storage.DriftFilter{States: []jit.DriftState{jit.DriftOpen, jit.DriftAccepted}, Limit: maxDriftLive})
	for _, d := range rows {
		key, of := driftKey(d.Kind, d.Target), thingKey(d.Entitlement)
		k.rows[key] = d
		k.was[of] = append(k.was[of], key)
	}
	return k, err
}

// compare finds what a listing and the store do not agree on.
func (k *reckoning) compare(t *thing) error {
	listed, past := map[string]bool{}, map[string][]jit.Holding{}
	var idle []string
	for _, h := range t.held {
		if listed[h.Target] = true; len(k.live[h.Target]) == 0 {
			idle = append(idle, h.Target)
		}
	}
	if len(idle) > 0 {
		ended, err := k.tx.Holdings(storage.HoldingFilter{Targets: idle, States: []jit.HoldingState{jit.HoldingAbsent}})
		if err != nil {
			return err
		}
		for _, h := range ended {
			past[h.Target] = append(past[h.Target], h)
		}
	}
	for _, h := range t.held {
		k.compareHeld(t, h, past[h.Target])
	}
	for _, target := range k.of[t.key] {
		if !listed[target] {
			k.compareMissing(t, target)
		}
	}
	return nil
}

func (k *reckoning) compareHeld(t *thing, held Held, past []jit.Holding) {
	live := k.live[held.Target]
	switch {
	case held.Target == "":
	case k.moves(live) || k.moves(past):
		t.moving[held.Target] = true
	case len(live) > 0:
		given := func(h jit.Holding) bool { return h.Standing != jit.StoodBefore }
		if !slices.ContainsFunc(live, given) {
			k.differ(t, difference{kind: jit.DriftStanding, target: held.Target, held: held})
		}
	default:
		k.differ(t, endedOrNever(held, past))
	}
}

// endedOrNever tells access that jitbot took back, and that is there again,
// from access that jitbot never gave, by the last holding that had to do with it.
func endedOrNever(held Held, past []jit.Holding) difference {
	for _, h := range slices.Backward(past) {
		switch h.Standing {
		case jit.NotStanding:
			return difference{kind: jit.DriftLeftover, target: held.Target, held: held, holding: h}
		case jit.StoodBefore:
			return difference{kind: jit.DriftStanding, target: held.Target, held: held}
		case jit.StandingUnknown: // it was never given
		}
	}
	return difference{kind: jit.DriftStanding, target: held.Target, held: held}
}

func (k *reckoning) compareMissing(t *thing, target string) {
	live := k.live[target]
	if k.moves(live) {
		t.moving[target] = true
		return
	}
	longest := live[0]
	for _, h := range live[1:] {
		if h.NotAfter.After(longest.NotAfter) {
			longest = h
		}
	}
	k.differ(t, difference{kind: jit.DriftMissing, target: target, holding: longest})
}

// moves reports whether one of the holdings of a target is being worked on, or
// has changed since the round began: what was listed may be older than it. The
// last turn of a holding ends its lease at the instant it is written down.
func (k *reckoning) moves(holdings []jit.Holding) bool {
	return slices.ContainsFunc(holdings, func(h jit.Holding) bool {
		atRest := h.State == jit.HoldingPresent || h.State == jit.HoldingAbsent
		return !atRest || !h.Lease.Until.Before(k.r.began)
	})
}

// differ notes a difference; two entitlements may name one target.
func (k *reckoning) differ(t *thing, d difference) {
	if key := d.key(); !k.found[key] {
		k.found[key] = true
		t.found = append(t.found, d)
	}
}

// known finds the drift that a difference already is. Access missing of another
// grant than the one that was reported is another drift.
func (k *reckoning) known(d difference) (jit.Drift, bool) {
	row, ok := k.rows[d.key()]
	return row, ok && (d.kind != jit.DriftMissing || row.Holding == d.holding.ID)
}

// doubt finds readings that say too much at once to be true.
func (k *reckoning) doubt() {
	missing, of := 0, map[*thing]bool{}
	for _, t := range k.r.things {
		for _, d := range t.found {
			if _, known := k.known(d); !known && d.kind == jit.DriftMissing {
				missing++
				of[t] = true
			}
		}
	}
	for _, t := range k.r.things {
		switch {
		case t.err != nil:
		case len(t.held) == 0 && k.expected(t) >= suddenlyGone:
			t.doubt = fmt.Sprintf("nobody is listed where %d have it", k.expected(t))
		case of[t] && missing > massMissing:
			t.doubt = fmt.Sprintf("%d accesses of grants that run would be missing at once", missing)
		}
	}
}

// expected is how many should be listed of a thing, by what its grants gave and
// by what stood when it was read before.
func (k *reckoning) expected(t *thing) int {
	targets := map[string]bool{}
	for _, target := range k.of[t.key] {
		if !k.moves(k.live[target]) {
			targets[target] = true
		}
	}
	for _, key := range k.was[t.key] {
		if row := k.rows[key]; row.Kind != jit.DriftMissing {
			targets[row.Target] = true
		}
	}
	return len(targets)
}

// settle writes what the round has found.
func (k *reckoning) settle() error {
	for _, t := range k.r.things {
		if t.err == nil {
			if err := k.compare(t); err != nil {
				return err
			}
		}
	}
	k.doubt()
	kept := map[string]reading{}
	if !k.r.full {
		kept = k.w.Readings
	}
	for _, t := range k.r.things {
		next, err := k.settleThing(t)
		if err != nil {
			return err
		}
		kept[t.key] = next
	}
	k.w.Readings, k.w.Until = kept, time.Time{}
	k.w.LookAt = k.lookAgain()
	if err := k.write(); err != nil {
		return err
	}
	return k.w.save(k.tx)
}

// lookAgain is when what is suspected can be confirmed, or what is doubted
// believed; zero: nothing is.
func (k *reckoning) lookAgain() (at time.Time) {
	for _, r := range k.w.Readings {
		if len(r.Suspects) > 0 {
			return k.r.began.Add(driftApart)
		}
		if since := r.DoubtSince.Add(doubtLasts); r.Doubt != "" && (at.IsZero() || since.Before(at)) {
			at = since
		}
	}
	return at
}

// settleThing is what becomes of one listing, and of what is known of its readings.
func (k *reckoning) settleThing(t *thing) (reading, error) {
	r := k.w.Readings[t.key]
	r.What, r.Resources, r.TriedAt, r.Error = thingName(t.entitlement), t.resources, k.r.began, ""
	if t.err != nil {
		r.Error = Shorten(clean(t.err.Error()), 300)
		k.s.log.Warn("an outside could not be read for drift", "what", r.What, "cause", t.err)
		return r, nil
	}
	r.Doubt = t.doubt
	if r.Doubt == "" {
		r.DoubtSince = time.Time{}
	} else if r.DoubtSince.IsZero() {
		r.DoubtSince = k.r.began
		k.doubts = append(k.doubts, r)
	}
	believed := r.Doubt != "" && k.r.began.Sub(r.DoubtSince) >= doubtLasts
	if r.Doubt != "" && !believed {
		return r, nil
	}
	suspects, err := k.settleFound(t, r, believed)
	if err != nil {
		return r, err
	}
	r.Suspects, r.Doubt, r.DoubtSince = suspects, "", time.Time{}
	r.GoodAt, r.Held = k.r.began, len(t.held)
	return r, k.settleGone(t)
}

// settleFound confirms what was seen before and returns what is to be seen again.
func (k *reckoning) settleFound(t *thing, r reading, believed bool) (map[string]suspect, error) {
	suspects := map[string]suspect{}
	for _, d := range t.found {
		if row, known := k.known(d); known {
			k.seen = append(k.seen, row.ID)
			continue
		}
		was, before := r.Suspects[d.key()]
		if !before {
			was = suspect{Since: k.r.began, First: r.GoodAt.IsZero()}
		}
		confirmed := believed || before && k.r.began.Sub(was.Since) >= driftApart
		if confirmed && len(k.news)+len(k.initial) < maxDriftNew {
			if err := k.confirm(t, d, was, believed); err != nil {
				return nil, err
			}
		} else if k.suspected < maxDriftSuspect {
			k.suspected++
			suspects[d.key()] = was
		}
	}
	return suspects, nil
}

// confirm makes a difference a drift. The same drift is the same row again.
func (k *reckoning) confirm(t *thing, d difference, was suspect, believed bool) error {
	drift := k.driftOf(t, d, was)
	same, err := k.tx.Drifts(storage.DriftFilter{Targets: []string{d.target}})
	if err != nil {
		return err
	}
	repaired := false
	for _, row := range same {
		if row.Kind != d.kind {
			continue
		}
		drift.ID, drift.Version, drift.State = row.ID, row.Version, row.State
		if repaired = row.ActedBy == jit.ActorJitbot && row.Holding == drift.Holding; repaired {
			drift.ActedAt, drift.ActedBy = row.ActedAt, row.ActedBy
		}
	}
	if drift.Initial {
		k.initial = append(k.initial, drift)
		return nil
	}
	k.news = append(k.news, drift)
	c := driftChange(jit.Event{At: k.now, Kind: jit.EventDriftFound, Actor: jit.ActorJitbot, Origin: "drift", Outcome: "ok"}, drift).
		Detail("detail", drift.Detail)
	if err := c.Drift(drift, jit.DriftOpen); err != nil {
		return err
	}
	k.changes = append(k.changes, c)
	drift.State, drift.Version = jit.DriftOpen, drift.Version+1
	if believed || repaired {
		return nil // never again by itself: whoever took it away twice means it
	}
	return k.repair(drift)
}

func (k *reckoning) driftOf(t *thing, d difference, was suspect) jit.Drift {
	out := jit.Drift{
		ID: k.s.NewID(idDrift, k.now), Kind: d.kind, Target: d.target, Entitlement: t.entitlement, Resource: t.resources[0],
		FirstSeen: was.Since, LastSeen: k.r.began,
		Who: Shorten(clean(d.held.Who), 200), Principal: d.held.Principal, Detail: Shorten(clean(d.held.Detail), 300),
	}
	switch d.kind {
	case jit.DriftStanding:
		out.Initial = was.First
	case jit.DriftLeftover:
		out.Grant, out.Holding, out.Resource = d.holding.Grant, d.holding.ID, d.holding.Resource
	case jit.DriftMissing:
		h := d.holding
		out.Who, out.Principal, out.Resource, out.Grant, out.Holding = h.Principal, h.Principal, h.Resource, h.Grant, h.ID
		out.Detail = h.Target + " is not listed"
	}
	return out
}

// repair gives again what is missing, where jitbot is told to.
func (k *reckoning) repair(d jit.Drift) error {
	if d.Kind != jit.DriftMissing || !slices.Contains(k.s.Drift.Repair, jit.DriftMissing) {
		return nil
	}
	e := jit.Event{At: k.now, Actor: jit.ActorJitbot, Origin: "drift", Outcome: "ok"}
	c, err := k.s.giveAgain(k.tx, e, d, "drift.repair says so")
	if u, refused := asUserError(err); refused {
		k.s.log.Info("what is missing is not given again", "drift", d.ID, "cause", u)
		return nil
	}
	if err == nil {
		k.changes = append(k.changes, c)
	}
	return err
}

// settleGone ends the drifts of a thing that were not found any more.
func (k *reckoning) settleGone(t *thing) error {
	for _, key := range k.was[t.key] {
		row := k.rows[key]
		if k.found[key] || t.moving[row.Target] || k.moves(k.live[row.Target]) {
			continue
		}
		row.GoneAt = k.now
		c := driftChange(jit.Event{At: k.now, Kind: jit.EventDriftGone, Actor: jit.ActorJitbot, Origin: "drift", Outcome: "ok"}, row)
		if err := c.Drift(row, jit.DriftGone); err != nil {
			return err
		}
		k.changes = append(k.changes, c)
	}
	return nil
}

// write saves the rows and queues one card with what is new.
func (k *reckoning) write() error {
	if err := k.recordInitial(); err != nil {
		return err
	}
	if err := k.tx.Save(k.changes...); err != nil {
		return err
	}
	if len(k.seen) > 0 {
		if err := k.tx.SeeDrifts(k.r.began, k.seen...); err != nil {
			return err
		}
	}
	if len(k.news)+len(k.initial)+len(k.doubts) == 0 {
		return nil
	}
	return k.s.queueDriftCard(k.tx, k.s.driftNews(k.news, k.initial, k.doubts), k.now)
}

// recordInitial records what stood when a resource was first read, many to an event.
func (k *reckoning) recordInitial() error {
	byResource := map[string][]jit.Drift{}
	for _, d := range k.initial {
		byResource[d.Resource] = append(byResource[d.Resource], d)
	}
	for _, resource := range slices.Sorted(maps.Keys(byResource)) {
		for some := range slices.Chunk(byResource[resource], initialBatch) {
			e := jit.Event{At: k.now, Kind: jit.EventDriftFound, Actor: jit.ActorJitbot, Origin: "drift", Outcome: "ok", Resource: resource}
			c, who := jit.Record(e).Detail("kind", string(jit.DriftStanding)).Detail("initial", true), make([]string, 0, len(some))
			for _, d := range some {
				who = append(who, d.Who)
				if err := c.Drift(d, jit.DriftOpen); err != nil {
					return err
				}
			}
			k.changes = append(k.changes, c.Detail("who", who))
		}
	}
	return nil
}

// driftChange starts the change of a drift with what its event says of it.
func driftChange(e jit.Event, d jit.Drift) *jit.Change {
	e.Resource, e.Grant = d.Resource, d.Grant
	return jit.Record(e).Detail("drift", d.ID).Detail("kind", string(d.Kind)).Detail("target", d.Target).
		Detail("who", d.Who).Detail("principal", d.Principal).Detail("holding", d.Holding)
}
