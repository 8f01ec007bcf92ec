package jit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"
)

const chainDomain = "jitbot/event/v1\n"

// DataDigest is what stands in the chain for an event's data, so that personal
// data can be blanked later and the chain still holds.
func DataDigest(data json.RawMessage) [32]byte { return sha256.Sum256(data) }

// ChainHash is the hash of e as row e.Seq after the row whose hash is e.Prev:
// SHA-256 over a domain, the sequence number, the previous hash and every
// column as tag, length and bytes. Data enters by e.DataSHA256; e.Hash does
// not enter.
func (e Event) ChainHash() [32]byte {
	buf := make([]byte, 0, 512)
	buf = append(buf, chainDomain...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(e.Seq))
	buf = append(buf, e.Prev[:]...)
	columns := [...]string{
		e.At.UTC().Format(time.RFC3339Nano), e.Kind, e.Actor, e.ActorAccount, e.Origin,
		e.Request, e.Grant, e.Resource, e.Outcome, e.PolicySHA256, string(e.DataSHA256[:]),
	}
	for tag, column := range columns {
		buf = append(buf, byte(tag+1))
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(column)))
		buf = append(buf, column...)
	}
	return sha256.Sum256(buf)
}
