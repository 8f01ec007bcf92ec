package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// maxDeliveryKey bounds the delivery key an adapter may hand in.
const maxDeliveryKey = 256

// deliveryKept is how long a delivery key is remembered.
const deliveryKept = 24 * time.Hour

// call is one authenticated action of a person; who is empty while nobody
// knows whose the account is.
type call struct {
	in      Incoming
	who     Person
	stepped bool // the person has signed in anew for just this
	doubted bool // the platform did not say what the account is at the moment
}

// Handle implements [Inbox].
func (s *Service) Handle(ctx context.Context, in Incoming) (Reply, error) {
	reply, err := s.handle(ctx, in)
	var u undone
	if errors.As(err, &u) {
		return u.reply, nil
	}
	return reply, err
}

// undone is an action that came to nothing because something of ours is
// broken, with what the person is told of it. The same action may come again.
type undone struct {
	error
	reply Reply
}

func (u undone) Unwrap() error { return u.error }

// handle is Handle that tells apart what came to nothing.
func (s *Service) handle(ctx context.Context, in Incoming) (Reply, error) {
	if in.ID == "" || len(in.ID) > maxDeliveryKey {
		return Reply{}, fmt.Errorf("handle: delivery key of %d bytes; an adapter hands in 1 to %d", len(in.ID), maxDeliveryKey)
	}
	c := call{in: in}
	st, err := s.lookUp(ctx, in.From)
	if err == nil {
		c.who, c.doubted = st.who, st.doubt != nil
		err = s.mayAct(ctx, c, st)
	}
	if err == nil && !st.known {
		return s.greet(ctx, c, st)
	}
	if err != nil {
		return s.settleError(ctx, c, err)
	}
	s.learnEmail(ctx, c, st)
	reply, err := s.dispatch(ctx, c)
	if err == nil {
		return reply, nil
	}
	return s.settleError(ctx, c, err)
}

// settleError turns an error into what the person is told. Refusals are
// written down.
func (s *Service) settleError(ctx context.Context, c call, err error) (Reply, error) {
	if u, ok := asUserError(err); ok {
		return s.refuseOnce(ctx, c, u)
	}
	if down := storeTrouble(err); down != nil {
		s.log.Error("the store refuses to work", "cause", err)
		return Reply{}, undone{err, refusalReply(down)}
	}
	return Reply{}, undone{err, s.broken(c.in, err)}
}

func (s *Service) dispatch(ctx context.Context, c call) (Reply, error) {
	switch {
	case c.in.Action != nil:
		return s.press(ctx, c, *c.in.Action)
	case c.in.Form != nil:
		return s.submit(ctx, c, *c.in.Form)
	}
	cmd, err := ParseCommand(c.in.Text)
	if err != nil {
		return Reply{}, err
	}
	return s.command(ctx, c, cmd)
}

func (s *Service) command(ctx context.Context, c call, cmd Command) (Reply, error) {
	switch cmd.Verb {
	case "":
		return s.requestForm(ctx, c)
	case verbRequest:
		return s.request(ctx, c, wishOf(cmd, jit.Access))
	case verbBreakGlass:
		return s.breakGlass(ctx, c, cmd)
	case verbExtend:
		return s.extend(ctx, c, cmd)
	case verbEnd:
		return s.end(ctx, c, cmd)
	case verbCreds:
		return s.offerPickup(ctx, c, cmd.ID)
	case verbTimeline:
		return s.offerTimeline(ctx, c, cmd.ID)
	case verbCancel:
		return s.cancel(ctx, c, cmd.ID)
	case verbApprove:
		return s.approve(ctx, c, cmd.ID, consent{cmd.Duration, cmd.Reason})
	case verbDeny:
		return s.deny(ctx, c, cmd.ID, cmd.Reason)
	case verbAgain:
		return s.again(ctx, c, cmd.ID)
	case verbReview:
		return s.closeReview(ctx, c, cmd.ID, cmd.Reason)
	case verbAdvance:
		return s.giveAdvance(ctx, c, cmd)
	case verbRevoke:
		return s.revokeAdvance(ctx, c, cmd.ID)
	case verbRetry:
		return s.retry(ctx, c, cmd.ID)
	case verbAbandon:
		return s.abandon(ctx, c, cmd)
	case verbSignIn:
		return s.signInKnown(c)
	case verbUnlink:
		return s.unlink(ctx, c, cmd)
	case formDriftAccept, formDriftFix:
		return s.judgeDrift(ctx, c, cmd)
	case formItemEdit:
		return s.acceptItemAs(ctx, c, cmd)
	case verbLink:
		return s.showDevice(ctx, c, cmd.Code)
	case verbRevokeTok:
		return s.revokeToken(ctx, c, cmd.ID)
	default:
		return s.look(ctx, c, cmd)
	}
}

