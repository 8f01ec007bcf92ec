package bot

import (
	"context"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy/edit"
	"jitbot/storage"
)

// formItemEdit puts another value in for the suggested one; also its verb, as
// people only press it.
const formItemEdit = "item-edit-value"

const (
	fieldValue   = "value"
	maxItemValue = 300
)

// editItem opens the form in which another value is put in for the suggested
// one. Where there is none to change, or the item is decided on, it shows the
// whole patch to change by hand.
func (s *Service) editItem(ctx context.Context, c call, id string) (Reply, error) {
	if err := s.mayJudge(c.who.ID); err != nil {
		return Reply{}, err
	}
	g, err := s.suggestion(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	if value, ok := valueOf(g); ok && g.State == jit.SuggestionOpen {
		form, err := s.itemForm(ctx, g, value, "")
		return Reply{Form: &form}, err
	}
	return Reply{Card: s.patchCard(g)}, nil
}

// itemForm is the form as it stands with a value; of one that a person has typed
// it says what would come of it.
func (s *Service) itemForm(ctx context.Context, g jit.Suggestion, value, typed string) (Form, error) {
	src, err := s.readPolicy(ctx)
	if err != nil {
		return Form{}, err
	}
	e, b := editOf(g), BodyOf(g)
	suggested := value
	if len(g.Suggested) > 0 {
		first := jit.Suggestion{Edit: g.Suggested}
		suggested, _ = valueOf(first)
	}
	hint := "Suggested: " + Shorten(clean(suggested), 60)
	if was := edit.Was(src, e.Rule, e.Path...); was != "" && e.Op == edit.Set {
		hint = "Now: " + Shorten(clean(was), 60) + ". " + hint
	}
	form := Form{
		Name: formItemEdit, ID: g.ID, Title: "Another value", Submit: "Accept",
		Intro: []Text{
			{{Text: Shorten(clean(b.Title), 200), Strong: true}},
			plain(Shorten(clean(b.Finding.Sentence), 400)),
			plain("The edit is made anew with your value, proved and replayed, and accepted in your name. A second person confirms it."),
		},
		Fields: []Input{{
			Name: fieldValue, Label: Shorten(strings.Join(e.Path, ".")+" of rule "+clean(e.Rule), 120), Kind: OneLine,
			Value: orDefault(typed, value), Required: true, Max: maxItemValue, Hint: hint, Live: true,
		}},
	}
	if typed != "" {
		form.Outlook = s.itemOutlook(ctx, g, typed)
	}
	return form, nil
}

// itemOutlook is what a value would come to.
func (s *Service) itemOutlook(ctx context.Context, g jit.Suggestion, value string) []Text {
	_, c, err := s.withAnother(ctx, g, value)
	if u, ok := asUserError(err); ok {
		return []Text{plain(u.Say)}
	}
	if err != nil {
		return nil
	}
	return []Text{plain(Shorten(clean(c.words), 200) + "."), plain("Direction: " + itemDirection(c.direction) + ".")}
}

// refillItem is the form with a value that was typed.
func (s *Service) refillItem(ctx context.Context, c call) (Form, error) {
	if err := s.mayJudge(c.who.ID); err != nil {
		return Form{}, err
	}
	g, err := s.suggestion(ctx, Shorten(c.in.Form.ID, maxWord))
	if err != nil {
		return Form{}, err
	}
	value, ok := valueOf(g)
	if !ok {
		return Form{}, refuse(CodeUnknownThing, "There is nothing to fill in anew.", "")
	}
	return s.itemForm(ctx, g, value, Shorten(clean(c.in.Form.Values[fieldValue]), maxItemValue))
}

// acceptItemAs accepts an item with the value that was put in, and shows what
// it comes to.
func (s *Service) acceptItemAs(ctx context.Context, c call, cmd Command) (Reply, error) {
	if reply, told, err := s.answered(ctx, c); err != nil || told {
		return reply, err
	}
	g, err := s.AcceptSuggestionAs(ctx, cmd.ID, c.who.ID, cmd.Value)
	if err != nil {
		if u, ok := asUserError(err); !ok || u.Field == "" {
			s.refreshItem(ctx, cmd.ID)
		}
		return Reply{}, err
	}
	return s.once(ctx, c, func(tx storage.Tx, now time.Time) (Reply, error) {
		return s.acceptedAs(g), s.rewriteItem(tx, g, now)
	})
}

// acceptedAs says what was accepted.
func (s *Service) acceptedAs(g jit.Suggestion) Reply {
	b := BodyOf(g)
	card := Card{Title: "Accepted with your value.", Status: Status{"A second person has to confirm it", Waiting}}
	card.Body = []Text{plain(Shorten(clean(b.Title), 200) + "."), plain("Direction: " + itemDirection(g.Direction) + orNone(". ", Shorten(clean(b.Proof.Sentence), 400)))}
	if b.Replay.Sentence != "" {
		card.Body = append(card.Body, plain("Replayed over 90 days: "+Shorten(clean(b.Replay.Sentence), 400)))
	}
	card.Body = append(card.Body, plain(s.who(s.overseersBut(g.ProposedBy))+" can confirm it."))
	card.Notice = card.Title + " " + Shorten(clean(b.Title), 120) + "."
	return Reply{Card: &card}
}

// patchCard shows the whole patch to one who wants to change it by hand.
func (s *Service) patchCard(g jit.Suggestion) *Card {
	b := BodyOf(g)
	card := Card{Title: "The edit, to change by hand", Status: Status{"Nothing was changed", Neutral}, Notice: "The edit, to change by hand."}
	if _, ok := valueOf(g); !ok && g.State == jit.SuggestionOpen {
		card.Body = append(card.Body, plain("There is no value to put in here: "+Shorten(clean(b.Title), 160)+"."))
	}
	card.Body = append(card.Body, marked("Put this into the policy file as you want it; `bot policy diff` and `bot policy replay` then say what it does. The item is silent after Not now."))
	for _, line := range patchLines(b.Patch) {
		card.Body = append(card.Body, code(line))
	}
	if b.ByHand != "" {
		card.Body = append(card.Body, plain(Shorten(clean(b.ByHand), 500)))
	}
	return &card
}
