package sqlite

import (
	"encoding/json"
	"slices"
	"strings"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

const defaultLimit = 1000

// dueOrder is the order of the indexes over next_at. Rowids grow with time, as
// ids do.
const dueOrder = "next_at, rowid"

// query collects the conditions of a filter. Lists travel as one JSON
// argument, so that the text of a query does not depend on their lengths.
type query struct {
	where []string
	args  []any
	order string
	limit int
}

func (q *query) and(condition string, args ...any) {
	q.where = append(q.where, condition)
	q.args = append(q.args, args...)
}

func (q *query) equal(column, value string) {
	if value != "" {
		q.and(column+" = ?", value)
	}
}

func in[S ~string](q *query, column string, values []S) {
	switch len(values) {
	case 0:
	case 1:
		q.and(column+" = ?", string(values[0]))
	default:
		q.and(column+" IN (SELECT value FROM json_each(?))", listed(values))
	}
}

// listed is a list of texts as one argument.
func listed[S ~string](values []S) string {
	list, _ := json.Marshal(values) // strings always encode
	return string(list)
}

// text completes a query that starts with SELECT ... FROM table.
func (q *query) text(selection string) (string, []any) {
	var b strings.Builder
	b.WriteString(selection)
	for i, condition := range q.where {
		if i == 0 {
			b.WriteString(" WHERE ")
		} else {
			b.WriteString(" AND ")
		}
		b.WriteString(condition)
	}
	b.WriteString(" ORDER BY " + q.order + " LIMIT ?")
	limit := q.limit
	if limit <= 0 {
		limit = defaultLimit
	}
	return b.String(), append(q.args, int64(limit))
}

// people chooses by requester, by holder, or by either. Most people ask for
// themselves, so the index over requesters has only the others.
func (q *query) people(holder, requester string) {
	const asked = "(for_person = ? AND by_person = for_person) OR (by_person = ? AND by_person <> for_person)"
	switch {
	case requester == "":
		q.equal("for_person", holder)
	case holder == "":
		q.and("("+asked+")", requester, requester)
	default:
		q.and("(for_person = ? OR "+asked+")", holder, requester, requester)
	}
}

func requestQuery(f storage.RequestFilter) *query {
	q := &query{order: "created_at DESC, id DESC", limit: f.Limit}
	in(q, "state", f.States)
	if len(f.States) > 0 && !slices.ContainsFunc(f.States, func(s jit.RequestState) bool {
		return s != jit.RequestScheduled && s != jit.RequestPending
	}) {
		q.and("state IN ('scheduled', 'pending')") // says so to the partial index
	}
	q.people(f.For, f.By)
	q.equal("resource", f.Resource)
	q.equal("batch", f.Batch)
	q.equal("extends", f.Extends)
	q.equal("outcome", f.Outcome)
	if !f.Since.IsZero() {
		q.and("created_at >= ?", row.Micros(f.Since))
	}
	if !f.Before.IsZero() {
		q.and("(created_at, id) < (?, ?)", row.Micros(f.Before), f.BeforeID)
	}
	if f.Batch != "" {
		q.and("batch <> ''")
	}
	if f.Extends != "" {
		q.and("extends <> ''")
	}
	if !f.DueBy.IsZero() {
		q.and("next_at IS NOT NULL AND next_at <= ?", row.Micros(f.DueBy))
		q.order = dueOrder
	}
	return q
}

func grantQuery(f storage.GrantFilter) *query {
	q := &query{order: "created_at DESC, id DESC", limit: f.Limit}
	in(q, "id", f.IDs)
	in(q, "state", f.States)
	if len(f.States) > 0 && !slices.Contains(f.States, jit.GrantEnded) {
		q.and("state <> 'ended'") // says so to the partial index
	}
	q.equal("principal", f.Principal)
	q.equal("resource", f.Resource)
	q.equal("request", f.Request)
	in(q, "request", f.Requests)
	if !f.From.IsZero() {
		q.and("(expires_at >= ? OR state <> 'ended')", row.Micros(f.From))
	}
	if !f.To.IsZero() {
		q.and("created_at < ?", row.Micros(f.To))
	}
	if !f.DueBy.IsZero() {
		q.and("next_at IS NOT NULL AND next_at <= ?", row.Micros(f.DueBy))
		q.order = dueOrder
	}
	if !f.ReceiptBy.IsZero() {
		q.and("receipt_at IS NOT NULL AND receipt_at <= ?", row.Micros(f.ReceiptBy))
		q.order = "receipt_at, rowid"
	}
	return q
}

func holdingQuery(f storage.HoldingFilter) *query {
	q := &query{order: "id", limit: f.Limit}
	if f.Limit <= 0 && len(f.Grants)+len(f.Targets) > 0 {
		q.limit = 1 << 30 // "enough for Grants": each has as many as its resource has entitlements
	}
	in(q, "grant_id", f.Grants)
	if len(f.Without) > 0 {
		q.and("grant_id NOT IN (SELECT value FROM json_each(?))", listed(f.Without))
	}
	in(q, "state", f.States)
	if len(f.Grants)+len(f.Targets) == 0 && len(f.States) > 0 && !slices.Contains(f.States, jit.HoldingAbsent) {
		q.and("state <> 'absent'") // says so to the partial index
	}
	if in(q, "target", f.Targets); len(f.Targets) > 0 {
		q.and("target <> ''") // says so to the partial index
	}
	return q
}

func reviewQuery(f storage.ReviewFilter) *query {
	q := &query{order: "done_at IS NOT NULL, due_at, grant_id", limit: f.Limit}
	q.equal("principal", f.Principal)
	q.equal("grant_id", f.Grant)
	if f.OpenOnly {
		q.and("done_at IS NULL")
		q.order = "due_at, grant_id"
	}
	return q
}

func advanceQuery(f storage.AdvanceFilter) *query {
	q := &query{order: "created_at DESC, id DESC", limit: f.Limit}
	q.equal("id", f.ID)
	q.equal("principal", f.Principal)
	q.equal("resource", f.Resource)
	if !f.LiveAt.IsZero() {
		q.and("revoked_at IS NULL AND until > ?", row.Micros(f.LiveAt))
	}
	return q
}

func eventQuery(f storage.EventFilter) *query {
	q := &query{order: "seq", limit: f.Limit}
	if f.Newest {
		q.order = "seq DESC"
	}
	if f.After > 0 {
		q.and("seq > ?", f.After)
	}
	if f.Request != "" {
		q.and("request = ? AND request <> ''", f.Request)
	}
	if f.Grant != "" {
		q.and("grant_id = ? AND grant_id <> ''", f.Grant)
	}
	q.equal("kind", f.Kind)
	q.equal("actor", f.Actor)
	if !f.Since.IsZero() {
		q.and("at >= ?", row.Micros(f.Since))
	}
	if !f.Until.IsZero() {
		q.and("at < ?", row.Micros(f.Until))
	}
	return q
}