// look answers the verbs that change nothing.
func (s *Service) look(ctx context.Context, c call, cmd Command) (Reply, error) {
	switch cmd.Verb {
	case verbMine:
		return s.mine(ctx, c)
	case verbShow:
		return s.show(ctx, c, cmd.ID)
	case verbPending:
		return s.pending(ctx, c)
	case verbWhy:
		return s.why(ctx, c, cmd)
	case verbResources:
		return s.resources(ctx, c)
	case verbAdvances:
		return s.advances(ctx, c)
	case verbAccounts:
		return s.accounts(ctx, c)
	case verbDrift:
		return s.drifts(ctx, c)
	case verbTokens:
		return s.listTokens(ctx, c, cmd.Person)
	default:
		return helpReply(), nil
	}
}

// The verbs only buttons and forms have.
const (
	pressDenyForm    = "deny-form"
	pressShortenForm = "shorten-form"
	pressApproveForm = "approve-form"
	pressExtendForm  = "extend-form"
	pressRequestForm = "request-form"
	pressReviewForm  = "review-form"
	pressEndMany     = "end-many"
	pressConfirm     = "account-confirm"
	pressDismiss     = "account-dismiss"
	pressAcceptDrift = "drift-accept-form"
	pressFixDrift    = "drift-fix-form"
	pressLink        = "machine-confirm"
	pressNoLink      = "machine-reject"
)

// OpensForm reports whether an action is answered with a form where all is
// well, so that a chat can get one ready while the answer is on its way.
func OpensForm(in Incoming) bool {
	switch {
	case in.Action != nil:
		return strings.HasSuffix(in.Action.Verb, "-form")
	case in.Form != nil:
		return false
	}
	words := strings.Fields(in.Text)
	return len(words) == 0 || strings.EqualFold(words[0], verbBreakGlass) && !slices.Contains(words, "--yes")
}

// press does what a button says. A button carries a verb and an id and nothing
// else; every right is checked again on what is stored.
func (s *Service) press(ctx context.Context, c call, a Action) (Reply, error) {
	if len(a.ID) > maxWord || len(a.Verb) > maxWord {
		return Reply{}, unknownThing(a.ID)
	}
	if reply, known, err := s.pressItem(ctx, c, a); known {
		return reply, err
	}
	switch a.Verb {
	case pressDenyForm, pressShortenForm, pressApproveForm, pressExtendForm, pressReviewForm:
		return s.openForm(ctx, c, a)
	case pressRequestForm:
		return s.requestForm(ctx, c)
	case pressAcceptDrift, pressFixDrift:
		return s.driftForm(ctx, c, a)
	case pressEndMany:
		return s.endMany(ctx, c, a.ID)
	case verbApprove, verbCancel, verbCreds, verbAgain, verbRetry, verbShow, verbTimeline:
		return s.command(ctx, c, Command{Verb: a.Verb, ID: a.ID})
	case verbEnd, verbAbandon:
		return s.command(ctx, c, Command{Verb: a.Verb, ID: a.ID, Yes: true})
	case verbRevoke:
		return s.revokeAdvance(ctx, c, a.ID)
	case pressConfirm, pressDismiss:
		return s.judgeAccount(ctx, c, a)
	case pressLink:
		return s.confirmDevice(ctx, c, a.ID)
	case pressNoLink:
		return s.rejectDevice(ctx, c, a.ID)
	default:
		return Reply{}, refuse(CodeBadInput, "That button is not one of mine.", "`/jit help` lists what I can do.")
	}
}

// once runs fn in the transaction that remembers the delivery: the same
// delivery again gets the first answer and has no second effect. A UserError
// from fn is written down as refused in the same transaction, unless it can be
// mended in the form it is about. Where fn had
// saved something by then, nothing of the write is kept and the UserError is
// returned, to be written down by a write of its own.
func (s *Service) once(ctx context.Context, c call, fn func(tx storage.Tx, now time.Time) (Reply, error)) (Reply, error) {
	var reply Reply
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		reply = Reply{}
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		key := c.deliveryKey()
		kept, first, err := tx.Once(key, now)
		if err != nil {
			return err
		}
		if !first {
			return json.Unmarshal(kept, &reply)
		}
		noted := &notingTx{Tx: tx}
		if reply, err = fn(noted, now); err != nil {
			u, ok := asUserError(err)
			if !ok || noted.wrote || c.asks(u.Field) {
				return err
			}
			if err := s.saveRefusal(tx, c, u, now); err != nil {
				return err
			}
			reply = refusalReply(u)
		}
		return keepAnswer(tx, key, reply)
	})
	if err != nil {
		return Reply{}, err
	}
	s.poke()
	return reply, nil
}

// errUntold undoes a write that only looked.
var errUntold = errors.New("nobody has answered that yet")

// answered is what an earlier delivery of the same call was answered with; told is
// false where there was none. It is for what is done in more than one write.
func (s *Service) answered(ctx context.Context, c call) (reply Reply, told bool, err error) {
	err = s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		kept, first, err := tx.Once(c.deliveryKey(), now)
		if err == nil && first {
			err = errUntold
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(kept, &reply)
	})
	if errors.Is(err, errUntold) {
		return Reply{}, false, nil
	}
	return reply, err == nil, err
}

