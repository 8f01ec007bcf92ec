package analysis

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
)

// unusualSource is A8, unusual source.
//
// The key of a source is its network of 256 addresses (/24, or /48 of IPv6), not
// the address. Names of services, and what a service did on behalf of somebody,
// have none. A signal if the key was not seen of the person in 90 days and of
// nobody in 30; p is how much of the person's sessions has to come from where
// they were never seen (Good-Turing: keys seen once, of all sessions), so that
// people who travel, or of whom little is known, mute themselves. Two keys that
// take turns within ten minutes in one grant make it urgent: that is how a stolen
// credential looks.
func unusualSource(d *Data) ([]Finding, error) {
	return d.alarmsOf(sourceAlarm, func(a *alarm, f *Finding) {
		fold := d.shared.fold
		s := &fold.sessions[a.i]
		c := &d.Past.Cases[a.i]
		f.Sentence = fmt.Sprintf("%s used %s from a network that neither they nor anybody else used before.", c.User, c.Resource)
		f.Figures = append(f.Figures, figure("network", "%s", fold.travels.keys.all[s.newKey-1]))
		if s.woven {
			f.Urgent = true
			f.Figures = append(f.Figures, figure("two networks took turns within", "%s", shorten(d.limits().Session.Woven)))
		}
	})
}

// travels are from where people did what, in the order of their sessions.
type travels struct {
	lim    SessionLimits
	keys   names
	cache  map[string]int32 // by address as logged; -1: it has no key
	people map[int32]*traveller
	last   []int64 // by key: when anybody used it, in microseconds

	stops []stop // of the session at hand
}

// stop is an action's instant and source.
type stop struct {
	at  int64
	key int32
}

type traveller struct {
	keys     map[int32]*visits
	once     int     // keys seen once
	sessions []int64 // when; as many as count still
}

type visits struct {
	n    int
	last int64
}

// maxSources bounds the addresses that are remembered as they were written.
const maxSources = 200_000

func newTravels(lim SessionLimits) *travels {
	return &travels{lim: lim, cache: map[string]int32{}, people: map[int32]*traveller{}}
}

func (t *travels) begin() { t.stops = t.stops[:0] }

// pass takes in one action of the session at hand.
func (t *travels) pass(a *jit.Activity) {
	if a.Origin == "" || strings.HasSuffix(a.Agent, ".amazonaws.com") {
		return
	}
	key, ok := t.cache[a.Origin]
	if !ok {
		if key = -1; networkOf(a.Origin) != "" {
			key = t.keys.of(networkOf(a.Origin))
		}
		if len(t.cache) < maxSources {
			t.cache[strings.Clone(a.Origin)] = key
		}
	}
	if key >= 0 {
		t.stops = append(t.stops, stop{a.At.UnixMicro(), key})
	}
}

// networkOf is the key of a source; empty: it has none.
func networkOf(origin string) string {
	addr, err := netip.ParseAddr(origin)
	if err != nil {
		port, err := netip.ParseAddrPort(origin)
		if err != nil {
			return ""
		}
		addr = port.Addr()
	}
	addr = addr.Unmap().WithZone("")
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	if addr.IsLoopback() || addr.IsUnspecified() {
		return ""
	}
	net, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return net.String()
}

// end closes the session at hand: what is new in it is noted, and then known.
func (t *travels) end(s *session, person int32, from time.Time) {
	if len(t.stops) == 0 {
		return
	}
	keys := t.distinct()
	for len(t.last) < len(t.keys.all) {
		t.last = append(t.last, 0)
	}
	who := t.people[person]
	if who == nil {
		who = &traveller{keys: map[int32]*visits{}}
		t.people[person] = who
	}
	at := from.UnixMicro()
	who.forget(at - t.lim.KeyPerson.Microseconds())
	for _, key := range keys {
		v := who.keys[key]
		own := v != nil && v.last >= at-t.lim.KeyPerson.Microseconds()
		all := t.last[key] != 0 && t.last[key] >= at-t.lim.KeyAll.Microseconds()
		if !own && !all && s.newKey == 0 {
			s.newKey, s.keyP = key+1, unseenMass(who.once, len(who.sessions))
			if t.lim.Novel {
				s.keyP = certain
			}
		}
	}
	for _, key := range keys {
		who.visit(key, at, t.lim.KeyPerson.Microseconds())
		t.last[key] = max(t.last[key], at)
	}
	who.sessions = append(who.sessions, at)
	s.woven = len(keys) > 1 && t.takeTurns()
}

// distinct is the different keys of the session at hand, ascending.
func (t *travels) distinct() []int32 {
	var keys []int32
	for _, s := range t.stops {
		if !slices.Contains(keys, s.key) && len(keys) < mostEvidence {
			keys = append(keys, s.key)
		}
	}
	slices.Sort(keys)
	return keys
}

// forget drops sessions from before an instant.
func (w *traveller) forget(before int64) {
	n := 0
	for n < len(w.sessions) && w.sessions[n] < before {
		n++
	}
	w.sessions = w.sessions[n:]
}

// visit counts a session from a key. A key that was not seen for long begins
// anew.
func (w *traveller) visit(key int32, at, long int64) {
	v := w.keys[key]
	switch {
	case v == nil:
		w.keys[key] = &visits{1, at}
		w.once++
		return
	case v.last < at-long:
		if v.n > 1 {
			w.once++
		}
		v.n = 1
	default:
		if v.n++; v.n == 2 {
			w.once--
		}
	}
	v.last = max(v.last, at)
}

// takeTurns reports whether a source came back within minutes, after another one
// had been used.
func (t *travels) takeTurns() bool {
	slices.SortFunc(t.stops, func(a, b stop) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key)) })
	last := map[int32]int64{} // by key
	for i, s := range t.stops {
		before, ok := last[s.key]
		if ok && t.stops[i-1].key != s.key && s.at-before <= t.lim.Woven.Microseconds() {
			return true
		}
		last[s.key] = s.at
	}
	return false
}
