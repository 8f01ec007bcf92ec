package jit

import (
	"errors"
	"fmt"
	"slices"
)

// ErrIllegalMove is wrapped by the error of every move that the life cycle
// does not know.
var ErrIllegalMove = errors.New("illegal move")

// RequestState is where a [Request] stands. The zero value is a request that
// has not been written yet.
type RequestState string

// The states of a request. Only the last four are final.
const (
	RequestNew       RequestState = ""
	RequestScheduled RequestState = "scheduled" // asked for a later start; decided again when it comes
	RequestPending   RequestState = "pending"   // waits for approvers
	RequestApproved  RequestState = "approved"  // has a grant
	RequestDenied    RequestState = "denied"    // by the policy or by an approver
	RequestCancelled RequestState = "cancelled" // by the requester, or by jitbot where it has lost its ground
	RequestLapsed    RequestState = "lapsed"    // nobody answered in time
)

// GrantState is where a [Grant] stands. Only ended is final.
type GrantState string

// The states of a grant.
const (
	GrantNew          GrantState = ""
	GrantProvisioning GrantState = "provisioning" // holdings are being given
	GrantActive       GrantState = "active"       // every holding was read back as held
	GrantRevoking     GrantState = "revoking"     // holdings are being taken back
	GrantEnded        GrantState = "ended"        // every holding was read back as absent
)

// HoldingState is where a [Holding] stands. A try that failed or whose outcome
// is unknown leaves it where it is.
type HoldingState string

// The states of a holding.
const (
	HoldingNew      HoldingState = ""
	HoldingWanted   HoldingState = "wanted"   // to be given; nothing was called yet
	HoldingApplying HoldingState = "applying" // a call may have been made
	HoldingPresent  HoldingState = "present"  // read back as held
	HoldingRemoving HoldingState = "removing" // to be taken back
	HoldingAbsent   HoldingState = "absent"   // read back as gone
)

var requestMoves = map[RequestState][]RequestState{
	RequestNew:       {RequestScheduled, RequestPending, RequestApproved, RequestDenied},
	RequestScheduled: {RequestScheduled, RequestPending, RequestApproved, RequestDenied, RequestCancelled},
	RequestPending:   {RequestPending, RequestApproved, RequestDenied, RequestCancelled, RequestLapsed},
}

var grantMoves = map[GrantState][]GrantState{
	GrantNew:          {GrantProvisioning},
	GrantProvisioning: {GrantProvisioning, GrantActive, GrantRevoking},
	GrantActive:       {GrantActive, GrantRevoking},
	GrantRevoking:     {GrantRevoking, GrantEnded},
}

var holdingMoves = map[HoldingState][]HoldingState{
	HoldingNew:      {HoldingWanted, HoldingRemoving}, // removing: a drift that an overseer has taken back
	HoldingWanted:   {HoldingWanted, HoldingApplying, HoldingRemoving},
	HoldingApplying: {HoldingApplying, HoldingPresent, HoldingRemoving},
	HoldingPresent:  {HoldingPresent, HoldingApplying, HoldingRemoving}, // applying: it went missing and is given again
	HoldingRemoving: {HoldingRemoving, HoldingAbsent},
}

// CanMove reports whether a request may go from s to next. Staying where it is
// counts as a move where a row changes without changing its state.
func (s RequestState) CanMove(next RequestState) bool { return slices.Contains(requestMoves[s], next) }

// Final reports whether no move leads out of s.
func (s RequestState) Final() bool { return s != RequestNew && len(requestMoves[s]) == 0 }

// CanMove reports whether a grant may go from s to next.
func (s GrantState) CanMove(next GrantState) bool { return slices.Contains(grantMoves[s], next) }

// Live reports whether a grant in s may still give access outside.
func (s GrantState) Live() bool { return s != GrantNew && s != GrantEnded }

// CanMove reports whether a holding may go from s to next.
func (s HoldingState) CanMove(next HoldingState) bool { return slices.Contains(holdingMoves[s], next) }

func illegal[S ~string](what, id string, from, to S) error {
	return fmt.Errorf("%w: %s %s from %q to %q", ErrIllegalMove, what, id, from, to)
}
