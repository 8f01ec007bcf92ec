package syslog

import (
	"fmt"
	"net"
	"slices"

	"jitbot/internal/secret"
	"jitbot/reports"
)

// The ways to a receiver.
const (
	TLS = "tls"
	TCP = "tcp"
	UDP = "udp"
)

// Config is one receiver.
type Config struct {
	Address  string `yaml:"address,required"` // host:port
	Protocol string `yaml:"protocol"`         // tls, tcp or udp; default: tls
	// Format is what a message holds: cef, ocsf or jsonl. Default: cef.
	Format reports.Format `yaml:"format"`
	// CA are the authorities that may vouch for the receiver, as a PEM file.
	// Default: the system's.
	CA string `yaml:"ca"`
	// Cert and Key are jitbot's own certificate (PEM file) and its key, where the
	// receiver wants one.
	Cert string       `yaml:"cert"`
	Key  secret.Value `yaml:"key"`
	// ServerName is whom the receiver's certificate has to be of. Default: the
	// host in the address.
	ServerName string `yaml:"server_name"`
	// Hostname is what messages name as the machine they are from. Default: what
	// the machine calls itself.
	Hostname string `yaml:"hostname"`
	// Facility is 0 to 23. Default: 13, the audit log.
	Facility *int `yaml:"facility"`
	// MaxBytes is the longest message; of one that is longer the details are left
	// out. Default: 64 KiB, over UDP 8 KiB.
	MaxBytes int `yaml:"max_bytes"`
	// Confirm says whether a batch counts as taken only once the receiver has
	// ended the connection too. Default: yes. Without it what a receiver had not
	// read when it died is lost.
	Confirm *bool `yaml:"confirm"`

	reports.Wanted `yaml:",inline"`
}

const auditFacility = 13

// Check implements the configuration's checker.
func (c Config) Check(report func(key, text string)) {
	if host, port, err := net.SplitHostPort(c.Address); err != nil || host == "" || port == "" {
		report("address", fmt.Sprintf("%q is not host:port", c.Address))
	}
	if c.Protocol != "" && !slices.Contains([]string{TLS, TCP, UDP}, c.Protocol) {
		report("protocol", fmt.Sprintf("%q is none of tls, tcp and udp", c.Protocol))
	}
	if f := c.Format; f != "" && (!f.Known() || f == reports.CSV) {
		report("format", fmt.Sprintf("%q is none of cef, ocsf and jsonl", f))
	}
	if (c.Cert == "") != !c.Key.IsConfigured() {
		report("cert", "cert and key belong together: name both, or neither")
	}
	if c.Protocol != "" && c.Protocol != TLS && (c.CA != "" || c.Cert != "" || c.ServerName != "") {
		report("protocol", "ca, cert and server_name are for protocol tls; over "+c.Protocol+" anybody on the way reads and changes everything")
	}
	if c.Facility != nil && (*c.Facility < 0 || *c.Facility > 23) {
		report("facility", fmt.Sprintf("%d is not between 0 and 23", *c.Facility))
	}
	if c.MaxBytes != 0 && (c.MaxBytes < 2048 || c.MaxBytes > 1<<20) {
		report("max_bytes", fmt.Sprintf("%d is not between 2048 and 1048576", c.MaxBytes))
	}
	c.Wanted.Check(report)
}

// Resolve reads the secret from where the configuration says it is.
func (c *Config) Resolve(getenv func(string) string) error {
	if err := c.Key.Resolve(getenv); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	return nil
}
