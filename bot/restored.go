package bot

import (
	"context"
	"errors"
	"fmt"

	"jitbot/jit"
	"jitbot/storage"
)

// readBack looks at everything a restored store believes to be held: the time
// since the backup is unknown to it. What is gone outside is ended here too;
// what is due ends as always, and machines are linked anew. The store carries its mark until that was done once.
func (s *Service) readBack(ctx context.Context) error {
	var held []jit.Holding // not nil once the store is known to be restored
	err := s.store.Read(ctx, func(v storage.View) error {
		mark, err := v.Note(storage.NoteRestored)
		if err != nil || string(mark) != storage.JustRestored {
			return err
		}
		held = []jit.Holding{}
		found, err := v.Holdings(storage.HoldingFilter{States: []jit.HoldingState{jit.HoldingPresent}, Limit: maxEndMany})
		held = append(held, found...)
		return err
	})
	if errors.Is(err, storage.ErrNotFound) || err == nil && held == nil {
		return nil
	}
	if err != nil {
		return err
	}
	var failed []error
	for _, h := range held {
		failed = append(failed, s.readBackOne(ctx, h))
	}
	if err := errors.Join(failed...); err != nil {
		return err // and again in a minute; until then nothing new is given
	}
	return s.store.Write(ctx, func(tx storage.Tx) error {
		if err := s.revokeRestored(tx); err != nil {
			return err
		}
		e := s.event(jit.EventReadBack, jit.ActorJitbot, "restore")
		if err := s.saveNote(tx, e, map[string]any{"read_back": len(held)}); err != nil {
			return err
		}
		return tx.SetNote(storage.NoteRestored, []byte("read back"))
	})
}

func (s *Service) readBackOne(ctx context.Context, h jit.Holding) error {
	p := s.Provisioners[h.Entitlement.Kind]
	if p == nil {
		return nil // nothing can be read; its end will say so
	}
	seen, err := s.observe(ctx, p, h)
	if err != nil {
		return fmt.Errorf("read back %s: %w", h.ID, err)
	}
	if seen.Held {
		return nil
	}
	return s.EndGrant(ctx, h.Grant, jit.ActorJitbot, "restore", "it was gone after a restore: "+seen.Detail)
}
