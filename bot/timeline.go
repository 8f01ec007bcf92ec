package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"jitbot/activity"
	"jitbot/jit"
	"jitbot/storage"
)

const (
	// timelineWithin is how long a link to a timeline can be opened, and
	// timelineFor how long the one browser that opened it may look.
	timelineWithin = 10 * time.Minute
	timelineFor    = 30 * time.Minute
	// timelineActions is how many actions a timeline lists; its counts are of all.
	timelineActions = 2000
)

// ErrNoTimeline says that a link leads to no timeline: unknown, run out, or
// opened in another browser.
var ErrNoTimeline = errors.New("no such timeline")

// Timeline is everything about one grant in the order of time.
type Timeline struct {
	Request  jit.Request
	Grant    jit.Grant
	Person   string // the holder's name
	Status   Status
	Entries  []Entry
	Actions  []jit.Activity // in the order they were done; of many the first
	More     int            // actions that are not among them
	Use      activity.Use
	Receipt  activity.Receipt // the last one; Number 0: none yet
	Evidence jit.Evidence     // as of now
	Holdings []jit.Holding
	Until    time.Time // when the page stops working
}

// Entry is one thing that jitbot or people did about a grant.
type Entry struct {
	At   time.Time
	Kind string // of the event
	Who  string // a name
	Text string // one sentence; plain text
}

// timelineLink is a personal, short-lived right to look at one timeline.
type timelineLink struct {
	Grant     string    `json:"grant"`
	Principal string    `json:"principal"`
	ExpiresAt time.Time `json:"expires_at"`
	Browser   string    `json:"browser,omitempty"` // hash of what the one browser holds; empty: not opened yet
}

const ledgerTimelines = "timeline.links"

// offerTimeline answers, privately, with a link to a grant's timeline that
// works for whoever opens it first, and in no other browser.
func (s *Service) offerTimeline(ctx context.Context, c call, id string) (Reply, error) {
	token := newToken()
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		st, err := s.storyOf(tx, id)
		if err != nil {
			return Reply{}, orUnknown(err, id)
		}
		if !s.concerns(c, st) {
			return Reply{}, unknownThing(id)
		}
		if st.grant.ID == "" {
			return Reply{}, refuse(CodeUnknownThing, "There is no grant of that yet, so there is no timeline.", "`/jit show "+st.request.ID+"` has what there is.")
		}
		e := c.event(jit.EventTimelineOffered, now)
		e.Request, e.Grant, e.Resource = st.request.ID, st.grant.ID, st.grant.Resource
		if err := tx.Save(jit.Record(e)); err != nil {
			return Reply{}, err
		}
		l := timelineLink{Grant: st.grant.ID, Principal: c.who.ID, ExpiresAt: now.Add(timelineWithin)}
		return timelineReply(st.grant, s.BaseURL+"/g/"+token), l.keep(tx, token)
	})
}

func timelineReply(g jit.Grant, url string) Reply {
	return Reply{Card: &Card{
		Title: "Timeline of " + g.Resource, Status: Status{"For you alone", Neutral},
		Body:  []Text{plain("The link works for ten minutes, in the first browser that opens it. The page only shows; nothing can be done there.")},
		Links: []Link{{Label: "Open the timeline", URL: url, Once: true}}, Notice: "A link to the timeline of " + g.ID + ".",
	}}
}

func (l timelineLink) keep(tx storage.Tx, token string) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return tx.SetLeaf(ledgerTimelines, tokenHash(token), raw)
}

// linkOf loads what a token stands for, if it still stands for anything.
func (s *Service) linkOf(v storage.View, token, viewer string) (timelineLink, time.Time, error) {
	var l timelineLink
	now, err := s.instant(v)
	if err != nil {
		return l, now, err
	}
	raw, err := v.Leaf(ledgerTimelines, tokenHash(token))
	if errors.Is(err, storage.ErrNotFound) {
		return l, now, ErrNoTimeline
	}
	if err != nil {
		return l, now, err
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, now, err
	}
	switch {
	case !now.Before(l.ExpiresAt) || !s.People.Active(l.Principal):
		return l, now, ErrNoTimeline
	case viewer != "" && viewer != l.Principal:
		return l, now, ErrNotYours
	}
	return l, now, nil
}

