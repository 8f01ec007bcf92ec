package policyfile

import "testing"

// LockForTest takes the lock of a file.
func LockForTest(t *testing.T, path string) (unlock func()) {
	t.Helper()
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return unlock
}

// SwapForTest is what Propose does once it has looked.
var SwapForTest = swap
