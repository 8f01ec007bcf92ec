package activity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"jitbot/activity"
	"jitbot/integrations/aws/trail"
	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// byPermissionSet leaves the marks of an account assignment.
type byPermissionSet struct{}

func (byPermissionSet) Marks(h jit.Holding) []activity.Mark {
	p := h.Entitlement.Params
	return []activity.Mark{{Method: jit.ByIdentityCenter, Scope: trail.PermissionSetRole("aws", p["account"], p["role"]), Value: h.Principal}}
}

func (byPermissionSet) Opens(jit.Holding) string { return "" }

func grantID(n int) string { return fmt.Sprintf("grt_%06d", n) }

// OpenLog is a contextual log on a store that holds the grants.
func OpenLog(tb testing.TB, grants []Grant) (*activity.Log, storage.Store) {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), sqlite.Config{Dir: tb.TempDir(), Ballast: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	var changes []*jit.Change
	for _, g := range grants {
		c, err := given(g)
		if err != nil {
			tb.Fatal(err)
		}
		changes = append(changes, c)
	}
	if err := s.Write(tb.Context(), func(tx storage.Tx) error { return tx.Save(changes...) }); err != nil {
		tb.Fatal(err)
	}
	log, err := activity.New(activity.Config{
		Store: s, At: func(storage.View) (time.Time, error) { return grants[0].From.Add(7 * 24 * time.Hour), nil },
		Marker: func(string) activity.Marker { return byPermissionSet{} },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return log, s
}

func given(g Grant) (*jit.Change, error) {
	grant := jit.Grant{
		ID: grantID(g.ID), Request: fmt.Sprintf("req_%d", g.ID), Kind: jit.Access, Principal: g.User, Resource: "prod", Holdings: 1,
		CreatedAt: g.From, ConfirmedAt: g.From, NotAfter: g.To, ExpiresAt: g.To, EndedAt: g.To,
	}
	h := jit.Holding{
		ID: fmt.Sprintf("hld_%d", g.ID), Grant: grant.ID, Request: grant.Request, Principal: g.User, Resource: "prod", NotAfter: g.To,
		Entitlement: jit.Entitlement{Kind: "assignment", Params: map[string]string{"account": g.Account, "role": g.Role}},
	}
	c := jit.Record(jit.Event{At: g.From, Kind: jit.EventGrantActive, Grant: grant.ID})
	return c, errors.Join(c.Grant(grant, jit.GrantProvisioning), c.Holding(h, jit.HoldingWanted))
}

// Jitbot reads files the way jitbot does, up to where a batch is written down.
type Jitbot struct {
	decoder trail.Decoder
	in      activity.Intake
	batch   *activity.Batch // of the last file
}

// NewJitbot is for one goroutine.
func NewJitbot(log *activity.Log) *Jitbot { return &Jitbot{in: log.Intake("trail")} }

// Read reads a packed file and returns how many records were counted.
func (j *Jitbot) Read(packed []byte) (int, error) {
	b, _, err := j.in.Begin(context.Background(), "")
	if err != nil {
		return 0, err
	}
	j.batch = b
	err = j.decoder.Read(bytes.NewReader(packed), b.Add, b.Skip)
	if t := b.Tally(); t.SetAside() > 0 {
		err = errors.Join(err, fmt.Errorf("set aside: %v", t.Bad))
	}
	return int(b.Tally().Records), err
}
