package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type team struct {
	ID string `json:"id"`
}

type payload struct {
	team
	UserID string          `json:"user_id"`
	Team   *team           `json:"team"`
	List   []team          `json:"list"`
	By     map[string]team `json:"by"`
	N      int             `json:"n"`
	F      float64         `json:"f"`
	Raw    json.RawMessage `json:"raw"`
	Hidden string          `json:"-"`
}

func TestWhatIsSaidOnceIsRead(t *testing.T) {
	t.Parallel()
	got := payload{F: 2.5}
	err := Decode([]byte(`{"user_id":"U1","team":{"id":"T1","Domain":"x"},"list":[{"id":"a"}],"by":{"B":{"id":"c"},"b":{"id":"d"}},
		"n":3,"id":"top","raw":{"x":[1]},"hidden":"no","-":"no","new":{"Id":1,"id":2}}`), &got)
	if err != nil {
		t.Fatal(err)
	}
	want := payload{
		team: team{"top"}, UserID: "U1", Team: &team{"T1"}, List: []team{{"a"}},
		By: map[string]team{"B": {"c"}, "b": {"d"}}, N: 3, F: 2.5, Raw: json.RawMessage(`{"x":[1]}`),
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(payload{})); diff != "" {
		t.Error(diff)
	}
}

// kindOf fails the test if an error is not one of ours.
func kindOf(t *testing.T, err error) Kind {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is not an *Error: %v", err, err)
	}
	return e.Kind
}

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

func TestT06WhatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want Kind
	}{
		"a key twice":                          {`{"user_id":"sesame1","user_id":"sesame2"}`, Duplicate},
		"a key twice with the same value":      {`{"user_id":"sesame","user_id":"sesame"}`, Duplicate},
		"a key twice, once escaped":            {`{"user_id":"sesame","user\u005fid":"sesame"}`, Duplicate},
		"a key twice further down":             {`{"team":{"id":"sesame","id":"b"}}`, Duplicate},
		"a key twice where nobody looks":       {`{"new":[{"sesame":1,"sesame":2}]}`, Duplicate},
		"a key twice in a raw part":            {`{"raw":{"sesame":1,"sesame":2}}`, Duplicate},
		"a key in capitals":                    {`{"USER_ID":"sesame"}`, Case},
		"a key in capitals beside the real":    {`{"user_id":"a","USER_ID":"sesame"}`, Case},
		"a key in capitals before the real":    {`{"User_Id":"sesame","user_id":"a"}`, Case},
		"a long s":                             {`{"uſer_id":"sesame"}`, Case},
		"an escaped long s":                    {`{"u\u017fer_id":"sesame"}`, Case},
		"capitals in an inner object":          {`{"team":{"ID":"sesame"}}`, Case},
		"capitals in a list":                   {`{"list":[{"id":"a"},{"Id":"sesame"}]}`, Case},
		"capitals in a map's values":           {`{"by":{"x":{"iD":"sesame"}}}`, Case},
		"capitals of an embedded field":        {`{"ID":"sesame"}`, Case},
		"a second value":                       {`{} {"sesame":1}`, Trailing},
		"a byte after the end":                 {`{}sesame`, Trailing},
		"a comma after the end":                {`{},`, Trailing},
		"a NUL after the end":                  {"{}\x00", Trailing},
		"a byte that is no UTF-8":              {"{\"user_id\":\"sesame\xff\"}", UTF8},
		"an overlong slash":                    {"{\"user_id\":\"sesame\xc0\xaf\"}", UTF8},
		"bad UTF-8 where nobody looks":         {"{\"new\":\"sesame\xed\xa0\x80\"}", UTF8},
		"half of a surrogate pair":             {`{"user_id":"sesame\ud800"}`, Syntax},
		"the halves the wrong way round":       {`{"user_id":"sesame\udc00\ud800"}`, Syntax},
		"65 lists in one another":              {nested(65), Depth},
		"65 deep where nobody looks":           {`{"new":` + nested(64) + `}`, Depth},
		"a hundred thousand lists":             {strings.Repeat("[", 100000), Depth},
		"nothing":                              {``, Syntax},
		"a byte order mark":                    {"\ufeff{}", Syntax},
		"single quotes":                        {`{'user_id':'sesame'}`, Syntax},
		"a comment":                            {`{/*sesame*/}`, Syntax},
		"a comma before the end":               {`{"user_id":"sesame",}`, Syntax},
		"an object cut off":                    {`{"user_id":"sesame"`, Syntax},
		"a string cut off":                     {`{"user_id":"sesame`, Syntax},
		"a list closed as an object":           {`{"list":[}`, Syntax},
		"a line break in a string":             {"{\"user_id\":\"sesame\n\"}", Syntax},
		"NaN":                                  {`{"f":NaN}`, Syntax},
		"a number with a plus":                 {`{"n":+1}`, Syntax},
		"a number with a leading zero":         {`{"n":01}`, Syntax},
		"a number for a text":                  {`{"user_id":74219}`, Type},
		"a text for a number":                  {`{"n":"sesame"}`, Type},
		"a list for an object":                 {`{"team":["sesame"]}`, Type},
		"a fraction for a whole number":        {`{"n":7.4219}`, Type},
		"a number that does not fit":           {`{"n":74219000000000000000000}`, Type},
		"a list for the whole":                 {`["sesame"]`, Type},
		"a fault after sixty good levels":      {strings.Repeat(`{"a":`, 60) + `sesame`, Syntax},
		"a duplicate wins over what follows":   {`{"a":1,"a":2}sesame`, Duplicate},
		"a duplicate key that looks like ours": {`{"USER_ID":1,"USER_ID":2}`, Case},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p payload
			err := Decode([]byte(c.in), &p)
			if got := kindOf(t, err); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			if strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "4219") {
				t.Errorf("the error repeats the input: %v", err)
			}
		})
	}
}

