package sqlite

import (
	"context"
	"fmt"

	"jitbot/storage"
)

// Read runs fn on one consistent view, which holds what every Write that has
// returned has saved. At most four reads run at once; others wait until ctx
// ends. A Read inside a Read is allowed as long as not all four nest.
func (s *Store) Read(ctx context.Context, fn func(storage.View) error) error {
	leave, err := s.enter()
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	defer leave()
	return s.readers.read(ctx, fn)
}

// Write runs fn and makes all it saved durable before it returns nil. fn runs
// on the store's own goroutine, and a second time when a write beside it
// failed. ctx calls the write off only until it has begun. A panic in fn is an
// error. A Write inside fn waits for itself until its ctx ends: never do it.
func (s *Store) Write(ctx context.Context, fn func(storage.Tx) error) error {
	leave, err := s.enter()
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.writer.write(ctx, fn)
}

// Health says whether the store can take more than ends of access.
func (s *Store) Health() storage.Health {
	if problem := s.writer.problem.Load(); problem != nil {
		return storage.Health{Problem: *problem}
	}
	return storage.Health{}
}

// Close waits for reads and writes in flight, moves the log into the file and
// lets other processes have it. Closing twice is harmless.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.inFlight.Wait()
	close(s.writer.queue)
	<-s.writer.stopped
	err := s.readers.close()
	if closing := s.writer.conn.close(); err == nil {
		err = closing
	}
	if closing := dropLock(s.lock); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

func (s *Store) enter() (leave func(), err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, errClosed
	}
	s.inFlight.Add(1)
	return s.inFlight.Done, nil
}
