package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"jitbot/api"
	"jitbot/bot"
	"jitbot/jit"
	"jitbot/storage"
)

// desk is a person's computer beside a jitbot that runs elsewhere.
type desk struct {
	t       *testing.T
	in      *installation
	config  string // its XDG_CONFIG_HOME
	out     bytes.Buffer
	err     bytes.Buffer
	now     time.Time
	paused  time.Duration
	onPause func() // what happens while it waits
}

func newDesk(t *testing.T, in *installation) *desk {
	t.Helper()
	return &desk{t: t, in: in, config: filepath.Join(t.TempDir(), "config"), now: time.Now()}
}

// deskWithGrant is one of ann's, who holds staging.
func deskWithGrant(t *testing.T) (*desk, string) {
	t.Helper()
	in := install(t)
	in.start()
	if err := in.say("ann", "/jit request staging 1h look around"); err != nil {
		t.Fatal(err)
	}
	var grant string
	in.until("ann holds staging", func(v storage.View) bool {
		all, err := v.Grants(storage.GrantFilter{States: []jit.GrantState{jit.GrantActive}})
		if err != nil || len(all) != 1 {
			return false
		}
		grant = all[0].ID
		return true
	})
	return newDesk(t, in), grant
}

func (d *desk) env(name string) string {
	return map[string]string{"XDG_CONFIG_HOME": d.config, "USER": "ann"}[name]
}

// machine is the desk as the commands see it; its time passes only in pauses,
// which do not last.
func (d *desk) machine(command string) *machine {
	d.t.Helper()
	m, err := newMachine(command, d.in.page, environment{&d.out, &d.err, d.env})
	if err != nil {
		d.t.Fatal(err)
	}
	m.now = func() time.Time { return d.now }
	m.pause = func(ctx context.Context, wait time.Duration) error {
		d.now, d.paused = d.now.Add(wait), d.paused+wait
		if d.onPause != nil {
			d.onPause()
		}
		return ctx.Err()
	}
	return m
}

// run is a command line typed at the desk.
func (d *desk) run(args ...string) (code int, out, errs string) {
	d.t.Helper()
	var o, e bytes.Buffer
	code = run(d.t.Context(), args, environment{&o, &e, d.env})
	return code, o.String(), e.String()
}