// PeekTimeline says whether a link still leads anywhere and changes nothing.
// viewer is the principal who is known to look, or empty where only the link
// tells.
func (s *Service) PeekTimeline(ctx context.Context, token, viewer string) (resource string, until time.Time, err error) {
	err = s.store.Read(ctx, func(v storage.View) error {
		l, _, err := s.linkOf(v, token, viewer)
		if err != nil {
			return err
		}
		if l.Browser != "" {
			return ErrNoTimeline
		}
		g, err := v.Grant(l.Grant)
		resource, until = g.Resource, l.ExpiresAt
		return err
	})
	return resource, until, err
}

// OpenTimeline ties a link to the one browser that opens it and returns what
// that browser has to show from then on. A link that was opened is
// [ErrNoTimeline].
func (s *Service) OpenTimeline(ctx context.Context, token, viewer string) (browser string, until time.Time, err error) {
	browser = newToken()
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		l, now, err := s.linkOf(tx, token, viewer)
		if err != nil {
			return err
		}
		if l.Browser != "" {
			return ErrNoTimeline
		}
		l.Browser, l.ExpiresAt = tokenHash(browser), now.Add(timelineFor)
		until = l.ExpiresAt
		g, err := tx.Grant(l.Grant)
		if err != nil {
			return err
		}
		e := jit.Event{At: now, Kind: jit.EventTimelineOpened, Actor: l.Principal, Origin: "page", Outcome: "ok", Request: g.Request, Grant: g.ID, Resource: g.Resource}
		return errors.Join(tx.Save(jit.Record(e)), l.keep(tx, token))
	})
	return browser, until, err
}

// Timeline is the timeline behind a link, for the browser that opened it.
// Rights are looked at again each time.
func (s *Service) Timeline(ctx context.Context, token, browser, viewer string) (Timeline, error) {
	var t Timeline
	err := s.store.Read(ctx, func(v storage.View) error {
		l, _, err := s.linkOf(v, token, viewer)
		if err != nil {
			return err
		}
		if l.Browser == "" || l.Browser != tokenHash(browser) {
			return ErrNoTimeline
		}
		if t, err = s.TimelineOf(v, l.Grant); err != nil {
			return err
		}
		st := story{request: t.Request, grant: t.Grant}
		who, _ := s.People.ByID(l.Principal)
		if !s.concerns(call{who: who}, st) {
			return ErrNoTimeline
		}
		t.Until = l.ExpiresAt
		return nil
	})
	return t, err
}

// TimelineOf gathers everything about a grant.
func (s *Service) TimelineOf(v storage.View, grant string) (Timeline, error) {
	st, err := s.storyOf(v, grant)
	if err != nil {
		return Timeline{}, err
	}
	t := Timeline{
		Request: st.request, Grant: st.grant, Person: s.People.Name(st.grant.Principal), Status: s.statusOf(st),
		Holdings: st.holdings, Receipt: st.receipt,
	}
	if t.Use, err = activity.UseOf(v, st.grant.ID); err != nil {
		return t, err
	}
	if t.Evidence, err = s.activity.Evidence(v, st.grant, st.holdings); err != nil {
		return t, err
	}
	if t.Entries, err = s.entries(v, st); err != nil {
		return t, err
	}
	return t, t.listActions(v, s.activity)
}

func (t *Timeline) listActions(v storage.View, log *activity.Log) error {
	err := log.Activities(v, t.Grant.ID, 0, func(_ int, a jit.Activity) error {
		if len(t.Actions) < timelineActions {
			t.Actions = append(t.Actions, a)
		}
		return nil
	})
	t.More = t.Use.Actions - len(t.Actions)
	slices.SortStableFunc(t.Actions, func(a, b jit.Activity) int { return a.At.Compare(b.At) })
	return err
}

// entries are the events of a story, in words.
func (s *Service) entries(v storage.View, st story) ([]Entry, error) {
	events, err := v.Events(storage.EventFilter{Request: st.request.ID})
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(events))
	for _, e := range events {
		if text := s.entryWords(e, st); text != "" {
			out = append(out, Entry{At: e.At, Kind: e.Kind, Who: s.byWhom(e.Actor), Text: text})
		}
	}
	return out, nil
}
