package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jitbot/jit"
)

// lack is one thing a rule asks for that does not hold, or is in doubt. Its
// text reads on from the id of the rule.
type lack struct {
	text   string
	doubt  bool
	person bool  // it is about who asks
	field  Field // what of the request would have to be different; empty: nothing that could be
}

// Field names a part of a request that whoever asks can change.
type Field string

// The fields.
const (
	FieldDuration Field = "duration"
	FieldReason   Field = "reason"
	FieldTicket   Field = "ticket"
	FieldStart    Field = "start"
)

// lacks is everything that keeps a rule for the resource from matching: none
// if applies says yes.
func (e *eval) lacks(i int32) []lack {
	r, h := &e.p.rules[i], &e.p.hot[i]
	if e.r.Kind == BreakGlass && r.outcome != Deny {
		return e.lacksGlass(r)
	}
	out := e.lacksWho(r)
	if !e.lengthFits(h) {
		out = append(out, lack{text: e.lengthWords(r), field: FieldDuration})
	}
	if h.asks&asksHours != 0 && !e.inHours(h) {
		out = append(out, lack{text: "holds only " + e.hoursWords(h), field: FieldStart})
	}
	if h.asks&asksDate != 0 && e.expired(i) {
		out = append(out, lack{text: "approved automatically until " + e.dateWords(r.auto.expires)})
	}
	out = e.lacksFacts(r, h, out)
	if h.asks&asksReason != 0 && !e.reasonFits(h.expr) {
		out = append(out, lack{text: "asks for " + e.reasonWords(r, h), field: FieldReason})
	}
	if h.asks&asksWhen != 0 {
		switch r.when.holds(e, r) {
		case no:
			out = append(out, lack{text: "asks that " + oneLine(r.when.text)})
		case doubt:
			out = append(out, lack{text: "asks that " + oneLine(r.when.text) + ", which could not be checked", doubt: true})
		case yes:
		}
	}
	return out
}

func (e *eval) lacksFacts(r *rule, h *hotRule, out []lack) []lack {
	if h.asks&asksOnCall != 0 {
		if t := e.anyDuty(r.onCall); t != yes {
			out = append(out, e.dutyLack(r.onCall, t))
		}
	}
	if h.asks&asksTicket != 0 {
		if t := e.ticketFits(r.ticket); t != yes {
			out = append(out, e.ticketLack(r.ticket, t))
		}
	}
	if h.asks&asksLimit != 0 {
		if t := e.underLimit(r.perPerson); t != yes {
			out = append(out, e.limitLack(r.perPerson, t))
		}
	}
	return out
}

func (e *eval) lacksWho(r *rule) []lack {
	user, asker := e.r.User, e.r.asker()
	who := e.names(r.eligible, user)
	var out []lack
	if asker != user && r.outcome == Deny {
		who = max(who, e.names(r.eligible, asker))
	} else if asker != user {
		if t := e.names(r.onBehalf, asker); t != yes {
			out = append(out, e.behalfLack(r, t))
		}
	}
	switch who {
	case no:
		out = append(out, lack{text: "is for " + list(e.p.spellAll(r.eligible), "or") + ", not for " + user, person: true})
	case doubt:
		out = append(out, lack{text: "is for " + list(e.p.spellAll(r.eligible), "or") + ", and whether that is " + user + " could not be checked", doubt: true, person: true})
	case yes:
	}
	return out
}

func (e *eval) behalfLack(r *rule, t truth) lack {
	l := lack{text: "lets nobody ask for somebody else", doubt: t == doubt, person: true}
	if len(r.onBehalf) > 0 {
		l.text = "lets only " + list(e.p.spellAll(r.onBehalf), "or") + " ask for somebody else"
	}
	if l.doubt {
		l.text += ", and whether that is " + e.r.asker() + " could not be checked"
	}
	return l
}

