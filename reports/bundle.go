package reports

import (
	"archive/zip"
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"jitbot/activity"
	"jitbot/storage"
)

// A bundle is a zip file with what an auditor asked for: events and activities
// as JSON lines, a manifest with the digest of each file and the head of the
// log, and a signature of the manifest.
const (
	bundleEvents     = "events.jsonl"
	bundleActivities = "activities.jsonl"
	bundleManifest   = "manifest.json"
	bundleSignature  = "manifest.sig"

	bundleVersion = 1
	// bundlePurpose stands before what is signed, so that a signature made for
	// something else is none of a bundle.
	bundlePurpose = "jitbot/bundle/v1\n"
)

// Manifest says what is in a bundle.
type Manifest struct {
	Version  int       `json:"version"`
	MadeAt   time.Time `json:"made_at"`
	MadeBy   string    `json:"made_by"`
	Product  string    `json:"product"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Person   string    `json:"person,omitempty"`
	Resource string    `json:"resource,omitempty"`
	Grant    string    `json:"grant,omitempty"`
	Head     Head      `json:"head"` // of the whole log, when it was made
	Files    []File    `json:"files"`
}

// Head is the newest event of the log.
type Head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// File is one file of a bundle.
type File struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Whole reports whether every event of the log was to be in it.
func (m Manifest) Whole() bool {
	return m.Since.IsZero() && m.Until.IsZero() && m.Person == "" && m.Resource == "" && m.Grant == ""
}

// WriteBundle writes what x chooses as a bundle, signed with key. m says who
// made it, when and with what; the rest is filled in.
func (x Selection) WriteBundle(v storage.View, from *activity.Reader, to io.Writer, key ed25519.PrivateKey, m Manifest) error {
	seq, head, err := v.KeptHead()
	if err != nil {
		return err
	}
	m.Version, m.Head = bundleVersion, Head{seq, hex.EncodeToString(head[:])}
	m.Since, m.Until, m.Person, m.Resource, m.Grant = x.Since, x.Until, x.Person, x.Resource, x.Grant
	z := zip.NewWriter(to)
	events, err := bundleFile(z, bundleEvents, m.MadeAt, func(fn func(Record) error) error { return x.Events(v, fn) })
	if err != nil {
		return err
	}
	activities, err := bundleFile(z, bundleActivities, m.MadeAt, func(fn func(Record) error) error { return x.Activities(v, from, fn) })
	if err != nil {
		return err
	}
	m.Files = []File{events, activities}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	signature := ed25519.Sign(key, append([]byte(bundlePurpose), raw...))
	text := base64.StdEncoding.EncodeToString(signature) + "\n"
	if err := errors.Join(put(z, bundleManifest, m.MadeAt, raw), put(z, bundleSignature, m.MadeAt, []byte(text))); err != nil {
		return err
	}
	return z.Close()
}

func put(z *zip.Writer, name string, at time.Time, content []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

func bundleFile(z *zip.Writer, name string, at time.Time, each func(func(Record) error) error) (File, error) {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
	if err != nil {
		return File{}, err
	}
	f, sum := File{Name: name}, &counting{to: w, sum: sha256.New()}
	write, err := Encoder{Format: JSONLines}.Writer(sum, false)
	if err != nil {
		return File{}, err
	}
	if err := each(func(r Record) error { f.Rows++; return write(r) }); err != nil {
		return File{}, err
	}
	f.Bytes, f.SHA256 = sum.n, hex.EncodeToString(sum.sum.Sum(nil))
	return f, nil
}

// counting takes the length and the digest of what is written through it.
type counting struct {
	to  io.Writer
	sum hash.Hash
	n   int64
}

// Write implements [io.Writer].
func (c *counting) Write(p []byte) (int, error) {
	c.sum.Write(p)
	c.n += int64(len(p))
	return c.to.Write(p)
}

// ParseSigningKey reads an Ed25519 key as `openssl genpkey -algorithm ed25519`
// writes it. No error repeats any of it.
func ParseSigningKey(text string) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the signing key is no PEM; make one: openssl genpkey -algorithm ed25519 -out FILE")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if signing, ok := key.(ed25519.PrivateKey); ok && err == nil {
		return signing, nil
	}
	return nil, errors.New("the signing key is no Ed25519 key; make one: openssl genpkey -algorithm ed25519 -out FILE")
}

// ParsePublicKey reads the public half as `openssl pkey -pubout` writes it.
func ParsePublicKey(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the public key is no PEM; write it: openssl pkey -in FILE -pubout")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if public, ok := key.(ed25519.PublicKey); ok && err == nil {
		return public, nil
	}
	return nil, errors.New("the public key is no Ed25519 key")
}

// BundleReport is what checking a bundle found. It is as it was made when Fault
// is empty.
type BundleReport struct {
	Manifest Manifest
	Events   int64 // read
	Blanked  int64 // of them, with their data blanked on purpose
	Fault    string
}

// VerifyBundle checks a bundle with nothing but the public key: the signature,
// the files, and that every event is as the log's chain has it. The error says
// only that the bundle could not be read.
func VerifyBundle(in io.ReaderAt, size int64, key ed25519.PublicKey) (BundleReport, error) {
	var report BundleReport
	z, err := zip.NewReader(in, size)
	if err != nil {
		return report, fmt.Errorf("the bundle cannot be read: %w", err)
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		if files[f.Name] != nil {
			report.Fault = fmt.Sprintf("%q is in it twice", f.Name)
			return report, nil
		}
		files[f.Name] = f
	}
	if report.Fault, err = readManifest(files, key, &report.Manifest); err != nil || report.Fault != "" {
		return report, err
	}
	if fault := report.Manifest.names(files); fault != "" {
		report.Fault = fault
		return report, nil
	}
	for _, f := range report.Manifest.Files {
		if report.Fault, err = report.verifyFile(files[f.Name], f); err != nil || report.Fault != "" {
			return report, err
		}
	}
	return report, nil
}

const maxManifest = 1 << 20

func readManifest(files map[string]*zip.File, key ed25519.PublicKey, m *Manifest) (fault string, err error) {
	raw, err := small(files[bundleManifest])
	if err != nil {
		return "", err
	}
	text, err := small(files[bundleSignature])
	if err != nil {
		return "", err
	}
	signature, err := base64.StdEncoding.DecodeString(string(trimLine(text)))
	if err != nil || !ed25519.Verify(key, append([]byte(bundlePurpose), raw...), signature) {
		return "the signature of the manifest is not one of this key", nil
	}
	if err := json.Unmarshal(raw, m); err != nil || m.Version != bundleVersion {
		return "the manifest is of a version that is not known here", nil
	}
	return "", nil
}

func trimLine(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

func small(f *zip.File) ([]byte, error) {
	if f == nil {
		return nil, errors.New("the bundle has no manifest, or no signature of it")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err == nil && len(b) > maxManifest {
		err = fmt.Errorf("%s is too large", f.Name)
	}
	return b, err
}

// names checks that a bundle holds what its manifest says, and nothing else.
func (m Manifest) names(files map[string]*zip.File) (fault string) {
	listed := map[string]bool{bundleManifest: true, bundleSignature: true}
	for _, f := range m.Files {
		if files[f.Name] == nil {
			return f.Name + " is missing"
		}
		listed[f.Name] = true
	}
	if !listed[bundleEvents] || !listed[bundleActivities] {
		return "the manifest does not name the events and the activities"
	}
	for name := range files {
		if !listed[name] {
			return fmt.Sprintf("%q is in it, and the manifest does not name it", name)
		}
	}
	return ""
}

const maxBundleLine = 16 << 20

func (b *BundleReport) verifyFile(f *zip.File, want File) (fault string, err error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	sum := &counting{to: io.Discard, sum: sha256.New()}
	lines := bufio.NewScanner(io.TeeReader(io.LimitReader(r, want.Bytes+1), sum))
	lines.Buffer(make([]byte, 0, 64<<10), maxBundleLine)
	chain, rows := chainCheck{whole: b.Manifest.Whole(), head: b.Manifest.Head}, int64(0)
	for lines.Scan() {
		rows++
		if f.Name == bundleEvents && fault == "" {
			fault = chain.line(lines.Bytes())
		}
	}
	if err := lines.Err(); err != nil {
		return f.Name + " was changed: " + err.Error(), nil
	}
	if sum.n != want.Bytes || rows != want.Rows || hex.EncodeToString(sum.sum.Sum(nil)) != want.SHA256 {
		return f.Name + " was changed: it is not what the manifest says", nil
	}
	if f.Name == bundleEvents {
		b.Events, b.Blanked = rows, chain.blanked
		if fault == "" {
			fault = chain.end()
		}
	}
	return fault, nil
}