// deliveryKey tells a delivery from all others.
func (c call) deliveryKey() string { return c.in.From.String() + " " + c.in.ID }

// asks reports whether the call is a form that is still open and asks for a
// field: what is wrong with that is said there, and no refusal.
func (c call) asks(field string) bool {
	if c.in.Form == nil {
		return false
	}
	_, there := c.in.Form.Values[field]
	return there
}

// notingTx notes whether anything that would stay was written through it.
type notingTx struct {
	storage.Tx
	wrote bool
}

// Save notes the write and passes it on.
func (t *notingTx) Save(changes ...*jit.Change) error {
	t.wrote = true
	return t.Tx.Save(changes...)
}

// Queue notes the write and passes it on.
func (t *notingTx) Queue(messages ...storage.Outgoing) error {
	t.wrote = true
	return t.Tx.Queue(messages...)
}

// keepAnswer keeps a reply for the next delivery, without its links: a link
// may be a one-use secret, and no secret is stored.
func keepAnswer(tx storage.Tx, key string, reply Reply) error {
	if reply.Card != nil && len(reply.Card.Links) > 0 {
		again := *reply.Card
		again.Links = nil
		again.Body = []Text{{{Text: "The link was shown when you asked. Ask again for a new one."}}}
		reply.Card = &again
	}
	raw, err := json.Marshal(reply)
	if err != nil {
		return fmt.Errorf("keep the answer: %w", err)
	}
	return tx.Answer(key, raw)
}

func (s *Service) refuseOnce(ctx context.Context, c call, u *UserError) (Reply, error) {
	s.log.Info("refused", "code", u.Code, "actor", c.actor(), "cause", u.Cause)
	reply, err := s.once(ctx, c, func(storage.Tx, time.Time) (Reply, error) { return Reply{}, u })
	if err != nil {
		// The answer matters more to the person than its record: say it anyway.
		s.log.Error("a refusal could not be recorded", "code", u.Code, "cause", err)
		return refusalReply(u), nil
	}
	return reply, nil
}

func (s *Service) saveRefusal(tx storage.Tx, c call, u *UserError, now time.Time) error {
	s.metrics.refused.WithLabelValues(string(u.Code)).Inc()
	if write, err := s.countRefusal(tx, c.actor(), now); !write {
		return err
	}
	e := c.event(jit.EventRefused, now)
	e.Outcome = "refused"
	note := jit.Record(e).Detail("code", string(u.Code)).Detail("say", Shorten(u.Say, 500))
	if c.in.Action != nil {
		note.Detail("verb", Shorten(clean(c.in.Action.Verb), 40)).Detail("id", Shorten(clean(c.in.Action.ID), 60))
	}
	return tx.Save(note)
}

func (c call) actor() string {
	if c.who.ID == "" {
		return "unknown"
	}
	return c.who.ID
}

// event starts the event of what the caller does.
func (c call) event(kind string, now time.Time) jit.Event {
	origin := c.in.From.Platform
	if c.doubted {
		origin += ", account unchecked"
	}
	return jit.Event{
		At: now, Kind: kind, Actor: c.actor(), ActorAccount: c.in.From.String(),
		Origin: origin, Outcome: "ok",
	}
}

func refusalReply(u *UserError) Reply {
	card := Card{
		Title:  u.Say,
		Status: Status{"Nothing was changed", Warning},
		Notice: unmarked(u.Say + " " + u.Hint),
	}
	if u.Hint != "" {
		card.Body = []Text{marked(u.Hint)}
	}
	return Reply{Card: &card}
}

// broken answers for a fault of ours, with a reference to quote.
func (s *Service) broken(in Incoming, err error) Reply {
	ref := newToken()[:6]
	s.log.Error("a command failed", "reference", ref, "account", in.From.String(), "cause", err)
	card := Card{
		Title:  "Something broke on our side; nothing was changed.",
		Status: Status{"Not done", Bad},
		Body:   []Text{{{Text: "Try again in a minute. If it stays, tell the people who run jitbot the reference "}, {Text: ref, Code: true}, {Text: "."}}},
		Notice: "Something broke on our side; nothing was changed. Reference " + ref + ".",
	}
	return Reply{Card: &card}
}

func storeTrouble(err error) *UserError {
	for _, trouble := range []error{storage.ErrLocked, storage.ErrFull, storage.ErrReadOnly, storage.ErrUnsafe} {
		if errors.Is(err, trouble) {
			return storeDown(err)
		}
	}
	return nil
}

// marked turns `backquoted` parts of one of our own sentences into code spans.
func marked(s string) Text {
	var t Text
	for i, part := range strings.Split(s, "`") {
		if part != "" {
			t = append(t, Span{Text: part, Code: i%2 == 1})
		}
	}
	return t
}

func (s *Service) poke() {
	poke(s.wakeReconciler)
	poke(s.wakeOutbox)
	poke(s.wakeNudges)
	poke(s.wakeShadows)
}
