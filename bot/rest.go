package bot

import (
	"context"
	"time"

	"jitbot/storage"
)

// rest leaves the store alone for a while after it has failed.
func rest(ctx context.Context) {
	timer := time.NewTimer(storeRetry)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// nextOf asks a view when something is due.
type nextOf func(storage.View) (at time.Time, ok bool, err error)

// rest sleeps until the next due instant, a wake-up, or the longest rest.
func (s *Service) rest(ctx context.Context, wake <-chan struct{}, next nextOf, shortest time.Duration) {
	timer := time.NewTimer(max(s.untilDue(ctx, next), shortest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

func (s *Service) untilDue(ctx context.Context, next nextOf) time.Duration {
	wait, err := s.dueIn(ctx, next)
	if err != nil {
		return time.Second
	}
	return wait
}

// isDue reports whether anything is due by now.
func (s *Service) isDue(ctx context.Context, next nextOf) (bool, error) {
	wait, err := s.dueIn(ctx, next)
	return wait <= 0, err
}

// dueIn is how long it is until something is due, at most the longest rest.
func (s *Service) dueIn(ctx context.Context, next nextOf) (time.Duration, error) {
	wait := longestRest
	err := s.store.Read(ctx, func(v storage.View) error {
		now, err := s.instant(v)
		if err != nil {
			return err
		}
		due, ok, err := next(v)
		if err == nil && ok {
			wait = min(wait, due.Sub(now))
		}
		return err
	})
	return wait, err
}
