package policy_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"jitbot/policy"
)

const archived = `# a comment that stays
version: 1
resources:
  db: {entitlements: [{kind: {doc: deep/er/rights.json}}]}
rules:
  - id: all
    match: {resource: db}
    eligible: [ann@example.com]
    auto_approve: true
`

func archiveOptions(read func(string) ([]byte, error)) policy.Options {
	return policy.Options{
		Kinds:    []policy.Kind{{Name: "kind", Params: []policy.Param{{Name: "doc", File: true}}}},
		ReadFile: read,
	}
}

func TestAnArchiveLoadsAsThePolicyItWasMadeOf(t *testing.T) {
	t.Parallel()
	rights := []byte(`{"Statement": []}`)
	p, err := policy.Load("policy.yaml", []byte(archived), archiveOptions(func(name string) ([]byte, error) {
		if name != "deep/er/rights.json" {
			return nil, fs.ErrNotExist
		}
		return rights, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	archive := p.Archive()
	again, err := policy.LoadArchive("kept", archive, archiveOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	if again.SHA256() != p.SHA256() {
		t.Errorf("digest %s, of the original %s", again.SHA256(), p.SHA256())
	}
	if r, _ := again.Resource("db"); r.Entitlements[0].Params["doc"] != string(rights) {
		t.Errorf("the file that is named says %q", r.Entitlements[0].Params["doc"])
	}
	if !bytes.Equal(again.Archive(), archive) || !bytes.Equal(p.Archive(), archive) {
		t.Error("archives of the same policy differ")
	}
}

func TestAnArchiveThatIsNoneIsRefusedWithItsName(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]byte{nil, []byte("version: 1"), {0x1f, 0x8b}} {
		_, err := policy.LoadArchive("of may", bad, archiveOptions(nil))
		if err == nil || !strings.HasPrefix(err.Error(), "of may: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
