package reports

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"jitbot/jit"
)

// chainCheck holds the events of a bundle against the chain they are of. Where
// some were left out it sees that each is as it was written, and that those
// that follow one another do.
type chainCheck struct {
	whole   bool
	head    Head
	last    jit.Event
	blanked int64
}

func (c *chainCheck) line(raw []byte) (fault string) {
	e, err := parseEvent(raw)
	if err != nil {
		return fmt.Sprintf("a line after row %d is no event: %v", c.last.Seq, err)
	}
	switch {
	case e.Seq <= c.last.Seq:
		return fmt.Sprintf("row %d stands after row %d", e.Seq, c.last.Seq)
	case e.Hash != e.ChainHash():
		return fmt.Sprintf("row %d was changed: its columns do not give its hash", e.Seq)
	case e.Seq == c.last.Seq+1 && e.Prev != c.last.Hash:
		return fmt.Sprintf("row %d does not follow row %d", e.Seq, c.last.Seq)
	case c.whole && e.Seq != c.last.Seq+1:
		return fmt.Sprintf("row %d is missing", c.last.Seq+1)
	}
	if jit.DataDigest(e.Data) != e.DataSHA256 {
		if string(e.Data) != "{}" {
			return fmt.Sprintf("row %d was changed: its data is not what was written", e.Seq)
		}
		c.blanked++
	}
	c.last = e
	return ""
}

func (c *chainCheck) end() (fault string) {
	reached := c.last.Seq == c.head.Seq
	switch {
	case c.last.Seq > c.head.Seq:
		return fmt.Sprintf("row %d is newer than the head that the manifest names", c.last.Seq)
	case reached && hex.EncodeToString(c.last.Hash[:]) != c.head.Hash && c.head.Seq > 0:
		return fmt.Sprintf("row %d is not the head that the manifest names", c.last.Seq)
	case c.whole && !reached:
		return fmt.Sprintf("row %d is missing: the tail was cut", c.last.Seq+1)
	}
	return ""
}

// parseEvent reads a line of JSONLines.
func parseEvent(raw []byte) (e jit.Event, err error) {
	var row struct {
		Seq          int64           `json:"seq"`
		At           time.Time       `json:"at"`
		Kind         string          `json:"kind"`
		Actor        string          `json:"actor"`
		ActorAccount string          `json:"actor_account"`
		Origin       string          `json:"origin"`
		Request      string          `json:"request"`
		Grant        string          `json:"grant"`
		Resource     string          `json:"resource"`
		Outcome      string          `json:"outcome"`
		PolicySHA256 string          `json:"policy_sha256"`
		DataSHA256   string          `json:"data_sha256"`
		Data         json.RawMessage `json:"data"`
		Prev         string          `json:"prev"`
		Hash         string          `json:"hash"`
	}
	if err := json.Unmarshal(raw, &row); err != nil {
		return e, err
	}
	e = jit.Event{
		Seq: row.Seq, At: row.At, Kind: row.Kind, Actor: row.Actor, ActorAccount: row.ActorAccount, Origin: row.Origin, Request: row.Request,
		Grant: row.Grant, Resource: row.Resource, Outcome: row.Outcome, PolicySHA256: row.PolicySHA256, Data: row.Data,
	}
	for _, d := range []struct {
		text string
		to   *[32]byte
	}{{row.DataSHA256, &e.DataSHA256}, {row.Prev, &e.Prev}, {row.Hash, &e.Hash}} {
		if n, err := hex.Decode(d.to[:], []byte(d.text[:min(len(d.text), 64)])); err != nil || n != 32 {
			return e, fmt.Errorf("%.70q is no digest", d.text)
		}
	}
	return e, nil
}
