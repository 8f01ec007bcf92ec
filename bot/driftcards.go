package bot

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

const (
	maxDriftNamed   = 10 // new ones that a card names
	maxDriftButtons = 8  // those of a list that have buttons
	maxUnread       = 5  // things of a list that could not be read
)

// DriftReport is where the outside and the store do not agree, and what that
// rests on.
type DriftReport struct {
	Drifts   []jit.Drift    `json:"drifts"` // open ones first, then accepted ones
	Readings []DriftReading `json:"readings"`
}

// DriftReading is how one thing was last read.
type DriftReading struct {
	What      string    `json:"what"`
	Resources []string  `json:"resources"`
	Held      int       `json:"held"`                // how many were listed at the last good reading
	GoodAt    time.Time `json:"good_at,omitzero"`    // the last good reading; zero: there was none
	Problem   string    `json:"problem,omitempty"`   // why it is not known how things are now; empty: it is
	Suspected int       `json:"suspected,omitempty"` // differences seen once, which count when they are seen again
}

// DriftNow reads what the rounds have found.
func DriftNow(v storage.View) (DriftReport, error) {
	out := DriftReport{Drifts: []jit.Drift{}, Readings: []DriftReading{}}
	found, err := v.Drifts(storage.DriftFilter{States: []jit.DriftState{jit.DriftOpen, jit.DriftAccepted}, Limit: maxDriftLive})
	if err != nil {
		return out, err
	}
	out.Drifts = append(out.Drifts, found...)
	slices.SortStableFunc(out.Drifts, func(a, b jit.Drift) int { return driftRank(a) - driftRank(b) })
	w, err := readWatch(v)
	for _, r := range w.Readings {
		problem := r.Error
		if problem != "" {
			problem = "could not be read: " + problem
		} else if r.Doubt != "" {
			problem = "read, and not believed: " + r.Doubt
		}
		out.Readings = append(out.Readings, DriftReading{r.What, r.Resources, r.Held, r.GoodAt, problem, len(r.Suspects)})
	}
	slices.SortFunc(out.Readings, func(a, b DriftReading) int { return strings.Compare(a.What, b.What) })
	return out, err
}

// Suspected is how many differences were seen once and do not count yet.
func (r DriftReport) Suspected() (n int) {
	for _, reading := range r.Readings {
		n += reading.Suspected
	}
	return n
}

// driftRank puts first what somebody took or put back, and what was accepted last.
func driftRank(d jit.Drift) int {
	rank := slices.Index([]jit.DriftKind{jit.DriftLeftover, jit.DriftMissing, jit.DriftStanding}, d.Kind)
	if d.Initial {
		rank += 3
	}
	if d.State == jit.DriftAccepted {
		rank += 6
	}
	return rank
}

// Age is how long ago the last good reading was, in words.
func (r DriftReading) Age(now time.Time) string {
	if r.GoodAt.IsZero() {
		return "it was never read"
	}
	return "last read " + jit.FormatDuration(max(now.Sub(r.GoodAt), 0).Truncate(time.Second)) + " ago"
}

// driftWho is whom a drift is about.
func (s *Service) driftWho(d jit.Drift) string {
	p, known := s.People.ByID(d.Principal)
	switch {
	case !known:
		return d.Who + " (unknown person)"
	case p.Disabled:
		return s.People.Name(d.Principal) + " (not active any more)"
	default:
		return s.People.Name(d.Principal)
	}
}

func driftWords(d jit.Drift) Text {
	switch d.Kind {
	case jit.DriftMissing:
		return Text{{Text: "should have it by "}, {Text: d.Grant, Code: true}, {Text: ", and it is not there"}}
	case jit.DriftLeftover:
		if d.Grant == "" {
			return plain("has it again: it was taken back as drift before")
		}
		return Text{{Text: "has it again: "}, {Text: d.Grant, Code: true}, {Text: " had ended with it gone"}}
	case jit.DriftStanding:
		if d.Initial {
			return plain("has it, by no grant; it was there when jitbot first looked")
		}
	}
	return plain("has it, by no grant")
}

func (s *Service) driftField(label string, d jit.Drift) Field {
	return field(label+s.driftWho(d)+", "+d.Resource, append(driftWords(d), Span{Text: " · "}, Span{Text: d.ID, Code: true}))
}

