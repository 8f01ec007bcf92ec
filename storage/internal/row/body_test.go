package row_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

// columns are the JSON names of the fields that stand in columns of their own
// and not in the body.
var (
	requestColumns  = []string{"id", "version", "state", "by", "for", "resource", "batch", "extends", "created_at", "next_at"}
	grantColumns    = []string{"id", "version", "state", "request", "principal", "resource", "created_at", "not_after", "expires_at", "next_at", "receipt_at"}
	holdingColumns  = []string{"id", "version", "state", "grant", "request", "principal", "resource", "target", "not_after", "standing", "next_at", "lease"}
	outgoingColumns = []string{"id", "thread", "slot", "next_at", "lease", "ref", "root_ref"}
)

func TestABodyHasEveryFieldWithoutAColumn(t *testing.T) {
	t.Parallel()
	r, g := row.Request(filled[jit.Request]()), row.Grant(filled[jit.Grant]())
	h, o := row.Holding(filled[jit.Holding]()), row.Outgoing(filled[storage.Outgoing]())
	sameBody(t, &r, row.EncodeRequest, requestColumns)
	sameBody(t, &g, row.EncodeGrant, grantColumns)
	sameBody(t, &h, row.EncodeHolding, holdingColumns)
	sameBody(t, &o, row.EncodeOutgoing, outgoingColumns)
}

// sameBody compares what encode writes with what encoding/json does.
func sameBody[T any](t *testing.T, kept *T, encode func(*T) (string, error), columns []string) {
	t.Helper()
	want := members(t, mustEncode(t, kept))
	for _, name := range columns {
		delete(want, name)
	}
	body, err := encode(kept)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, members(t, body)); diff != "" {
		t.Errorf("body of %T: want -, got +:\n%s", *kept, diff)
	}
}

func mustEncode(t *testing.T, kept any) string {
	t.Helper()
	body, err := row.Encode(kept)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func members(t *testing.T, body string) (all map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return all
}

func TestABodyOfZeroFieldsReadsBackAsZero(t *testing.T) {
	t.Parallel()
	backAs(t, jit.Request{}, row.EncodeRequest)
	backAs(t, jit.Grant{}, row.EncodeGrant)
	backAs(t, jit.Holding{}, row.EncodeHolding)
	backAs(t, storage.Outgoing{}, row.EncodeOutgoing)
	backAs(t, jit.Holding{Entitlement: jit.Entitlement{Params: map[string]string{}}}, row.EncodeHolding)
	backAs(t, jit.Request{Decision: jit.Decision{Each: [][]string{{"a", "b"}, {"c"}}}}, row.EncodeRequest)
}

func backAs[T any](t *testing.T, want T, encode func(*T) (string, error)) {
	t.Helper()
	body, err := encode(&want)
	if err != nil {
		t.Fatal(err)
	}
	var got T
	if err := row.Decode(body, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s reads back as %+v, %v, want %+v", body, got, err, want)
	}
}

func TestABodyThatCannotBeReadBackIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := row.EncodeOutgoing(&storage.Outgoing{Card: json.RawMessage(`{"a":`)}); err == nil {
		t.Error("half a card was taken")
	}
	if _, err := row.EncodeGrant(&jit.Grant{EndedAt: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil {
		t.Error("a year that JSON cannot hold was taken")
	}
}

func FuzzTextsReadBackAsEncodingJSONWouldReadThem(f *testing.F) {
	for _, text := range []string{"", "plain", `"`, `\`, "a\nb", "\x00", "<a> & b", "é", "日本", "\u2028", "\xff", "😀", "\x7f"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, err := row.EncodeHolding(&jit.Holding{Kept: text})
		if err != nil {
			t.Fatal(err)
		}
		var got, want jit.Holding
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if err := json.Unmarshal([]byte(mustEncode(t, jit.Holding{Kept: text})), &want); err != nil {
			t.Fatal(err)
		}
		if got.Kept != want.Kept {
			t.Errorf("%q reads back as %q, want %q", text, got.Kept, want.Kept)
		}
	})
}
