package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"jitbot/internal/secret"
	"jitbot/internal/strictyaml"
)

const canary = "xoxb-CANARY-4711"

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func load(t *testing.T) secret.Value {
	t.Helper()
	v, err := secret.Load("env:TOKEN", environment(map[string]string{"TOKEN": canary}))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// config has secrets in all places where a formatter might find them.
type config struct {
	Token   secret.Value
	Pointer *secret.Value
	List    []secret.Value
	Map     map[string]secret.Value
	Any     any
	hidden  secret.Value
	nested  struct{ deep *secret.Value }
}

func everywhere(v secret.Value) config {
	c := config{Token: v, Pointer: &v, List: []secret.Value{v}, Map: map[string]secret.Value{"k": v}, Any: v, hidden: v}
	c.nested.deep = &v
	return c
}

func TestNoFormattingVerbShowsASecret(t *testing.T) {
	t.Parallel()
	v := load(t)
	c := everywhere(v)
	for _, verb := range strings.Split("v +v #v s q x X d T t b c o O U e E f F g G p 20s -20s .3s +q #x w z", " ") {
		for _, arg := range []any{v, &v, c, &c, []config{c}} {
			refuse(t, "%"+verb, fmt.Sprintf("%"+verb, arg))
			refuse(t, "error with %"+verb, fmt.Errorf("cause: %"+verb, arg).Error())
		}
	}
	refuse(t, "Sprint", fmt.Sprint(v, &v, c, &c))
	if got := fmt.Sprintf("%v|%s|%+v|%#v|%d", v, v, v, v, v); got != "[secret]|[secret]|[secret]|[secret]|[secret]" {
		t.Errorf("printed %q", got)
	}
	if got := fmt.Sprintf("%+v", struct{ Token secret.Value }{v}); got != "{Token:[secret]}" {
		t.Errorf("printed %q in a struct", got)
	}
	if v.String() != secret.Redacted {
		t.Errorf("String is %q", v.String())
	}
}

func TestNoEncoderOrLoggerShowsASecret(t *testing.T) {
	t.Parallel()
	v := load(t)
	c := everywhere(v)
	encoders := map[string]func(any) ([]byte, error){
		"json": json.Marshal, "yaml": yaml.Marshal, "slog text": logged(slogText), "slog json": logged(slogJSON),
	}
	for name, encode := range encoders {
		for _, arg := range []any{v, &v, struct{ Token secret.Value }{v}, c.List} {
			out, err := encode(arg)
			if err != nil {
				t.Errorf("%s of %T: %v", name, arg, err)
			}
			refuse(t, name, string(out))
			if !strings.Contains(string(out), secret.Redacted) {
				t.Errorf("%s of %T does not say that a secret is there: %s", name, arg, out)
			}
		}
		out, err := encode(c)
		if err != nil {
			t.Errorf("%s of everything: %v", name, err)
		}
		refuse(t, name+" of everything", string(out))
	}
}

func slogText(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) }
func slogJSON(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) }

func logged(handler func(*bytes.Buffer) slog.Handler) func(any) ([]byte, error) {
	return func(v any) ([]byte, error) {
		var b bytes.Buffer
		slog.New(handler(&b)).With("with", v).Info("start", "value", v, slog.Group("group", "in", v))
		return b.Bytes(), nil
	}
}

func TestNoReflectiveDumpShowsASecret(t *testing.T) {
	t.Parallel()
	v := load(t)
	var b strings.Builder
	dump(&b, reflect.ValueOf(everywhere(v)), 0)
	refuse(t, "reflection", b.String())
	other := secret.Of("another")
	refuse(t, "cmp.Diff", cmp.Diff(struct{ A secret.Value }{v}, struct{ A secret.Value }{other}))
	refuse(t, "panic", fmt.Sprint(recovered(func() { panic(v) })))
}

// dump walks into unexported fields and through pointers, as debuggers do.
func dump(b *strings.Builder, v reflect.Value, depth int) {
	if depth > 8 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range v.Fields() {
			dump(b, f, depth+1)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			dump(b, v.Elem(), depth+1)
		}
	case reflect.Slice:
		for i := range v.Len() {
			dump(b, v.Index(i), depth+1)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			dump(b, v.MapIndex(k), depth+1)
		}
	default:
		fmt.Fprintf(b, "%v ", v)
	}
}

func recovered(fn func()) (what any) {
	defer func() { what = recover() }()
	fn()
	return nil
}

func refuse(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{canary, "CANARY", fmt.Sprintf("%x", "CANARY"), fmt.Sprintf("%X", "CANARY"), strings.Trim(fmt.Sprint([]int{67, 65, 78, 65, 82, 89}), "[]")} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the secret: %s", where, text)
		}
	}
}

func TestTheZeroValueIsNotSet(t *testing.T) {
	t.Parallel()
	var v secret.Value
	if err := v.Resolve(nil); err != nil || v.IsSet() || v.Reveal() != "" {
		t.Errorf("resolve %v, set %v, reveals %q", err, v.IsSet(), v.Reveal())
	}
	if empty := secret.Of(""); empty.IsSet() || !empty.Equal(v) {
		t.Error("a value of the empty text is set")
	}
}

func TestAConfiguredSecretIsReadWhenItIsResolved(t *testing.T) {
	t.Parallel()
	var c struct {
		Token secret.Value `yaml:"token"`
	}
	if err := strictyaml.Decode("config.yaml", []byte("token: ${TOKEN}\n"), &c, nil); err != nil {
		t.Fatal(err)
	}
	if c.Token.IsSet() {
		t.Error("set before it was resolved")
	}
	if recovered(func() { c.Token.Reveal() }) == nil {
		t.Error("revealed before it was resolved")
	}
	if err := c.Token.Resolve(environment(map[string]string{"TOKEN": canary})); err != nil {
		t.Fatal(err)
	}
	if got := c.Token.Reveal(); got != canary {
		t.Errorf("got %q", got)
	}
	if err := c.Token.Resolve(environment(nil)); err == nil || c.Token.Reveal() != canary {
		t.Errorf("after a failed second reading: error %v, reveals %q", err, c.Token.Reveal())
	}
}

func TestASecretInTheTextOfAConfigurationIsRefusedWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	var c struct {
		Token secret.Value `yaml:"token"`
	}
	err := strictyaml.Decode("config.yaml", []byte("token: "+canary+"\n"), &c, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "config.yaml:1:8: token: a secret is not written here") {
		t.Errorf("got %v", err)
	}
	refuse(t, "the error", fmt.Sprintf("%+v", err))
}

func TestValuesAreEqualByWhatTheyReveal(t *testing.T) {
	t.Parallel()
	v := load(t)
	for _, c := range []struct {
		name  string
		other secret.Value
		want  bool
	}{
		{"the same text", secret.Of(canary), true},
		{"another text", secret.Of("xoxb-CANARY-4712"), false},
		{"a part of it", secret.Of("xoxb"), false},
		{"not set", secret.Value{}, false},
	} {
		if v.Equal(c.other) != c.want || c.other.Equal(v) != c.want {
			t.Errorf("%s: equal is not %v", c.name, c.want)
		}
	}
}

func TestWhatIsMarshalledIsNotReadBack(t *testing.T) {
	t.Parallel()
	text, err := load(t).MarshalText()
	var v secret.Value
	if err := errors.Join(err, v.UnmarshalText(text)); err == nil {
		t.Error("the redacted text was taken for the place of a secret")
	}
}
