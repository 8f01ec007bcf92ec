package bot

import (
	"cmp"
	"slices"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

const (
	// timelineActions is how many actions a timeline lists, and timelineNotable
	// how many of those are kept free for what stands out; its counts are of all.
	timelineActions = 1000
	timelineNotable = 400
	// timelineEvents is how many events of each request a timeline lists: so many
	// of the first and so many of the last.
	timelineEvents = 500
)

// Timeline is everything about one grant in the order of time.
type Timeline struct {
	At        time.Time // when it was gathered
	Request   jit.Request
	Grant     jit.Grant
	Person    string // the holder's name
	Asker     string // the name of who asked, if that is somebody else
	Status    Status
	Because   string // why it ended; empty: its time was up
	Approvals []ApprovalBy
	Entries   []Entry
	Actions   []jit.Activity // in the order they were done; of many what stands out, and the first
	More      int            // actions that are not among them
	Deeds     []Deed         // all actions that are kept, in the order they became known
	Use       activity.Use
	Receipt   activity.Receipt // the last one; Number 0: none yet
	Evidence  jit.Evidence     // as of At, or of the receipt where only the store is at hand
	Unknowns  []activity.Unknown
	Sources   []activity.State
	Holdings  []jit.Holding
	Until     time.Time // when the page stops working
}

// Entry is one thing that jitbot or people did about a grant.
type Entry struct {
	At   time.Time
	Kind string // of the event
	Who  string // a name
	Text string // one sentence; plain text
}

// ApprovalBy is one approval, with the name of who gave it.
type ApprovalBy struct {
	Who      string
	At       time.Time
	SignedIn bool   // they signed in anew for it
	Note     string // why, in their words; empty: they did not say
}

// Deed is when one action was done, and what about it shows on a line.
type Deed struct {
	At                            time.Time
	Denied, Stray, Late, ReadOnly bool
}

// TimelineOf gathers everything about a grant.
func (s *Service) TimelineOf(v storage.View, grant string) (Timeline, error) {
	t, err := s.collect(v, s.activity.Reader(), grant, timelineActions)
	if err != nil {
		return t, err
	}
	if t.At, err = s.instant(v); err != nil {
		return t, err
	}
	if t.Evidence, err = s.activity.Evidence(v, t.Grant, t.Holdings); err != nil {
		return t, err
	}
	from, to := t.grasp()
	if t.Unknowns, err = s.activity.Unknowns(v, t.Grant, t.Holdings, from, to); err != nil {
		return t, err
	}
	return t, t.statesOf(v)
}

// ReadTimeline gathers everything about a grant from a store alone, which
// another jitbot may be running on. Nobody can tell there what the sources
// know: the evidence is that of the last receipt. It lists at most so many
// actions. Where there is no grant it is storage.ErrNotFound.
func ReadTimeline(v storage.View, people *Directory, grant string, most int, now time.Time) (Timeline, error) {
	reader, err := activity.NewReader()
	if err != nil {
		return Timeline{}, err
	}
	s := &Service{Config: Config{People: people}} // it finds words and does nothing else
	t, err := s.collect(v, reader, grant, most)
	if err != nil {
		return t, err
	}
	t.At, t.Evidence = now, t.Receipt.Evidence
	if t.Receipt.Number == 0 {
		t.Evidence.Lack("its use was not summed up yet")
	}
	return t, t.statesOf(v)
}

func (s *Service) collect(v storage.View, reader *activity.Reader, grant string, most int) (Timeline, error) {
	st, err := s.storyOf(v, grant)
	if err == nil && st.grant.ID == "" {
		err = storage.ErrNotFound
	}
	if err == nil && st.grant.Request != st.request.ID { // it was named by what lengthened it
		st, err = s.storyOf(v, st.grant.ID)
	}
	if err != nil {
		return Timeline{}, err
	}
	r, g := st.request, st.grant
	t := Timeline{
		Request: r, Grant: g, Person: s.People.Name(g.Principal), Status: s.statusOf(st), Because: endedBecause(g),
		Holdings: st.holdings, Receipt: st.receipt,
	}
	if r.By != r.For {
		t.Asker = s.People.Name(r.By)
	}
	for _, a := range r.Approvals {
		t.Approvals = append(t.Approvals, ApprovalBy{s.People.Name(a.By), a.At, a.SignedIn, a.Note})
	}
	if t.Use, err = activity.UseOf(v, g.ID); err != nil {
		return t, err
	}
	if t.Entries, err = s.entries(v, st); err != nil {
		return t, err
	}
	return t, t.listActions(v, reader, most)
}

// grasp is the stretch of time in which something can have been done with the
// grant that belongs on its timeline.
func (t *Timeline) grasp() (from, to time.Time) {
	from, to = t.Grant.CreatedAt, t.At
	if !t.Grant.ConfirmedAt.IsZero() {
		from = t.Grant.ConfirmedAt
	}
	if !t.Grant.EndedAt.IsZero() {
		to = t.Grant.EndedAt.Add(firstReceiptAfter)
	}
	return from, to
}

// statesOf reads how far the sources have read that watch the grant.
func (t *Timeline) statesOf(v storage.View) error {
	for _, name := range t.Evidence.Sources {
		state, err := activity.StateOf(v, name)
		if err != nil {
			return err
		}
		t.Sources = append(t.Sources, state)
	}
	return nil
}

// listActions reads all actions and keeps those that are listed: what stands
// out before others, so that no crowd of reads hides one denial.
func (t *Timeline) listActions(v storage.View, reader *activity.Reader, most int) error {
	var notable, others []jit.Activity
	err := reader.Activities(v, t.Grant.ID, 0, func(_ int, a jit.Activity) error {
		t.Deeds = append(t.Deeds, Deed{a.At, a.Outcome == jit.ActivityDenied, a.Stray, a.Late, a.ReadOnly})
		stands := a.Outcome == jit.ActivityDenied || a.Stray || a.Late
		switch {
		case stands && len(notable) < most*timelineNotable/timelineActions:
			notable = append(notable, a)
		case len(others) < most:
			others = append(others, a)
		}
		return nil
	})
	t.Actions = append(notable, others[:min(len(others), most-len(notable))]...)
	slices.SortStableFunc(t.Actions, func(a, b jit.Activity) int { return a.At.Compare(b.At) })
	t.More = t.Use.Actions - len(t.Actions)
	return err
}

// entries are the events of a story, in words: of its request and of those that
// lengthened its grant.
func (s *Service) entries(v storage.View, st story) ([]Entry, error) {
	requests, err := v.Requests(storage.RequestFilter{Extends: st.grant.ID})
	if err != nil {
		return nil, err
	}
	var events []jit.Event
	byID := map[string]jit.Request{}
	for _, r := range append(requests, st.request) {
		byID[r.ID] = r
		some, err := eventsOf(v, r.ID)
		if err != nil {
			return nil, err
		}
		events = append(events, some...)
	}
	slices.SortFunc(events, func(a, b jit.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	out := make([]Entry, 0, len(events))
	for _, e := range events {
		if text := entryWords(e, byID[e.Request], st.grant); text != "" {
			out = append(out, Entry{At: e.At, Kind: e.Kind, Who: s.byWhom(e.Actor), Text: text})
		}
	}
	return out, nil
}

// eventsOf are the first and the last events of a request.
func eventsOf(v storage.View, request string) ([]jit.Event, error) {
	f := storage.EventFilter{Request: request, Limit: timelineEvents}
	events, err := v.Events(f)
	if err != nil || len(events) < timelineEvents {
		return events, err
	}
	f.After, f.Newest = events[len(events)-1].Seq, true
	last, err := v.Events(f)
	return append(events, last...), err
}