// login links the desk to ann.
func (d *desk) login() {
	d.t.Helper()
	d.onPause = func() { d.answer("ann", "machine-confirm"); d.onPause = nil }
	if err := d.machine("login").login(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

var userCode = regexp.MustCompile(`/jit link ([A-Z]{4}-[A-Z]{4})`)

// code is the newest code the desk was told.
func (d *desk) code() string {
	d.t.Helper()
	all := userCode.FindAllStringSubmatch(d.err.String(), -1)
	if len(all) == 0 {
		d.t.Fatalf("no code was said:\n%s", &d.err)
	}
	return all[len(all)-1][1]
}

// answer has a person type the desk's code in chat and press a button.
func (d *desk) answer(user, verb string) {
	d.t.Helper()
	d.in.answerCode(user, d.code(), verb)
}

func (in *installation) answerCode(user, code, verb string) {
	in.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		in.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	if err := in.post(client, "as", map[string]string{"user": user}); err != nil {
		in.t.Fatal(err)
	}
	nonce := func() string { return fmt.Sprintf("nonce-%d", rand.Uint64()) }
	raw, err := json.Marshal(map[string]string{"as": user, "channel": "access", "text": "/jit link " + code, "nonce": nonce()})
	if err != nil {
		in.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(in.t.Context(), http.MethodPost, in.page+"/chat/say", bytes.NewReader(raw))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	said, err := client.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer said.Body.Close()
	var answer struct {
		Message struct {
			ID   int64    `json:"id"`
			Card bot.Card `json:"card"`
		} `json:"message"`
	}
	if err := json.NewDecoder(said.Body).Decode(&answer); err != nil {
		in.t.Fatal(err)
	}
	if len(answer.Message.Card.Buttons) != 2 {
		in.t.Fatalf("the answer is %+v", answer.Message.Card)
	}
	id := answer.Message.Card.Buttons[0].ID
	if err := in.post(client, "act", map[string]string{"as": user, "message": fmt.Sprint(answer.Message.ID), "verb": verb, "id": id, "nonce": nonce()}); err != nil {
		in.t.Fatal(err)
	}
}

func (d *desk) token() keptToken {
	d.t.Helper()
	var t keptToken
	if err := d.machine("creds").kept.read(tokenFile(d.in.page), &t); err != nil {
		d.t.Fatal(err)
	}
	return t
}

func TestTheAWSSDKTakesCredentialsFromCredentialProcessAsTheRoleSession(t *testing.T) {
	t.Parallel()
	d, grant := deskWithGrant(t)
	d.login()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "aws-config")
	text := fmt.Sprintf("[profile prod]\nregion = eu-central-1\ncredential_process = env %s=1 XDG_CONFIG_HOME=%s %s creds %s --format process --server %s\n", asBot, d.config, self, grant, d.in.page)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	who := func() (*sts.GetCallerIdentityOutput, awssdk.Credentials, error) {
		cfg, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithSharedConfigProfile("prod"),
			awsconfig.WithSharedConfigFiles([]string{file}), awsconfig.WithSharedCredentialsFiles([]string{}), awsconfig.WithRetryMaxAttempts(1))
		if err != nil {
			t.Fatal(err)
		}
		cfg.BaseEndpoint = awssdk.String(d.in.awsURL())
		creds, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil {
			return nil, creds, err
		}
		out, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
		return out, creds, err
	}
	me, creds, err := who()
	if err != nil || *me.Arn != "arn:aws:sts::111122223333:assumed-role/Staging/"+grant {
		t.Fatalf("the caller is %+v, %v", me, err)
	}
	if ends := d.in.aws.Sessions()[0].Expires.Truncate(time.Second); !creds.CanExpire || !creds.Expires.Equal(ends) {
		t.Errorf("they expire %s, the session %s", creds.Expires, ends)
	}
	if err := d.in.say("ann", "/jit end"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := who(); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("after the end: %v", err)
	}
	d.holdsNoSecret(creds.SecretAccessKey, creds.SessionToken)
}

// awsURL is where the installation's AWS is.
func (in *installation) awsURL() string {
	for _, v := range in.env {
		if url, ok := strings.CutPrefix(v, "AWS_ENDPOINT_URL="); ok {
			return url
		}
	}
	in.t.Fatal("no AWS")
	return ""
}

// holdsNoSecret looks for secrets where jitbot writes, and in what was said.
func (d *desk) holdsNoSecret(secrets ...string) {
	d.t.Helper()
	secrets = append(secrets, d.token().Token)
	places := map[string]string{"the log": d.in.log.String(), "what the command said": d.err.String() + d.out.String()}
	err := filepath.WalkDir(filepath.Join(d.in.dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		places[path] = string(raw)
		return err
	})
	if err != nil || len(places) < 4 {
		d.t.Fatalf("%d places: %v", len(places), err)
	}
	for place, text := range places {
		for i, secret := range secrets {
			if len(secret) < 16 || strings.Contains(text, secret) {
				d.t.Errorf("%s holds secret %d", place, i)
			}
		}
	}
}

func TestTheProcessFormatIsWhatSDKsReadAndNothingElse(t *testing.T) {
	t.Parallel()
	d, grant := deskWithGrant(t)
	d.login()
	code, out, errs := d.run("creds", "--format", "process") // the one grant, where login went
	form := regexp.MustCompile(`^\{"Version":1,"AccessKeyId":"([^"]+)","SecretAccessKey":"[^"]+","SessionToken":"[^"]+","Expiration":"([^"]+)"\}\n$`)
	found := form.FindStringSubmatch(out)
	if code != exitOK || errs != "" || found == nil {
		t.Fatalf("exit %d, %q, %d bytes", code, errs, len(out))
	}
	session := d.in.aws.Sessions()[0]
	if session.AccessKeyID != found[1] || session.Expires.UTC().Format(time.RFC3339) != found[2] {
		t.Errorf("it is said to be %s until %s", found[1], found[2])
	}
	code, out, _ = d.run("creds", grant, "--format=json", "--server", d.in.page)
	var full api.CredentialsAnswer
	if err := json.Unmarshal([]byte(out), &full); err != nil || code != exitOK || full.Grant != grant || full.Resource != "staging" || full.Region != "eu-central-1" {
		t.Errorf("exit %d, %v", code, err)
	}
	code, out, errs = d.run("creds", "grt_nobody", "--format", "process")
	if code != exitRefused || out != "" || !strings.Contains(errs, "There is nothing of yours") {
		t.Errorf("of another grant: exit %d, %q, %q", code, out, errs)
	}
}

func TestTheShellFormatSaysExactlyTheCredentialsWhateverIsInThem(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	nasty := `a'b"$(touch x)` + "`id`" + `\n;&`
	if err := writeEnv(&out, api.CredentialsAnswer{AccessKeyID: "AKIA", SecretAccessKey: nasty, SessionToken: "-n", Region: "eu-central-1", ExpiresAt: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	script := out.String() + `printf '%s|%s|%s|%s|%s|%s' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" "$AWS_REGION" "$AWS_DEFAULT_REGION" "$AWS_CREDENTIAL_EXPIRATION"`
	said, err := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script).Output()
	if want := "AKIA|" + nasty + "|-n|eu-central-1|eu-central-1|2026-03-02T10:00:00Z"; err != nil || string(said) != want {
		t.Errorf("a shell reads %q, %v", said, err)
	}
}

func TestAProcessGivesUpBeforeTheSDKDoesAndTheNextGoesOnWithItsCode(t *testing.T) {
	t.Parallel()
	d, grant := deskWithGrant(t)
	err := d.machine("creds").creds(t.Context(), grant, formatProcess)
	first := d.code()
	if err == nil || !strings.Contains(err.Error(), "/jit link "+first) || !strings.Contains(err.Error(), "run the same command again") {
		t.Fatalf("it says %v", err)
	}
	if d.paused < 20*time.Second || d.paused > 50*time.Second || d.out.Len() > 0 {
		t.Errorf("it waited %s and printed %q", d.paused, &d.out)
	}
	d.answer("ann", "machine-confirm")
	d.paused = 0
	if err := d.machine("creds").creds(t.Context(), grant, formatProcess); err != nil {
		t.Fatal(err)
	}
	if d.code() != first || d.paused != 0 || !strings.Contains(d.out.String(), `"Version":1`) {
		t.Errorf("it waited %s more, for %s", d.paused, d.code())
	}
	if _, err := os.Stat(filepath.Join(d.config, "jitbot", codeFile(d.in.page))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the code is still there: %v", err)
	}
}

func TestAComputerThatWasLinkedByCredsKnowsItsServerAfterwards(t *testing.T) {
	t.Parallel()
	d, grant := deskWithGrant(t)
	d.onPause = func() { d.answer("ann", "machine-confirm"); d.onPause = nil }
	if err := d.machine("creds").creds(t.Context(), grant, formatProcess); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := d.run("creds", "--format", "process"); code != exitOK || !strings.Contains(out, "AccessKeyId") {
		t.Errorf("without --server: exit %d, %q, %q", code, out, errs)
	}
}

func TestARejectedComputerIsToldSoAndStartsAnew(t *testing.T) {
	t.Parallel()
	d, grant := deskWithGrant(t)
	d.onPause = func() { d.answer("ann", "machine-reject"); d.onPause = nil }
	err := d.machine("creds").creds(t.Context(), grant, "env")
	if err == nil || !strings.Contains(err.Error(), "rejected") || !strings.Contains(err.Error(), "bot login") {
		t.Fatalf("it says %v", err)
	}
	first := d.code()
	d.login()
	if d.code() == first {
		t.Error("the rejected code was used again")
	}
}

func TestTwoProcessesThatWaitWithOneCodeBothGoOn(t *testing.T) {
	t.Parallel()
	d, grant := deskWithGrant(t)
	other := newDesk(t, d.in)
	other.config = d.config
	d.onPause = func() {
		d.onPause = nil
		d.answer("ann", "machine-confirm")
		if err := other.machine("creds").creds(t.Context(), grant, "json"); err != nil { // it takes the token
			t.Error(err)
		}
	}
	if err := d.machine("creds").creds(t.Context(), grant, "json"); err != nil {
		t.Error(err)
	}
	if n := len(d.in.aws.Sessions()); n != 2 || d.code() != other.code() {
		t.Errorf("%d sessions, codes %s and %s", n, d.code(), other.code())
	}
}

func TestADeadTokenIsForgottenAndTheNextStepSaid(t *testing.T) {
	t.Parallel()
	d, _ := deskWithGrant(t)
	d.login()
	dead := d.token()
	if err := d.in.say("ann", "/jit revoke-token "+dead.ID); err != nil {
		t.Fatal(err)
	}
	code, out, errs := d.run("creds", "--format", "process")
	if code != exitRefused || out != "" || !strings.Contains(errs, "bot login --server "+d.in.page) || strings.Contains(errs, dead.Token) {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(d.config, "jitbot", tokenFile(d.in.page))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the token is still there: %v", err)
	}
}

func TestTheTokenLiesInAFileOfItsOwnersAloneUntilLogout(t *testing.T) {
	t.Parallel()
	d, _ := deskWithGrant(t)
	d.login()
	if !strings.Contains(d.out.String(), "Linked to Ann Lee (ann@example.com)") {
		t.Errorf("it says %q", &d.out)
	}
	dir := filepath.Join(d.config, "jitbot")
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v, %v", f.Name(), info.Mode(), err)
		}
	}
	id := d.token().ID
	code, out, errs := d.run("logout")
	if code != exitOK || errs != "" || !strings.Contains(out, "/jit revoke-token "+id) {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%d files are left, %v", len(files), err)
	}
}

