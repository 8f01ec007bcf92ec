// Package row turns the words of jit into what a database keeps of them: times
// in UTC cut to microseconds, and one JSON body with what does not stand in a
// column of its own.
package row

import (
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// Time is t as a store keeps it. The zero time stays zero.
func Time(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Micros is t for a column: microseconds since 1970, or nil for the zero time.
func Micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return Time(t).UnixMicro()
}

// FromMicros is the time a column stands for; nil is the zero time, and so is
// what the zero time is where a column takes no NULL.
func FromMicros(v any) time.Time {
	n, ok := v.(int64)
	if !ok || n == zeroMicros {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

var zeroMicros = time.Time{}.UnixMicro()

func tidy(times ...*time.Time) {
	for _, t := range times {
		*t = Time(*t)
	}
}

// Request returns r as it is kept.
func Request(r jit.Request) jit.Request {
	tidy(&r.CreatedAt, &r.StartAt, &r.LapseAt, &r.NextAt, &r.DecidedAt)
	approvals := make([]jit.Approval, len(r.Approvals))
	for i, a := range r.Approvals {
		tidy(&a.At)
		approvals[i] = a
	}
	if len(approvals) > 0 {
		r.Approvals = approvals
	}
	return r
}

// Grant returns g as it is kept.
func Grant(g jit.Grant) jit.Grant {
	tidy(&g.CreatedAt, &g.ConfirmedAt, &g.NotAfter, &g.ExpiresAt, &g.WarnedAt, &g.NextAt, &g.EndedAt, &g.PagedAt, &g.ReceiptAt)
	return g
}

// Holding returns h as it is kept.
func Holding(h jit.Holding) jit.Holding {
	tidy(&h.NotAfter, &h.ExposedUntil, &h.NextAt, &h.LingerUntil, &h.Lease.Until)
	return h
}

// Review returns r as it is kept.
func Review(r jit.Review) jit.Review {
	tidy(&r.DueAt, &r.DoneAt)
	return r
}

// Advance returns a as it is kept.
func Advance(a jit.Advance) jit.Advance {
	tidy(&a.Until, &a.CreatedAt, &a.RevokedAt)
	return a
}

// Pickup returns p as it is kept.
func Pickup(p jit.Pickup) jit.Pickup {
	tidy(&p.CreatedAt, &p.ExpiresAt, &p.UsedAt, &p.ReportedAt)
	return p
}

// Link returns l as it is kept.
func Link(l jit.Link) jit.Link {
	tidy(&l.AskedAt, &l.LinkedAt, &l.ChangedAt)
	return l
}

// SignIn returns s as it is kept.
func SignIn(s jit.SignIn) jit.SignIn {
	tidy(&s.CreatedAt, &s.ExpiresAt, &s.VerifiedAt, &s.UsedAt)
	return s
}

// Drift returns d as it is kept.
func Drift(d jit.Drift) jit.Drift {
	tidy(&d.FirstSeen, &d.LastSeen, &d.GoneAt, &d.AcceptedAt, &d.ActedAt)
	return d
}

// Suggestion returns s as it is kept.
func Suggestion(s jit.Suggestion) jit.Suggestion {
	tidy(&s.FirstShown, &s.LastShown, &s.DismissedAt, &s.SilentUntil, &s.ProposedAt, &s.ConfirmedAt,
		&s.AppliedAt, &s.InForceAt, &s.ExpiresAt, &s.RevertedAt, &s.Shadow.From, &s.Shadow.Until, &s.Shadow.ToldAt, &s.Shadow.EndedAt)
	return s
}

// Device returns d as it is kept.
func Device(d jit.Device) jit.Device {
	tidy(&d.CreatedAt, &d.ExpiresAt, &d.ConfirmedAt, &d.SettledAt)
	return d
}

// Token returns t as it is kept.
func Token(t jit.Token) jit.Token {
	tidy(&t.CreatedAt, &t.ExpiresAt, &t.LastUsedAt, &t.RevokedAt)
	return t
}

// Outgoing returns o as it is kept: without what is only set on claimed rows.
func Outgoing(o storage.Outgoing) storage.Outgoing {
	tidy(&o.QueuedAt, &o.NextAt)
	o.Ref, o.RootRef, o.Lease = "", "", jit.Lease{}
	return o
}
