package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"jitbot/jit"
	"jitbot/storage"
)

// Reviewer looks back on a week.
type Reviewer interface {
	// Review makes the review of a week from what is kept. It changes nothing,
	// and the same view and week give the same review.
	Review(ctx context.Context, v storage.View, w Week) (WeekReview, error)
}

// WeekReview is what is said of a week.
type WeekReview struct {
	Head  Card             // starts the thread
	Items []jit.Suggestion // to decide on, worst first, as [Service.ShowSuggestions] takes them
	Rest  []Card           // what comes after them
	Quiet bool             // there is nothing to say but the head
	// Behind are items that come behind "more" whatever room there is.
	Behind []jit.Suggestion
}

// ReviewConfig says when and where the weekly review is posted.
type ReviewConfig struct {
	Reviewer Reviewer // nil: there is none
	Judge    Judge    // of the edits that stand, before each review; nil: nobody is
	At       string   // Mon 09:00; empty: never by itself
	Zone     *time.Location
	Channel  string
}

const (
	// reviewStands is how long after its time a review is still posted that was
	// missed.
	reviewStands = 6 * 24 * time.Hour
	keptUp       = 8 // reviews, the newest, whose copies of items are kept up
	shownItems   = 7 // of a thread, with a message of their own
	slotHead     = "head"
	reviewThread = "review:"
)

// ParseReviewTime reads when a review is posted: Mon 09:00.
func ParseReviewTime(text string, zone *time.Location) (cron.Schedule, error) {
	var day string
	var hour, minute int
	if n, err := fmt.Sscanf(text, "%3s %02d:%02d", &day, &hour, &minute); err == nil && n == 3 && len(text) == len("Mon 09:00") {
		s, err := cron.ParseStandard(fmt.Sprintf("CRON_TZ=%s %d %d * * %s", zone, minute, hour, day))
		if err == nil {
			return everyWeek{s, hour, minute, zone}, nil
		}
	}
	return nil, fmt.Errorf("%q is no day and time; write it like Mon 09:00", text)
}

// everyWeek is a schedule that leaves out no week: cron has none on the day on
// which clocks go forward over its time.
type everyWeek struct {
	cron.Schedule

	hour, minute int
	zone         *time.Location
}

// Next implements [cron.Schedule].
func (e everyWeek) Next(after time.Time) time.Time {
	next := e.Schedule.Next(after)
	local := next.In(e.zone)
	before := time.Date(local.Year(), local.Month(), local.Day()-7, e.hour, e.minute, 0, 0, e.zone) // in a gap it is an hour beside
	if before.After(after) {
		return before
	}
	return next
}

// lastDue is the last time at which a review was to be posted, zero if there was
// none within the days in which one still is.
func lastDue(s cron.Schedule, now time.Time) (due time.Time) {
	for at := s.Next(now.Add(-reviewStands)); !at.IsZero() && !at.After(now); at = s.Next(at) {
		due = at
	}
	return due
}

// postDueReview posts the review that is due, if nobody has. What was missed
// longer ago stays missed.
func (s *Service) postDueReview(ctx context.Context) error {
	c := s.Review
	if c.Reviewer == nil || c.At == "" || s.Ready(ctx) != nil {
		return nil
	}
	schedule, err := ParseReviewTime(c.At, c.Zone)
	if err != nil {
		return err
	}
	due := lastDue(schedule, s.Now())
	if due.IsZero() {
		return nil
	}
	return s.reviewing.try(s.Now, func() error {
		_, err := s.PostReview(ctx, WeekOf(due, c.Zone).Before(1), jit.ActorJitbot)
		return err
	})
}

// reviewBackoff is how long a review that failed is left alone: it may have read
// half a year before it did.
var reviewBackoff = Backoff{First: 2 * time.Minute, Most: time.Hour}

// tries keep what fails from being tried at every round.
type tries struct {
	mu     sync.Mutex
	failed int
	next   time.Time
}

// try does something unless it failed a short while ago.
func (t *tries) try(now func() time.Time, do func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now().Before(t.next) {
		return nil
	}
	err := do()
	if err == nil {
		t.failed, t.next = 0, time.Time{}
		return nil
	}
	t.failed++
	t.next = now().Add(reviewBackoff.After(t.failed))
	return err
}

// PostReview posts the review of a week, once whatever happens and however many
// processes try. It reports whether it was this call that did.
func (s *Service) PostReview(ctx context.Context, w Week, actor string) (posted bool, err error) {
	if s.Review.Reviewer == nil || s.Review.Channel == "" {
		return false, errors.New("no review is set up: review.channel in the configuration says where it goes")
	}
	s.judgeBefore(ctx, w)
	var r WeekReview
	done := false
	err = s.store.Read(ctx, func(v storage.View) error {
		if done, err = reviewPosted(v, w.Name); err != nil || done {
			return err
		}
		r, err = s.Review.Reviewer.Review(ctx, v, w)
		return err
	})
	if err != nil || done {
		return false, err
	}
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		posted = false
		if done, err := reviewPosted(tx, w.Name); err != nil || done {
			return err
		}
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		if _, first, err := tx.Once(reviewThread+w.Name, now); err != nil || !first {
			return err // another process, in a transaction of its own
		}
		posted = true
		return s.queueReview(tx, w, r, actor, now)
	})
	if err == nil && posted {
		s.poke()
	}
	return posted && err == nil, err
}

