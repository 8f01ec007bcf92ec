package syslog_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"jitbot/integrations/syslog"
	"jitbot/internal/secret"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
	"jitbot/reports"
)

// receiver is a syslog server: it reads frames as RFC 6587 counts them, and
// ends a connection once the other side did.
type receiver struct {
	t    *testing.T
	ln   net.Listener
	addr string
	tls  *tls.Config

	mu    sync.Mutex
	got   []string
	open  map[net.Conn]bool
	conns int
	on    func(conn net.Conn) // instead of reading, if not nil
}

func receive(t *testing.T, addr string, c *tls.Config) *receiver {
	t.Helper()
	r := &receiver{t: t, addr: addr, tls: c, open: map[net.Conn]bool{}}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *receiver) start() {
	r.t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(r.t.Context(), "tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.ln, r.addr = ln, ln.Addr().String()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if r.tls != nil {
				conn = tls.Server(conn, r.tls)
			}
			r.mu.Lock()
			r.open[conn] = true
			r.conns++
			on := r.on
			r.mu.Unlock()
			go r.serve(conn, on)
		}
	}()
}

func (r *receiver) serve(conn net.Conn, on func(net.Conn)) {
	defer func() {
		_ = conn.Close()
		r.mu.Lock()
		delete(r.open, conn)
		r.mu.Unlock()
	}()
	if on != nil {
		on(conn)
		return
	}
	frames := bufio.NewReader(conn)
	for {
		m, err := frame(frames)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.t.Logf("receiver: %v", err)
			}
			return
		}
		r.mu.Lock()
		r.got = append(r.got, m)
		r.mu.Unlock()
	}
}

// frame reads MSG-LEN SP SYSLOG-MSG.
func frame(r *bufio.Reader) (string, error) {
	digits, err := r.ReadString(' ')
	if err != nil {
		if digits == "" {
			return "", io.EOF
		}
		return "", fmt.Errorf("a length of %q", digits)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(digits, " "))
	if err != nil || digits[0] == '0' {
		return "", fmt.Errorf("a length of %q", digits)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", fmt.Errorf("a message of %d is cut: %w", n, err)
	}
	return string(b), nil
}

// kill ends everything at once, as the end of the process does.
func (r *receiver) kill() {
	_ = r.ln.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.open {
		if t, ok := conn.(*tls.Conn); ok {
			conn = t.NetConn()
		}
		_ = conn.Close()
	}
}

func (r *receiver) instead(f func(net.Conn)) { r.mu.Lock(); defer r.mu.Unlock(); r.on = f }

func (r *receiver) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// rfc5424 is HEADER SP STRUCTURED-DATA SP MSG with no structured data.
var rfc5424 = regexp.MustCompile(`(?s)^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) jitbot - ([!-~]{1,32}) - (.*)$`)

func parsed(t *testing.T, m string) (pri int, at, host, id, text string) {
	t.Helper()
	p := rfc5424.FindStringSubmatch(m)
	if p == nil {
		t.Fatalf("not a message of RFC 5424: %q", m)
	}
	pri, _ = strconv.Atoi(p[1])
	return pri, p[2], p[3], p[4], p[5]
}

var nine = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func event(seq int64, kind string) reports.Record {
	return reports.Record{Event: jit.Event{Seq: seq, At: nine, Kind: kind, Actor: "ann@example.com", Outcome: "ok", Data: json.RawMessage(`{"reason":"x"}`)}}
}