// driftNews is the one card of a round that found something new.
func (s *Service) driftNews(news, initial []jit.Drift, doubts []reading) Card {
	card := Card{Title: "Drift: what was read of the outside is not believed yet", Status: Status{"Nothing was changed", Warning}}
	if n := len(news) + len(initial); n > 0 {
		card.Title = "Drift: " + plural(n, "new difference") + " between the outside and jitbot"
	}
	for _, d := range news[:min(len(news), maxDriftNamed)] {
		card.Fields = append(card.Fields, s.driftField("", d))
	}
	if more := len(news) - maxDriftNamed; more > 0 {
		card.Body = append(card.Body, plain("And "+itoa(more)+" more."))
	}
	for _, line := range initialLines(initial) {
		card.Body = append(card.Body, plain(line))
	}
	for _, r := range doubts[:min(len(doubts), maxUnread)] {
		card.Body = append(card.Body, plain(r.What+" was read and is not believed yet: "+r.Doubt+". That is taken for a fault of the reading first, and nothing is given again for it."))
	}
	if more := len(doubts) - maxUnread; more > 0 {
		card.Body = append(card.Body, plain("And "+itoa(more)+" more that are not believed."))
	}
	if slices.Contains(s.Drift.Repair, jit.DriftMissing) && slices.ContainsFunc(news, func(d jit.Drift) bool { return d.Kind == jit.DriftMissing }) {
		card.Status = Status{"Only what is missing is given again", Warning}
	}
	card.Body = append(card.Body, marked("`/jit drift` lists it all, for admins and security."))
	card.Notice = card.Title + "."
	return card
}

// initialLines sums up what stood when jitbot first looked, a line a resource.
func initialLines(initial []jit.Drift) []string {
	n, names := map[string]int{}, []string(nil)
	for _, d := range initial {
		if n[d.Resource]++; n[d.Resource] == 1 {
			names = append(names, d.Resource)
		}
	}
	var lines []string
	for _, name := range names[:min(len(names), maxDriftNamed)] {
		lines = append(lines, name+": "+plural(n[name], "access")+" by no grant stood when jitbot first looked.")
	}
	if more := len(names) - maxDriftNamed; more > 0 {
		lines = append(lines, "The same in "+plural(more, "more resource")+".")
	}
	return lines
}

// queueDriftCard queues the card of a round: for the alert channel, or for the
// admins where there is none.
func (s *Service) queueDriftCard(tx storage.Tx, card Card, now time.Time) error {
	if s.AlertChannel == "" {
		return s.queueAlert(tx, card)
	}
	raw, err := json.Marshal(card)
	if err != nil {
		return err
	}
	return tx.Queue(storage.Outgoing{
		Thread: "alert:" + s.NewID("alr", now), Slot: "alert", Channel: s.AlertChannel, Chat: s.mainChat(), Card: raw, QueuedAt: now, NextAt: now,
	})
}

func (s *Service) ownDriftCard(d jit.Drift, why string) Card {
	who := s.People.Name(d.Principal)
	return Card{
		Title: who + " judged a drift about their own access", Status: Status{"It is done as they say", Warning},
		Fields: []Field{s.driftField("", d)}, Quote: why, Notice: who + " judged a drift about their own access.",
	}
}

// drifts lists them for overseers, each with what can be done about it.
func (s *Service) drifts(ctx context.Context, c call) (Reply, error) {
	if err := s.mayJudgeDrift(c); err != nil {
		return Reply{}, err
	}
	var now DriftReport
	var at time.Time
	turns := map[string]jit.Holding{}
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		if at, err = s.instant(v); err != nil {
			return err
		}
		if now, err = DriftNow(v); err != nil {
			return err
		}
		turns, err = driftTurns(v, now.Drifts[:min(len(now.Drifts), maxDriftNamed)])
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	card := s.driftCard(now, turns, at)
	return Reply{Card: &card}, nil
}

// driftTurns finds the turns that put drifts right at the moment, by drift.
func driftTurns(v storage.View, all []jit.Drift) (map[string]jit.Holding, error) {
	turns := map[string]jit.Holding{}
	var targets []string
	for _, d := range all {
		targets = append(targets, d.Target)
	}
	if len(targets) == 0 {
		return turns, nil
	}
	live, err := v.Holdings(storage.HoldingFilter{Targets: targets, States: livingHoldings()})
	for _, h := range live {
		if h.Drift != "" {
			turns[h.Drift] = h
		}
	}
	return turns, err
}

