package reports

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"jitbot/jit"
)

// Bounds of CEF: its dictionary gives most texts 1023 bytes, and the header none
// that is longer.
const (
	maxCEFHeader = 512
	maxCEFValue  = 1023
)

// cef writes a record in ArcSight's Common Event Format: a header of seven
// fields between bars, then names and values.
func (e Encoder) cef(r Record) []byte {
	var b bytes.Buffer
	b.WriteString("CEF:0")
	id, name := r.Event.Kind, cefName(r)
	if r.Activity != nil {
		id = KindActivity
	}
	for _, field := range []string{"jitbot", "jitbot", orNone(e.Product), id, name, strconv.Itoa(cefSeverity(r.Severity()))} {
		b.WriteByte('|')
		b.WriteString(cefHeader(field))
	}
	b.WriteByte('|')
	x := &extension{to: &b}
	if r.Activity != nil {
		x.activity(r)
	} else {
		x.event(r.Event, r)
	}
	return b.Bytes()
}

func cefName(r Record) string {
	if r.Activity != nil {
		return r.Activity.Action
	}
	return strings.ReplaceAll(strings.ReplaceAll(r.Event.Kind, ".", " "), "_", " ")
}

func orNone(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// cefSeverity puts the severities on CEF's scale of 0 to 10.
func cefSeverity(s Severity) int {
	return map[Severity]int{Informational: 1, Low: 3, Medium: 5, High: 8, Critical: 10}[s]
}

// extension writes the names and values after the header. Values that are empty
// are left out.
type extension struct {
	to    *bytes.Buffer
	begun bool
}

func (x *extension) add(name, value string) {
	if value == "" {
		return
	}
	if x.begun {
		x.to.WriteByte(' ')
	}
	x.begun = true
	x.to.WriteString(name + "=" + cefValue(cut(value, maxCEFValue)))
}

// custom fills one of the fields whose meaning the sender says.
func (x *extension) custom(field, label, value string) {
	if value != "" {
		x.add(field+"Label", label)
		x.add(field, value)
	}
}

func (x *extension) event(e jit.Event, r Record) {
	x.add("rt", millis(r))
	x.add("externalId", e.Grant)
	x.add("suser", e.Actor)
	x.add("duser", r.Person())
	x.add("act", e.Kind)
	x.add("outcome", e.Outcome)
	x.add("reason", r.About.Request.Reason)
	x.add("sourceServiceName", e.Origin)
	x.add("suid", e.ActorAccount)
	x.about(r, e.Resource, orText(e.Request, r.About.Request.ID))
	x.custom("cs5", "policy_sha256", e.PolicySHA256)
	x.custom("cs6", "hash", hex.EncodeToString(e.Hash[:]))
	x.custom("cn1", "seq", strconv.FormatInt(e.Seq, 10))
	if string(e.Data) != "{}" {
		x.add("msg", string(e.Data))
	}
}

func (x *extension) activity(r Record) {
	a := r.Activity
	x.add("rt", millis(r))
	x.add("externalId", a.Grant)
	x.add("suser", orText(r.Person(), a.Actor))
	x.add("suid", a.Actor)
	x.add("duser", a.Scope)
	if ip, err := netip.ParseAddr(a.Origin); err == nil && ip.Is4() {
		x.add("src", ip.String())
	} else if err == nil {
		x.custom("c6a2", "source address", ip.String())
	} else {
		x.add("shost", a.Origin)
	}
	x.add("act", a.Action)
	x.add("outcome", string(a.Outcome))
	x.add("reason", a.Code)
	x.add("requestClientApplication", a.Agent)
	x.add("deviceExternalId", a.Source)
	x.about(r, a.Resource, r.About.Request.ID)
	x.custom("cs5", "method", string(a.Method))
	x.custom("cs6", "id", a.ID)
	x.custom("cfp1", "sure", strconv.FormatFloat(a.Sure, 'g', -1, 64))
	x.add("cat", category(r))
	x.add("msg", a.Detail)
}

// about fills the fields that events and activities have alike.
func (x *extension) about(r Record, resource, request string) {
	x.custom("cs1", "rule", orText(r.About.Grant.Rule, r.About.Request.Decision.Rule))
	x.custom("cs2", "resource", resource)
	x.custom("cs3", "request", request)
	x.custom("cs4", "ticket", r.About.Request.Ticket)
}

// category says what is remarkable about an activity.
func category(r Record) string {
	switch {
	case r.SideDoor():
		return "side_door"
	case r.Activity.Stray:
		return "stray"
	case r.Activity.Late:
		return "late"
	}
	return ""
}

func millis(r Record) string { return strconv.FormatInt(r.At().UnixMilli(), 10) }

func orText(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// cefHeader escapes a field of the header, which has to stay on its line.
func cefHeader(s string) string {
	s = strings.Map(noControl, strings.ToValidUTF8(cut(s, maxCEFHeader), "\uFFFD"))
	return strings.NewReplacer(`\`, `\\`, `|`, `\|`).Replace(s)
}

// cefValue escapes a value of the extension. A line's end in it is written as
// \n or \r, and everything else that ends a line somewhere is a space.
func cefValue(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\r", `\r`, "\n", `\n`).Replace(s)
	return strings.Map(noControl, s)
}

// noControl puts a space in the place of what is not text.
func noControl(r rune) rune {
	if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
		return ' '
	}
	return r
}

// cut shortens a text to so many bytes, and never within a letter.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
