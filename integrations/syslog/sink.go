package syslog

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"jitbot/bot"
	"jitbot/internal/tlsclient"
	"jitbot/reports"
)

// Sink sends to one receiver. It is a [reports.Sink].
type Sink struct {
	Config
	encoder  reports.Encoder
	tls      *tls.Config
	now      func() time.Time
	hostname string
	facility int
	most     int
}

// How long a receiver may take.
const (
	dialTime = 10 * time.Second
	sendTime = 30 * time.Second
	// confirmTime is how long it may take to read everything and end the
	// connection.
	confirmTime = 15 * time.Second
	// lookTime is how long an answer is waited for that may not come: TLS refuses
	// a client only after it has sent something.
	lookTime = time.Second
)

// Longest messages, where the configuration does not say.
const (
	mostStream = 64 << 10
	mostPacket = 8 << 10
)

// Open returns a sink that is not connected yet. version is jitbot's, and ocsf
// that of the schema.
func Open(c Config, version, ocsf string, now func() time.Time) (*Sink, error) {
	s := &Sink{
		Config: c, encoder: reports.Encoder{Format: cmp.Or(c.Format, reports.CEF), Product: version, OCSF: ocsf},
		now: now, hostname: c.Hostname, facility: auditFacility, most: mostStream,
	}
	s.Protocol = cmp.Or(c.Protocol, TLS)
	if s.Protocol == UDP {
		s.most = mostPacket
	}
	s.most = cmp.Or(c.MaxBytes, s.most)
	if c.Facility != nil {
		s.facility = *c.Facility
	}
	if s.hostname == "" {
		s.hostname, _ = os.Hostname()
	}
	if s.Protocol != TLS {
		return s, nil
	}
	var err error
	s.tls, err = tlsclient.Files{CA: c.CA, Cert: c.Cert, Key: c.Key.Reveal(), ServerName: c.ServerName}.Config()
	return s, err
}

// Send implements [reports.Sink].
func (s *Sink) Send(ctx context.Context, batch []reports.Record) error {
	messages, err := s.messages(batch)
	if err != nil {
		return err
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // what was sent was confirmed before
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := conn.SetDeadline(s.now().Add(sendTime)); err != nil {
		return err
	}
	if s.Protocol == UDP {
		return packets(conn, messages)
	}
	var b bytes.Buffer
	for _, m := range messages {
		counted(&b, m)
	}
	if _, err := conn.Write(b.Bytes()); err != nil {
		return fmt.Errorf("send to %s: %w", s.Address, err)
	}
	return s.confirmed(conn)
}

func packets(conn net.Conn, messages [][]byte) error {
	for _, m := range messages {
		if _, err := conn.Write(m); err != nil {
			return fmt.Errorf("send to %s: %w", conn.RemoteAddr(), err)
		}
	}
	return nil
}

func (s *Sink) dial(ctx context.Context) (conn net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	switch d := (&net.Dialer{Timeout: dialTime}); s.Protocol {
	case TLS:
		conn, err = (&tls.Dialer{NetDialer: d, Config: s.tls}).DialContext(ctx, TCP, s.Address)
	default:
		conn, err = d.DialContext(ctx, s.Protocol, s.Address)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.Address, err)
	}
	return conn, nil
}

// confirmed ends the connection for our part and waits for the receiver to end
// it too.
func (s *Sink) confirmed(conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("the connection cannot be ended for one part")
	}
	if err := half.CloseWrite(); err != nil {
		return fmt.Errorf("send to %s: %w", s.Address, err)
	}
	patience := confirmTime
	if !s.confirms() {
		patience = lookTime
	}
	err := ended(conn, s.now().Add(patience))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if !s.confirms() {
			return nil
		}
		return fmt.Errorf("%s has not ended the connection, so it is not known whether it has read everything; if it never does, set confirm: false", s.Address)
	}
	if err = cmp.Or(err, arrived(conn)); err != nil {
		return fmt.Errorf("%s has not read everything: %w", s.Address, err)
	}
	return nil
}

func (s *Sink) confirms() bool { return s.Config.Confirm == nil || *s.Config.Confirm }

// ended reads until the receiver ends. One of syslog says nothing.
func ended(conn net.Conn, until time.Time) error {
	if err := conn.SetReadDeadline(until); err != nil {
		return err
	}
	n, err := conn.Read(make([]byte, 1))
	switch {
	case n > 0:
		return errors.New("it answers something, which no receiver of syslog does; is the protocol right?")
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF): // a TLS receiver that ended without saying goodbye has read as much as one over TCP
		return nil
	case errors.Is(err, syscall.ECONNRESET):
		return errors.New("it ended the connection before that")
	}
	return err
}

// Check implements [reports.Sink]: it connects and ends without a message.
func (s *Sink) Check(ctx context.Context) []bot.Finding {
	conn, err := s.dial(ctx)
	if err == nil && s.Protocol != UDP {
		err = s.confirmed(conn)
	}
	if conn != nil {
		_ = conn.Close()
	}
	if err != nil {
		return []bot.Finding{{What: err.Error(), Hint: "see that the receiver listens there, that ca vouches for it, and that it takes jitbot's cert"}}
	}
	if s.Protocol == UDP {
		return []bot.Finding{{OK: true, What: "UDP to " + s.Address + ": nobody can say whether anything arrives"}}
	}
	return []bot.Finding{{OK: true, What: s.Protocol + " to " + s.Address + " connects and is ended in order"}}
}

// Close implements [reports.Sink]. Nothing is open between two batches.
func (s *Sink) Close() error { return nil }
