package syslog

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"jitbot/reports"
)

// Limits of the header's fields in RFC 5424.
const (
	maxHostname = 255
	maxMessage  = 32 // MSGID
	stamp       = "2006-01-02T15:04:05.000000Z07:00"
)

// severities are syslog's, by ours.
var severities = map[reports.Severity]int{
	reports.Critical: 2, reports.High: 3, reports.Medium: 4, reports.Low: 5, reports.Informational: 6,
}

// message is one message of RFC 5424. The text is without the byte order mark
// that the RFC wants before UTF-8: receivers of CEF look for CEF: there.
func (s *Sink) message(r reports.Record, line []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%d>1 %s %s jitbot - %s - ",
		s.facility*8+severities[r.Severity()], r.At().UTC().Format(stamp), word(s.hostname, maxHostname), word(r.Kind(), maxMessage))
	b.Write(line)
	return b.Bytes()
}

// messages are those of a batch. Of what is too long the details are left out.
func (s *Sink) messages(batch []reports.Record) (out [][]byte, err error) {
	for _, r := range batch {
		mine, longest, err := s.messagesOf(r)
		if err == nil && longest > s.most {
			mine, _, err = s.messagesOf(r.WithoutData())
		}
		if err != nil {
			return nil, err
		}
		out = append(out, mine...)
	}
	return out, nil
}

func (s *Sink) messagesOf(r reports.Record) (out [][]byte, longest int, err error) {
	lines, err := s.encoder.Lines(r)
	for _, line := range lines {
		m := s.message(r, line)
		out, longest = append(out, m), max(longest, len(m))
	}
	return out, longest, err
}

// counted is a message with its length before it, so that whatever is in it
// cannot end it.
func counted(to *bytes.Buffer, message []byte) {
	to.WriteString(strconv.Itoa(len(message)))
	to.WriteByte(' ')
	to.Write(message)
}

// word is a text as a field of the header: printable ASCII without spaces.
func word(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}