func open(t *testing.T, c syslog.Config) *syslog.Sink {
	t.Helper()
	c.Hostname = "jit.example.com"
	s, err := syslog.Open(c, "1.0", "", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestABatchOverTCPIsReadBackFrameByFrame(t *testing.T) {
	t.Parallel()
	r := receive(t, "127.0.0.1:0", nil)
	s := open(t, syslog.Config{Address: r.addr, Protocol: syslog.TCP})
	hostile := event(3, "refused\n<14>1 forged")
	hostile.Event.Actor = "x\n99 <14>1 2026-01-01T00:00:00Z evil - - - - forged"
	if err := s.Send(t.Context(), []reports.Record{event(1, jit.EventRequested), event(2, jit.EventGrantOverdue), hostile}); err != nil {
		t.Fatal(err)
	}
	got := r.messages()
	if len(got) != 3 {
		t.Fatalf("%d messages: %q", len(got), got)
	}
	for i, want := range []struct {
		pri int
		id  string
	}{{13*8 + 6, "request.created"}, {13*8 + 2, "grant.overdue"}, {13*8 + 6, "refused_<14>1_forged"}} {
		pri, at, host, id, text := parsed(t, got[i])
		if pri != want.pri || id != want.id || at != "2026-03-02T09:00:00.000000Z" || host != "jit.example.com" || !strings.HasPrefix(text, "CEF:0|jitbot|jitbot|1.0|") || strings.Contains(text, "\n") {
			t.Errorf("%d: %q", i, got[i])
		}
	}
}

func TestOCSFMayBeInsideAndTooLongMessagesLoseTheirDetailsOnly(t *testing.T) {
	t.Parallel()
	r := receive(t, "127.0.0.1:0", nil)
	s := open(t, syslog.Config{Address: r.addr, Protocol: syslog.TCP, Format: reports.OCSF, MaxBytes: 4096})
	long := event(1, jit.EventRequested)
	long.Event.Data = json.RawMessage(`{"text":"` + strings.Repeat("x", 10_000) + `"}`)
	long.Event.DataSHA256 = jit.DataDigest(long.Event.Data)
	if err := s.Send(t.Context(), []reports.Record{long}); err != nil {
		t.Fatal(err)
	}
	_, _, _, _, text := parsed(t, r.messages()[0])
	var e struct {
		Unmapped struct {
			JIT struct {
				Data   map[string]any `json:"data"`
				Digest string         `json:"data_sha256"`
			} `json:"jit"`
		} `json:"unmapped"`
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil || len(text) > 4096 || len(e.Unmapped.JIT.Data) != 0 || e.Unmapped.JIT.Digest != fmt.Sprintf("%x", long.Event.DataSHA256) {
		t.Errorf("%v: %.300s", err, text)
	}
}

func TestWhatADyingReceiverHadNotReadIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, die := range map[string]func(net.Conn){
		"before it reads":          func(net.Conn) {},
		"once something has come":  func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 100)) },
		"in the middle of a batch": func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 50_000)) },
		"after the first letter":   func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, protocol := range []string{syslog.TCP, syslog.TLS} {
				var c *tls.Config
				config := syslog.Config{Protocol: protocol}
				if protocol == syslog.TLS {
					p := newPKI(t)
					c, config.CA = p.server(t, false), p.ca
				}
				r := receive(t, "127.0.0.1:0", c)
				config.Address = r.addr
				s := open(t, config)
				var batch []reports.Record
				for i := range 400 {
					batch = append(batch, event(int64(i+1), jit.EventRequested))
				}
				for range 10 {
					r.instead(die)
					if err := s.Send(t.Context(), batch); err == nil {
						t.Fatalf("%s: a batch that was not read counts as taken", protocol)
					}
				}
				r.instead(nil)
				if err := s.Send(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
				if n := len(r.messages()); n != len(batch) {
					t.Errorf("%s: %d messages, want %d", protocol, n, len(batch))
				}
			}
		})
	}
}

func TestAReceiverThatIsKilledAndStartedAgainBetweenBatchesLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	for _, protocol := range []string{syslog.TCP, syslog.TLS} {
		var c *tls.Config
		if protocol == syslog.TLS {
			c = p.server(t, false)
		}
		r := receive(t, "127.0.0.1:0", c)
		s := open(t, syslog.Config{Address: r.addr, Protocol: protocol, CA: p.ca})
		for seq := int64(1); seq <= 20; seq++ {
			if seq%3 == 0 {
				r.kill()
				if err := s.Send(t.Context(), []reports.Record{event(seq, jit.EventRequested)}); err == nil {
					t.Fatal("it sends to nobody")
				}
				r.start()
			}
			if err := s.Send(t.Context(), []reports.Record{event(seq, jit.EventRequested)}); err != nil {
				t.Fatal(err)
			}
		}
		for i, m := range r.messages() {
			if !strings.Contains(m, fmt.Sprintf("cn1Label=seq cn1=%d ", i+1)) && !strings.Contains(m, fmt.Sprintf("cn1=%d msg", i+1)) {
				t.Fatalf("%s: message %d is %q", protocol, i+1, m)
			}
		}
		if n := len(r.messages()); n != 20 {
			t.Errorf("%s: %d messages", protocol, n)
		}
	}
}

