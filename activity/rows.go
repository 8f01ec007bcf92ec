package activity

import (
	"encoding/hex"
	"strings"
	"time"

	"jitbot/jit"
)

// column is a text that a row has.
type column int

const (
	colID column = iota // empty: the key is a UUID and says it all
	colSource
	colActor
	colResource
	colCode
	colLayer
	colOrigin
	colAgent
	colAccount
	colRegion
	colScope
	colDetail
	columns
)

// rowKey is what tells one action from all others: its UUID, or a digest of its
// family and id.
type rowKey [16]byte

// row is one action as it is kept. Its texts are numbers in the table of the
// rows it is among.
type row struct {
	key     rowKey
	at      int64 // microseconds since 1970
	action  uint32
	flags   uint16
	columns [columns]uint32
}

// The flags of a row: two bits of outcome, four of method, and these.
const (
	flagReadOnly = 1 << (6 + iota)
	flagAmended
	flagUnsure
	flagLate  // done after the grant's end
	flagStray // done outside of what the grant was for
)

var outcomes = [...]jit.ActivityOutcome{jit.ActivityOK, jit.ActivityDenied, jit.ActivityFailed}

var methods = [...]jit.Method{jit.ByNothing, jit.ByAccessKey, jit.BySourceIdentity, jit.BySessionName, jit.ByLogin, jit.ByIdentityCenter, jit.ByStatement, jit.ByUser}

func outcomeFlag(o jit.ActivityOutcome) uint16 {
	switch o {
	case jit.ActivityDenied:
		return 1
	case jit.ActivityFailed:
		return 2
	}
	return 0
}

func methodFlag(m jit.Method) uint16 {
	for i, known := range methods {
		if m == known {
			return uint16(i) << 2
		}
	}
	return 0
}

func (r *row) outcome() jit.ActivityOutcome { return outcomes[min(int(r.flags&3), len(outcomes)-1)] }

func (r *row) method() jit.Method { return methods[min(int(r.flags>>2&15), len(methods)-1)] }

func (r *row) is(flag uint16) bool { return r.flags&flag != 0 }

// table numbers texts. Zero is the empty one.
type table struct {
	texts []string
	nums  map[string]uint32
	arena strings.Builder // copies of texts, many to a piece
}

func newTable() *table {
	return &table{texts: append(make([]string, 0, tableTexts), ""), nums: make(map[string]uint32, tableTexts)}
}

const (
	tableTexts = 512
	arenaBytes = 32 << 10
)

// number is the number of a text, of which it keeps a copy.
func (t *table) number(text string) uint32 {
	if text == "" {
		return 0
	}
	n, ok := t.nums[text]
	if !ok {
		n = t.another(text)
		t.nums[t.texts[n]] = n
	}
	return n
}

// another is number for a text that hardly ever comes twice: it is not looked
// for.
func (t *table) another(text string) uint32 {
	t.texts = append(t.texts, t.copy(text))
	return uint32(len(t.texts) - 1)
}

// copy is a copy of a text: what it points into may be written over.
func (t *table) copy(text string) string {
	if t.arena.Cap()-t.arena.Len() < len(text) {
		t.arena.Reset() // what was given out stays
		t.arena.Grow(max(arenaBytes, len(text)))
	}
	from := t.arena.Len()
	_, _ = t.arena.WriteString(text) // has no error
	return t.arena.String()[from:]
}

// activity is a row as others read it.
func (r *row) activity(grant, action string, text func(column) string) jit.Activity {
	a := jit.Activity{
		ID: text(colID), Source: text(colSource), At: time.UnixMicro(r.at).UTC(), Grant: grant, Method: r.method(),
		Actor: text(colActor), Action: action, Resource: text(colResource), Outcome: r.outcome(), Code: text(colCode), Layer: text(colLayer),
		Origin: text(colOrigin), Agent: text(colAgent), Account: text(colAccount), Region: text(colRegion), Scope: text(colScope),
		Detail: text(colDetail), ReadOnly: r.is(flagReadOnly), Amended: r.is(flagAmended), Late: r.is(flagLate), Stray: r.is(flagStray),
	}
	if a.ID == "" {
		a.ID = uuidText(r.key)
	}
	if a.Sure = a.Method.Confidence(); r.is(flagUnsure) {
		a.Sure = min(a.Sure, unsure)
	}
	if a.Method == jit.ByNothing {
		a.Grant = ""
	}
	return a
}

func uuidText(k rowKey) string {
	var b [36]byte
	hex.Encode(b[0:8], k[0:4])
	hex.Encode(b[9:13], k[4:6])
	hex.Encode(b[14:18], k[6:8])
	hex.Encode(b[19:23], k[8:10])
	hex.Encode(b[24:36], k[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// uuidKey reads a UUID in the one way it is kept: small letters, dashes.
func uuidKey(id string) (k rowKey, ok bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return k, false
	}
	at := 0
	for i := 0; i < 36; i += 2 {
		if id[i] == '-' {
			i++
		}
		high, low := digit[id[i]], digit[id[i+1]]
		if high|low == 0xff {
			return k, false
		}
		k[at] = high<<4 | low
		at++
	}
	return k, true
}

// digit is the value of a hexadecimal digit, 0xff of anything else.
var digit = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range "0123456789abcdef" {
		t[c] = byte(i)
	}
	return t
}()

// bytes is number for a text that is put together in a buffer.
func (t *table) bytes(text []byte) uint32 {
	if n, ok := t.nums[string(text)]; ok {
		return n
	}
	return t.number(string(text))
}
