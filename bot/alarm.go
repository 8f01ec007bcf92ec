package bot

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// The slots of cards that go to a channel and to people, each of whom has a copy
// in a slot of its own: the name, a colon, and the principal.
const (
	slotCard     = "card" // the one in the channel
	slotApprover = "approver"
	slotGlass    = "glass"
	slotOverdue  = "overdue"
	slotPage     = "page" // "page:<instant>", and for people "page:<instant>:<principal>"
)

func slotOf(name, person string) string { return name + ":" + person }

// maxDirect is how many people are written to in person besides those who have
// to be.
const maxDirect = 10

// told is who is written to in person: all of must, and of others as many as
// the bound allows. left is how many it does not.
func told(must, others []string) (all []string, left int) {
	for _, id := range must {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	room := maxDirect
	for _, id := range others {
		switch {
		case slices.Contains(all, id):
		case room == 0:
			left++
		default:
			all = append(all, id)
			room--
		}
	}
	return all, left
}

// couldApprove is everybody who may decide on a request, each once. Where one
// of each of several sets is needed they come in turn, so that a bound leaves
// out none of the sets.
func couldApprove(r jit.Request) []string {
	var out []string
	sets := append(slices.Clone(r.Decision.Each), r.Decision.Approvers)
	for i, more := 0, true; more; i++ {
		more = false
		for _, set := range sets {
			if i >= len(set) {
				continue
			}
			more = true
			if !slices.Contains(out, set[i]) {
				out = append(out, set[i])
			}
		}
	}
	return out
}

// withLeft says on a card how many people were not written to.
func withLeft(card Card, left int) Card {
	if left > 0 {
		card.Body = append(slices.Clone(card.Body), plain("Not written to in person, though they could approve: "+itoa(left)+" more."))
	}
	return card
}

// glassMessages announce a break-glass: in the alert channel and in person to
// security, the admins, and who could have been asked.
func (s *Service) glassMessages(st story) []message {
	all, left := told(s.overseers(), couldApprove(st.request))
	card := withLeft(s.glassCard(st), left)
	var out []message
	if s.AlertChannel != "" {
		out = append(out, message{slot: slotGlass, channel: s.AlertChannel, card: card})
	}
	for _, id := range all {
		if id != st.request.For {
			out = append(out, message{slot: slotOf(slotGlass, id), person: id, card: card})
		}
	}
	return out
}

// overdueMessages are the alarm of an end that is overdue, in the alert channel
// and to every overseer in person, and below it a new page each time people are
// told again. The alarm stays and says how it ended.
func (s *Service) overdueMessages(st story) []message {
	alarm := message{slot: slotOverdue, channel: s.AlertChannel, card: s.overdueCard(st)}
	var alarms []message
	if s.AlertChannel != "" {
		alarms = append(alarms, alarm)
	}
	for _, id := range s.overseers() {
		alarms = append(alarms, message{slot: slotOf(slotOverdue, id), person: id, card: alarm.card})
	}
	if !pagedAgain(st.grant) {
		return alarms
	}
	out, page := alarms, slotPage+":"+strconv.FormatInt(st.grant.PagedAt.Unix(), 10)
	for _, m := range alarms {
		m.root, m.card = m.slot, s.pageCard(st)
		m.slot = page + strings.TrimPrefix(m.root, slotOverdue)
		out = append(out, m)
	}
	return out
}

// pagedAgain reports whether people were told of an overdue end before they
// were told last.
func pagedAgain(g jit.Grant) bool {
	return g.State == jit.GrantRevoking && g.PagedAt.Sub(g.ExpiresAt) >= overdueAfter+pageEvery
}

// lastWords is what becomes of a message that is there and not wanted any
// more. A copy of a card that others still get stays a copy of it, and a page
// stays as it was sent until the end has come; ok is false where there is
// nothing to rewrite.
func (s *Service) lastWords(st story, m storage.Message) (card Card, ok bool) {
	name, _, _ := strings.Cut(m.Slot, ":")
	switch name {
	case slotApprover:
		return s.approvalCard(st), true
	case slotGlass:
		return s.glassCard(st), true
	case slotOverdue:
		return s.overdueCard(st), true
	case slotPage:
		return s.overdueCard(st), st.grant.State == jit.GrantEnded
	default:
		return overCard(), true
	}
}

func (s *Service) overdueCard(st story) Card {
	g := st.grant
	whose := s.People.Name(g.Principal) + ", " + g.Resource
	if g.State == jit.GrantEnded {
		gone := "Gone since " + g.EndedAt.In(s.Policy().Timezone()).Format("15:04") + ", " + lag(g) + " late"
		return Card{
			Title: "Access was overdue: " + whose, Status: Status{gone, Good},
			Body:   []Text{{{Text: "It should have ended at "}, {Time: g.ExpiresAt}, {Text: " and was seen to be gone at "}, {Time: g.EndedAt}, {Text: "."}}},
			Fields: []Field{field("Grant", code(g.ID))},
			Notice: "Access was overdue: " + whose + ". " + gone + ".",
		}
	}
	card := Card{
		Title: "Access is overdue: " + whose, Status: Status{"Still being taken back", Bad},
		Body: []Text{
			{{Text: "It should have ended at "}, {Time: g.ExpiresAt}, {Text: ". jitbot keeps trying; please look at the provider too."}},
			{{Text: "/jit show " + g.ID, Code: true}, {Text: " shows overseers the provider's own words."}},
		},
		Fields: []Field{field("Attempts", plain(itoa(mostAttempts(st.holdings))))},
		Notice: "Access is overdue: " + whose + ". It is still being taken back.",
	}
	if why := lastError(st.holdings); why != "" {
		card.Fields = append(card.Fields, field("Last failure", plain(failureWords(why))))
	}
	return card
}

// pageCard tells people again. It names the instant it speaks of, so that it
// stays true.
func (s *Service) pageCard(st story) Card {
	g := st.grant
	late := jit.FormatDuration(g.PagedAt.Sub(g.ExpiresAt).Truncate(time.Minute))
	at := g.PagedAt.In(s.Policy().Timezone()).Format("15:04")
	title := "Not gone at " + at + ": " + s.People.Name(g.Principal) + ", " + g.Resource
	return Card{Title: title, Status: Status{late + " late", Bad}, Fields: []Field{field("Grant", code(g.ID))}, Notice: title + ". " + late + " late."}
}