func TestAReceiverThatNeverEndsIsToldFromOneThatHasRead(t *testing.T) {
	t.Parallel()
	r := receive(t, "127.0.0.1:0", nil)
	r.instead(func(c net.Conn) { _, _ = io.Copy(io.Discard, c); <-t.Context().Done() })
	no := false
	if err := open(t, syslog.Config{Address: r.addr, Protocol: syslog.TCP, Confirm: &no}).Send(t.Context(), []reports.Record{event(1, "x")}); err != nil {
		t.Errorf("with confirm: false: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := open(t, syslog.Config{Address: r.addr, Protocol: syslog.TCP}).Send(ctx, []reports.Record{event(1, "x")}); err == nil {
		t.Error("what nobody confirmed counts as taken")
	}
}

func TestUDPSendsAPacketForEachMessage(t *testing.T) {
	t.Parallel()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := open(t, syslog.Config{Address: conn.LocalAddr().String(), Protocol: syslog.UDP})
	if err := s.Send(t.Context(), []reports.Record{event(1, jit.EventRequested), event(2, jit.EventRefused)}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 65_000)
	for _, want := range []string{jit.EventRequested, jit.EventRefused} {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, id, _ := parsed(t, string(b[:n])); id != want {
			t.Errorf("got %s", id)
		}
	}
}

func TestTLSTakesOnlyTheReceiverTheAuthorityVouchesFor(t *testing.T) {
	t.Parallel()
	p, other := newPKI(t), newPKI(t)
	r := receive(t, "127.0.0.1:0", p.server(t, true))
	old := p.server(t, false)
	old.MaxVersion = tls.VersionTLS11 // what must not be spoken
	old.MinVersion = tls.VersionTLS10 // what must not be spoken
	ancient := receive(t, "127.0.0.1:0", old)
	cert, key := p.client(t)
	good := syslog.Config{Address: r.addr, CA: p.ca, Cert: cert, Key: key}
	for name, c := range map[string]struct {
		change func(*syslog.Config)
		ok     bool
	}{
		"as it should be":               {func(*syslog.Config) {}, true},
		"with another authority":        {func(c *syslog.Config) { c.CA = other.ca }, false},
		"without a client certificate":  {func(c *syslog.Config) { c.Cert, c.Key = "", secret.Value{} }, false},
		"under another name":            {func(c *syslog.Config) { c.ServerName = "other.example.com" }, false},
		"without confirm, and no cert":  {func(c *syslog.Config) { no := false; c.Confirm = &no; c.Cert, c.Key = "", secret.Value{} }, false},
		"to one that speaks TLS 1.1":    {func(c *syslog.Config) { c.Address = ancient.addr }, false},
		"by the name in its own record": {func(c *syslog.Config) { c.ServerName = "siem.example.com" }, true},
	} {
		config := good
		c.change(&config)
		s := open(t, config)
		if err := s.Send(t.Context(), []reports.Record{event(1, "x")}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if f := s.Check(t.Context()); f[0].OK != c.ok {
			t.Errorf("%s: the doctor finds %v", name, f)
		}
	}
	if n := len(r.messages()); n != 2 {
		t.Errorf("%d messages came: a check sends none", n)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"address: siem": "not host:port", "{address: 'siem:6514', protocol: tpc}": "none of tls",
		"{address: 'siem:6514', format: csv}": "none of cef", "{address: 'siem:6514', protocol: udp, ca: x}": "are for protocol tls",
		"{address: 'siem:6514', cert: x}": "belong together", "{address: 'siem:6514', facility: 24}": "between 0 and 23",
		"{address: 'siem:6514', key: hunter2}": "a secret is not written here", "{address: 'siem:6514', kinds: ['Grant!']}": "no kind of event",
		"{address: 'siem:6514', from: never}": "neither now nor beginning", "format: cef": "missing",
	} {
		var c syslog.Config
		err := strictyaml.Decode("c.yaml", []byte(text), &c, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestT49TheKeyShowsInNoErrorAndNoMessage(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	cert, _ := p.client(t)
	_, err := syslog.Open(syslog.Config{Address: "127.0.0.1:1", CA: p.ca, Cert: cert, Key: secret.Of("CANARY-4711")}, "1.0", "", time.Now)
	if err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("got %v", err)
	}
}

// pki is an authority with a server and a client.
type pki struct {
	dir, ca string
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	p := &pki{dir: t.TempDir()}
	var err error
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), crand.Reader); err != nil {
		t.Fatal(err)
	}
	der := p.sign(t, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, &p.key.PublicKey)
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	p.ca = p.file(t, "ca.pem", "CERTIFICATE", der)
	return p
}

func (p *pki) sign(t *testing.T, c *x509.Certificate, public any) []byte {
	t.Helper()
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent := p.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(crand.Reader, c, parent, public, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (p *pki) file(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *pki) pair(t *testing.T) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der = p.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"siem.example.com"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, &key.PublicKey)
	return der, key
}

func (p *pki) server(t *testing.T, clients bool) *tls.Config {
	t.Helper()
	der, key := p.pair(t)
	c := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	if clients {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		c.ClientCAs.AddCert(p.cert)
	}
	return c
}

func (p *pki) client(t *testing.T) (cert string, key secret.Value) {
	t.Helper()
	der, private := p.pair(t)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return p.file(t, "client.pem", "CERTIFICATE", der), secret.Of(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}
