package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

const (
	// timelineWithin is how long a link to a timeline can be opened, and
	// timelineFor how long the one browser that opened it may look.
	timelineWithin = 10 * time.Minute
	timelineFor    = 30 * time.Minute

	linksForgotten = 500 // links that ran out that are dropped in one write
)

// ErrNoTimeline says that a link leads to no timeline: unknown, run out, or
// opened in another browser.
var ErrNoTimeline = errors.New("no such timeline")

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
		switch ok, err := s.mayLook(tx, c, st); {
		case err != nil:
			return Reply{}, err
		case !ok:
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

// forgetTimelines drops the links that lead nowhere any more.
func (s *Service) forgetTimelines(ctx context.Context) error {
	for {
		var over []string
		err := s.store.Read(ctx, func(v storage.View) (err error) {
			over, err = s.timelinesOver(v)
			return err
		})
		if err != nil || len(over) == 0 {
			return err
		}
		err = s.store.Write(ctx, func(tx storage.Tx) error { // they stay over: what has run out is never opened again
			for _, key := range over {
				if err := tx.SetLeaf(ledgerTimelines, key, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(over) < linksForgotten {
			return err
		}
	}
}

// timelinesOver are the keys of links that have run out, as many as are dropped
// in one write.
func (s *Service) timelinesOver(v storage.View) (over []string, err error) {
	now, err := s.instant(v)
	if err != nil {
		return nil, err
	}
	err = v.Leaves(ledgerTimelines, "", "", func(key string, raw []byte) error {
		var l timelineLink
		if json.Unmarshal(raw, &l) == nil && now.Before(l.ExpiresAt) {
			return nil
		}
		if over = append(over, key); len(over) == linksForgotten {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return over, err
}

// errEnough ends a walk over a ledger before its end.
var errEnough = errors.New("enough was read")

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
		st, err := s.storyOf(v, l.Grant)
		if err != nil {
			return err
		}
		who, _ := s.People.ByID(l.Principal)
		switch ok, err := s.mayLook(v, call{who: who}, st); {
		case err != nil:
			return err
		case !ok:
			return ErrNoTimeline
		}
		if t, err = s.TimelineOf(v, l.Grant); err != nil {
			return err
		}
		t.Until = l.ExpiresAt
		return nil
	})
	return t, err
}

// mayLook reports whether a person may see everything about a story's grant:
// whoever its request concerns, or one that lengthened it.
func (s *Service) mayLook(v storage.View, c call, st story) (bool, error) {
	if s.concerns(c, st) {
		return true, nil
	}
	if st.grant.ID == "" {
		return false, nil
	}
	more, err := v.Requests(storage.RequestFilter{Extends: st.grant.ID})
	return slices.ContainsFunc(more, func(r jit.Request) bool { return s.concerns(c, story{request: r}) }), err
}
