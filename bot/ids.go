package bot

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// idAlphabet is Crockford's base 32 in lower case: it sorts as its bytes do
// and has no letters that are taken for one another.
var idAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

var idEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// The kinds of id.
const (
	idRequest    = "req"
	idGrant      = "grt"
	idHolding    = "hld"
	idAdvance    = "adv"
	idBatch      = "bat"
	idDrift      = "drf"
	idDevice     = "dev"
	idToken      = "tok"
	idSuggestion = "sug"
)

// NewID makes an id of a kind for an instant: the kind, an underscore and 16
// letters or digits that sort by time to 10 ms and are random beyond it. An id
// is a key, never a secret.
func NewID(kind string, at time.Time) string {
	var raw [10]byte
	ticks := uint64(max(0, at.Sub(idEpoch)/(10*time.Millisecond)))
	binary.BigEndian.PutUint64(raw[:8], ticks<<24)
	_, _ = rand.Read(raw[5:]) // never fails: crypto/rand ends the process instead
	return kind + "_" + idAlphabet.EncodeToString(raw[:])
}

// newToken makes the secret of a one-use link: 256 random bits.
func newToken() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	return idAlphabet.EncodeToString(raw[:])
}