func TestT49ATokenThatOthersCouldReadOrPutThereIsRefused(t *testing.T) {
	t.Parallel()
	var asked bool
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	for say, spoil := range map[string]func(dir, file string) error{
		"chmod 600": func(_, file string) error { return os.Chmod(file, 0o640) },
		"chmod 700": func(dir, _ string) error { return os.Chmod(dir, 0o750) },
		"is a symbolic link": func(_, file string) error {
			return errors.Join(os.Rename(file, file+"-2"), os.Symlink(file+"-2", file))
		},
		"no symbolic link to one": func(dir, _ string) error {
			return errors.Join(os.Rename(dir, dir+"-2"), os.Symlink(dir+"-2", dir))
		},
		"cannot be read": func(_, file string) error { return os.WriteFile(file, []byte("{"), 0o600) },
	} {
		d := newDesk(t, &installation{t: t, page: server.URL})
		dir := filepath.Join(d.config, "jitbot")
		if err := d.machine("creds").kept.write(tokenFile(server.URL), keptToken{Server: server.URL, Token: "canary-token"}); err != nil {
			t.Fatal(err)
		}
		if err := spoil(dir, filepath.Join(dir, tokenFile(server.URL))); err != nil {
			t.Fatal(err)
		}
		code, out, errs := d.run("creds", "--format", "env", "--server", server.URL)
		if code != exitRefused || out != "" || !strings.Contains(errs, say) || strings.Contains(errs, "canary") {
			t.Errorf("%s: exit %d, %q, %q", say, code, out, errs)
		}
	}
	if asked {
		t.Error("the server was asked")
	}
}

