package history

import (
	"encoding/binary"
	"strings"
	"time"

	"jitbot/storage"
)

// ledgerTold keeps who was told of a request in a message of their own, and
// when first: keyed by the request, 0, and the person.
const ledgerTold = "h.told"

// Tell keeps that somebody was told of a request. Who was told before stays
// told since then.
func Tell(tx storage.Tx, request, who string, at time.Time) error {
	key := request + "\x00" + who
	if _, err := tx.Leaf(ledgerTold, key); !isNone(err) {
		return err
	}
	return tx.SetLeaf(ledgerTold, key, binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro())))
}

// Told is who was told of a request, in order of their names.
func Told(v storage.View, request string) (all []Notice, err error) {
	err = eachTold(v, request+"\x00", request+"\x01", func(_ string, n Notice) error {
		all = append(all, n)
		return nil
	})
	return all, err
}

func eachTold(v storage.View, from, to string, fn func(request string, n Notice) error) error {
	return v.Leaves(ledgerTold, from, to, func(key string, value []byte) error {
		request, who, ok := strings.Cut(key, "\x00")
		if !ok || len(value) != 8 {
			return nil // nobody wrote that
		}
		return fn(request, Notice{who, time.UnixMicro(int64(binary.BigEndian.Uint64(value))).UTC()})
	})
}
