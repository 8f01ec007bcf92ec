package bot

import (
	"context"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// The buttons of items of the weekly review.
const (
	pressItemAccept   = "item-accept"
	pressItemEdit     = "item-edit"
	pressItemForm     = "item-edit-form" // the same, where a form is to open
	pressItemLater    = "item-later"
	pressItemWrong    = "item-wrong"
	pressItemConfirm  = "item-confirm"
	pressItemWithdraw = "item-withdraw"
	pressItemRevert   = "item-revert"
	pressItemActivate = "item-activate"
	pressItemHurt     = "item-hurt"
)

// pressItem does what a button of an item says; known is false for a verb that
// is none of them.
func (s *Service) pressItem(ctx context.Context, c call, a Action) (reply Reply, known bool, err error) {
	do := map[string]func(ctx context.Context, id, actor string) (jit.Suggestion, error){
		pressItemAccept: s.AcceptSuggestion, pressItemConfirm: s.ConfirmSuggestion, pressItemWithdraw: s.WithdrawSuggestion, pressItemRevert: s.RevertSuggestion,
		pressItemActivate: s.ActivateSuggestion,
		pressItemHurt:     s.HurtBySuggestion,
		pressItemLater: func(ctx context.Context, id, actor string) (jit.Suggestion, error) {
			return s.DismissSuggestion(ctx, id, actor, jit.NotNow)
		},
		pressItemWrong: func(ctx context.Context, id, actor string) (jit.Suggestion, error) {
			return s.DismissSuggestion(ctx, id, actor, jit.Wrong)
		},
	}[a.Verb]
	switch {
	case a.Verb == pressItemEdit || a.Verb == pressItemForm:
		reply, err = s.editItem(ctx, c, a.ID)
		return reply, true, err
	case a.Verb == pressItemMore:
		reply, err = s.showMore(ctx, c, a.ID)
		return reply, true, err
	case do == nil:
		return reply, false, nil
	}
	if reply, told, err := s.answered(ctx, c); err != nil || told {
		return reply, true, err // it would be done again, whatever came of it meanwhile
	}
	g, err := do(ctx, a.ID, c.who.ID)
	if err != nil {
		s.refreshItem(ctx, a.ID)
		return reply, true, err
	}
	reply, err = s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		said := itemReply(s, a.Verb, g)
		if g.Reverts != "" && g.Reverts != g.ID {
			if err := s.rewriteByID(tx, g.Reverts, now); err != nil {
				return said, err
			}
		}
		return said, s.rewriteItem(tx, g, now)
	})
	return reply, true, err
}

// refreshItem has the copies of an item say how it stands, also after an action
// that came to nothing: its state may have changed meanwhile.
func (s *Service) refreshItem(ctx context.Context, id string) {
	err := s.store.Write(ctx, func(tx storage.Tx) error {
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		return s.rewriteByID(tx, id, now)
	})
	if err != nil && ctx.Err() == nil {
		s.log.Debug("an item of the review was not rewritten", "item", id, "cause", err)
		return
	}
	s.poke()
}

func (s *Service) rewriteByID(tx storage.Tx, id string, now time.Time) error {
	g, err := tx.Suggestion(id)
	if err != nil {
		return err
	}
	return s.rewriteItem(tx, g, now)
}

func itemReply(s *Service, verb string, g jit.Suggestion) Reply {
	switch verb {
	case pressItemAccept:
		return said("Accepted.", "A second person has to confirm it: "+s.who(s.overseersBut(g.ProposedBy))+" can.", Waiting)
	case pressItemWithdraw:
		return said("Withdrawn.", "It is open again.", Neutral)
	case pressItemLater:
		return said("Not now.", "It is silent for 90 days, unless there is much more evidence by then.", Neutral)
	case pressItemWrong:
		return said("Noted as wrong.", "It is silent for 90 days, and counts against the analysis that made it.", Neutral)
	}
	if verb == pressItemHurt {
		return said("Noted.", "It counts when the change is judged, four weeks after it. Who may decide can take it back at once.", Neutral)
	}
	switch g.State {
	case jit.SuggestionApplied:
		return said("Applied.", itemWhere(g), Good)
	case jit.SuggestionShadow:
		return said("Confirmed. "+s.shadowStatus(g)+".", "Until then both policies are asked about every request, and only the one in force counts. Then it is applied by itself, if nothing speaks against it.", Waiting)
	case jit.SuggestionAccepted:
		return said("A second person has to confirm it.", orDefault(g.Problem, "It would give somebody more than now."), Waiting)
	default:
		return said("It is being written.", itemWhere(g), Waiting)
	}
}

// itemWhere says where a change was put.
func itemWhere(g jit.Suggestion) string {
	switch {
	case g.Where.URL != "":
		return "It waits at " + g.Where.URL + "."
	case g.Where.Commit != "":
		return "It is in the policy file, commit `" + Shorten(g.Where.Commit, 12) + "`."
	case g.Where.Patch != "":
		return "Apply its patch by hand: Edit… shows it, and `bot policy suggest --out` writes it."
	case g.Where.Kind == "file":
		return "The policy file has it."
	default:
		return "The card says how it stands."
	}
}

func (s *Service) overseersBut(id string) []string {
	var out []string
	for _, o := range s.overseers() {
		if o != id {
			out = append(out, o)
		}
	}
	return out
}

// patchLines are the lines of a patch as a card can show them.
func patchLines(patch string) []string {
	const most = 30
	var out []string
	for _, line := range splitLines(patch) {
		if len(out) == most {
			return append(out, "…")
		}
		out = append(out, Shorten(line, 160))
	}
	return out
}

// splitLines keeps the blanks that lines begin with, and nothing that could
// steer what shows them.
func splitLines(patch string) []string {
	var out []string
	for line := range strings.Lines(patch) {
		line = strings.TrimRight(line, "\r\n")
		lead := len(line) - len(strings.TrimLeft(line, " +-"))
		out = append(out, line[:lead]+clean(line[lead:]))
	}
	return out
}
