package reports_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"jitbot/jit"
	"jitbot/reports"
)

var update = flag.Bool("update", false, "write the golden files anew")

var nine = time.Date(2026, 3, 2, 9, 0, 0, 123456000, time.UTC)

// story is what a grant of two groups and a session goes through, told by one
// event of each class, and what was done with it.
func story() []reports.Record {
	about := reports.About{
		Request: jit.Request{
			ID: "req_1", By: "ann@example.com", For: "ann@example.com", Reason: "INC-42 orders are stuck", Ticket: "INC-42",
			Decision: jit.Decision{Rule: "prod-by-approval", PolicySHA256: "ab12"},
		},
		Grant: jit.Grant{
			ID: "grt_1", Kind: jit.Access, Principal: "ann@example.com", Resource: "prod-db", Rule: "prod-by-approval",
			ExpiresAt: nine.Add(time.Hour), EndReason: "done",
		},
		Holdings: []jit.Holding{
			{ID: "hld_1", Principal: "ann@example.com", Resource: "prod-db", Target: "111122223333/operators", Entitlement: jit.Entitlement{Kind: "aws_iam_group", Params: map[string]string{"group": "operators"}}},
			{ID: "hld_2", Principal: "ann@example.com", Resource: "prod-db", Entitlement: jit.Entitlement{Kind: "aws_session"}},
		},
	}
	event := func(seq int64, kind, actor, outcome, data string) reports.Record {
		e := jit.Event{
			Seq: seq, At: nine.Add(time.Duration(seq) * time.Minute), Kind: kind, Actor: actor, Origin: "slack", Request: "req_1", Grant: "grt_1",
			Resource: "prod-db", Outcome: outcome, Data: json.RawMessage(data), DataSHA256: jit.DataDigest([]byte(data)),
		}
		e.Hash = e.ChainHash()
		return reports.Record{Event: e, About: about}
	}
	alert := func(seq int64, kind string) reports.Record {
		r := event(seq, kind, jit.ActorJitbot, "failed", "{}")
		r.Event.Request, r.Event.Grant, r.Event.Resource, r.Event.Origin, r.About = "", "", "", "trail", reports.About{}
		r.Event.Hash = r.Event.ChainHash()
		return r
	}
	action := func(n int, grant string, a jit.Activity) reports.Record {
		a.ID, a.Source, a.At, a.Grant = fmt.Sprintf("act-%d", n), "trail", nine.Add(time.Duration(n)*time.Hour), grant
		a.Account, a.Region, a.Agent, a.Origin = "111122223333", "eu-central-1", "aws-cli/2", "203.0.113.7"
		a.Scope = "arn:aws:iam::111122223333:role/ProdDB"
		r := reports.Record{Activity: &a}
		if grant != "" {
			r.About = about
		}
		return r
	}
	return []reports.Record{
		event(1, jit.EventRequested, "ann@example.com", "ok", `{"rule":"prod-by-approval"}`),
		event(2, jit.EventGrantActive, jit.ActorJitbot, "ok", `{"moves":[{"id":"hld_1","from":"applying","to":"present"},{"id":"grt_1","from":"provisioning","to":"active"}]}`),
		event(3, jit.EventCredentialIssued, "ann@example.com", "ok", "{}"),
		event(4, jit.EventRefused, "bo@example.com", "refused", `{"code":"not_eligible"}`),
		event(5, jit.EventGrantOverdue, jit.ActorJitbot, "failed", "{}"),
		event(6, jit.EventGrantEnded, jit.ActorJitbot, "ok", `{"moves":[{"id":"hld_1","from":"removing","to":"absent"},{"id":"grt_1","from":"revoking","to":"ended"}]}`),
		alert(7, jit.EventSourceSilent), alert(8, jit.EventSourceHeard),
		action(1, "grt_1", jit.Activity{Action: "s3:GetObject", Actor: "AROA:jit-grt_1", Resource: "arn:aws:s3:::orders/1", Outcome: jit.ActivityOK, ReadOnly: true, Method: jit.BySessionName, Sure: 0.97}),
		action(2, "grt_1", jit.Activity{Action: "rds:DeleteDBInstance", Actor: "AROA:jit-grt_1", Outcome: jit.ActivityDenied, Code: "AccessDenied", Layer: "boundary", Method: jit.BySessionName, Sure: 0.97}),
		action(3, "", jit.Activity{Action: "iam:CreateAccessKey", Actor: "root", Outcome: jit.ActivityOK}),
	}
}

func lines(t *testing.T, e reports.Encoder, all ...reports.Record) (out [][]byte) {
	t.Helper()
	for _, r := range all {
		mine, err := e.Lines(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, mine...)
	}
	return out
}

