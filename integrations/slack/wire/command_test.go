package wire

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fields is a good command; change edits it, an empty value takes a field out.
func fields(change ...string) url.Values {
	v := url.Values{
		"token": {"xyzz0WbapA4vBCDEFasx0q6G"}, "team_id": {"T1DC2JH3J"}, "team_domain": {"example"}, "channel_id": {"C0LAN2Q65"},
		"channel_name": {"ops"}, "user_id": {"U2CERLKJA"}, "user_name": {"bo"}, "command": {"/jit"}, "text": {"request prod-db 1h"},
		"api_app_id": {"A0KRD7HC3"}, "is_enterprise_install": {"false"}, "trigger_id": {"398738663015.47445629121.803a0bc8"},
		"response_url": {"https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rG"},
	}
	for i := 0; i < len(change); i += 2 {
		v.Set(change[i], change[i+1])
		if change[i+1] == "" {
			v.Del(change[i])
		}
	}
	return v
}

func TestACommandIsTakenApart(t *testing.T) {
	t.Parallel()
	want := Command{
		Team: "T1DC2JH3J", App: "A0KRD7HC3", Channel: "C0LAN2Q65", User: "U2CERLKJA", Name: "/jit", Text: `say "a  b" „ü“ 100% a+b;c`,
		ResponseURL: "https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rG", Trigger: "398738663015.47445629121.803a0bc8",
	}
	got, err := ParseCommand([]byte(fields("text", want.Text).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestACommandOverASocketIsTakenApart(t *testing.T) {
	t.Parallel()
	want := Command{
		Team: "T1DC2JH3J", Enterprise: "E12KS1G65", App: "A0KRD7HC3", Channel: "C0LAN2Q65", User: "U2CERLKJA", Name: "/jit",
		Text:        "request prod-db 1h for <@W012A3CDE> <!here>",
		ResponseURL: "https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN",
		Trigger:     "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
	}
	whole := string(file(t, "command.json"))
	for written, wide := range map[string]bool{`"false"`: false, `"true"`: true, "true": true, "false": false, "null": false, `""`: false} {
		got, err := ParseCommandJSON([]byte(strings.Replace(whole, `"is_enterprise_install": "false"`, `"is_enterprise_install": `+written, 1)))
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		want.EnterpriseInstall = wide
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", written, diff)
		}
	}
	want.EnterpriseInstall = false
	got, err := ParseCommandJSON([]byte(strings.Replace(whole, `"is_enterprise_install": "false",`, "", 1)))
	if err != nil || got != want {
		t.Errorf("without the flag: %v, %v", got, err)
	}
}

func TestACommandOfAnOrganisationMayHaveNoTeam(t *testing.T) {
	t.Parallel()
	c, err := ParseCommand([]byte(fields("team_id", "", "enterprise_id", "E12KS1G65", "is_enterprise_install", "true").Encode()))
	if err != nil || c.Enterprise != "E12KS1G65" || !c.EnterpriseInstall || c.Team != "" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAnSSLCheckIsNothingElse(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"ssl_check=1&token=x", fields("ssl_check", "1").Encode()} {
		c, err := ParseCommand([]byte(body))
		if err != nil || c != (Command{SSLCheck: true}) {
			t.Errorf("%s: %+v, %v", body, c, err)
		}
	}
	if got := code(t, errOf(ParseCommand([]byte("ssl_check=0&token=x")))); got != "field.missing" {
		t.Errorf("ssl_check=0: %q", got)
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestT05OnlyAWellFormedBodyOfBoundedSizeIsRead(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(fields().Encode())); err != nil {
		t.Fatal(err)
	}
	z.Close()
	good := fields().Encode()
	for name, c := range map[string]struct{ body, want string }{
		"nothing":                   {"", "field.missing"},
		"compressed":                {zipped.String(), "form.malformed"},
		"JSON":                      {`{"user_id":"U2CERLKJA"}`, "form.malformed"},
		"multipart":                 {"--x\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nU1\r\n--x--", "form.malformed"},
		"a byte over 1 MiB":         {good + "&a=" + strings.Repeat("a", MaxBody-len(good)-2), "form.size"},
		"65 fields":                 {strings.Repeat("a=b&", 64) + "a=b", "form.duplicate"},
		"too many names":            {manyFields(65), "form.size"},
		"a semicolon for an and":    {strings.Replace(good, "&", ";", 1), "form.malformed"},
		"a semicolon in a value":    {good + "&a=b;c", "form.malformed"},
		"a percent sign alone":      {good + "&a=100%", "form.malformed"},
		"one digit":                 {good + "&a=%4", "form.malformed"},
		"a digit and a letter":      {good + "&a=%4z", "form.malformed"},
		"no digits":                 {good + "&a=%zz", "form.malformed"},
		"a bad escape in a name":    {good + "&%zz=a", "form.malformed"},
		"%u0055":                    {good + "&a=%u0055", "form.malformed"},
		"a name alone":              {good + "&a", "form.malformed"},
		"a value alone":             {good + "&=a", "form.malformed"},
		"an and at the end":         {good + "&", "form.malformed"},
		"an and at the start":       {"&" + good, "form.malformed"},
		"two ands":                  {strings.Replace(good, "&", "&&", 1), "form.malformed"},
		"a line break at the end":   {good + "\r\n", "form.malformed"},
		"a raw space":               {good + "&a=b c", "form.malformed"},
		"a raw NUL":                 {good + "&a=\x00", "form.malformed"},
		"raw bytes above ASCII":     {good + "&a=ü", "form.malformed"},
		"two equals signs":          {good + "&a=b=c", "form.malformed"},
		"a query string for a body": {"?" + good, "field.missing"},
		"the bound itself is taken": {good + "&a=" + strings.Repeat("a", MaxBody-len(good)-3), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := code(t, errOf(ParseCommand([]byte(c.body)))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("a", i+1) + "=b&")
	}
	return strings.TrimSuffix(b.String(), "&")
}

func TestT06AFieldThatReadersCouldTakeForAnotherIsRefused(t *testing.T) {
	t.Parallel()
	good := fields().Encode()
	for name, c := range map[string]struct{ body, want string }{
		"a field twice":                  {good + "&user_id=U9", "form.duplicate"},
		"a field twice, the same":        {good + "&user_id=U2CERLKJA", "form.duplicate"},
		"a field twice, once escaped":    {good + "&user%5Fid=U9", "form.duplicate"},
		"an unknown field twice":         {good + "&new=1&new=1", "form.duplicate"},
		"an empty one beside it":         {"text=&" + good, "form.duplicate"},
		"capitals":                       {good + "&USER_ID=U9", "form.case"},
		"a long s":                       {good + "&u%C5%BFer_id=U9", "form.case"},
		"a Kelvin sign in ssl_check":     {good + "&ssl_chec%E2%84%AA=1", "form.case"},
		"another name":                   {good + "&userid=U9&user-id=U9&user_id%00=U9&user_id[]=U9", ""},
		"a field twice over a socket":    {`{"user_id":"U1","user_id":"U2"}`, "json.duplicate"},
		"capitals over a socket":         {`{"USER_ID":"U1"}`, "json.case"},
		"a long s over a socket":         {`{"uſer_id":"U1"}`, "json.case"},
		"trailing bytes over a socket":   {`{} {}`, "json.trailing"},
		"depth over a socket":            {`{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "json.depth"},
		"bad UTF-8 over a socket":        {"{\"text\":\"\xff\"}", "json.utf8"},
		"a number for a text":            {`{"user_id":1}`, "json.type"},
		"a flag that is none":            {`{"is_enterprise_install":"maybe"}`, "json.type"},
		"a list for an object":           {`[]`, "json.type"},
		"size over a socket":             {`{"a":"` + strings.Repeat("a", MaxBody) + `"}`, "json.size"},
		"not JSON":                       {`{`, "json.syntax"},
		"nothing of a command in JSON":   {`{}`, "field.missing"},
		"null for everything of command": {`{"user_id":null,"team_id":null,"ssl_check":null}`, "field.missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parse := ParseCommand
			if strings.ContainsAny(c.body[:1], "{[") {
				parse = ParseCommandJSON
			}
			if got := code(t, errOf(parse([]byte(c.body)))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestACommandWithoutWhatItNeedsIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change []string
		want   string
	}{
		"no user":                   {[]string{"user_id", ""}, "field.missing"},
		"no team":                   {[]string{"team_id", ""}, "field.missing"},
		"no app":                    {[]string{"api_app_id", ""}, "field.missing"},
		"no channel":                {[]string{"channel_id", ""}, "field.missing"},
		"no command":                {[]string{"command", ""}, "field.missing"},
		"no trigger":                {[]string{"trigger_id", ""}, "field.missing"},
		"no text is fine":           {[]string{"text", ""}, ""},
		"a user in small letters":   {[]string{"user_id", "u2cerlkja"}, "field.bad"},
		"a bot for a user":          {[]string{"user_id", "B2CERLKJA"}, "field.bad"},
		"a user and a line break":   {[]string{"user_id", "U2CERLKJA\n"}, "field.bad"},
		"a mention for a user":      {[]string{"user_id", "<@U2CERLKJA>"}, "field.bad"},
		"a letter for a user":       {[]string{"user_id", "U"}, "field.bad"},
		"a Cyrillic letter":         {[]string{"user_id", "U2СERLKJA"}, "field.bad"},
		"a user id without end":     {[]string{"user_id", "U" + strings.Repeat("A", 32)}, "field.bad"},
		"a W user is fine":          {[]string{"user_id", "W2CERLKJA"}, ""},
		"a user for a team":         {[]string{"team_id", "U1DC2JH3J"}, "field.bad"},
		"a team for an enterprise":  {[]string{"enterprise_id", "T1DC2JH3J"}, "field.bad"},
		"a team for an app":         {[]string{"api_app_id", "T1DC2JH3J"}, "field.bad"},
		"a user for a channel":      {[]string{"channel_id", "U1DC2JH3J"}, "field.bad"},
		"a path for a channel":      {[]string{"channel_id", "C1/../X"}, "field.bad"},
		"no slash":                  {[]string{"command", "jit"}, "field.bad"},
		"a slash alone":             {[]string{"command", "/"}, "field.bad"},
		"a space in the command":    {[]string{"command", "/jit x"}, "field.bad"},
		"33 characters":             {[]string{"command", "/" + strings.Repeat("a", 32)}, "field.bad"},
		"a line break in the URL":   {[]string{"response_url", "https://hooks.slack.com/\r\nX: y"}, "field.bad"},
		"a space in the trigger":    {[]string{"trigger_id", "1 2"}, "field.bad"},
		"a trigger without end":     {[]string{"trigger_id", strings.Repeat("1", 256)}, "field.bad"},
		"a flag that is none":       {[]string{"is_enterprise_install", "maybe"}, "field.bad"},
		"an ssl_check that is none": {[]string{"ssl_check", "yes"}, "field.bad"},
		"text that is no UTF-8":     {[]string{"text", "a\xff"}, "field.bad"},
		"a user that is no UTF-8":   {[]string{"user_id", "U2CERLKJ\xff"}, "field.bad"},
		"bad UTF-8 nobody needs":    {[]string{"user_name", "a\xff"}, ""},
		"no team, no organisation":  {[]string{"team_id", "", "is_enterprise_install", "true"}, "field.missing"},
		"a team that only may lack": {[]string{"team_id", "", "enterprise_id", "E1DC2JH3J"}, "field.missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := errOf(ParseCommand([]byte(fields(c.change...).Encode())))
			if got := code(t, err); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			if err == nil {
				return
			}
			if value := c.change[1]; len(value) > 3 && strings.Contains(err.Error(), value) {
				t.Errorf("the error repeats the value: %v", err)
			}
		})
	}
}

func TestTextIsWhatWasTyped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                  "",
		`request "a b" 'c' „d“ 1 h`:         `request "a b" 'c' „d“ 1 h`,
		"a &amp; b &lt;c&gt;":               "a & b <c>",
		"a & b < c > d":                     "a & b < c > d",
		"&amp;lt;":                          "&lt;",
		"&amp;amp;lt;":                      "&amp;lt;",
		"&AMP; &quot; &#60; &lt":            "&AMP; &quot; &#60; &lt",
		"<@U123>":                           "<@U123>",
		"<@W123|ann>":                       "<@W123>",
		"<@U123|a|b>":                       "<@U123>",
		"<@u123> <@> <@U> <@U1 2>":          "<@u123> <@> <@U> <@U1 2>",
		"<@u123|ann> <#x|ops>":              "<@u123|ann> <#x|ops>",
		"&lt;@U123&gt;":                     "<@U123>",
		"<#C123|general>":                   "#general",
		"<#C123>":                           "#C123",
		"<#C123|>":                          "#C123",
		"<#C123|a&amp;b>":                   "#a&b",
		"<!here>":                           "@here",
		"<!channel>":                        "@channel",
		"<!everyone|everyone>":              "@everyone",
		"<!here|@here>":                     "@here",
		"<!subteam^S123|@oncall>":           "@oncall",
		"<!subteam^S123>":                   "@S123",
		"<!date^1392734382^{date}|Feb 18>":  "Feb 18",
		"<!new^x>":                          "@new",
		"<!>":                               "<!>",
		"&lt;!channel&gt;":                  "<!channel>",
		"&amp;lt;!channel&amp;gt;":          "&lt;!channel&gt;",
		"<!&lt;!channel&gt;>":               "@<!channel>",
		"<https://x.example/a?b=1&amp;c=2>": "https://x.example/a?b=1&c=2",
		"<https://x.example|x>":             "https://x.example",
		"<https://evil.example|https://sso.example>":   "https://evil.example",
		"<http://db.example.com|db.example.com>":       "db.example.com",
		"<http://db.example.com/|db.example.com>":      "db.example.com",
		"<http://db.example.com|other.example.com>":    "http://db.example.com",
		"<https://db.example.com|db.example.com>":      "https://db.example.com",
		"<mailto:ann@example.com|ann@example.com>":     "ann@example.com",
		"<mailto:ann@example.com?subject=x|bo@x.test>": "ann@example.com",
		"<tel:+123|+1 23>":                             "+1 23",
		"<tel:+123>":                                   "+123",
		"<javascript:alert(1)|x>":                      "<javascript:alert(1)|x>",
		"<file>":                                       "<file>",
		"<":                                            "<",
		"<>":                                           "<>",
		"a <b <@U123> c":                               "a <b <@U123> c",
		"<<@U123|x>>":                                  "<<@U123>>",
		"<@U123":                                       "<@U123",
		"for <@U123|ann> in <#C1|ops>: <https://t.example/1> &amp; more": "for <@U123> in #ops: https://t.example/1 & more",
	} {
		if got := plainText(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestT04AnotherAppOrWorkspaceIsRefusedAndBothIDsAreNamed(t *testing.T) {
	t.Parallel()
	one := Origin{Team: "T1", App: "A1"}
	grid := Origin{Team: "T1", Enterprise: "E1", App: "A1"}
	wide := Origin{Team: "E1", App: "A1"}
	for name, c := range map[string]struct {
		origin                Origin
		team, enterprise, app string
		want                  string
		names                 [2]string
	}{
		"ours":                              {one, "T1", "", "A1", "", [2]string{}},
		"ours in an organisation":           {one, "T1", "E1", "A1", "", [2]string{}},
		"another team":                      {one, "T2", "", "A1", "team.other", [2]string{"T1", "T2"}},
		"another team of our organisation":  {grid, "T2", "E1", "A1", "team.other", [2]string{"T1", "T2"}},
		"no team":                           {one, "", "E1", "A1", "team.other", [2]string{"T1", `""`}},
		"another app":                       {one, "T1", "", "A2", "app.other", [2]string{"A1", "A2"}},
		"no app":                            {one, "T1", "", "", "app.other", [2]string{"A1", `""`}},
		"another organisation":              {grid, "T1", "E2", "A1", "enterprise.other", [2]string{"E1", "E2"}},
		"an event without an organisation":  {grid, "T1", "", "A1", "", [2]string{}},
		"org-wide, any team":                {wide, "T7", "E1", "A1", "", [2]string{}},
		"org-wide, no team":                 {wide, "", "E1", "A1", "", [2]string{}},
		"org-wide, another organisation":    {wide, "T1", "E2", "A1", "enterprise.other", [2]string{"E1", "E2"}},
		"org-wide, no organisation":         {wide, "T1", "", "A1", "enterprise.other", [2]string{"E1", `""`}},
		"org-wide, the id given as a team":  {wide, "E1", "", "A1", "enterprise.other", [2]string{"E1", `""`}},
		"nothing configured":                {Origin{}, "", "", "", "app.other", [2]string{`""`, `""`}},
		"no team configured":                {Origin{App: "A1"}, "", "", "A1", "team.other", [2]string{`""`, `""`}},
		"ids that would break a log line":   {one, "T1\nx", "", "A1", "team.other", [2]string{"T1", `\n`}},
		"the same letters in another case":  {one, "t1", "", "A1", "team.other", [2]string{"T1", "t1"}},
		"an app that begins like ours does": {one, "T1", "", "A11", "app.other", [2]string{"A1", "A11"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.origin.Check(c.team, c.enterprise, c.app)
			if got := code(t, err); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			if err != nil && (!strings.Contains(err.Error(), c.names[0]) || !strings.Contains(err.Error(), c.names[1])) {
				t.Errorf("%v does not name %v", err, c.names)
			}
		})
	}
}

// FuzzCommand: nothing panics; what is taken, net/url reads as the same, and
// reads the same over a socket. The seeds are in testdata.
func FuzzCommand(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := ParseCommandJSON(body); err != nil {
			code(t, err)
		}
		c, err := ParseCommand(body)
		if err != nil {
			code(t, err)
			return
		}
		theirs, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatalf("only we take it: %v", err)
		}
		if c.SSLCheck {
			return
		}
		if c.User != theirs.Get("user_id") || c.Team != theirs.Get("team_id") || c.App != theirs.Get("api_app_id") || c.Trigger != theirs.Get("trigger_id") {
			t.Fatalf("read differently: %+v, %v", c, theirs)
		}
		flat := map[string]string{}
		for _, name := range commandNames {
			flat[name] = theirs.Get(name)
		}
		payload, err := json.Marshal(flat)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseCommandJSON(payload); err != nil || again != c || again.Key() != c.Key() {
			t.Fatalf("over a socket: %+v, %v; want %+v", again, err, c)
		}
	})
}
