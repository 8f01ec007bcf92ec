//go:build !race

package wire

import "testing"

// The race detector drops what is put into a pool at random, hence the tag.

func TestAGoodRequestIsProvedWithoutAllocating(t *testing.T) {
	v := verifierAt(t, vectorTime, vectorSecret)
	h, body := signedHeader(vectorStamp, vectorSignature), []byte(vectorBody)
	n := testing.AllocsPerRun(1000, func() {
		if err := v.Verify(h, body); err != nil {
			t.Fatal(err)
		}
	})
	if n >= 1 { // a collection may empty the pool once
		t.Errorf("%v allocations", n)
	}
}
