package row_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/internal/row"
)

// fill sets every field below v to something that is not its zero value; times
// get nanoseconds and a zone, so that a field nobody tidied shows.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`{"a":1}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"k": "v"}))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 3, 27, 11, 30, 0, 123456789, time.FixedZone("CEST", 7200))))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}

// untidy lists the times below v that are not UTC and whole microseconds.
func untidy(v reflect.Value, name string) (found []string) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		if at := v.Interface().(time.Time); at.Location() != time.UTC || at.Nanosecond() != 123456000 {
			found = append(found, name)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			found = append(found, untidy(v.Field(i), name+"."+v.Type().Field(i).Name)...)
		}
	case v.Kind() == reflect.Slice && v.Len() > 0:
		found = untidy(v.Index(0), name)
	}
	return found
}

func filled[T any]() (v T) {
	fill(reflect.ValueOf(&v).Elem())
	return v
}

func TestEveryTimeOfEveryRowIsKeptInUTCWithMicroseconds(t *testing.T) {
	t.Parallel()
	for _, kept := range []any{
		row.Request(filled[jit.Request]()), row.Grant(filled[jit.Grant]()), row.Holding(filled[jit.Holding]()),
		row.Review(filled[jit.Review]()), row.Advance(filled[jit.Advance]()), row.Pickup(filled[jit.Pickup]()),
		row.Link(filled[jit.Link]()), row.SignIn(filled[jit.SignIn]()), row.Drift(filled[jit.Drift]()),
		row.Suggestion(filled[jit.Suggestion]()), row.Device(filled[jit.Device]()), row.Token(filled[jit.Token]()),
		row.Outgoing(filled[storage.Outgoing]()),
	} {
		v := reflect.ValueOf(kept)
		for _, name := range untidy(v, v.Type().Name()) {
			if name != "Outgoing.Lease.Until" { // a message is kept without its lease
				t.Errorf("%s is not tidied", name)
			}
		}
	}
}

func TestKeepingARowLeavesTheCallersAlone(t *testing.T) {
	t.Parallel()
	r := filled[jit.Request]()
	row.Request(r)
	if r.Approvals[0].At.Location() == time.UTC {
		t.Error("the caller's approvals were changed")
	}
}

func TestTheZeroTimeIsNoNumberAndComesBackAsZero(t *testing.T) {
	t.Parallel()
	if got := row.Micros(time.Time{}); got != nil {
		t.Errorf("Micros is %v", got)
	}
	for _, v := range []any{nil, time.Time{}.UnixMicro()} {
		if got := row.FromMicros(v); !got.IsZero() {
			t.Errorf("FromMicros(%v) is %v", v, got)
		}
	}
}
