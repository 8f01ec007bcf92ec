package bot

import (
	"encoding/json"
	"strings"
	"time"

	"jitbot/jit"
)

// ItemBody is what is shown of an item of the weekly review. It is kept with the
// item, so that its card can be made again at any time. All of it is data.
type ItemBody struct {
	Name        string       `json:"name"`  // of the class, for people
	Title       string       `json:"title"` // the edit, or what was found, in a few words
	Finding     Spoken       `json:"finding"`
	Why         string       `json:"why,omitempty"`
	Replay      Spoken       `json:"replay,omitzero"`
	HeldOut     Spoken       `json:"held_out,omitzero"`
	Proof       Spoken       `json:"proof,omitzero"`
	Patch       string       `json:"patch,omitempty"`
	ByHand      string       `json:"by_hand,omitempty"`
	Refused     string       `json:"refused,omitempty"` // why there is no edit
	Evidence    []string     `json:"evidence"`
	Figures     []ItemFigure `json:"figures,omitempty"`
	K           int          `json:"k"`
	Left        int          `json:"left,omitempty"`
	Sensitivity string       `json:"sensitivity,omitempty"`
}

// Spoken is a sentence.
type Spoken struct {
	Sentence string `json:"sentence"`
}

// ItemFigure is a number beside a sentence.
type ItemFigure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// BodyOf reads what is shown of a suggestion; of an odd body nothing is.
func BodyOf(g jit.Suggestion) ItemBody {
	var b ItemBody
	if json.Unmarshal(g.Body, &b) != nil || b.Title == "" {
		b.Title = "A change of rule " + g.Rule
	}
	return b
}

// Silent reports whether a suggestion was dismissed and is to be silent still,
// although there is next.
func Silent(old, next jit.Suggestion, now time.Time) bool {
	return old.State == jit.SuggestionDismissed && now.Before(old.SilentUntil) && !stronger(old, next)
}

// changedLines are the lines of a patch that change something, with their signs.
func changedLines(patch string) []string {
	var out []string
	for line := range strings.Lines(patch) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) > 0 && (line[0] == '+' || line[0] == '-') && !strings.HasPrefix(line, "+++ ") && !strings.HasPrefix(line, "--- ") {
			out = append(out, string(line[0])+" "+strings.TrimSpace(line[1:]))
		}
	}
	return out
}

const (
	shownLines   = 6 // of a patch, on a card
	shownFigures = 4
)

// itemCard is the living record of an item: what is suggested or was found, what
// it rests on, and how it stands. ran is what its shadow has counted; n is its
// number in the thread, 0: it is not numbered.
func (s *Service) itemCard(g jit.Suggestion, ran ShadowTally, n int) Card {
	b := BodyOf(g)
	card := Card{Title: Shorten(clean(b.Title), 140), Status: itemStatus(s, g)}
	if n > 0 {
		card.Title = itoa(n) + ". " + card.Title
	}
	sentence := func(lead, text string) {
		if text = Shorten(clean(text), 500); text != "" {
			card.Body = append(card.Body, Text{{Text: lead}, {Text: text}})
		}
	}
	if !g.Shadow.From.IsZero() {
		sentence("", s.shadowSentence(g, ran))
	}
	sentence("", b.Finding.Sentence)
	if len(g.Suggested) > 0 {
		first, _ := valueOf(jit.Suggestion{Edit: g.Suggested})
		sentence("", orDefault(s.People.Name(g.ProposedBy), "Somebody")+" put in another value than the suggested "+first+"; what it rests on was counted for that one.")
	}
	lines := changedLines(b.Patch)
	for _, line := range lines[:min(len(lines), shownLines)] {
		card.Body = append(card.Body, code(Shorten(clean(line), 160)))
	}
	if more := len(lines) - shownLines; more > 0 {
		card.Body = append(card.Body, plain("And "+plural(more, "more line")+"; Edit… shows all."))
	}
	sentence("Replayed over 90 days: ", b.Replay.Sentence)
	sentence("Checked on newer requests: ", b.HeldOut.Sentence)
	if len(g.Edit) > 0 {
		sentence("Which way: ", itemDirection(g.Direction)+orNone(". ", b.Proof.Sentence))
	}
	sentence("", b.ByHand)
	sentence("No edit is suggested: ", b.Refused)
	card.Fields = append(card.Fields, ran.fields()...)
	for _, f := range b.Figures[:min(len(b.Figures), shownFigures)] {
		card.Fields = append(card.Fields, field(Shorten(clean(f.Name), 60), plain(Shorten(clean(f.Value), 120))))
	}
	if rests := restsOn(g, b.Evidence); rests != "" {
		card.Fields = append(card.Fields, field("Rests on", plain(rests)))
	}
	card.Fields = append(card.Fields, field("Owner", plain(Shorten(clean(orDefault(g.Owner, "security")), 80))), field("Analysis", plain(itemClass(g, b))))
	if g.Week != "" {
		card.Fields = append(card.Fields, field("Since", plain(g.Week)))
	}
	if g.Problem != "" {
		sentence("", g.Problem)
	}
	card.Buttons = itemButtons(g)
	card.Notice = card.Title + ". " + card.Status.Text + "."
	return card
}

