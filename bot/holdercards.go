package bot

import (
	"fmt"
	"slices"
	"time"

	"jitbot/jit"
)

// holderCard is the holder's own living card, in a direct message.
func (s *Service) holderCard(st story) Card {
	r := st.request
	card := Card{Title: r.Resource + " for " + jit.FormatDuration(r.Duration), Status: s.statusOf(st), Quote: r.Reason}
	if r.Kind == jit.Extension {
		card.Title = jit.FormatDuration(r.Duration) + " more on " + r.Resource
	}
	card.Fields = append(s.recordFields(st)[1:], field("Request", code(r.ID)))
	card.Body = s.holderWords(st)
	card.Buttons = s.holderButtons(st)
	card.Notice = card.Title + ": " + card.Status.Text + "."
	return card
}

func (s *Service) holderWords(st story) []Text {
	r, g := st.request, st.grant
	switch {
	case r.State == jit.RequestDenied && r.DecidedBy != "policy":
		return []Text{plain("Talk to " + s.People.Name(r.DecidedBy) + " if you see it differently.")}
	case g.State == jit.GrantActive && s.gives(st) && r.Kind != jit.Extension:
		return append([]Text{plain("Get your credentials when you need them: the page shows them once, to you alone.")}, lingerWords(st)...)
	case g.State == jit.GrantActive && r.Kind != jit.Extension:
		return append([]Text{plain("Your own account has the access now. Nothing else to do.")}, lingerWords(st)...)
	case g.State == jit.GrantEnded && r.Kind != jit.Extension:
		return s.receiptWords(st)
	default:
		return nil
	}
}

func (s *Service) holderButtons(st story) []Button {
	r, g := st.request, st.grant
	switch {
	case r.State == jit.RequestPending || r.State == jit.RequestScheduled:
		return []Button{{Action: Action{verbCancel, r.ID}, Label: "Withdraw"}}
	case r.Kind == jit.Extension:
		return nil
	case g.State == jit.GrantActive:
		var out []Button
		if s.gives(st) {
			out = append(out, Button{Action: Action{verbCreds, g.ID}, Label: "Get credentials", Style: Primary})
		}
		if g.Kind != jit.BreakGlass {
			out = append(out, Button{Action: Action{pressExtendForm, g.ID}, Label: "Extend…"})
		}
		return append(out, Button{Action: Action{verbEnd, g.ID}, Label: "I'm done"})
	case g.State == jit.GrantEnded || r.State == jit.RequestLapsed || r.State == jit.RequestCancelled:
		return append([]Button{{Action: Action{verbAgain, r.ID}, Label: "Ask again"}}, timelineButton(st)...)
	default:
		return nil
	}
}

// timelineButton leads to the timeline once the grant's use was summed up: only
// then there is more to see than the card says.
func timelineButton(st story) []Button {
	if st.receipt.Number == 0 {
		return nil
	}
	return []Button{{Action: Action{verbTimeline, st.grant.ID}, Label: "Timeline…"}}
}

// gives reports whether the story's grant has credentials to pick up.
func (s *Service) gives(st story) bool {
	return slices.ContainsFunc(st.holdings, func(h jit.Holding) bool { _, ok := s.minter(h); return ok })
}

// receiptWords is what is left to say of a grant that ended.
func (s *Service) receiptWords(st story) []Text {
	g := st.grant
	if g.Outcome == jit.Failed {
		return []Text{plain("It could not be given: " + endedBecause(g) + ". Everything that was opened was taken back.")}
	}
	ended := "It was seen to be gone"
	if len(st.holdings) > 0 && !slices.ContainsFunc(st.holdings, func(h jit.Holding) bool { return h.Kept == "" }) {
		ended = "It ended" // nothing of it is gone
	}
	out := []Text{{
		{Text: "Held from "},
		{Time: g.ConfirmedAt},
		{Text: " to "},
		{Time: g.EndedAt},
		{Text: fmt.Sprintf(" (%s). %s %s after its end was due.", jit.FormatDuration(g.EndedAt.Sub(g.ConfirmedAt).Truncate(time.Second)), ended, lag(g))},
	}}
	if slices.ContainsFunc(st.holdings, func(h jit.Holding) bool { return !h.ExposedUntil.IsZero() }) {
		out = append(out, plain("Credentials were handed out; they do not work any more."))
	} else if s.gives(st) {
		out = append(out, plain("No credentials were ever asked for."))
	}
	out = append(out, lingerWords(st)...)
	for _, h := range st.holdings {
		if h.Kept != "" {
			out = append(out, plain(h.Target+" was left in place: "+h.Kept+"."))
		}
	}
	return append(out, s.useWords(st)...)
}

// lingerWords says what may go on beyond the end, and until when at the latest.
func lingerWords(st story) []Text {
	var out []Text
	for _, h := range st.holdings {
		words, until := "A session that is already open may go on until ", h.LingerUntil
		if st.grant.State == jit.GrantActive && h.Linger > 0 && h.Standing != jit.StoodBefore {
			words, until = "A session that is open when this ends may go on until ", st.grant.ExpiresAt.Add(h.Linger)
		}
		if !until.IsZero() {
			out = append(out, Text{{Text: words}, {Time: until}, {Text: "; " + h.LingerWhy + "."}})
		}
	}
	return out
}

// endedBecause is why a grant ended, without a provider's own words: those
// stand as the reason where jitbot itself gave up.
func endedBecause(g jit.Grant) string {
	if g.Outcome == jit.Failed && g.EndBy == jit.ActorJitbot {
		return failureWords(g.EndReason)
	}
	return g.EndReason
}

func lag(g jit.Grant) string {
	d := max(g.EndedAt.Sub(g.ExpiresAt), 0)
	if d < time.Second {
		return "less than a second"
	}
	return jit.FormatDuration(d.Truncate(time.Second))
}

func lastError(holdings []jit.Holding) string {
	for _, h := range holdings {
		if h.LastError != "" {
			return h.LastError
		}
	}
	return ""
}

func (s *Service) receiptCard(st story) Card {
	r, g := st.request, st.grant
	card := Card{
		Title: "Receipt: " + s.People.Name(g.Principal) + ", " + g.Resource, Status: Status{s.endedHow(g), Neutral},
		Body: s.receiptWords(st), Quote: r.Reason, Buttons: timelineButton(st),
	}
	card.Fields = []Field{field("Asked for", plain(jit.FormatDuration(r.Duration))), field("Promised", plain(jit.FormatDuration(g.Duration)))}
	if why := endedBecause(g); why != "" {
		card.Fields = append(card.Fields, field("Ended because", plain(why)))
	}
	card.Notice = card.Title + ". " + card.Status.Text + "."
	return card
}

func (s *Service) warnCard(g jit.Grant) Card {
	return Card{
		Title: "Your access to " + g.Resource + " ends soon", Status: Status{"Ends soon", Warning},
		Body: []Text{{{Text: "It ends at "}, {Time: g.ExpiresAt}, {Text: ". Nothing to do if that suits you."}}},
		Buttons: []Button{
			{Action: Action{pressExtendForm, g.ID}, Label: "Extend…", Style: Primary},
			{Action: Action{verbEnd, g.ID}, Label: "End now"},
		},
		Notice: "Your access to " + g.Resource + " ends soon.",
	}
}