func (e *eval) lacksGlass(r *rule) []lack {
	g := &r.breakGlass
	if len(g.eligible) == 0 {
		return []lack{{text: "lets nobody break the glass", person: true}}
	}
	var out []lack
	switch e.names(g.eligible, e.r.User) {
	case no:
		out = append(out, lack{text: "lets only " + list(e.p.spellAll(g.eligible), "or") + " break the glass", person: true})
	case doubt:
		out = append(out, lack{text: "lets " + list(e.p.spellAll(g.eligible), "or") + " break the glass, and whether that is " + e.r.User + " could not be checked", doubt: true, person: true})
	case yes:
	}
	if e.duration > g.max {
		out = append(out, lack{text: "breaks the glass for at most " + jit.FormatDuration(g.max)})
	}
	return out
}

func (e *eval) lengthWords(r *rule) string {
	switch {
	case r.outcome == Deny:
		return "is for grants of " + jit.FormatDuration(r.min) + " or longer"
	case e.duration > r.max:
		return "gives at most " + jit.FormatDuration(r.max)
	default:
		return "gives at least " + jit.FormatDuration(r.min)
	}
}

func (e *eval) hoursWords(h *hotRule) string {
	var parts []string
	if h.days != everyDay {
		parts = append(parts, "on "+list(daysOf(h.days), "and"))
	}
	if h.from != 0 || h.to != 24*60 {
		parts = append(parts, fmt.Sprintf("from %s to %s", clock(h.from), clock(h.to)))
	}
	return strings.Join(parts, " ") + " (" + e.p.defaults.loc.String() + ")"
}

func clock(minute uint16) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

func (e *eval) dutyLack(schedules []int32, t truth) lack {
	names := make([]string, len(schedules))
	for i, s := range schedules {
		names[i] = e.p.schedules[s].name
	}
	l := lack{text: "is for people on call for " + list(names, "or"), doubt: t == doubt}
	if l.doubt {
		l.text += ", which could not be checked"
	}
	return l
}

func (e *eval) ticketLack(want ticketRule, t truth) lack {
	text := "asks for a ticket"
	if want.open {
		text = "asks for an open ticket"
	}
	if want.assignee {
		text += " assigned to " + e.r.User
	}
	switch {
	case e.r.Ticket == "":
		return lack{text: text, field: FieldTicket}
	case t == doubt:
		return lack{text: text + ", and " + e.r.Ticket + " could not be checked", doubt: true}
	case want.open && !e.f.Ticket.Open:
		return lack{text: text + ", and " + e.r.Ticket + " is closed", field: FieldTicket}
	default:
		return lack{text: text + ", and " + e.r.Ticket + " is not", field: FieldTicket}
	}
}

func (e *eval) limitLack(l Limit, t truth) lack {
	text := fmt.Sprintf("approves automatically %s in %s", plural(l.N, "time"), jit.FormatDuration(l.Per))
	if t == doubt {
		return lack{text: text + ", and how often it did could not be checked", doubt: true}
	}
	return lack{text: text + ", which is used up until " + e.stamp(e.freeAgain(l))}
}

// freeAgain is when one more auto-approval fits a limit that is used up.
func (e *eval) freeAgain(l Limit) time.Time {
	var weigh []time.Time
	for _, at := range e.f.AutoApproved {
		if e.f.At.Sub(at) < l.Per {
			weigh = append(weigh, at)
		}
	}
	slices.SortFunc(weigh, time.Time.Compare)
	return weigh[len(weigh)-l.N].Add(l.Per)
}

// stamp writes an instant in the policy's time zone, with the date if it is
// not today.
func (e *eval) stamp(t time.Time) string {
	local, today := t.In(e.p.defaults.loc), e.f.At.In(e.p.defaults.loc)
	if local.Format(time.DateOnly) == today.Format(time.DateOnly) {
		return local.Format("15:04 MST")
	}
	return local.Format("2006-01-02 15:04 MST")
}

func (e *eval) reasonWords(r *rule, h *hotRule) string {
	x := &e.p.exprs[h.expr]
	if x.any {
		return fmt.Sprintf("a reason of at least %d characters", x.least)
	}
	return "a reason that matches " + r.reason
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
