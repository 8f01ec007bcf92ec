package bot

import (
	"strings"
	"time"

	"jitbot/jit"
	"jitbot/policy"
)

func said(title, body string, tone Tone) Reply {
	card := Card{Title: title, Notice: unmarked(title + " " + body)}
	if tone != Neutral {
		card.Status = Status{map[Tone]string{Good: "Done", Waiting: "Under way", Warning: "Look out", Bad: "Not done"}[tone], tone}
	}
	if body != "" {
		card.Body = []Text{marked(body)}
	}
	return Reply{Card: &card}
}

// unmarked is marked text for where nothing is marked, such as notifications.
func unmarked(text string) string { return strings.TrimSpace(strings.ReplaceAll(text, "`", "")) }

func approvalReply(r jit.Request, still string) Reply {
	if still != "" {
		return said("Your approval counts.", still, Good)
	}
	if r.Kind == jit.Extension {
		return said("Approved for "+jit.FormatDuration(r.Duration)+" more.", "Access goes on unbroken; the holder is told.", Good)
	}
	return said("Approved for "+jit.FormatDuration(r.Duration)+".", "Access is being opened; the holder is told when it is there.", Good)
}

// pickupReply hands the link over. The credentials behind it are good until then
// at most, which may be sooner than the access ends.
func pickupReply(g jit.Grant, url string, until time.Time) Reply {
	ends := Text{{Text: "The link works once and for five minutes. Your access ends at "}, {Time: g.ExpiresAt}, {Text: ", and the credentials by then: the page says when."}}
	if until.Before(g.ExpiresAt) {
		ends = Text{
			{Text: "The link works once and for five minutes. The credentials work until "},
			{Time: until},
			{Text: " at most; ask again then. Your access lasts until "},
			{Time: g.ExpiresAt},
			{Text: "."},
		}
	}
	return Reply{Card: &Card{
		Title:  "Your credentials for " + g.Resource,
		Status: Status{"For you alone", Good},
		Body:   []Text{ends},
		Links:  []Link{{Label: "Open the page", URL: url, Once: true}},
		Notice: "A one-use link to your credentials for " + g.Resource + ".",
	}}
}

func reuseCard(who, grant string) Card {
	return Card{
		Title:  "A used credential link was opened again",
		Status: Status{"Refused", Bad},
		Body:   []Text{{{Text: "The link of " + who + " for "}, {Text: grant, Code: true}, {Text: " was opened a second time; nothing was shown. If that was not " + who + ", end the grant."}}},
		Notice: "A used credential link was opened again; nothing was shown.",
	}
}

// filedReply answers who asked: what became of each request.
func (s *Service) filedReply(filed []jit.Request, all []judged) Reply {
	if len(filed) > 1 {
		return s.batchReply(filed)
	}
	r, j := filed[0], all[0]
	card := Card{Title: s.titleOf(r), Fields: []Field{field("Request", code(r.ID))}}
	switch {
	case r.State == jit.RequestDenied:
		return s.deniedReply(r, j)
	case r.State == jit.RequestScheduled:
		card.Status = Status{"Scheduled", Waiting}
		card.Body = []Text{{{Text: "It starts at "}, {Time: r.StartAt}, {Text: "; the policy is asked again then."}}}
	case r.State == jit.RequestPending:
		card.Status = Status{"Waiting for approval", Waiting}
		card.Body = []Text{plain(s.who(r.Decision.Approvers) + " can approve. You are told here in a direct message.")}
		for _, why := range j.words.Reasons[min(1, len(j.words.Reasons)):] {
			card.Body = append(card.Body, plain(why)) // such as a source that could not be asked
		}
	default:
		card.Status = Status{"Approved by the policy", Good}
		card.Body = []Text{plain(approvedWords(j) + " Access is being opened; you are told in a direct message.")}
	}
	if r.Kind == jit.Extension && r.DecidedBy == "policy" {
		card.Body = []Text{plain("Your access goes on unbroken.")}
	}
	card.Notice = card.Title + ". " + card.Status.Text + "."
	return Reply{Card: &card}
}

func approvedWords(j judged) string {
	return strings.Join(j.words.Reasons, " ")
}

// deniedReply explains a no: what was lacking, and what might do.
func (s *Service) deniedReply(r jit.Request, j judged) Reply {
	card := Card{Title: s.titleOf(r), Status: Status{"Refused by the policy", Bad}, Fields: []Field{field("Request", code(r.ID))}}
	for _, reason := range j.words.Reasons {
		card.Body = append(card.Body, plain(reason))
	}
	if j.decision.Cause == policy.CauseNoRule {
		card.Body = append(card.Body, marked("`/jit why "+r.ID+"` shows every rule."))
	}
	card.Notice = card.Title + ". Refused by the policy."
	return Reply{Card: &card}
}

func (s *Service) batchReply(filed []jit.Request) Reply {
	card := Card{Title: plural(len(filed), "request"), Notice: plural(len(filed), "request") + " filed."}
	for _, r := range filed {
		card.Fields = append(card.Fields, field(r.Resource, Text{{Text: s.statusOf(story{request: r, grant: jit.Grant{State: jit.GrantProvisioning}}).Text + " · "}, {Text: r.ID, Code: true}}))
	}
	return Reply{Card: &card}
}

func (s *Service) endManyReply(key string, hit []jit.Grant) Reply {
	if len(hit) == 0 {
		return said("Nothing to end.", "No grant matches "+key+".", Neutral)
	}
	card := Card{
		Title: "End " + plural(len(hit), "grant") + "?", Status: Status{"Nothing was ended yet", Warning},
		Buttons: []Button{{Action: Action{pressEndMany, key}, Label: "End " + plural(len(hit), "grant"), Style: Danger}},
		Notice:  "This would end " + plural(len(hit), "grant") + ".",
	}
	for _, g := range hit[:min(len(hit), 15)] {
		card.Fields = append(card.Fields, field(s.People.Name(g.Principal), Text{{Text: g.Resource + " · "}, {Text: g.ID, Code: true}}))
	}
	if more := len(hit) - 15; more > 0 {
		card.Body = []Text{plain("And " + itoa(more) + " more, which would end too.")}
	}
	return Reply{Card: &card}
}
