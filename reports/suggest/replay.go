package suggest

import (
	"slices"
	"time"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// Concern is what of the past two policies may differ on. The zero value is all
// of it.
type Concern struct {
	Resources []string // that may be decided otherwise; empty: any
	// Everybody says that all requests count beside these: they tell who is there
	// to answer.
	Everybody bool
}

// Replays is [In].Replay over a past that has its facts. It is for one goroutine.
func Replays(past *history.Past, policies history.Policies) func(before, after *policy.Policy, from, to time.Time, of Concern) (Replayed, error) {
	r := replays{past: past, policies: policies, of: map[string][]int32{}, bases: map[stretched]*base{}}
	for i := range past.Cases {
		r.of[past.Cases[i].Resource] = append(r.of[past.Cases[i].Resource], int32(i))
	}
	return r.replay
}

type replays struct {
	past     *history.Past
	policies history.Policies
	of       map[string][]int32 // cases by resource
	bases    map[stretched]*base
}

// stretched is a policy in force over a stretch.
type stretched struct {
	before   *policy.Policy
	from, to int64
}

// base is the past of a stretch, for many candidates.
type base struct {
	*history.Base
	part  *history.Past
	first int32 // of its cases, in all of the past
}

func (r *replays) replay(before, after *policy.Policy, from, to time.Time, of Concern) (Replayed, error) {
	if len(of.Resources) > 0 && !of.Everybody {
		part := onlyOf(r.past, r.of, of.Resources, from, to)
		return summed(part, history.Replay(part, r.policies, before, after)), nil
	}
	key := stretched{before, from.UnixNano(), to.UnixNano()}
	b := r.bases[key]
	if b == nil {
		b = &base{part: stretch(r.past, from, to)}
		b.first = int32(len(until(r.past, from).Cases))
		b.Base = history.NewBase(b.part, r.policies, before)
		r.bases[key] = b
	}
	if len(of.Resources) == 0 {
		return summed(b.part, b.Replay(after)), nil
	}
	at := places(r.of, of.Resources)
	low, _ := slices.BinarySearch(at, b.first)
	high, _ := slices.BinarySearch(at, b.first+int32(len(b.part.Cases)))
	at = at[low:high]
	for i := range at {
		at[i] -= b.first
	}
	return summed(b.part, b.ReplayOf(after, at)), nil
}

// places are the cases of some resources, in order.
func places(of map[string][]int32, resources []string) (at []int32) {
	for _, name := range resources {
		at = append(at, of[name]...)
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// stretch is the part of a past between two instants.
func stretch(p *history.Past, from, to time.Time) *history.Past {
	part := *until(p, to)
	part.From = from
	first, _ := slices.BinarySearchFunc(part.Cases, from, func(c history.Case, at time.Time) int { return c.At.Compare(at) })
	part.Cases = part.Cases[first:]
	return &part
}

// onlyOf is the part of a stretch that asked for some resources.
func onlyOf(p *history.Past, of map[string][]int32, resources []string, from, to time.Time) *history.Past {
	part := &history.Past{From: from, To: to}
	for _, i := range places(of, resources) {
		if c := &p.Cases[i]; !c.At.Before(from) && c.At.Before(to) {
			part.Cases = append(part.Cases, *c)
		}
	}
	return part
}

// summed is a replay in the figures that a suggestion shows.
func summed(past *history.Past, r *history.Replayed) Replayed {
	if len(past.Cases) == 0 {
		return Replayed{From: r.From, To: r.To, Sentence: "Nobody asked for any of it."}
	}
	return Replayed{
		From: r.From, To: r.To, Requests: r.Requests, Replayable: Share{r.Replayable, r.Requests},
		Refused: r.Denied.N, RefusedUse: r.Used.N, Waiting: r.Waiting.N, Automatic: r.Auto.N, AutoDenied: refusedByPeople(past, r.Auto.Requests),
		Allowed: r.Admitted.N, Cut: len(r.Cuts), Less: time.Duration(-r.Hours * float64(time.Hour)).Round(time.Minute),
		People: r.People, Sentence: r.Sentence, own: Share{r.Own.Replayable, r.Own.Requests}, rules: r.Rules, left: r.Left,
	}
}

func refusedByPeople(past *history.Past, ids []string) (n int) {
	for i := range past.Cases {
		c := &past.Cases[i]
		if c.State == jit.RequestDenied && c.DecidedBy != "" && c.DecidedBy != "policy" && slices.Contains(ids, c.ID) {
			n++
		}
	}
	return n
}
