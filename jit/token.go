package jit

import "time"

// TokenScope is what a [Token] is good for.
type TokenScope string

// ScopeCredentials is the only scope there is: a token of it opens sessions of
// grants that its person holds, and does nothing else.
const ScopeCredentials TokenScope = "credentials"

// Token is a machine's lasting right to act for a person, within its scope.
// The secret itself is never kept, only its SHA-256.
type Token struct {
	ID         string     `json:"id"`
	Version    int64      `json:"version"`
	SHA256     string     `json:"sha256"` // hex, of the secret
	Principal  string     `json:"principal"`
	Scope      TokenScope `json:"scope"`
	Machine    string     `json:"machine"` // what it calls itself
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastUsedAt time.Time  `json:"last_used_at,omitzero"` // to the minute
	RevokedAt  time.Time  `json:"revoked_at,omitzero"`
	RevokedBy  string     `json:"revoked_by,omitempty"` // principal, or jitbot
}

// Live reports whether t was neither revoked nor has run out at an instant.
// Whether its person may act then is another question.
func (t Token) Live(at time.Time) bool { return t.RevokedAt.IsZero() && at.Before(t.ExpiresAt) }

// Device is a machine that asked to be given a token: asked for, shown to the
// person who typed its code, confirmed by that person, and settled when the
// machine has taken its token or the person has said no, each once. Of its two
// codes only the SHA-256 is kept.
type Device struct {
	ID             string    `json:"id"`
	Version        int64     `json:"version"`
	CodeSHA256     string    `json:"code_sha256"`      // hex, of what the machine holds
	UserCodeSHA256 string    `json:"user_code_sha256"` // hex, of what a person types
	Machine        string    `json:"machine"`          // what it calls itself
	Address        string    `json:"address"`          // where it asked from, for people
	Network        string    `json:"network"`          // the same, to count by
	CreatedAt      time.Time `json:"created_at"`
	ExpiresAt      time.Time `json:"expires_at"`
	Principal      string    `json:"principal,omitempty"` // who typed its code; nobody else can from then on
	ConfirmedAt    time.Time `json:"confirmed_at,omitzero"`
	Token          string    `json:"token,omitempty"` // the id of what it was given
	SettledAt      time.Time `json:"settled_at,omitzero"`
}

// Waits reports whether something can still become of d at an instant.
func (d Device) Waits(at time.Time) bool { return d.SettledAt.IsZero() && at.Before(d.ExpiresAt) }
