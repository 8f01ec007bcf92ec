package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Ledger is where a store keeps the archives of the policies that were in
// force, by their digests.
const Ledger = "policies"

// inlined is a file that a policy names, as it was read.
type inlined struct {
	name string
	data []byte
}

// What an archive holds: the policy itself, and the files it names below a
// folder of their own.
const (
	archivedPolicy = "policy.yaml"
	archivedFiles  = "files/"
	// maxArchived is the most that an archive may come to when it is unpacked.
	maxArchived = 8 * MaxBytes
)

// Archive is everything the policy was loaded from, as a tar file compressed
// by gzip: [LoadArchive] makes the same policy of it, with the same digest. The
// same policy gives the same bytes.
func (p *Policy) Archive() []byte {
	var out bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a good one
	pack := tar.NewWriter(zip)
	put := func(name string, data []byte) error {
		err := pack.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), Format: tar.FormatPAX})
		if err != nil {
			return err
		}
		_, err = pack.Write(data)
		return err
	}
	err := put(archivedPolicy, p.src)
	for _, f := range p.files {
		err = errors.Join(err, put(archivedFiles+f.name, f.data))
	}
	if errors.Join(err, pack.Close(), zip.Close()) != nil {
		return nil // a buffer takes everything; names that no archive can hold are refused at loading
	}
	return out.Bytes()
}

// LoadArchive loads the policy that an archive was made of. name is how
// problems call it.
func LoadArchive(name string, archive []byte, o Options) (*Policy, error) {
	src, files, err := unpack(archive)
	if err != nil {
		return nil, fmt.Errorf("%s: the archive cannot be read: %w", name, err)
	}
	o.ReadFile = func(name string) ([]byte, error) {
		data, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return data, nil
	}
	return Load(name, src, o)
}

var errTooLarge = errors.New("it is larger than any policy")

func unpack(archive []byte) (src []byte, files map[string][]byte, err error) {
	zip, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, nil, err
	}
	left := int64(maxArchived)
	files = map[string][]byte{}
	for pack := tar.NewReader(zip); ; {
		h, err := pack.Next()
		if errors.Is(err, io.EOF) {
			return src, files, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if left -= h.Size; h.Size < 0 || left < 0 {
			return nil, nil, errTooLarge
		}
		data, err := io.ReadAll(pack)
		if err != nil {
			return nil, nil, err
		}
		if h.Name == archivedPolicy {
			src = data
		} else if len(h.Name) > len(archivedFiles) {
			files[h.Name[len(archivedFiles):]] = data
		}
	}
}
