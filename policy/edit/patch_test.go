package edit_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"jitbot/policy/edit"
)

func TestAPatchIsWhatPeopleRead(t *testing.T) {
	t.Parallel()
	before := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\nend"
	after := "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\nnew\nend\n"
	want := `--- a/policy.yaml
+++ b/policy.yaml
@@ -2,7 +2,7 @@
 2
 3
 4
-5
+five
 6
 7
 8
@@ -10,4 +10,5 @@
 10
 11
 12
-end
\ No newline at end of file
+new
+end
`
	if got := edit.Patch("policy.yaml", []byte(before), []byte(after)); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := edit.Patch("policy.yaml", []byte(before), []byte(before)); got != "" {
		t.Errorf("equal texts have the patch\n%s", got)
	}
}

func TestGitTakesPatchesOfAnyTwoTexts(t *testing.T) {
	t.Parallel()
	d := rand.New(rand.NewPCG(1, 2))
	text := func(n int) []byte {
		var b bytes.Buffer
		for range n {
			fmt.Fprintf(&b, "%d%s", d.IntN(3), []string{"\n", "\n", "\r\n"}[d.IntN(3)])
		}
		if d.IntN(2) == 0 {
			b.WriteString("open")
		}
		return b.Bytes()
	}
	for range 20 {
		before, after := text(1+d.IntN(30)), text(1+d.IntN(30))
		if !bytes.Equal(before, after) {
			gitTakes(t, before, after)
		}
	}
}

func TestAHugeChangeIsOneHunkAndSoon(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("a\n", 50_000), strings.Repeat("b\n", 50_000)
	if got := edit.Patch("p", []byte(a), []byte(b)); strings.Count(got, "@@ -1,50000 +1,50000 @@") != 1 {
		t.Errorf("got %d bytes: %.80s", len(got), got)
	}
}
