package history_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"jitbot/history"
	"jitbot/internal/strictjson"
	"jitbot/policy"
)

const formatDoc = "../docs/history-format.md"

func TestEveryKeyOfALineIsDescribed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(formatDoc)
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			for i, part := range strings.Split(cells[1]+" "+cells[3], "`") {
				described[part] = described[part] || i%2 == 1
			}
		}
	}
	var keys func(reflect.Type)
	keys = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !described[key] {
				t.Errorf("%s is not described in %s", key, formatDoc)
			}
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && inner.PkgPath() == typ.PkgPath() {
				keys(inner)
			}
		}
	}
	keys(reflect.TypeFor[history.Line]())
}

func TestTheExamplesOfTheFormatCanBeImported(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(formatDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```json\n")
	block, _, _ := strings.Cut(rest, "```")
	lines := strings.Split(strings.TrimSpace(block), "\n")
	seen := map[string]bool{}
	for _, line := range lines {
		var all map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &all); err != nil {
			t.Fatal(err)
		}
		for key := range all {
			seen[key] = true
		}
	}
	typ := reflect.TypeFor[history.Line]()
	for i := range typ.NumField() {
		if key, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ","); !seen[key] {
			t.Errorf("no example has %s", key)
		}
	}
	w := setup(t)
	if got := w.take(load(t), lines...); got.Requests != len(lines) || got.Bad != 0 || got.Grants != 2 {
		t.Errorf("imported %+v", got)
	}
}

func TestTheFactsOfTheFormatAreFacts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(formatDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## The facts")
	_, rest, _ = strings.Cut(rest, "```json\n")
	block, _, _ := strings.Cut(rest, "```")
	var facts policy.Facts
	if err := strictjson.DecodeExact(history.MaxLine, []byte(block), &facts); err != nil {
		t.Fatal(err)
	}
	if len(facts.Groups) == 0 || len(facts.OnCall) == 0 || len(facts.OnCall[0].People) == 0 || facts.Ticket == nil || len(facts.Incidents) == 0 {
		t.Errorf("%+v", facts)
	}
}
