package analysis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"jitbot/history"
	"jitbot/jit"
	"jitbot/policy"
)

// Cause is why the reason or the ticket of a grant does not fit it.
type Cause string

// The causes.
const (
	TicketMissing Cause = "ticket_missing" // the rule asks for one, or half of its requests have one
	TicketClosed  Cause = "ticket_closed"  // before the grant began
	NotAssignee   Cause = "not_assignee"   // it is somebody else's
	TicketReused  Cause = "ticket_reused"  // for over 10 grants, or for over 30 days
	Boilerplate   Cause = "boilerplate"    // the same words 5 times or more, for 3 resources or more
	LookedOnly    Cause = "looked_only"    // the words say that it is to look, and something was written
)

func causes() []Cause {
	return []Cause{TicketMissing, TicketClosed, NotAssignee, TicketReused, Boilerplate, LookedOnly}
}

// mismatch is A11, reason or ticket that does not fit.
//
// Each grant is checked for each [Cause]; every check is a comparison, and none
// understands a text. Of a rule, k of n grants have a cause: a finding from n =
// 20 with a lower bound of k/n of 0.30, and no part of the rule that is provably
// under it. It leads to a stricter require.
//
// That the component of a ticket is not the resource's is not checked, as no
// fact tells the component. A ticket is missed only where the rule asks for one,
// or half of its requests name one: or else each rule that rightly asks for none
// would be found.
func mismatch(d *Data) ([]Finding, error) {
	g, lim := d.ground(), d.limits().Session
	said := hear(d, g)
	all := make([]misfits, len(g.rules))
	local := localTo(d.Policy)
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if r := g.rule[i]; gave(c, d.now()) && c.Kind != jit.BreakGlass && g.rules[r].i >= 0 {
			all[r].see(g, i, c, local(c.At), said.check(g, i, c, lim))
		}
	}
	var out []Finding
	for r := range all {
		if f, ok := all[r].finding(d, &g.rules[r], lim); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// misfits are the grants of a rule that have a cause.
type misfits struct {
	parts

	by       map[Cause]int
	evidence []string
}

func (x *misfits) see(g *ground, i int, c *history.Case, local time.Time, found []Cause) {
	x.add(g, i, local, len(found) > 0)
	for _, cause := range found {
		if x.by == nil {
			x.by = map[Cause]int{}
		}
		x.by[cause]++
	}
	if len(found) > 0 {
		x.evidence = cite(x.evidence, c.Grant.ID)
	}
}

func (x *misfits) finding(d *Data, r *ruleNow, lim SessionLimits) (Finding, bool) {
	bound := low(x.k, x.n, lim.Plain)
	if x.n == 0 || 2*x.n < lim.MismatchGrants || bound < lim.MismatchShare || len(x.worse(lim.Part, lim.MismatchShare)) > 0 {
		return Finding{}, false
	}
	f := d.ruleFinding("A11", r)
	f.N, f.K, f.Bound, f.Evidence, f.More = x.n, x.k, bound, x.evidence, max(0, lim.MismatchGrants-x.n)
	most := TicketMissing
	for _, cause := range causes() {
		if x.by[cause] > 0 {
			f.Figures = append(f.Figures, figure(strings.ReplaceAll(string(cause), "_", " "), "%d", x.by[cause]))
		}
		if x.by[cause] > x.by[most] {
			most = cause
		}
	}
	f.Kind = string(most)
	f.Sentence = fmt.Sprintf("The reason or the ticket of %d of %d grants of %s does not fit, most often: %s.", x.k, x.n, r.id, causeWords(most))
	if f.More == 0 {
		f.Edits = stricter(d.Policy, r, most)
		f.Friction = float64(x.k) / d.weeks()
	}
	return f, true
}

func causeWords(c Cause) string {
	switch c {
	case TicketMissing:
		return "no ticket is named"
	case TicketClosed:
		return "the ticket was closed before"
	case NotAssignee:
		return "the ticket is somebody else's"
	case TicketReused:
		return "one ticket serves for many grants"
	case Boilerplate:
		return "the same words for different resources"
	default:
		return "it was to look, and something was changed"
	}
}

// stricter are the edits that have a rule ask for an open ticket of the person's
// own, or for less where it does not come to that.
func stricter(p *policy.Policy, r *ruleNow, most Cause) []Proposal {
	assigned := p.Writes(r.i, "require", "ticket", "assignee")
	if r.TicketOpen && assigned {
		return nil
	}
	if most == TicketClosed && !r.TicketOpen && assigned {
		return []Proposal{require(p, r, "ticket", "{open: true, assignee: self}", "it has to be open")}
	}
	return []Proposal{require(p, r, "ticket", "{open: true, assignee: self}", "an open ticket of one's own says what it is for")}
}

// heard is what was said in all requests: it takes all of them to see what is
// said too often.
type heard struct {
	digests []uint64 // of reasons, by case
	tickets map[string]*ticketUse
	words   map[uint64]*wordUse
	named   []tally // by rule: requests that name a ticket
}

type ticketUse struct {
	grants      int
	first, last time.Time
}

type wordUse struct {
	n         int32
	resources [3]int32 // the first few different ones, plus one
}

func hear(d *Data, g *ground) *heard {
	h := &heard{digests: make([]uint64, len(d.Past.Cases)), tickets: map[string]*ticketUse{}, words: map[uint64]*wordUse{}, named: make([]tally, len(g.rules))}
	for i := range d.Past.Cases {
		c := &d.Past.Cases[i]
		if !gave(c, d.now()) {
			continue
		}
		h.named[g.rule[i]].add(c.Ticket != "")
		if c.Ticket != "" {
			t := h.tickets[c.Ticket]
			if t == nil {
				t = &ticketUse{first: c.At}
				h.tickets[c.Ticket] = t
			}
			t.grants++
			t.last = later(t.last, c.At)
		}
		key := digest(c.Reason)
		h.digests[i] = key
		w := h.words[key]
		if w == nil {
			w = &wordUse{}
			h.words[key] = w
		}
		w.n++
		w.meet(g.resource[i] + 1)
	}
	return h
}

func (w *wordUse) meet(resource int32) {
	for i := range w.resources {
		if w.resources[i] == resource || w.resources[i] == 0 {
			w.resources[i] = resource
			return
		}
	}
}

// digest is equal for texts that differ only in case, spaces and marks.
func digest(text string) uint64 {
	const start, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h, gap := uint64(start), false
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			gap = true
			continue
		}
		if gap {
			h, gap = (h^' ')*prime, false
		}
		h = (h ^ uint64(unicode.ToLower(r))) * prime
	}
	return h
}

