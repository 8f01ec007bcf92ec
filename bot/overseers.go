package bot

import (
	"context"
	"fmt"
	"slices"

	"jitbot/jit"
)

// overseers are the people who may see and end anybody's access.
type overseers struct{ admins, security []string }

// SetOverseers puts new admins and security leads in force, from the next
// action on, and records them; details is what else was loaded with them. If
// that cannot be recorded the old ones stay. It may be called at any time.
func (s *Service) SetOverseers(ctx context.Context, admins, security []string, actor string, details map[string]any) error {
	next := overseers{slices.Clone(admins), slices.Clone(security)}
	all := map[string]any{"admins": next.admins, "security": next.security}
	for name, value := range details {
		all[name] = value
	}
	if err := s.note(ctx, s.event(jit.EventConfigLoaded, actor, "config"), all); err != nil {
		return fmt.Errorf("load admins and security: %w", err)
	}
	s.oversee.Store(&next)
	return nil
}

// overseers lists everybody who may see and end anybody's access, security
// first, each once.
func (s *Service) overseers() []string {
	now := s.oversee.Load()
	all, _ := told(append(slices.Clone(now.security), now.admins...), nil)
	return all
}

func (s *Service) admins() []string { return s.oversee.Load().admins }
