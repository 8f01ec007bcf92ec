// Package tlsclient makes the settings of a TLS client whose trust and identity
// are files that an operator named.
package tlsclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Files say whom to trust and who to be. The zero value trusts what the system
// does, and is nobody.
type Files struct {
	CA         string // PEM of the authorities to trust instead of the system's
	Cert       string // PEM of the client's own certificate
	Key        string // PEM of its key: the text, not a file's name
	ServerName string // whom the server has to be; empty: the host that is called
}

// Config reads the files. No connection below TLS 1.2 comes of it.
func (f Files) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.ServerName}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate in PEM", f.CA)
		}
	}
	if (f.Cert == "") != (f.Key == "") {
		return nil, errors.New("cert and key belong together: name both, or neither")
	}
	if f.Cert == "" {
		return c, nil
	}
	cert, err := os.ReadFile(f.Cert)
	if err != nil {
		return nil, fmt.Errorf("cert: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, []byte(f.Key))
	if err != nil {
		return nil, errors.New("cert and key do not fit together, or are no PEM")
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}