func TestWhereTheCommandLineIsOffItIsNotServed(t *testing.T) {
	t.Parallel()
	in := install(t)
	path := filepath.Join(in.dir, "config.yaml")
	if err := os.WriteFile(path, []byte(serveConfig+"cli: {enabled: false}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in.start()
	code, out, errs := newDesk(t, in).run("login", "--server", in.page)
	if code != exitRefused || out != "" || !strings.Contains(errs, "serves no command line") {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
}

func TestAWrongCommandLineIsToldFromARefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		want string
	}{
		{"creds", "--format has to be"},
		{"creds --format yaml --server https://jit.example.com", "--format has to be"},
		{"creds a b --format env --server https://jit.example.com", `"b" is one word too many`},
		{"creds --format env --sever x", "not defined"},
		{"creds --format env", "which jitbot?"},
		{"creds --format env --server http://jit.example.com", "has to be https"},
		{"creds --format env --server http://127.0.0.1.example.com", "has to be https"},
		{"creds --format env --server ftp://127.0.0.1", "has to be https"},
		{"creds --format env --server https://ann:pass@jit.example.com", "write the server like"},
		{"creds --format env --server jit.example.com", "write the server like"},
		{"login now --server https://jit.example.com", "one word too many"},
		{"logout --format env", "not defined"},
	} {
		var out, errs bytes.Buffer
		config := t.TempDir()
		code := run(t.Context(), strings.Fields(c.args), environment{&out, &errs, func(name string) string {
			if name == "XDG_CONFIG_HOME" {
				return config
			}
			return ""
		}})
		if code != exitUsage || out.Len() > 0 || !strings.Contains(errs.String(), c.want) || !strings.Contains(errs.String(), "usage: bot") {
			t.Errorf("bot %s: exit %d, %q", c.args, code, &errs)
		}
	}
	for _, command := range []string{"creds", "login", "logout"} {
		var out bytes.Buffer
		if code := run(t.Context(), []string{command, "--help"}, environment{&out, io.Discard, func(string) string { return "" }}); code != exitOK || !strings.Contains(out.String(), "usage: bot "+command) {
			t.Errorf("bot %s --help: exit %d, %q", command, code, &out)
		}
	}
}

func TestAServerThatIsNoJitbotGetsNothingTwiceAndIsNotBelieved(t *testing.T) {
	t.Parallel()
	whole := `{"access_key_id":"A","secret_access_key":"B","session_token":"C","expires_at":"2026-03-02T10:00:00Z"}`
	for name, c := range map[string]struct {
		status int
		kind   string
		body   string
		want   string
	}{
		"a redirect":             {http.StatusTemporaryRedirect, "text/html", "", "does not answer as a jitbot does (307"},
		"a page":                 {http.StatusOK, "text/html", whole, "does not answer as a jitbot does"},
		"an old jitbot":          {http.StatusNotFound, "text/plain", "404 page not found", "serves no command line"},
		"no end":                 {http.StatusOK, "application/json", strings.Replace(whole, "expires_at", "expires", 1), "no credentials"},
		"a line too many":        {http.StatusOK, "application/json", strings.Replace(whole, `"B"`, `"B\nexport X=1"`, 1), "no credentials"},
		"a key twice":            {http.StatusOK, "application/json", strings.Replace(whole, "{", `{"access_key_id":"Z",`, 1), "does not answer as a jitbot does"},
		"a message with escapes": {http.StatusForbidden, "application/json", `{"error":"x","message":"no \u001b[31mway"}`, "no [31mway"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header().Set("Content-Type", c.kind)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			d := newDesk(t, &installation{t: t, page: server.URL})
			if err := d.machine("creds").kept.write(tokenFile(server.URL), keptToken{Server: server.URL, Token: "canary-token"}); err != nil {
				t.Fatal(err)
			}
			code, out, errs := d.run("creds", "--format", "env", "--server", server.URL)
			if code != exitRefused || out != "" || !strings.Contains(errs, c.want) || asked != 1 || strings.Contains(errs, "canary") {
				t.Errorf("exit %d after %d requests, %q, %q", code, asked, out, errs)
			}
		})
	}
}

func TestWhenThereWereTooManyItWaitsAsLongAsTheServerSaysAndAsksOnceMore(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":"limit.reached","message":"Too many."}`)
	}))
	defer server.Close()
	d := newDesk(t, &installation{t: t, page: server.URL})
	_, err := d.machine("creds").fetch(t.Context(), keptToken{Token: "x"}, "")
	if err == nil || asked != 2 || d.paused != 7*time.Second {
		t.Errorf("%d requests, %s between them: %v", asked, d.paused, err)
	}
	soon, cancel := context.WithDeadline(t.Context(), d.now.Add(10*time.Second))
	defer cancel()
	if _, err := d.machine("creds").fetch(soon, keptToken{Token: "x"}, ""); err == nil || asked != 3 {
		t.Errorf("with no time left: %d requests, %v", asked, err)
	}
}
