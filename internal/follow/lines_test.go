package follow

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// all reads r to its end, from at.
func all(t *testing.T, r io.Reader, at Place) (texts []string, faults map[Fault]int, end Place) {
	t.Helper()
	l := NewRecords(r, Newline{}, at)
	faults = map[Fault]int{}
	for {
		rec, err := l.Next()
		if err != nil {
			if !Ended(err) {
				t.Fatal(err)
			}
			return texts, faults, l.Place()
		}
		if faults[rec.Fault]++; rec.Fault == None {
			texts = append(texts, string(rec.Text))
		}
	}
}

func TestOnlyWholeLinesAreRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in, want string
		end            int64
	}{
		{"nothing", "", "", 0},
		{"lines", "a\nbc\n", "a|bc", 5},
		{"a half one", "a\nbc", "a", 2},
		{"only a half one", "bc", "", 0},
		{"ends of Windows", "a\r\nb\r\n", "a|b", 6},
		{"empty lines", "\n\na\n\r\n\nb\n", "a|b", 9},
		{"a mark at the start", "\xef\xbb\xbfa\n\xef\xbb\xbfb\n", "a|\xef\xbb\xbfb", 10},
		{"NUL and bad text", "a\x00\n\xff\n", "a\x00|\xff", 5},
	} {
		for how, r := range map[string]io.Reader{"at once": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in))} {
			texts, _, end := all(t, r, Place{})
			if got := strings.Join(texts, "|"); got != c.want || end.Offset != c.end {
				t.Errorf("%s, %s: %q up to %d", c.name, how, got, end.Offset)
			}
		}
	}
}

func TestT63_ALineOfAMegabyteIsSetAsideAloneAndKeepsNothingInMemory(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", MaxRecord)
	in := "a\n" + long + "\nb\n" + long[1:] + "\n" + long + long + long + "\nc\n"
	texts, faults, end := all(t, strings.NewReader(in), Place{})
	if strings.Join(texts, "|") != "a|b|"+long[1:]+"|c" || faults[TooLong] != 2 || end.Offset != int64(len(in)) {
		t.Errorf("%d texts, faults %v, up to %d of %d", len(texts), faults, end.Offset, len(in))
	}
	huge := NewRecords(io.MultiReader(&io.LimitedReader{R: zeros{}, N: 1 << 30}, strings.NewReader("\nd\n")), Newline{}, Place{})
	if rec, err := huge.Next(); err != nil || rec.Fault != TooLong {
		t.Fatalf("%v, %v", rec.Fault, err)
	}
	if rec, err := huge.Next(); err != nil || string(rec.Text) != "d" || rec.Offset != 1<<30+1 {
		t.Errorf("%q at %d, %v", rec.Text, rec.Offset, err)
	}
	if len(huge.buf) > MaxRecord {
		t.Errorf("%d bytes are held", len(huge.buf))
	}
}

func TestALongestLineIsALine(t *testing.T) {
	t.Parallel()
	texts, faults, _ := all(t, strings.NewReader(strings.Repeat("x", MaxRecord-1)+"\n"), Place{})
	if len(texts) != 1 || faults[TooLong] != 0 {
		t.Errorf("%d texts, faults %v", len(texts), faults)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReadingGoesOnAtAnyPlaceAsIfItHadNotStopped(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("y", MaxRecord+1000)
	in := "one\n" + long + "\ntwo\n\nthree\n" + long
	want, faults, end := all(t, strings.NewReader(in), Place{})
	if strings.Join(want, "|") != "one|two|three" || faults[TooLong] != 2 {
		t.Fatalf("%d texts, faults %v", len(want), faults)
	}
	for cut := 0; cut < len(in); cut += 1 + len(in)/300 {
		first, f1, at := all(t, strings.NewReader(in[:cut]), Place{})
		rest, f2, last := all(t, strings.NewReader(in[at.Offset:]), at)
		if got := append(first, rest...); strings.Join(got, "|") != strings.Join(want, "|") || f1[TooLong]+f2[TooLong] != faults[TooLong] || last != end {
			t.Fatalf("cut at %d: %d texts, %v and %v, up to %+v", cut, len(got), f1, f2, last)
		}
	}
}

func TestTheLastLineCountsIfItIsWhole(t *testing.T) {
	t.Parallel()
	try := func(b []byte) bool { return bytes.HasSuffix(b, []byte("}")) }
	for in, want := range map[string]Fault{"a\n{}": None, "a\n{": Cut} {
		l := NewRecords(strings.NewReader(in), Newline{}, Place{})
		for _, err := l.Next(); err == nil; _, err = l.Next() {
		}
		rec, ok := l.Last(try)
		if !ok || rec.Fault != want || rec.Offset != 2 || l.Rest() != 0 {
			t.Errorf("%q: %q, fault %d, %v", in, rec.Text, rec.Fault, ok)
		}
	}
}

func packed(t *testing.T, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, p); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestCompressedContentIsFoundByItsBytes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "\x1f": "\x1f", "plain": "plain", string(packed(t, "one ", "two")): "one two"} {
		r, _, err := Unpack(strings.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	r, _, err := Unpack(bytes.NewReader(packed(t, "one two")[:20]))
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
}

func TestT63_WhatUnpacksToTooMuchIsStopped(t *testing.T) {
	t.Parallel()
	bomb := packed(t, strings.Repeat("\x00", freeBytes+32<<20))
	r, _, err := Unpack(bytes.NewReader(bomb))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, r)
	if !errors.Is(err, ErrBomb) || n > freeBytes+maxRatio*int64(len(bomb)) {
		t.Errorf("%d bytes, %v", n, err)
	}
	log := &guard{z: io.LimitReader(zeros{}, 2*freeBytes), in: &counter{n: freeBytes / 50}}
	if n, err := io.Copy(io.Discard, log); err != nil || n != 2*freeBytes {
		t.Errorf("what shrinks 50 times: %d bytes, %v", n, err)
	}
}

func FuzzRecordsAreTheSameHoweverTheyAreCut(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), 3)
	f.Add([]byte("\xef\xbb\xbf{}\n"), 1)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = min(max(cut, 0), len(in))
		want, _, end := all(t, bytes.NewReader(in), Place{})
		first, _, at := all(t, bytes.NewReader(in[:cut]), Place{})
		rest, _, last := all(t, bytes.NewReader(in[at.Offset:]), at)
		if got := append(first, rest...); strings.Join(got, "\n") != strings.Join(want, "\n") || last != end {
			t.Errorf("cut at %d: %q, at once %q", cut, got, want)
		}
	})
}
