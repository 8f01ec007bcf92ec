package trail

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/activity"
	"jitbot/jit"
)

const window0 = 64

// output is what came out of reading: the records, copied, and what was set aside.
type output struct {
	Records []activity.Record
	Bad     map[string]int64
}

func (o *output) add(r *activity.Record) { o.Records = append(o.Records, kept(r)) }

func (o *output) skip(why string, n int64) { o.Bad[why] += n }

// kept copies a record and all its texts.
func kept(r *activity.Record) activity.Record {
	c := *r
	for _, s := range []*string{
		&c.Family, &c.ID, &c.Service, &c.Verb, &c.Resource, &c.Code, &c.Layer, &c.Actor, &c.Origin, &c.Agent, &c.Account, &c.Region,
		&c.Detail, &c.Scope, &c.AccessKey, &c.SourceIdentity, &c.Session, &c.Login, &c.Person, &c.Grant,
	} {
		*s = strings.Clone(*s)
	}
	return c
}

// readBoth reads by the fast path and by the strict path alone, and fails where
// they differ.
func readBoth(t *testing.T, data []byte) (output, error) {
	t.Helper()
	var outs [2]output
	var errs [2]error
	for i := range outs {
		outs[i].Bad = map[string]int64{}
		d := Decoder{slow: i == 1}
		d.buf = make([]byte, window0+pad) // so that every record meets the end of the window
		errs[i] = d.Read(bytes.NewReader(data), outs[i].add, outs[i].skip)
	}
	if diff := cmp.Diff(outs[1], outs[0]); diff != "" || (errs[0] == nil) != (errs[1] == nil) {
		t.Fatalf("the fast path reads something else (%v, %v):\n%s", errs[0], errs[1], diff)
	}
	return outs[0], errs[0]
}