func TestEachFormatWritesTheStoryAsItsGoldenFileHasIt(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]reports.Encoder{
		"ocsf": {Format: reports.OCSF, Product: "1.0"}, "ocsf18": {Format: reports.OCSF, Product: "1.0", OCSF: reports.OCSF18},
		"cef": {Format: reports.CEF, Product: "1.0"}, "jsonl": {Format: reports.JSONLines}, "csv": {Format: reports.CSV},
	} {
		got := append(bytes.Join(lines(t, e, story()...), []byte("\n")), '\n')
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// ocsfEvent is what every class has to have.
type ocsfEvent struct {
	ClassUID    int    `json:"class_uid"`
	CategoryUID int    `json:"category_uid"`
	ActivityID  int    `json:"activity_id"`
	TypeUID     int    `json:"type_uid"`
	SeverityID  int    `json:"severity_id"`
	StatusID    *int   `json:"status_id"`
	Time        int64  `json:"time"`
	Status      string `json:"status"`
	Metadata    struct {
		Version        string `json:"version"`
		UID            string `json:"uid"`
		CorrelationUID string `json:"correlation_uid"`
		Product        struct {
			VendorName string `json:"vendor_name"`
		} `json:"product"`
	} `json:"metadata"`
	Actor    map[string]any `json:"actor"`
	User     map[string]any `json:"user"`
	Group    map[string]any `json:"group"`
	Unmapped struct {
		JIT map[string]any `json:"jit"`
	} `json:"unmapped"`
}

func parseOCSF(t *testing.T, raw []byte) (e ocsfEvent) {
	t.Helper()
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return e
}

func TestOCSFHasWhatEveryClassNeedsAndNoIDTwice(t *testing.T) {
	t.Parallel()
	for version, grants := range map[string][2]int{reports.OCSF19: {300714, 300715}, reports.OCSF18: {300501, 300502}} {
		seen, types := map[string]bool{}, map[int]int{}
		for _, raw := range lines(t, reports.Encoder{Format: reports.OCSF, OCSF: version}, story()...) {
			e := parseOCSF(t, raw)
			if e.TypeUID != e.ClassUID*100+e.ActivityID || e.CategoryUID != e.ClassUID/1000 || e.StatusID == nil || e.SeverityID == 0 || len(e.Actor) == 0 {
				t.Errorf("not a whole event: %s", raw)
			}
			if e.Metadata.Version != version+".0" || e.Metadata.Product.VendorName == "" || seen[e.Metadata.UID] || e.Metadata.UID == "" {
				t.Errorf("metadata of %s", raw)
			}
			if e.Time < 1_700_000_000_000 || e.Time > 1_900_000_000_000 {
				t.Errorf("time %d is not in milliseconds", e.Time)
			}
			seen[e.Metadata.UID] = true
			types[e.TypeUID]++
		}
		want := map[int]int{
			grants[0]: 1, grants[1]: 1, 300603: 1, 300604: 1, 300301: 1, // active, ended, into the group, out of it, the session
			200401: 3, 200403: 1, // overdue, silent, side door; heard again
			600301: 2, 600399: 1, 600302: 1, 600304: 1, // request and key made, refusal, read, deletion denied
		}
		if diff := cmp.Diff(want, types); diff != "" {
			t.Errorf("OCSF %s: %s", version, diff)
		}
	}
}

func TestAGroupThatStoodBeforeIsNotSaidToBeLeft(t *testing.T) {
	t.Parallel()
	ended := story()[5]
	ended.About.Holdings[0].Kept = "stood before"
	for _, raw := range lines(t, reports.Encoder{Format: reports.OCSF}, ended) {
		if e := parseOCSF(t, raw); e.ClassUID == 3006 {
			t.Errorf("%s", raw)
		}
	}
}

func TestAnEndThatWasOverdueClosesItsFinding(t *testing.T) {
	t.Parallel()
	s := story()
	overdue, ended := s[4], s[5]
	ended.About.Grant.PagedAt = nine
	uid := func(r reports.Record, want int) (uid string) {
		for _, raw := range lines(t, reports.Encoder{Format: reports.OCSF}, r) {
			var e struct {
				TypeUID int                  `json:"type_uid"`
				Info    struct{ UID string } `json:"finding_info"`
			}
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Fatal(err)
			}
			if e.TypeUID == want {
				uid = e.Info.UID
			}
		}
		return uid
	}
	if opened, closed := uid(overdue, 200401), uid(ended, 200403); opened == "" || opened != closed {
		t.Errorf("opened %q, closed %q", opened, closed)
	}
}