func TestT06UnknownKeysThatDecodersDoNotFoldAreIgnored(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`{"userid":"x"}`, `{"user-id":"x"}`, `{"user_id ":"x"}`, `{"usеr_id":"x"}`, `{"ｕser_id":"x"}`, `{"user_id\u0000":"x"}`, `{"":"x"}`,
	} {
		var p payload
		if err := Decode([]byte(in), &p); err != nil || p.UserID != "" {
			t.Errorf("%s: %q, %v", in, p.UserID, err)
		}
	}
}

func TestTheBoundsAreAllowedThemselves(t *testing.T) {
	t.Parallel()
	var v any
	if err := Decode([]byte(nested(MaxDepth)), &v); err != nil {
		t.Error(err)
	}
	var s string
	if err := DecodeWithin(4, []byte(`"ab"`), &s); err != nil {
		t.Error(err)
	}
	if got := kindOf(t, DecodeWithin(3, []byte(`"ab"`), &s)); got != Size {
		t.Errorf("one byte over the bound: %q", got)
	}
	long := []byte(`"` + strings.Repeat("a", MaxBytes-2) + `"`)
	if err := Decode(long, &s); err != nil {
		t.Error(err)
	}
	if got := kindOf(t, Decode(append(long, ' '), &s)); got != Size {
		t.Errorf("one byte over MaxBytes: %q", got)
	}
}

func TestAnErrorTellsWhere(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":1} x`:         "something follows the value (at byte 7)",
		`{"id":"a","ID":1}`: "a key is written in other letters than the known one (at byte 14)",
		"\"ab\xff\"":        "the text is not UTF-8 (at byte 3)",
		`{"a":1,"a":2}`:     "a key is given twice (at byte 7)",
	} {
		var p payload
		if err := Decode([]byte(in), &p); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestATargetThatCannotBeFilledIsAnErrorNotAPanic(t *testing.T) {
	t.Parallel()
	for _, into := range []any{nil, payload{}, (*payload)(nil), new(chan int)} {
		if got := kindOf(t, Decode([]byte(`{}`), into)); got != Type {
			t.Errorf("%T: %q", into, got)
		}
	}
}

// FuzzDecode: nothing panics, and what is taken, encoding/json takes too and
// reads as the same. The seeds are in testdata.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, pair := range [][2]any{{new(any), new(any)}, {new(payload), new(payload)}, {new([]payload), new([]payload)}} {
			if err := Decode(data, pair[0]); err != nil {
				kindOf(t, err)
				continue
			}
			if err := json.Unmarshal(data, pair[1]); err != nil {
				t.Fatalf("only we take it: %v", err)
			}
			ours, theirs := fmt.Sprintf("%#v", settle(t, pair[0])), fmt.Sprintf("%#v", settle(t, pair[1]))
			if ours != theirs {
				t.Fatalf("read differently:\n%s\n%s", ours, theirs)
			}
			again := reflect.New(reflect.TypeOf(pair[0]).Elem()).Interface()
			if err := Decode(data, again); err != nil || !reflect.DeepEqual(pair[0], again) {
				t.Fatalf("read differently the second time: %v", err)
			}
		}
	})
}

// settle makes decoded values comparable: what they encode to. An empty list
// and none stay different.
func settle(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