// check gives the causes of one grant.
func (h *heard) check(g *ground, i int, c *history.Case, lim SessionLimits) []Cause {
	var out []Cause
	rule := &g.rules[g.rule[i]]
	add := func(yes bool, cause Cause) {
		if yes {
			out = append(out, cause)
		}
	}
	if named := h.named[g.rule[i]]; c.Ticket == "" {
		add(rule.NeedsTicket && !c.At.Before(rule.since) || 2*named.k >= named.n, TicketMissing)
	} else {
		ticket, known := ticketOf(c)
		add(known && !ticket.Open, TicketClosed)
		add(known && ticket.Assignee != "" && ticket.Assignee != c.User, NotAssignee)
		use := h.tickets[c.Ticket]
		add(use.grants > lim.TicketGrants || use.last.Sub(use.first) > lim.TicketOver, TicketReused)
	}
	words := h.words[h.digests[i]]
	add(c.Reason != "" && int(words.n) >= lim.SameReason && words.different() >= lim.SameTargets, Boilerplate)
	add(c.Grant.Use.Writes > 0 && toLook(c.Reason), LookedOnly)
	return out
}

func (w *wordUse) different() (n int) {
	for _, r := range w.resources {
		if r != 0 {
			n++
		}
	}
	return n
}

// ticketOf is the ticket among the facts of a case.
func ticketOf(c *history.Case) (t policy.Ticket, known bool) {
	const key = `"ticket":{` // in a text its quotes would be written otherwise
	at := bytes.Index(c.Facts, []byte(key))
	if at < 0 {
		return t, false
	}
	raw := c.Facts[at+len(key)-1:]
	if end := bytes.IndexByte(raw, '}'); end > 0 && json.Unmarshal(raw[:end+1], &t) == nil {
		return t, t.ID == c.Ticket
	}
	err := json.NewDecoder(bytes.NewReader(raw)).Decode(&t) // it has a brace in a text
	return t, err == nil && t.ID == c.Ticket
}

// toLook reports whether a reason has a word for looking and none for changing.
func toLook(reason string) bool {
	look := false
	for word := range strings.FieldsFuncSeq(strings.ToLower(reason), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if slices.Contains(changeWords(), word) {
			return false
		}
		look = look || slices.Contains(lookWords(), word)
	}
	return look
}

func lookWords() []string {
	return []string{"look", "looking", "check", "checking", "investigate", "investigating", "investigation", "debug", "debugging"}
}

func changeWords() []string {
	return []string{
		"fix", "fixing", "change", "changing", "update", "updating", "restart", "restarting", "deploy", "deploying", "rollback", "migrate", "migration",
		"delete", "remove", "add", "create", "repair", "patch", "restore", "rotate", "scale", "resize", "apply", "clean", "cleanup", "write", "backfill", "upgrade",
	}
}
