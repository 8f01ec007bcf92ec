package activity

import (
	"encoding/json"
	"fmt"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

// addKeys adds the access keys that were handed out, as the log of events has
// them.
func addKeys(v storage.View, x *index, byID map[string]*known, from time.Time) error {
	f := storage.EventFilter{Kind: jit.EventCredentialIssued, Since: from.Add(-linger), Limit: chunk}
	for {
		page, err := v.Events(f)
		if err != nil {
			return fmt.Errorf("keys that were handed out: %w", err)
		}
		for _, e := range page {
			var data struct {
				AccessKeyID string `json:"access_key_id"`
			}
			if k := byID[e.Grant]; k != nil && json.Unmarshal(e.Data, &data) == nil {
				x.add(k, Mark{Method: jit.ByAccessKey, Value: data.AccessKeyID})
			}
		}
		if len(page) < chunk {
			return nil
		}
		f.After = page[len(page)-1].Seq
	}
}
