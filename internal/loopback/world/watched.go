package world

import (
	"context"
	"sync"

	"jitbot/storage"
)

// watched is a store that tells when something was written to it, so that
// waiting for it needs no polling.
type watched struct {
	storage.Store

	mu   sync.Mutex
	next chan struct{}
}

func newWatched(s storage.Store) *watched { return &watched{Store: s, next: make(chan struct{})} }

// changed is closed at the next write.
func (s *watched) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

func (s *watched) Write(ctx context.Context, fn func(storage.Tx) error) error {
	err := s.Store.Write(ctx, fn)
	if err == nil {
		s.mu.Lock()
		close(s.next)
		s.next = make(chan struct{})
		s.mu.Unlock()
	}
	return err
}