func (s *Service) driftCard(now DriftReport, turns map[string]jit.Holding, at time.Time) Card {
	open, accepted := 0, 0
	card := Card{Title: "Drift: where the outside and jitbot do not agree"}
	for i, d := range now.Drifts {
		if d.State == jit.DriftAccepted {
			accepted++
			continue
		}
		if open++; i >= maxDriftNamed {
			continue
		}
		label := itoa(i + 1)
		f := s.driftField(label+". ", d)
		turn, busy := turns[d.ID]
		if busy {
			f.Value = append(f.Value, Span{Text: " · being put right " + failedSoFar(turn)})
		}
		card.Fields = append(card.Fields, f)
		if i < maxDriftButtons && !busy {
			card.Buttons = append(card.Buttons, driftButtons(label, d)...)
		}
	}
	card.Status, card.Body = driftStatus(now, open), unreadLines(now.Readings, at)
	if more := open - len(card.Fields); more > 0 {
		card.Body = append(card.Body, marked("And "+itoa(more)+" more; `bot drift list` names them all."))
	}
	if accepted > 0 {
		card.Body = append(card.Body, marked(plural(accepted, "other")+" accepted; `bot drift list` names them."))
	}
	card.Notice = card.Title + ": " + card.Status.Text + "."
	return card
}

// driftStatus never takes what could not be read for agreement.
func driftStatus(now DriftReport, open int) Status {
	unread := slices.ContainsFunc(now.Readings, func(r DriftReading) bool { return r.Problem != "" })
	switch {
	case open > 0:
		return Status{plural(open, "difference"), Warning}
	case len(now.Readings) == 0:
		return Status{"Nothing was compared yet", Neutral}
	case unread:
		return Status{"Not everything could be read", Warning}
	case now.Suspected() > 0:
		return Status{plural(now.Suspected(), "difference") + " seen once, looked at again in a minute", Neutral}
	default:
		return Status{"No drift", Good}
	}
}

func unreadLines(all []DriftReading, at time.Time) []Text {
	var lines []Text
	more := 0
	for _, r := range all {
		switch {
		case r.Problem == "":
		case len(lines) == maxUnread:
			more++
		default:
			lines = append(lines, plain(r.What+" ("+strings.Join(r.Resources, ", ")+") "+Shorten(r.Problem, 200)+"; "+r.Age(at)+"."))
		}
	}
	if more > 0 {
		lines = append(lines, plain("And "+itoa(more)+" more that could not be read."))
	}
	return lines
}

func driftButtons(label string, d jit.Drift) []Button {
	buttons := []Button{{Action: Action{pressAcceptDrift, d.ID}, Label: "Accept " + label + "…"}}
	switch {
	case d.Kind == jit.DriftMissing:
		buttons = append(buttons, Button{Action: Action{pressFixDrift, d.ID}, Label: "Give " + label + " again…", Style: Primary})
	case d.Principal != "":
		buttons = append(buttons, Button{Action: Action{pressFixDrift, d.ID}, Label: "Remove " + label + "…", Style: Danger})
	}
	return buttons
}

// driftForm is the question before a deed; why has to be said.
func (s *Service) driftForm(ctx context.Context, c call, a Action) (Reply, error) {
	if err := s.mayJudgeDrift(c); err != nil {
		return Reply{}, err
	}
	var d jit.Drift
	err := s.store.Read(ctx, func(v storage.View) (err error) {
		d, err = v.Drift(a.ID)
		return orUnknownDrift(err, a.ID)
	})
	if err != nil {
		return Reply{}, err
	}
	if d.State == jit.DriftGone {
		return Reply{}, goneAlready(d)
	}
	whose := s.driftWho(d) + ", " + d.Resource
	f := &Form{
		Name: formDriftFix, ID: d.ID, Title: "Remove this access", Submit: "Remove",
		Intro:  []Text{plain(whose + ": it is taken away, as no grant gives it now. A session that is open already may go on for a while.")},
		Fields: []Input{{Name: fieldReason, Label: "Why?", Kind: Lines, Required: true, Max: maxReason, Hint: "It is recorded with your name."}},
	}
	switch {
	case a.Verb == pressAcceptDrift:
		f.Name, f.Title, f.Submit = formDriftAccept, "Accept this drift", "Accept"
		f.Intro = []Text{plain(whose + ": it is meant to be so. Nothing more is said of it until it changes.")}
	case d.Kind == jit.DriftMissing:
		f.Title, f.Submit = "Give this access again", "Give again"
		f.Intro = []Text{plain(whose + " gets it back now, until the grant ends as it would have.")}
	}
	if d.Principal == c.who.ID {
		f.Intro = append(f.Intro, Text{{Text: "This is your own access: the other overseers are told.", Strong: true}})
	}
	return Reply{Form: f}, nil
}

func driftReply(verb string, d jit.Drift) Reply {
	switch {
	case verb == formDriftAccept:
		return said("Accepted.", "Nothing more is said of it until it changes.", Good)
	case d.Kind == jit.DriftMissing:
		return said("Giving it again.", "`/jit drift` shows how it goes.", Waiting)
	default:
		return said("Taking it away.", "`/jit drift` lists it until it was seen to be gone.", Waiting)
	}
}
