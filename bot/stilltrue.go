package bot

import (
	"strings"

	"jitbot/jit"
	"jitbot/policy"
	"jitbot/storage"
)

// stillTrue checks what was judged outside the transaction against the store
// inside it: two requests at once must not both be the last auto-approval of
// the day, and an approval in advance may have been taken back. ErrConflict
// sends the caller round again.
func (s *Service) stillTrue(v storage.View, j judged) error {
	if j.decision.Outcome != policy.AutoApprove {
		return nil
	}
	if j.facts.AutoApprovedKnown {
		used, known, err := s.autoApproved(v, j.ask.User, j.ask.Resource, j.facts.At)
		if err != nil {
			return err
		}
		if !known || len(used) != len(j.facts.AutoApproved) {
			return storage.ErrConflict
		}
	}
	if j.decision.Advance == "" {
		return nil
	}
	return s.advancesStand(v, strings.Split(j.decision.Advance, ","))
}

// advancesStand is ErrConflict if one of the approvals in advance was taken
// back, or whoever gave it is not active any more.
func (s *Service) advancesStand(v storage.View, ids []string) error {
	for _, id := range ids {
		found, err := v.Advances(storage.AdvanceFilter{ID: id, Limit: 1})
		if err != nil {
			return err
		}
		if len(found) == 0 || !found[0].RevokedAt.IsZero() || !s.People.Active(found[0].By) {
			return storage.ErrConflict
		}
	}
	return nil
}

// canGive refuses what could not be given to the person even if everybody
// agreed, before anybody is asked.
func (s *Service) canGive(j judged) error {
	if j.decision.Outcome == policy.Deny || j.ask.Kind == policy.Extension {
		return nil
	}
	_, _, err := s.newGrant(jit.Request{For: j.ask.User, Resource: j.ask.Resource}, j, j.facts.At)
	return err
}