// ledgerWeeks keeps the weeks whose review was posted by their names: when, and
// the ids of what it had no room for, with blanks between. Whether one was is asked every minute, which no walk through the log may cost.
const ledgerWeeks = "s.weeks"

// reviewPosted reports whether a week's review was posted.
func reviewPosted(v storage.View, week string) (bool, error) {
	_, err := v.Leaf(ledgerWeeks, week)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// postedReviews are the last weeks whose review was posted, the newest first.
func postedReviews(v storage.View, most int) (weeks []string, err error) {
	err = v.Leaves(ledgerWeeks, "", "", func(week string, _ []byte) error {
		weeks = append(weeks, week)
		return nil
	})
	slices.Reverse(weeks)
	return weeks[:min(most, len(weeks))], err
}

// queueReview writes that a review is posted, keeps what it shows, and queues its
// messages: the head, and everything else as replies to it.
func (s *Service) queueReview(tx storage.Tx, w Week, r WeekReview, actor string, now time.Time) error {
	rows, err := s.ShowSuggestions(tx, r.Items)
	if err != nil {
		return err
	}
	front := min(len(rows), shownItems)
	behind, err := s.ShowSuggestions(tx, r.Behind)
	if err != nil {
		return err
	}
	rows = append(rows, behind...)
	e := s.event(jit.EventReviewPosted, actor, "review")
	e.At = now
	c := jit.Record(e).Detail("week", w.Name).Detail("items", len(rows)).Detail("channel", s.Review.Channel)
	if len(rows) > front {
		c.Detail("behind", idsOf(rows[front:]))
	}
	if err := errors.Join(tx.Save(c), tx.SetLeaf(ledgerWeeks, w.Name, []byte(strings.Join(append([]string{now.UTC().Format(time.RFC3339Nano)}, idsOf(rows[front:])...), " ")))); err != nil {
		return err
	}
	out := []storage.Outgoing{}
	add := func(slot, root string, card Card) error {
		raw, err := json.Marshal(card)
		out = append(out, storage.Outgoing{
			Thread: reviewThread + w.Name, Slot: slot, Root: root, Channel: s.Review.Channel, Chat: s.mainChat(), Card: raw, QueuedAt: now, NextAt: now,
		})
		return err
	}
	errs := []error{add(slotHead, "", r.Head)}
	for i, g := range rows[:front] {
		ran, err := ShadowOf(tx, g)
		errs = append(errs, err, add(g.ID, slotHead, s.itemCard(g, ran, i+1)))
	}
	if len(rows) > front {
		errs = append(errs, add(slotMore, slotHead, moreItems(rows[front:], w.Name)))
	}
	for i, card := range r.Rest {
		errs = append(errs, add("rest-"+itoa(i+1), slotHead, card))
	}
	return errors.Join(append(errs, tx.Queue(out...))...)
}

func idsOf(rows []jit.Suggestion) []string {
	var out []string
	for _, g := range rows {
		out = append(out, g.ID)
	}
	return out
}

// placeOf is the number of an item in a review's thread: what is posted later
// comes after what is there. An item without a message has the next one.
func placeOf(all []storage.Message, id string) int {
	n := 1
	for _, m := range all {
		if m.Slot == id {
			break
		}
		if strings.HasPrefix(m.Slot, idSuggestion+"_") {
			n++
		}
	}
	return n
}

// rewriteItem has every copy of an item's card say how the item stands.
func (s *Service) rewriteItem(tx storage.Tx, g jit.Suggestion, now time.Time) error {
	weeks, err := postedReviews(tx, keptUp)
	if err != nil {
		return err
	}
	ran, err := ShadowOf(tx, g)
	if err != nil {
		return err
	}
	there := false
	for _, week := range weeks {
		all, err := tx.Messages(reviewThread + week)
		if err != nil {
			return err
		}
		cards := map[string]Card{g.ID: s.itemCard(g, ran, placeOf(all, g.ID)), shadowSlot(g): s.shadowCard(g, ran)}
		for _, m := range all {
			card, ours := cards[m.Slot]
			if !ours {
				continue
			}
			there = true
			raw, err := json.Marshal(card)
			if err != nil {
				return err
			}
			err = tx.Queue(storage.Outgoing{Thread: m.Thread, Slot: m.Slot, Root: m.Root, Audience: m.Audience, Chat: m.Chat, Channel: m.Channel, Person: m.Person, Card: raw, QueuedAt: now, NextAt: now})
			if err != nil {
				return err
			}
		}
	}
	if there || g.Reverts == "" || len(weeks) == 0 {
		return nil
	}
	// what takes an edit back was in no review yet: whoever confirms it needs its buttons now
	all, err := tx.Messages(reviewThread + weeks[0])
	if err != nil {
		return err
	}
	return s.queueItem(tx, weeks[0], g.ID, s.itemCard(g, ran, placeOf(all, g.ID)), now)
}
