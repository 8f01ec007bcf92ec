package row

import (
	"encoding/json"
	"fmt"
	"strings"

	"jitbot/jit"
	"jitbot/storage"
)

// column stands in a body for a field that has a column of its own: it hides
// the field's name in the embedded row and, being nil, is left out. A field
// that jit adds lands in the body by itself.
type column = *struct{}

type requestBody struct {
	*jit.Request
	ID        column `json:"id,omitempty"`
	Version   column `json:"version,omitempty"`
	State     column `json:"state,omitempty"`
	By        column `json:"by,omitempty"`
	For       column `json:"for,omitempty"`
	Resource  column `json:"resource,omitempty"`
	Batch     column `json:"batch,omitempty"`
	Extends   column `json:"extends,omitempty"`
	CreatedAt column `json:"created_at,omitempty"`
	NextAt    column `json:"next_at,omitempty"`
}

type grantBody struct {
	*jit.Grant
	ID        column `json:"id,omitempty"`
	Version   column `json:"version,omitempty"`
	State     column `json:"state,omitempty"`
	Request   column `json:"request,omitempty"`
	Principal column `json:"principal,omitempty"`
	Resource  column `json:"resource,omitempty"`
	CreatedAt column `json:"created_at,omitempty"`
	NotAfter  column `json:"not_after,omitempty"`
	ExpiresAt column `json:"expires_at,omitempty"`
	NextAt    column `json:"next_at,omitempty"`
}

type holdingBody struct {
	*jit.Holding
	ID        column `json:"id,omitempty"`
	Version   column `json:"version,omitempty"`
	State     column `json:"state,omitempty"`
	Grant     column `json:"grant,omitempty"`
	Request   column `json:"request,omitempty"`
	Principal column `json:"principal,omitempty"`
	Resource  column `json:"resource,omitempty"`
	Target    column `json:"target,omitempty"`
	NotAfter  column `json:"not_after,omitempty"`
	Standing  column `json:"standing,omitempty"`
	NextAt    column `json:"next_at,omitempty"`
	Lease     column `json:"lease,omitempty"`
}

type outgoingBody struct {
	*storage.Outgoing
	ID      column `json:"id,omitempty"`
	Thread  column `json:"thread,omitempty"`
	Slot    column `json:"slot,omitempty"`
	Lease   column `json:"lease,omitempty"`
	Ref     column `json:"ref,omitempty"`
	RootRef column `json:"root_ref,omitempty"`
}

// EncodeRequest writes the body of a kept request.
func EncodeRequest(r *jit.Request) (string, error) { return Encode(requestBody{Request: r}) }

// EncodeGrant writes the body of a kept grant.
func EncodeGrant(g *jit.Grant) (string, error) { return Encode(grantBody{Grant: g}) }

// EncodeHolding writes the body of a kept holding.
func EncodeHolding(h *jit.Holding) (string, error) { return Encode(holdingBody{Holding: h}) }

// EncodeOutgoing writes the body of a kept message.
func EncodeOutgoing(o *storage.Outgoing) (string, error) { return Encode(outgoingBody{Outgoing: o}) }

// Encode writes a kept row as its body.
func Encode(kept any) (string, error) {
	var body strings.Builder
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(kept); err != nil {
		return "", fmt.Errorf("encode row: %w", err)
	}
	return strings.TrimSuffix(body.String(), "\n"), nil
}

// Decode reads a body back into what it was made from. Fields with columns of
// their own are the caller's to fill.
func Decode[T any](body string, into *T) error {
	if err := json.Unmarshal([]byte(body), into); err != nil {
		return fmt.Errorf("decode row: %w", err)
	}
	return nil
}
