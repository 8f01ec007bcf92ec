package edit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ugly are policies nobody would like to edit by program, each in four
// spellings: as it is, with CRLF, with a byte order mark, and without an end of
// the last line.
func ugly(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/ugly/*.yaml")
	if err != nil || len(names) < 8 {
		t.Fatalf("the ugly files are missing: %v, %v", names, err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := strings.TrimSuffix(filepath.Base(name), ".yaml")
		out[base] = src
		out[base+"-crlf"] = bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n"))
		out[base+"-bom"] = append([]byte("\ufeff"), src...)
		out[base+"-open"] = bytes.TrimRight(src, "\n")
	}
	return out
}
