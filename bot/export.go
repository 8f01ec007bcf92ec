package bot

import (
	"context"

	"jitbot/jit"
)

// NoteExport records that somebody took events or activities out: what, and in
// which form.
func (s *Service) NoteExport(ctx context.Context, actor string, details map[string]any) error {
	return s.note(ctx, s.event(jit.EventExported, actor, "cli"), details)
}
