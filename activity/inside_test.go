package activity

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"jitbot/jit"
)

func TestASetReadsBackAsItWasWrittenHoweverSparseItIs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 7))
		want := map[uint32]bool{}
		var s set
		for range random.IntN(200) {
			n := uint32(random.IntN(1 << (3 + random.IntN(14))))
			s.add(n)
			want[n] = true
		}
		r := reader{b: append(s.appendTo(nil), 0xee)}
		back := r.set()
		if r.err != nil || len(r.b) != 1 || back.len() != len(want) || len(back.all()) != len(want) || s.len() != len(want) {
			t.Fatalf("seed %d: %d numbers back as %d, %v", seed, len(want), back.len(), r.err)
		}
		for _, n := range back.all() {
			if !want[n] {
				t.Fatalf("seed %d: %d was not in it", seed, n)
			}
		}
		again := back
		again.add(1 << 20)
		if again.len() != len(want)+1 || !slices.IsSorted(again.all()) || !cmp.Equal(back.appendTo(nil), s.appendTo(nil)) {
			t.Fatalf("seed %d: %d numbers after one more", seed, again.len())
		}
	}
}

func TestAUUIDIsKeptWithoutLossAndAnythingElseIsNoUUID(t *testing.T) {
	t.Parallel()
	const id = "0123abcd-ef45-6789-abcd-ef0123456789"
	if k, ok := uuidKey(id); !ok || uuidText(k) != id {
		t.Errorf("%v, %s", ok, uuidText(k))
	}
	for _, other := range []string{"", "0123ABCD-ef45-6789-abcd-ef0123456789", "0123abcd-ef45-6789-abcd-ef012345678", "0123abcd_ef45-6789-abcd-ef0123456789", "0123abcg-ef45-6789-abcd-ef0123456789", "0123abcd-ef45-6789-abcd-ef01234567890"} {
		if _, ok := uuidKey(other); ok {
			t.Errorf("%q is taken for one", other)
		}
	}
}

func TestAPatternFitsAsAWholeAndStarIsAnything(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"arn:aws:s3:::a/*", "arn:aws:s3:::a/b/c", true},
		{"arn:aws:s3:::a/*", "arn:aws:s3:::ab/c", false},
		{"*", "", true},
		{"a", "ab", false},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "aXcYb", false},
		{"**a", "bca", true},
		{"", "a", false},
		{"?", "a", false},
	} {
		if got := fits(tc.pattern, tc.s); got != tc.want {
			t.Errorf("%q on %q: %v", tc.pattern, tc.s, got)
		}
	}
}

// FuzzBlock reads blocks that somebody changed: they are refused, or give rows,
// and never more.
func FuzzBlock(f *testing.F) {
	p, err := newPacker()
	if err != nil {
		f.Fatal(err)
	}
	texts := newTable()
	rows := make([]row, 5)
	for i := range rows {
		rows[i] = row{key: rowKey{byte(i)}, at: int64(i) * 1_000_000, action: uint32(i), flags: methodFlag(jit.ByAccessKey) | uint16(i%3)}
		rows[i].columns[colActor] = texts.number("somebody")
		rows[i].columns[colResource] = texts.number(string(rune('a' + i)))
	}
	f.Add(encodeBlock(p, rows, texts))
	f.Add([]byte{1, 0})
	f.Add([]byte{})
	u, err := newUnpacker()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := u.rows(b, newTable())
		if err == nil && len(got) > blockRows {
			t.Errorf("%d rows", len(got))
		}
	})
}

// FuzzUse reads summaries that somebody changed.
func FuzzUse(f *testing.F) {
	u := Use{Actions: 3, OK: 2, Denied: 1}
	u.own().did.add(7)
	u.own().refused.add(900)
	f.Add(u.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeUse(b)
		if err != nil {
			return
		}
		if did, denied := got.Kinds(); did != len(got.sets().did.all()) || denied != len(got.sets().refused.all()) {
			t.Errorf("%d and %d are counted as %d and %d", len(got.sets().did.all()), len(got.sets().refused.all()), did, denied)
		}
	})
}

func TestACloneOfARecordPointsIntoNothingOfIt(t *testing.T) {
	t.Parallel()
	r := Record{}
	fields := reflect.ValueOf(&r).Elem()
	for i := range fields.NumField() {
		if f := fields.Field(i); f.Kind() == reflect.String {
			f.SetString("text of " + fields.Type().Field(i).Name)
		}
	}
	c := r.clone()
	if c != r {
		t.Fatalf("%+v", c)
	}
	copied := reflect.ValueOf(&c).Elem()
	for i := range fields.NumField() {
		if a, b := fields.Field(i), copied.Field(i); a.Kind() == reflect.String && unsafe.StringData(a.String()) == unsafe.StringData(b.String()) {
			t.Errorf("%s is not copied", fields.Type().Field(i).Name)
		}
	}
}

func TestWordsThatSomebodyMakesUpDoNotFillTheMemory(t *testing.T) {
	t.Parallel()
	w := newWords("p")
	for n := range uint32(3 * mostWords) {
		w.learn(strconv.Itoa(int(n)), n)
	}
	if len(w.byText) > mostWords || len(w.byNum) > mostWords || w.byText["299999"] != 299_999 {
		t.Errorf("%d and %d are known", len(w.byText), len(w.byNum))
	}
}
