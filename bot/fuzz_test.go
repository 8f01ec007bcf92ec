package bot

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"jitbot/jit"
)

func FuzzClean(f *testing.F) { // T21 to T24
	for _, seed := range []string{
		"", " ", "plain words", "a\nb\r\nc\td", "\u202eevil\u202c", "z\u200b\ufeff", "\xff\xfe", "e\u0301\u0301\u0301\u0301\u0301\u0301",
		"\x1b[31mred", "<@U1> <!here> *b* `c` [l](http://x)", "\u2028\u2029\u0085", "👩‍👩‍👧", "\ue000private", strings.Repeat("\u0300", 99),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got := clean(typed)
		if !utf8.ValidString(got) || got != strings.TrimSpace(got) || strings.Contains(got, "  ") {
			t.Fatalf("%q became %q", typed, got)
		}
		marks := 0
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || r != ' ' && unicode.IsSpace(r) {
				t.Fatalf("%q became %q, with %U", typed, got, r)
			}
			if marks++; !unicode.Is(unicode.M, r) {
				marks = 0
			}
			if marks > maxMarks {
				t.Fatalf("%q became %q, with %d marks in a row", typed, got, marks)
			}
		}
		if again := clean(got); again != got {
			t.Fatalf("%q became %q and then %q", typed, got, again)
		}
	})
}

func FuzzParseCommand(f *testing.F) { // T31, feature 3
	for _, seed := range []string{
		"", "help", "request prod-db 1h INC-42", "request a,b,,c 2d x --for @bo --at=14:30 --ticket OPS-1", "request prod-db -1h x", "request prod-db 1e9h x",
		"extend grt_1 30m", "extend 1h because", "end --all --yes", "end --user=ann", "approve req_1 20m", "deny req_1 “no”", "why req_1",
		"why prod-db 1h", "advance bo prod-db 2d 1h", "request ٣ ٣h", "request x 99999999999999999999d", "break-glass prod-db all is down --yes", "--for", "request —for",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		c, err := ParseCommand(typed)
		if err != nil {
			if u, ok := asUserError(err); !ok || u.Code != CodeBadInput || u.Say == "" || u.Hint == "" {
				t.Fatalf("%q: %v", typed, err)
			}
			return
		}
		for _, d := range []time.Duration{c.Duration, c.Until} {
			if d != 0 && (d < time.Minute || d > jit.MaxDuration) {
				t.Fatalf("%q: a duration of %s", typed, d)
			}
		}
		if len(c.Resources) > maxBatch || utf8.RuneCountInString(c.Reason) > maxReason || c.Reason != clean(c.Reason) && c.Reason != strings.TrimSpace(c.Reason) {
			t.Fatalf("%q: %+v", typed, c)
		}
		if _, known := usageOf(c.Verb); !known && c.Verb != "" {
			t.Fatalf("%q: the verb %q", typed, c.Verb)
		}
	})
}
