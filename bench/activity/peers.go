package activity

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"time"

	fast "github.com/klauspost/compress/gzip"
)

// Std reads files with the standard library: gzip and encoding/json into
// structs that have what is needed and nothing else.
type Std struct {
	index  *index
	gzip   gzip.Reader
	buf    []byte
	counts counts
}

// NewStd is for one goroutine.
func NewStd(x *index) *Std { return &Std{index: x, buf: make([]byte, 8<<20), counts: counts{}} }

type stdFile struct {
	Records []struct {
		ID      string `json:"eventID"`
		At      string `json:"eventTime"`
		Source  string `json:"eventSource"`
		Name    string `json:"eventName"`
		Region  string `json:"awsRegion"`
		From    string `json:"sourceIPAddress"`
		Code    string `json:"errorCode"`
		Account string `json:"recipientAccountId"`
		Reads   bool   `json:"readOnly"`
		Who     struct {
			Principal string `json:"principalId"`
			ARN       string `json:"arn"`
			Key       string `json:"accessKeyId"`
			Session   struct {
				Issuer struct {
					ARN string `json:"arn"`
				} `json:"sessionIssuer"`
			} `json:"sessionContext"`
		} `json:"userIdentity"`
	}
}

// Read reads a packed file and returns how many records were counted.
func (s *Std) Read(packed []byte) (int, error) {
	clear(s.counts)
	if err := s.gzip.Reset(bytes.NewReader(packed)); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(&s.gzip, s.buf)
	if err != io.ErrUnexpectedEOF {
		return 0, err
	}
	var f stdFile
	if err := json.Unmarshal(s.buf[:n], &f); err != nil {
		return 0, err
	}
	for i := range f.Records {
		r := &f.Records[i]
		at, err := time.Parse(time.RFC3339, r.At)
		if err != nil {
			return 0, err
		}
		_, person, _ := strings.Cut(r.Who.Principal, ":")
		grant := s.index.find(mark{r.Account, r.Who.Session.Issuer.ARN, person}, at.Unix())
		s.counts.add(grant, strings.TrimSuffix(r.Source, ".amazonaws.com"), r.Name)
	}
	return len(f.Records), nil
}

// Counts are those of the last file.
func (s *Std) Counts() map[string]int { return s.counts.plain() }

// Gunzip unpacks files and does nothing else, by the fastest library there is:
// no reader of them can be faster.
type Gunzip struct {
	gzip fast.Reader
	buf  []byte
}

// NewGunzip is for one goroutine.
func NewGunzip() *Gunzip { return &Gunzip{buf: make([]byte, 8<<20)} }

// Read unpacks a file.
func (g *Gunzip) Read(packed []byte) (int, error) {
	if err := g.gzip.Reset(bytes.NewReader(packed)); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(&g.gzip, g.buf); err != io.ErrUnexpectedEOF {
		return 0, err
	}
	return perFile, nil
}
