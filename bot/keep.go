package bot

import (
	"errors"

	"jitbot/policy"
	"jitbot/storage"
)

// keepPolicy keeps a policy that comes into force whole, by its digest, so that
// what it decided can be decided again when the file is long another. One that
// is kept already is left alone.
func keepPolicy(tx storage.Tx, p *policy.Policy) error {
	_, err := tx.Leaf(policy.Ledger, p.SHA256())
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return tx.SetLeaf(policy.Ledger, p.SHA256(), p.Archive())
}