func itemDirection(d jit.Direction) string {
	switch d {
	case jit.Narrow:
		return "it gives less"
	case jit.Neutral:
		return "it gives neither more nor less"
	case jit.Widen:
		return "it gives more"
	case jit.DirectionUnknown:
	}
	return "not proved, so it counts as giving more"
}

func itemStatus(s *Service, g jit.Suggestion) Status {
	switch g.State {
	case jit.SuggestionAccepted:
		return Status{"Accepted by " + s.People.Name(g.ProposedBy) + "; a second person has to confirm", Waiting}
	case jit.SuggestionShadow:
		return Status{"Confirmed by " + s.People.Name(g.ConfirmedBy) + "; in shadow until " + s.localTime(g.Shadow.Until), Waiting}
	case jit.SuggestionConfirmed:
		return Status{"Confirmed by " + s.People.Name(g.ConfirmedBy) + "; it is being written", Waiting}
	case jit.SuggestionApplied:
		return Status{"Applied" + orNone(" by ", s.People.Name(g.ConfirmedBy)), Good}
	case jit.SuggestionReverted:
		return Status{"Taken back" + orNone(" by ", s.People.Name(g.RevertedBy)), Neutral}
	case jit.SuggestionStale:
		return Status{"Out of date", Neutral}
	case jit.SuggestionDismissed:
		if g.How == jit.Wrong {
			return Status{"Wrong, says " + s.People.Name(g.DismissedBy), Neutral}
		}
		return Status{"Not now, says " + s.People.Name(g.DismissedBy), Neutral}
	case jit.SuggestionOpen, jit.SuggestionNew:
	}
	if len(g.Edit) == 0 {
		return Status{"To look at", Warning}
	}
	return Status{"To decide", Waiting}
}

func itemButtons(g jit.Suggestion) []Button {
	press := func(verb, label string, style Style) Button {
		return Button{Action: Action{verb, g.ID}, Label: label, Style: style}
	}
	switch g.State {
	case jit.SuggestionOpen:
		later, wrong := press(pressItemLater, "Not now", ""), press(pressItemWrong, "Wrong", "")
		if len(g.Edit) == 0 {
			later.Label = "Dealt with"
			return []Button{later, wrong}
		}
		change := press(pressItemEdit, "Edit…", "")
		if _, ok := valueOf(g); ok {
			change.Verb = pressItemForm
		}
		return []Button{press(pressItemAccept, "Accept", Primary), change, later, wrong}
	case jit.SuggestionAccepted:
		return []Button{press(pressItemConfirm, "Confirm", Primary), press(pressItemEdit, "Edit…", ""), press(pressItemWithdraw, "Withdraw", "")}
	case jit.SuggestionShadow:
		now := press(pressItemActivate, "Activate now", Primary)
		now.Confirm = &Confirm{Title: "Activate it now?", Text: "The rest of its shadow is left out, and the edit is written.", Yes: "Activate"}
		return []Button{now, press(pressItemEdit, "Edit…", ""), press(pressItemWithdraw, "Withdraw", "")}
	case jit.SuggestionApplied:
		return []Button{press(pressItemRevert, "Revert", Danger), press(pressItemHurt, "This hurts me", "")}
	default:
		return nil
	}
}
