package sqlite

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
)

func TestWhatIsAskedAgainAndAgainReadsNoHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openIn(t, Config{Dir: dir, Ballast: -1})
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, FileName)+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	living := []jit.HoldingState{jit.HoldingWanted, jit.HoldingApplying, jit.HoldingPresent, jit.HoldingRemoving}
	for index, c := range map[string]struct {
		selection string
		q         *query
	}{
		"holdings_live":   {selectHoldings, holdingQuery(storage.HoldingFilter{States: living, Limit: 100_000})},
		"holdings_target": {selectHoldings, holdingQuery(storage.HoldingFilter{States: living, Targets: []string{"a", "b"}})},
		"holdings_grant":  {selectHoldings, holdingQuery(storage.HoldingFilter{States: living, Grants: []string{"a", "b"}})},
		"grants_receipt":  {selectGrants, grantQuery(storage.GrantFilter{ReceiptBy: time.Unix(1, 0), Limit: 64})},
		"drifts_live":     {selectDrifts, driftQuery(storage.DriftFilter{States: []jit.DriftState{jit.DriftOpen, jit.DriftAccepted}})},
	} {
		text, args := c.q.text(c.selection)
		if plan := planOf(t, db, text, args); !strings.Contains(plan, "USING INDEX "+index) {
			t.Errorf("%s: %s", index, plan)
		}
	}
}

func planOf(t *testing.T, db *sql.DB, text string, args []any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}
