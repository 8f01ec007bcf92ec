package bot

import (
	"time"

	"jitbot/activity"
	"jitbot/storage"
)

// openActivity makes the contextual log of the service.
func (s *Service) openActivity(sources []activity.Source, redact []activity.Redaction) (err error) {
	s.activity, err = activity.New(activity.Config{
		Store: s.store, At: s.instant, Log: s.log, Sources: sources, Redact: redact,
		Marker: func(kind string) activity.Marker {
			m, _ := s.Provisioners[kind].(activity.Marker)
			return m
		},
		Kept: s.amendReceipts,
	})
	return err
}

// Activity is the contextual log: what was done with what grants gave.
func (s *Service) Activity() *activity.Log { return s.activity }

// amendReceipts has the receipts of grants made anew of which something became
// known after the last one.
func (s *Service) amendReceipts(tx storage.Tx, grants []string) error {
	for _, id := range grants {
		g, err := tx.Grant(id)
		if err != nil {
			return err
		}
		if g.Receipts == 0 || !g.ReceiptAt.IsZero() && g.Receipts < 2 {
			continue // one is to come anyway
		}
		now, err := s.instant(tx)
		if err != nil {
			return err
		}
		at := now.Add(amendWithin)
		if !g.ReceiptAt.IsZero() && g.ReceiptAt.Before(at) {
			continue // due sooner: what never stops coming must not put it off for ever
		}
		if err := s.scheduleReceipt(tx, g, at, now); err != nil {
			return err
		}
	}
	return nil
}

const (
	firstReceiptAfter = 15 * time.Minute // after the end of the grant
	finalReceiptAfter = 24 * time.Hour
	amendWithin       = time.Minute // so that a burst of late events is one amendment
	lookAgainAfter    = 24 * time.Hour
	lookAgainFor      = 7 * 24 * time.Hour
)
