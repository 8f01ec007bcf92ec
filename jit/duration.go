package jit

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// MaxDuration is the longest duration the grammar accepts. A policy's own
// caps are far shorter; this one keeps every later sum inside int64.
const MaxDuration = 365 * 24 * time.Hour

// ErrDuration is wrapped by every error of [ParseDuration].
var ErrDuration = errors.New("not a duration")

var durationUnits = []struct {
	letter byte
	size   time.Duration
}{{'d', 24 * time.Hour}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}

// ParseDuration reads what people type for a length of time: 30m, 1h30m, 2d,
// 1d12h. Units are d, h, m and s, each at most once and from long to short;
// digits are ASCII. The result is more than zero and at most [MaxDuration].
func ParseDuration(s string) (time.Duration, error) {
	total, rest, next := time.Duration(0), s, 0
	for rest != "" {
		n, size, tail, at, err := leadingUnit(s, rest, next)
		if err != nil {
			return 0, err
		}
		if n > int64(MaxDuration/size) || total > MaxDuration-time.Duration(n)*size {
			return 0, fmt.Errorf("%w: %q is over %s", ErrDuration, s, FormatDuration(MaxDuration))
		}
		total, rest, next = total+time.Duration(n)*size, tail, at+1
	}
	if total <= 0 {
		return 0, fmt.Errorf("%w: %q; write it like 30m, 1h30m or 2d", ErrDuration, s)
	}
	return total, nil
}

// leadingUnit takes one number and its unit off the front of rest; units
// before index from have been used up by longer ones.
func leadingUnit(whole, rest string, from int) (n int64, size time.Duration, tail string, at int, err error) {
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if digits == 0 || digits == len(rest) {
		return 0, 0, "", 0, fmt.Errorf("%w: %q; write it like 30m, 1h30m or 2d", ErrDuration, whole)
	}
	n, err = strconv.ParseInt(rest[:digits], 10, 64)
	if err != nil {
		n = math.MaxInt64 // more digits than an int64 holds: certainly over the limit
	}
	for i := from; i < len(durationUnits); i++ {
		if durationUnits[i].letter == rest[digits] {
			return n, durationUnits[i].size, rest[digits+1:], i, nil
		}
	}
	return 0, 0, "", 0, fmt.Errorf("%w: %q; write it like 30m, 1h30m or 2d", ErrDuration, whole)
}

// FormatDuration writes d the way [ParseDuration] reads it, in whole seconds:
// 1h30m, 2d, 45s. Zero is 0m; a negative d is written with a leading minus.
func FormatDuration(d time.Duration) string {
	if d < 0 {
		return "-" + FormatDuration(-d)
	}
	var b strings.Builder
	for _, u := range durationUnits {
		if n := d / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%c", n, u.letter)
			d -= n * u.size
		}
	}
	if b.Len() == 0 {
		return "0m"
	}
	return b.String()
}
