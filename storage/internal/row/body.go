package row

import (
	"encoding/json"
	"fmt"
	"strings"

	fastjson "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"jitbot/jit"
	"jitbot/storage"
)

// The bodies below leave out what stands in a column of its own. A field that
// jit adds must be added here; a test compares them with encoding/json.

// EncodeRequest writes the body of a kept request.
func EncodeRequest(r *jit.Request) (string, error) {
	o := newObject()
	o.str("kind", string(r.Kind))
	o.account("by_account", r.ByAccount)
	o.num("duration", int64(r.Duration))
	o.str("reason", r.Reason)
	o.str("ticket", r.Ticket)
	o.at("start_at", r.StartAt)
	o.at("lapse_at", r.LapseAt)
	o.num("reminders", int64(r.Reminders))
	o.flag("escalated", r.Escalated)
	o.name("decision")
	o.inner(func() { o.decision(&r.Decision) })
	o.raw("ask", r.Ask)
	o.raw("facts", r.Facts)
	list(o, "approvals", r.Approvals, o.approval)
	o.at("decided_at", r.DecidedAt)
	o.str("decided_by", r.DecidedBy)
	o.str("answer", r.Answer)
	o.str("imported", r.Imported)
	return o.text()
}

func (o *object) account(name string, a jit.Account) {
	o.name(name)
	o.inner(func() {
		o.str("platform", a.Platform)
		o.str("team", a.Team)
		o.str("user", a.User)
	})
}

func (o *object) decision(d *jit.Decision) {
	o.str("policy_sha256", d.PolicySHA256)
	o.str("outcome", d.Outcome)
	o.str("said", d.Said)
	o.str("rule", d.Rule)
	o.num("line", int64(d.Line))
	o.num("count", int64(d.Count))
	o.texts("approvers", d.Approvers)
	list(o, "each", d.Each, func(set []string) {
		o.array(len(set), func(i int) { o.buf = appendText(o.buf, set[i]) })
	})
	o.num("max_duration", int64(d.MaxDuration))
	o.flag("step_up", d.StepUp)
	o.flag("note", d.Note)
	o.str("content", d.Content)
	o.texts("reasons", d.Reasons)
}

func (o *object) approval(a jit.Approval) {
	o.inner(func() {
		o.str("by", a.By)
		o.account("account", a.Account)
		o.at("at", a.At)
		o.num("duration", int64(a.Duration))
		o.flag("signed_in", a.SignedIn)
		o.str("note", a.Note)
	})
}

// EncodeGrant writes the body of a kept grant.
func EncodeGrant(g *jit.Grant) (string, error) {
	o := newObject()
	o.str("kind", string(g.Kind))
	o.str("rule", g.Rule)
	o.num("duration", int64(g.Duration))
	o.num("holdings", int64(g.Holdings))
	o.at("confirmed_at", g.ConfirmedAt)
	o.num("warn_before", int64(g.WarnBefore))
	o.at("warned_at", g.WarnedAt)
	o.at("ended_at", g.EndedAt)
	o.str("end_by", g.EndBy)
	o.str("end_reason", g.EndReason)
	o.str("outcome", string(g.Outcome))
	o.at("paged_at", g.PagedAt)
	o.texts("scope", g.Scope)
	o.num("receipts", int64(g.Receipts))
	if i := g.Imported; i != nil {
		o.name("imported")
		o.inner(func() {
			o.at("promised", i.Promised)
			o.num("extensions", int64(i.Extensions))
			o.num("opened", int64(i.Opened))
			o.flag("unopened", i.Unopened)
			o.str("sensitivity", i.Sensitivity)
			o.at("review_by", i.ReviewBy)
			o.texts("access_keys", i.AccessKeys)
		})
	}
	return o.text()
}

// EncodeHolding writes the body of a kept holding.
func EncodeHolding(h *jit.Holding) (string, error) {
	o := newObject()
	o.str("drift", h.Drift)
	o.name("entitlement")
	o.inner(func() {
		o.str("kind", h.Entitlement.Kind)
		o.dict("params", h.Entitlement.Params)
	})
	o.flag("minted", h.Minted)
	o.at("exposed_until", h.ExposedUntil)
	o.str("kept", h.Kept)
	o.num("attempts", int64(h.Attempts))
	o.str("last_error", h.LastError)
	o.str("sensitivity", h.Sensitivity)
	o.str("outside_id", h.OutsideID)
	o.num("linger", int64(h.Linger))
	o.str("linger_why", h.LingerWhy)
	o.at("linger_until", h.LingerUntil)
	return o.text()
}

// EncodeOutgoing writes the body of a kept message.
func EncodeOutgoing(m *storage.Outgoing) (string, error) {
	o := newObject()
	o.str("root", m.Root)
	o.str("audience", m.Audience)
	o.str("chat", m.Chat)
	o.str("channel", m.Channel)
	o.str("person", m.Person)
	o.raw("card", m.Card)
	o.at("queued_at", m.QueuedAt)
	o.num("attempts", int64(m.Attempts))
	o.str("last_error", m.LastError)
	return o.text()
}

// Encode writes a kept row of a kind that is not written often as its body,
// with all its fields.
func Encode(kept any) (string, error) {
	var body strings.Builder
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(kept); err != nil {
		return "", fmt.Errorf("encode row: %w", err)
	}
	return strings.TrimSuffix(body.String(), "\n"), nil
}

// Bodies are read alike by encoding/json and by this, which takes half the time.
var asWritten = jsonv1.DefaultOptionsV1()

// Decode reads a body back into what it was made from. Fields with columns of
// their own are the caller's to fill.
func Decode[T any](body string, into *T) error {
	if err := fastjson.Unmarshal([]byte(body), into, asWritten); err != nil {
		return fmt.Errorf("decode row: %w", err)
	}
	return nil
}