func TestTheSeveritySaysHowMuchSomebodyShouldCare(t *testing.T) {
	t.Parallel()
	s := story()
	want := []reports.Severity{1, 1, 1, 2, 5, 1, 4, 1, 1, 3, 4}
	want[7] = reports.Medium // its outcome here is failed
	for i, r := range s {
		if got := r.Severity(); got != want[i] {
			t.Errorf("%s %d: %s, want %s", r.Kind(), i, got, want[i])
		}
	}
	glass := s[1]
	glass.About.Grant.Kind = jit.BreakGlass
	if got := glass.Severity(); got != reports.High {
		t.Errorf("break-glass is %s", got)
	}
}

// hostile are texts that try to be something else than text.
var hostile = []string{
	"a|b\\|c=d\\=e", "x\nCEF:0|evil|evil|1|1|1|10|suser=root", "a\r\nb", "line\u0085next\u2028next\u2029next", "tab\tvt\vff\f", "=HYPERLINK(1)", "@SUM(A1)", "+1", "-1",
	`","role":"admin`, "\x1b[31mred", "\u202egnp.exe", "nul\x00", "bad\xff\xfeutf8", "suser=root act=all", " leading and trailing ", `\`, `\\n`, "cs1=x cs1Label=y", "a,b;\"c\"", strings.Repeat("é|=\\\n", 2000),
}

// hostileRecords have a text in every field that is text.
func hostileRecords(text string) []reports.Record {
	about := reports.About{
		Request:  jit.Request{ID: text, For: text, By: text, Reason: text, Ticket: text, Decision: jit.Decision{Rule: text, PolicySHA256: text}},
		Grant:    jit.Grant{ID: text, Principal: text, Resource: text, Rule: text, EndReason: text},
		Holdings: []jit.Holding{{ID: "hld_1", Principal: text, Resource: text, Target: text, Entitlement: jit.Entitlement{Kind: text, Params: map[string]string{"group": text}}}},
	}
	var out []reports.Record
	for i, kind := range []string{text, jit.EventGrantActive, jit.EventGrantEnded, jit.EventGrantOverdue, jit.EventSourceSilent, jit.EventCredentialIssued} {
		data, err := json.Marshal(map[string]any{"text": text, "moves": []jit.Move{{ID: "hld_1", From: "removing", To: "absent"}, {ID: "hld_1", From: text, To: "present"}}})
		if err != nil {
			panic(err)
		}
		out = append(out, reports.Record{About: about, Event: jit.Event{
			Seq: int64(i + 1), At: nine, Kind: kind, Actor: text, ActorAccount: text, Origin: text, Request: text, Grant: text, Resource: text,
			Outcome: text, PolicySHA256: text, Data: data,
		}})
	}
	for _, grant := range []string{text, ""} {
		out = append(out, reports.Record{About: about, Activity: &jit.Activity{
			ID: text, Source: text, At: nine, Grant: grant, Method: jit.Method(text), Actor: text, Action: text, Resource: text, Outcome: jit.ActivityOutcome(text),
			Code: text, Layer: text, Origin: text, Agent: text, Account: text, Region: text, Scope: text, Detail: text, Late: true,
		}})
	}
	return out
}

// ends are what some reader or other takes for the end of a line.
const ends = "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029"

func TestT24HostileTextStaysOnItsLineAndInItsFieldInEveryFormat(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		for _, r := range hostileRecords(text) {
			for _, f := range reports.Formats() {
				for _, line := range lines(t, reports.Encoder{Format: f, Product: text}, r) {
					breaks := ends
					if f == reports.JSONLines {
						breaks = "\n\r\v\f\x1c\x1d\x1e\u2028\u2029"
					}
					if strings.ContainsAny(string(line), breaks) || !utf8.Valid(line) && f != reports.CSV {
						t.Errorf("%s of %q breaks its line: %q", f, text, line)
					}
					if err := parse(f, line, r, text); err != nil {
						t.Errorf("%s of %q: %v: %.300q", f, text, err, line)
					}
				}
			}
		}
	}
}

// parse reads a line back as the format says, and compares.
func parse(f reports.Format, line []byte, r reports.Record, text string) error {
	clean := strings.ToValidUTF8(text, "\uFFFD")
	switch f {
	case reports.CSV:
		rows, err := csv.NewReader(bytes.NewReader(line)).ReadAll()
		if err != nil || len(rows) != 1 {
			return fmt.Errorf("%d rows: %w", len(rows), err)
		}
		for _, cell := range rows[0] {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				return fmt.Errorf("a spreadsheet runs %q", cell)
			}
		}
	case reports.CEF:
		return sameCEF(line, r, clean)
	default:
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			return err
		}
		want := "actor"
		if f == reports.JSONLines && got[want] != replaced(text) {
			return fmt.Errorf("actor is %q", got[want])
		}
		if got["role"] != nil {
			return errors.New("the text became a key")
		}
	}
	return nil
}

// replaced is a text as encoding/json writes it: each bad byte is replaced.
func replaced(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteRune(r)
	}
	return b.String()
}

// parseCEF is a reader of CEF that knows nothing of how it is written.
func parseCEF(line string) (header []string, extension map[string]string, err error) {
	rest, ok := strings.CutPrefix(line, "CEF:0|")
	if !ok {
		return nil, nil, errors.New("it does not begin like CEF")
	}
	var field strings.Builder
	for len(header) < 6 {
		if rest == "" {
			return nil, nil, errors.New("the header ends early")
		}
		switch c := rest[0]; {
		case c == '\\' && len(rest) > 1 && (rest[1] == '|' || rest[1] == '\\'):
			field.WriteByte(rest[1])
			rest = rest[2:]
			continue
		case c == '\\':
			return nil, nil, errors.New("a backslash alone in the header")
		case c == '|':
			header = append(header, field.String())
			field.Reset()
		default:
			field.WriteByte(c)
		}
		rest = rest[1:]
	}
	extension, err = parseExtension(rest)
	return header, extension, err
}

// parseExtension splits at every = that no backslash stands before; the name is
// the last word before it.
func parseExtension(s string) (map[string]string, error) {
	out, name, value := map[string]string{}, "", strings.Builder{}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) {
				return nil, errors.New("a backslash at the end")
			}
			escaped, ok := map[byte]string{'\\': `\`, '=': "=", 'n': "\n", 'r': "\r"}[s[i]]
			if !ok {
				return nil, fmt.Errorf("%q is no escape", s[i-1:i+1])
			}
			value.WriteString(escaped)
		case c == '=':
			text := value.String()
			cut := strings.LastIndexByte(text, ' ')
			if name != "" {
				out[name] = text[:max(cut, 0)]
			}
			if name = text[cut+1:]; name == "" || out[name] != "" {
				return nil, fmt.Errorf("the name %q is empty or twice there", name)
			}
			value.Reset()
		default:
			value.WriteByte(c)
		}
	}
	out[name] = value.String()
	return out, nil
}

func sameCEF(line []byte, r reports.Record, text string) error {
	header, ext, err := parseCEF(string(line))
	if err != nil {
		return err
	}
	if header[0] != "jitbot" || header[1] != "jitbot" {
		return fmt.Errorf("header %q", header)
	}
	want := strings.Map(func(c rune) rune {
		if c != '\n' && c != '\r' && (c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029') {
			return ' '
		}
		return c
	}, text)
	if got := ext["suser"]; got != want && (len(text) < 1000 || !strings.HasPrefix(want, got) || len(got) < 1000) {
		return fmt.Errorf("suser is %q, want %q", got, want)
	}
	known := []string{
		"rt", "externalId", "suser", "duser", "act", "outcome", "reason", "sourceServiceName", "suid", "msg", "src", "shost", "c6a2", "c6a2Label",
		"requestClientApplication", "deviceExternalId", "cat", "cn1", "cn1Label", "cfp1", "cfp1Label",
		"cs1", "cs1Label", "cs2", "cs2Label", "cs3", "cs3Label", "cs4", "cs4Label", "cs5", "cs5Label", "cs6", "cs6Label",
	}
	for _, name := range slices.Collect(maps.Keys(ext)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%q became a name", name)
		}
	}
	return nil
}

func TestJSONLinesKeepDataAsItsDigestHasIt(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		data, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		line := lines(t, reports.Encoder{Format: reports.JSONLines}, reports.Record{Event: jit.Event{Seq: 1, At: nine, Data: data}})[0]
		var got struct {
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(line, &got); err != nil || jit.DataDigest(got.Data) != jit.DataDigest(data) {
			t.Errorf("%q came out as %q (%v)", data, got.Data, err)
		}
	}
}

func TestTheHeadingOfCSVHasAsManyColumnsAsItsRows(t *testing.T) {
	t.Parallel()
	e := reports.Encoder{Format: reports.CSV}
	for _, r := range []reports.Record{story()[0], story()[8]} {
		heading, row := e.Heading(r.Activity != nil), lines(t, e, r)[0]
		rows, err := csv.NewReader(strings.NewReader(string(heading) + "\n" + string(row) + "\n")).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Errorf("%v: %q", err, rows)
		}
	}
}
