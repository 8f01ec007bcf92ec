// Package secret holds what must not be seen. A secret comes from the
// environment or from a file that only jitbot can read, never from the text of
// a configuration file, and it never shows itself: not printed, not marshalled,
// not logged, not in an error.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what stands wherever a [Value] is printed, marshalled or logged.
const Redacted = "[secret]"

// Value is a secret, or the place where one will be read from. The zero value
// is not set. A Value may be copied; once it is resolved all methods may be
// called concurrently.
type Value struct {
	// A function, because fmt and dumpers that walk unexported fields, where
	// no method of ours is asked, show its address and not what it returns.
	reveal func() string
	source source
}

// Of makes a Value of text that was not configured, such as a generated
// password. Of the empty text it is not set.
func Of(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{reveal: func() string { return text }}
}

// Load reads the secret that spec points to, which is ${NAME} or env:NAME for
// the environment variable NAME as getenv knows it, and file:/path for a file.
// The file must be a regular file, not a symbolic link, belong to the user
// that jitbot runs as, have mode 0600 or stricter, and hold at most
// [MaxBytes]; one newline at its end is dropped. A secret that is missing or
// empty is an error. No error contains the secret, nor a spec that could be one.
func Load(spec string, getenv func(string) string) (Value, error) {
	var v Value
	if err := v.UnmarshalText([]byte(spec)); err != nil {
		return Value{}, err
	}
	if err := v.Resolve(getenv); err != nil {
		return Value{}, err
	}
	return v, nil
}

// UnmarshalText keeps where the secret is to be read from, in the words of
// [Load]. Nothing is read before [Value.Resolve].
func (v *Value) UnmarshalText(spec []byte) error {
	s, err := parse(string(spec))
	if err != nil {
		return err
	}
	*v = Value{source: s}
	return nil
}

// Resolve reads the secret from where UnmarshalText said. Calling it again
// reads again, and a failure leaves what was read before. A Value without a
// place to read from stays as it is.
func (v *Value) Resolve(getenv func(string) string) error {
	if v.source.kind == "" {
		return nil
	}
	text, err := v.source.read(getenv)
	if err != nil {
		return err
	}
	v.reveal = Of(text).reveal
	return nil
}

// IsSet reports whether there is a secret to reveal. Whoever needs one checks
// this when it starts.
func (v Value) IsSet() bool { return v.reveal != nil }

// Reveal returns the secret, or the empty text if it is not set. It panics on
// a Value that was configured but not resolved, because an empty key taken for
// the real one is worse than no start.
func (v Value) Reveal() string {
	switch {
	case v.reveal != nil:
		return v.reveal()
	case v.source.kind != "":
		panic("secret: revealed before it was resolved")
	default:
		return ""
	}
}

// Equal reports whether both reveal the same text. It takes the same time for
// all texts of one length; a Value that reveals nothing equals only another.
func (v Value) Equal(other Value) bool {
	if !v.IsSet() || !other.IsSet() {
		return v.IsSet() == other.IsSet()
	}
	return subtle.ConstantTimeCompare([]byte(v.reveal()), []byte(other.reveal())) == 1
}

// String returns [Redacted].
func (Value) String() string { return Redacted }

// Format writes [Redacted] for every verb.
func (Value) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, Redacted) // fmt gives no way to report it
}

// LogValue logs [Redacted].
func (Value) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText writes [Redacted], also into JSON and YAML. What is written is
// not taken by UnmarshalText.
func (Value) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// IsConfigured reports whether there is a secret, or a place to read one from.
func (v Value) IsConfigured() bool { return v.reveal != nil || v.source.kind != "" }
