package webchat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxBody   = 64 << 10 // bytes of a posted body
	maxText   = 4000     // characters of a message
	maxValues = 50       // fields of a form
)

// nonceForm is what a client may call one attempt of one action.
var nonceForm = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// body is what the page posts: strings by name, and for forms one object of them.
type body struct {
	fields map[string]string
	values map[string]string
}

func (b body) get(name string) string { return b.fields[name] }

// decodeBody reads one flat JSON object whose keys are among allowed. Unlike
// encoding/json it refuses a key given twice or in another case, unknown keys,
// and bad UTF-8.
func decodeBody(data []byte, allowed ...string) (body, error) {
	if !utf8.Valid(data) {
		return body{}, errors.New("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	b := body{fields: map[string]string{}}
	err := eachKey(d, func(key string) error {
		if !slices.Contains(allowed, key) {
			return fmt.Errorf("unknown key %q", key)
		}
		if key == "values" {
			values, err := stringsObject(d)
			b.values = values
			return err
		}
		text, err := stringToken(d)
		b.fields[key] = text
		return err
	})
	if err != nil {
		return body{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return body{}, errors.New("there is more after the object")
	}
	return b, nil
}

// eachKey reads an object; take reads the value of each key.
func eachKey(d *json.Decoder, take func(key string) error) error {
	if err := delim(d, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := stringToken(d)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %q is given twice", key)
		}
		seen[key] = true
		if err := take(key); err != nil {
			return err
		}
	}
	return delim(d, '}')
}

func stringsObject(d *json.Decoder) (map[string]string, error) {
	values := map[string]string{}
	err := eachKey(d, func(key string) error {
		if len(values) >= maxValues {
			return fmt.Errorf("more than %d values", maxValues)
		}
		text, err := stringToken(d)
		values[key] = text
		return err
	})
	return values, err
}

func stringToken(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", fmt.Errorf("not JSON: %w", err)
	}
	s, ok := t.(string)
	if !ok {
		return "", errors.New("every value is a string")
	}
	return s, nil
}

func delim(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if t != want {
		return fmt.Errorf("expected %s", want)
	}
	return nil
}

// cleanText makes what a person typed safe to show beside other text: no
// control characters but line breaks, nothing that turns the direction of
// what follows, nothing invisible. The joiners stay; scripts need them.
func cleanText(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\u200c' || r == '\u200d':
			return r
		case r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s))
}