func zip(t testing.TB, plain string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const assumed = `{"type":"AssumedRole","principalId":"AROAEXAMPLE:grt_1","arn":"arn:aws:sts::111122223333:assumed-role/ProdDB/grt_1","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/jit/ProdDB","accountId":"111122223333","userName":"ProdDB"},"attributes":{"creationDate":"2026-11-23T09:00:00Z","mfaAuthenticated":"false"},"sourceIdentity":"ann@example.com"}}`

// plainRecord is one as AWS writes it. more stands before its end, and begins
// with a comma.
func plainRecord(id, more string) string {
	return `{"eventVersion":"1.11","userIdentity":` + assumed + `,"eventTime":"2026-11-23T09:12:13Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1","sourceIPAddress":"203.0.113.7","userAgent":"aws-cli/2.31","requestParameters":{"bucketName":"b","key":"k/1"},"responseElements":null,"requestID":"R1","eventID":"` +
		id + `","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data"` + more + `}`
}

func wantPlain(id string) activity.Record {
	return activity.Record{
		Family: "cloudtrail", ID: id, At: time.Date(2026, 11, 23, 9, 12, 13, 0, time.UTC), Service: "s3", Verb: "GetObject",
		Resource: "arn:aws:s3:::b/k/1", Outcome: jit.ActivityOK, Actor: "arn:aws:sts::111122223333:assumed-role/ProdDB/grt_1",
		Origin: "203.0.113.7", Agent: "aws-cli/2.31", Account: "111122223333", Region: "eu-central-1",
		ReadOnly: true, Scope: "arn:aws:iam::111122223333:role/jit/ProdDB", AccessKey: "ASIAEXAMPLE", SourceIdentity: "ann@example.com",
		Session: "grt_1", Opened: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
	}
}

func quoted(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryFormThatRecordsComeInGivesTheSameRecords(t *testing.T) {
	t.Parallel()
	a, b := plainRecord("e1", ""), plainRecord("e2", "")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(`{"Records":[`+a+`,`+b+`]}`), "", "  "); err != nil {
		t.Fatal(err)
	}
	envelope := func(r string) string {
		return `{"version":"0","id":"x","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","time":"2026-11-23T09:12:20Z","region":"eu-central-1","resources":[],"detail":` + r + `}`
	}
	looked := func(r string) string {
		return `{"EventId":"e1","ReadOnly":"true","CloudTrailEvent":` + quoted(t, r) + `}`
	}
	for name, in := range map[string]string{
		"a file":                         `{"Records":[` + a + `,` + b + `]}`,
		"a file with white space":        pretty.String(),
		"a file with other keys first":   `{"a":{"Records":[1]},"b":"]}","Records" : [ ` + a + `,` + b + `],"c":1}`,
		"a file with two lists":          `{"Records":[` + a + `],"Records":[` + b + `]}`,
		"a list":                         `[` + a + `,` + b + `]`,
		"a record a line":                a + "\n" + b + "\n",
		"a record a line, CRLF":          a + "\r\n" + b + "\r\n",
		"records one after the other":    a + b,
		"an event a line":                envelope(a) + "\n" + envelope(b),
		"what lookup-events prints":      `{"Events":[` + looked(a) + `,` + looked(b) + `],"NextToken":"t"}`,
		"the elements of lookup-events":  looked(a) + looked(b),
		"lookup-events, token first":     `{"NextToken":"t","Events":[` + looked(a) + `,` + looked(b) + `]}`,
		"other keys of the record first": a + "\n" + `{"awsRegion":"eu-central-1",` + strings.Replace(b, `"awsRegion":"eu-central-1",`, "", 1)[1:],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, data := range [][]byte{[]byte(in), zip(t, in)} {
				got, err := readBoth(t, data)
				if err != nil || len(got.Bad) > 0 {
					t.Fatal(err, got.Bad)
				}
				if diff := cmp.Diff([]activity.Record{wantPlain("e1"), wantPlain("e2")}, got.Records); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestASingleRecordIsReadByItself(t *testing.T) {
	t.Parallel()
	out := output{Bad: map[string]int64{}}
	new(Decoder).One([]byte(" "+plainRecord("e1", "")), out.add, out.skip)
	if diff := cmp.Diff([]activity.Record{wantPlain("e1")}, out.Records); diff != "" {
		t.Error(diff)
	}
	out = output{Bad: map[string]int64{}}
	new(Decoder).One([]byte(`{"detail":`+plainRecord("e1", "")+`}`), out.add, out.skip)
	if diff := cmp.Diff([]activity.Record{wantPlain("e1")}, out.Records); diff != "" {
		t.Error(diff)
	}
	for in, why := range map[string]string{`"text"`: activity.BadShape, ``: activity.BadShape, `{"a":`: activity.BadTruncated} {
		out := output{Bad: map[string]int64{}}
		new(Decoder).One([]byte(in), out.add, out.skip)
		if out.Bad[why] != 1 || len(out.Records) > 0 {
			t.Errorf("%q: %v", in, out)
		}
	}
}

func TestNothingComesOutOfAnEmptyFile(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", " \n", `{"Records":[]}`, `[]`, `{"Records":[],"x":[{}]}`} {
		got, err := readBoth(t, []byte(in))
		if err != nil || len(got.Records)+len(got.Bad) > 0 {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

// T53 T63: what is hostile costs itself alone, and is counted for what it is.
func TestT63OneBadRecordCostsNothingButItself(t *testing.T) {
	t.Parallel()
	with := func(old, now string) string { return strings.Replace(plainRecord("bad", ""), old, now, 1) }
	for name, c := range map[string]struct{ in, why string }{
		"a byte that is no UTF-8":              {with("aws-cli", "aws\xff"), activity.BadText},
		"an overlong slash":                    {with("k/1", "k\xc0\xaf1"), activity.BadText},
		"half of a surrogate pair":             {with("aws-cli", `\ud800`), activity.BadShape},
		"half of a pair where nobody looks":    {with(`"R1"`, `"\udc00"`), activity.BadShape},
		"an escape that is none":               {with(`"R1"`, `"\x41"`), activity.BadShape},
		"a control byte in a text":             {with(`"R1"`, "\"R\x01\""), activity.BadShape},
		"a number for a text":                  {with(`"GetObject"`, `7`), activity.BadShape},
		"an object for a text":                 {with(`"GetObject"`, `{"a":1}`), activity.BadShape},
		"a text for an object":                 {with(assumed, `"root"`), activity.BadShape},
		"a text for a bool":                    {with(`"readOnly":true`, `"readOnly":"true"`), activity.BadShape},
		"no service":                           {with(`"eventSource":"s3.amazonaws.com",`, ``), activity.BadShape},
		"no verb":                              {with(`"eventName":"GetObject",`, ``), activity.BadShape},
		"a key twice":                          {with(`"eventName":"GetObject",`, `"eventName":"GetObject","eventName":"PutObject",`), activity.BadShape},
		"a key twice, once escaped":            {with(`"eventName":"GetObject",`, `"eventName":"GetObject","event\u004eame":"PutObject",`), activity.BadShape},
		"a key in other letters":               {with(`"eventName":"GetObject",`, `"eventName":"GetObject","EventName":"PutObject",`), activity.BadShape},
		"a key of the identity twice":          {with(`"accessKeyId":"ASIAEXAMPLE"`, `"accessKeyId":"ASIAEXAMPLE","accessKeyId":"ASIAOTHER"`), activity.BadShape},
		"a key of the request twice":           {with(`{"bucketName":"b",`, `{"bucketName":"b","bucketName":"c",`), activity.BadShape},
		"the whole identity twice":             {with(`"userIdentity":`, `"userIdentity":`+assumed+`,"userIdentity":`), activity.BadShape},
		"another major version":                {with(`"1.11"`, `"2.0"`), activity.BadVersion},
		"a version that only looks like it":    {with(`"1.11"`, `"11"`), activity.BadVersion},
		"no version":                           {with(`"eventVersion":"1.11",`, ``), activity.BadVersion},
		"the year 9999":                        {with("2026-11-23T09:12", "9999-11-23T09:12"), activity.BadTime},
		"the year 1":                           {with("2026-11-23T09:12", "0001-11-23T09:12"), activity.BadTime},
		"a day that is none":                   {with("2026-11-23T09:12", "2026-02-30T09:12"), activity.BadTime},
		"no time":                              {with(`"eventTime":"2026-11-23T09:12:13Z",`, ``), activity.BadTime},
		"no id":                                {with(`"eventID":"bad",`, ``), activity.BadID},
		"an empty id":                          {with(`"eventID":"bad"`, `"eventID":""`), activity.BadID},
		"a null id":                            {with(`"eventID":"bad"`, `"eventID":null`), activity.BadID},
		"a long id":                            {with(`"bad"`, `"`+strings.Repeat("x", 129)+`"`), activity.BadID},
		"65 deep":                              {with(`{"bucketName"`, `{"d":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)+`,"bucketName"`), activity.BadTooDeep},
		"a hundred thousand deep":              {with(`{"bucketName"`, `{"d":`+strings.Repeat("[", 100000)+strings.Repeat("]", 100000)+`,"bucketName"`), activity.BadTooDeep},
		"more than a mebibyte":                 {with("aws-cli", strings.Repeat("x", maxRecord)), activity.BadTooLong},
		"five mebibytes":                       {with("aws-cli", strings.Repeat("x", 5*maxRecord)), activity.BadTooLong},
		"brackets of the wrong kind":           {with(`"key":"k/1"}`, `"key":"k/1"]`), activity.BadShape},
		"a text without an end":                {with(`"requestID":"R1"`, "\"requestID\":\"R1\n"), activity.BadShape},
		"a missing colon":                      {with(`"requestID":"R1"`, `"requestID" "R1"`), activity.BadShape},
		"a comma too many":                     {with(`"requestID":"R1",`, `"requestID":"R1",,`), activity.BadShape},
		"a comma before the end":               {plainRecord("bad", ","), activity.BadShape},
		"half a word":                          {with(`"readOnly":true`, `"readOnly":tru`), activity.BadShape},
		"a number that is none":                {plainRecord("bad", `,"n":01`), activity.BadShape},
		"an insight":                           {with(`"eventCategory":"Data"`, `"eventCategory":"Insight"`), activity.BadShape},
		"an empty object":                      {`{}`, activity.BadShape},
		"another program's log":                {`{"time":"2026-11-23T09:12:13Z","msg":"hello"}`, activity.BadVersion},
		"an event whose record is a text":      {`{"detail-type":"x","detail":"y"}`, activity.BadShape},
		"an event with two records":            {`{"detail":` + plainRecord("bad", "") + `,"detail":` + plainRecord("bad", "") + `}`, activity.BadShape},
		"a looked up event that is no JSON":    {`{"CloudTrailEvent":"oops"}`, activity.BadShape},
		"a looked up event that is cut off":    {`{"CloudTrailEvent":"{\"eventVersion\":"}`, activity.BadTruncated},
		"an event inside an event":             {`{"detail":{"detail":` + plainRecord("bad", "") + `}}`, activity.BadVersion},
		"a record with a record in its detail": {plainRecord("bad", `,"detail":"x"`), activity.BadShape},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "an empty object" || name == "an event inside an event" {
				c.why = activity.BadVersion
			}
			before, after := plainRecord("before", ""), plainRecord("after", "")
			for form, in := range map[string]string{
				"file": `{"Records":[` + before + `,` + c.in + `,` + after + `]}`, "lines": before + "\n" + c.in + "\n" + after + "\n",
			} {
				got, err := readBoth(t, []byte(in))
				if err != nil {
					t.Errorf("%s: %v", form, err)
				}
				if diff := cmp.Diff(map[string]int64{c.why: 1}, got.Bad); diff != "" {
					t.Errorf("%s: set aside: %s", form, diff)
				}
				if diff := cmp.Diff([]activity.Record{wantPlain("before"), wantPlain("after")}, got.Records); diff != "" {
					t.Errorf("%s: %s", form, diff)
				}
			}
		})
	}
}

func TestElementsThatAreNoObjectsAreCounted(t *testing.T) {
	t.Parallel()
	got, err := readBoth(t, []byte(`[1,"two",`+plainRecord("e1", "")+`,[3],null,`+plainRecord("e2", "")+`]`))
	if err != nil || len(got.Records) != 2 || got.Bad[activity.BadShape] < 3 {
		t.Errorf("%d records, %v, %v", len(got.Records), got.Bad, err)
	}
	got, err = readBoth(t, []byte("what is this?\n"+plainRecord("e1", "")+"\n"))
	if err != nil || len(got.Records) != 1 || got.Bad[activity.BadShape] != 1 {
		t.Errorf("%d records, %v, %v", len(got.Records), got.Bad, err)
	}
}

func TestT63AFileThatIsBrokenOffKeepsWhatStoodBefore(t *testing.T) {
	t.Parallel()
	whole := `{"Records":[` + plainRecord("e1", "") + `,` + plainRecord("e2", "") + `]}`
	packed := zip(t, whole)
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-6] ^= 1 // the checksum
	for name, c := range map[string]struct {
		in      []byte
		records int
	}{
		"plain, in the second record":  {[]byte(whole[:len(whole)-40]), 1},
		"plain, between records":       {[]byte(whole[:12+len(plainRecord("e1", ""))]), 1},
		"plain, before the last brace": {[]byte(whole[:len(whole)-1]), 2},
		"a line":                       {[]byte(plainRecord("e1", "") + "\n" + plainRecord("e2", "")[:100]), 1},
		"packed, only the head":        {packed[:5], 0},
		"packed, before the checksum":  {packed[:len(packed)-8], 2},
		"packed, with a wrong sum":     {flipped, 2},
		"packed, with something after": {append(bytes.Clone(packed), "junk"...), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readBoth(t, c.in)
			if !errors.Is(err, ErrBroken) || len(got.Records) != c.records || got.Bad[activity.BadTruncated] != 1 {
				t.Errorf("%d records, %v, %v", len(got.Records), got.Bad, err)
			}
		})
	}
}

func TestAReaderThatFailsIsNotABrokenFile(t *testing.T) {
	t.Parallel()
	packed := zip(t, `{"Records":[`+plainRecord("e1", "")+`]}`)
	boom := errors.New("connection reset")
	for _, n := range []int{0, 1, 5, 100} {
		r := io.MultiReader(bytes.NewReader(packed[:n]), iotest.ErrReader(boom))
		err := Read(r, func(*activity.Record) {}, func(string, int64) {})
		if !errors.Is(err, boom) || errors.Is(err, ErrBroken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestHowTheBytesArriveMakesNoDifference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"Records":[`)
	for i := range 400 { // more than a window holds
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(plainRecord(fmt.Sprintf("e%d", i), `,"x":"`+strings.Repeat(`\"y\\`, i)+`"`))
	}
	b.WriteString(`]}`)
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(b.String()), "by the byte": iotest.OneByteReader(strings.NewReader(b.String())),
		"with the end": iotest.DataErrReader(strings.NewReader(b.String())), "halves": iotest.HalfReader(strings.NewReader(b.String())),
	} {
		out := output{Bad: map[string]int64{}}
		if err := Read(r, out.add, out.skip); err != nil || len(out.Bad) > 0 || len(out.Records) != 400 {
			t.Fatalf("%s: %d records, %v, %v", name, len(out.Records), out.Bad, err)
		}
		for i, rec := range out.Records {
			if diff := cmp.Diff(wantPlain(fmt.Sprintf("e%d", i)), rec); diff != "" {
				t.Fatal(name, diff)
			}
		}
	}
}

// repeat gives a text over and over.
type repeat struct {
	text string
	at   int
	left int64
}

func over(text string) *repeat {
	text = strings.Repeat(text, 1+100_000/len(text))
	return &repeat{text: text, left: 24 << 20 / int64(len(text)) * int64(len(text))}
}

func (r *repeat) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := int(min(int64(copy(b, r.text[r.at:])), r.left))
	r.at, r.left = (r.at+n)%len(r.text), r.left-int64(n)
	return n, nil
}

func TestT63ALargeFileTakesNoMoreMemoryThanASmallOne(t *testing.T) {
	text := plainRecord("e1", "") + "\n"
	for name, in := range map[string]io.Reader{
		"many records":      over(text),
		"one endless text":  io.MultiReader(strings.NewReader(`{"Records":[{"a":"`), over("x")),
		"endless brackets":  io.MultiReader(strings.NewReader(`{"Records":[`), over("[")),
		"endless blanks":    io.MultiReader(strings.NewReader(`{"Records":[`), over(" ")),
		"one endless line":  io.MultiReader(strings.NewReader(`junk`), over("x")),
		"keys without end":  io.MultiReader(strings.NewReader(`{`), over(`"a":1,`)),
		"nothing to resume": io.MultiReader(strings.NewReader(`{"Records":[{]`), over("{")),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = Read(in, func(*activity.Record) {}, func(string, int64) {})
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
			t.Errorf("%s: %d KiB were taken for 24 MiB", name, got>>10)
		}
	}
}

func TestNoRecordOfAKnownShapeAllocates(t *testing.T) {
	in := bytes.NewReader([]byte(`{"Records":[` + strings.Repeat(plainRecord("e1", "")+",", 1000) + plainRecord("e1", "") + `]}`))
	var d Decoder
	n := 0
	read := func() {
		_, _ = in.Seek(0, io.SeekStart)
		if err := d.Read(in, func(*activity.Record) { n++ }, func(string, int64) {}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if got := testing.AllocsPerRun(5, read); got > 10 { // a few for the file
		t.Errorf("%v allocations for 1001 records", got)
	}
}

func FuzzBothPathsReadTheSame(f *testing.F) {
	for _, more := range []string{
		"", `,"a":"\u00e9\n"`, `,"sharedEventID":"s1"`, `,"errorCode":"AccessDenied","errorMessage":"because no session policy allows it"`,
		`,"resources":[{"ARN":"arn:aws:s3:::b"},{"ARN":null},{"ARN":"x"}]`, `,"addendum":{"reason":"UPDATED_DATA","originalEventID":"o"}`,
		`,"n":-1.5e+3,"l":[1,{},[]]`, `,"detail":{}`, `,"EVENTID":"x"`, "\n, \"x\" : [ 1 ]", `,"é":"ß"`,
	} {
		r := plainRecord("e1", more)
		f.Add([]byte(r))
		f.Add([]byte(`{"Records":[` + r + `,` + r + `]}`))
	}
	f.Add([]byte(`{"Events":[{"CloudTrailEvent":"{\"eventVersion\":\"1.1\"}"}]}`))
	f.Add([]byte(`{"detail":{"eventVersion":"1.1"}}`))
	f.Add([]byte(`[{]{"eventVersion":{"eventVersion":`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1 && data[0] == 0x1f && data[1] == 0x8b {
			return // the inflater has tests of its own
		}
		_, _ = readBoth(t, data)
	})
}
