package main

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// closedStore is the store of written, which nobody has open.
func closedStore(t *testing.T) (dir string) {
	t.Helper()
	dir, s := written(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// signing writes a configuration with a signing key for a store, and the public
// half of the key.
func signing(t *testing.T, data string) (config, public string) {
	t.Helper()
	dir := t.TempDir()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte, err error) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	private := write("audit.pem", "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(pub)
	public = write("audit.pub", "PUBLIC KEY", der, err)
	config = filepath.Join(dir, "config.yaml")
	text := serveConfig + "data: " + data + "\naudit: {signing_key: 'file:" + private + "'}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, public
}

func eventsIn(t *testing.T, dir, kind string) (out []jit.Event) {
	t.Helper()
	err := readStore(dir, func(v storage.View) (err error) {
		out, err = v.Events(storage.EventFilter{Kind: kind})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnExportIsAnEventOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := closedStore(t)
	for _, f := range []string{"jsonl", "ocsf", "cef", "csv"} {
		out, problems := command(t, audit, 0, "export", "--data", dir, "--format", f, "--person", "ann@example.com")
		if out == "" || problems != "" {
			t.Errorf("%s: %q %q", f, out, problems)
		}
	}
	command(t, audit, 0, "export", "--data", dir, "--format", "jsonl", "--activities")
	all := eventsIn(t, dir, jit.EventExported)
	if len(all) != 5 || !strings.HasPrefix(all[0].Actor, "os:") || !strings.Contains(string(all[1].Data), `"format":"ocsf"`) ||
		!strings.Contains(string(all[1].Data), `"person":"ann@example.com"`) || !strings.Contains(string(all[4].Data), `"what":"activities"`) {
		t.Errorf("got %d: %v", len(all), all)
	}
}

func TestAStoreThatCannotBeWrittenIsExportedAllTheSameAndThatIsSaid(t *testing.T) {
	t.Parallel()
	dir, _ := written(t) // another process has it, and takes no orders
	out, problems := command(t, audit, 0, "export", "--data", dir, "--format", "jsonl")
	if strings.Count(out, "\n") != 3 || !strings.Contains(problems, "not on record") {
		t.Errorf("%q %q", out, problems)
	}
	empty := t.TempDir()
	command(t, audit, 1, "export", "--data", empty, "--format", "jsonl")
	if files, _ := os.ReadDir(empty); len(files) != 0 {
		t.Errorf("an export made %v", files)
	}
}

func TestABundleIsCheckedWithThePublicKeyAlone(t *testing.T) {
	t.Parallel()
	dir := closedStore(t)
	config, public := signing(t, dir)
	for name, flags := range map[string][]string{"whole": nil, "a part": {"--person", "ann@example.com"}, "nothing": {"--grant", "grt_9"}} {
		file := filepath.Join(t.TempDir(), "b.zip")
		command(t, audit, 0, append([]string{"export", "--config", config, "--bundle", file}, flags...)...)
		out, _ := command(t, audit, 0, "verify", "--bundle", file, "--key", public)
		if !strings.HasPrefix(out, "ok: signed") || (name == "whole") != strings.Contains(out, "the whole log") {
			t.Errorf("%s: %s", name, out)
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		_, problems := command(t, audit, 1, "export", "--config", config, "--bundle", file)
		if !strings.Contains(problems, "there already") {
			t.Errorf("a bundle was overwritten: %s", problems)
		}
		if files, _ := os.ReadDir(filepath.Dir(file)); len(files) != 1 {
			t.Errorf("left behind: %v", files)
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if key, _ := os.ReadFile(filepath.Join(filepath.Dir(config), "audit.pem")); bytes.Contains(raw, key) {
			t.Error("the key is in the bundle")
		}
	}
	if n := len(eventsIn(t, dir, jit.EventExported)); n != 6 {
		t.Errorf("%d exports are on record", n)
	}
}

// repack writes a bundle anew with some of its files changed; a nil content
// leaves one out.
func repack(t *testing.T, file string, change map[string]func([]byte) []byte, more ...string) string {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	put := func(name string, content []byte) {
		t.Helper()
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if c := change[f.Name]; c != nil {
			content = c(content)
		}
		if content != nil {
			put(f.Name, content)
		}
	}
	for _, name := range more {
		put(name, []byte("x\n"))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "changed.zip")
	if err := os.WriteFile(out, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestABundleThatWasChangedIsFoundOut(t *testing.T) {
	t.Parallel()
	config, public := signing(t, closedStore(t))
	_, other := signing(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "b.zip")
	command(t, audit, 0, "export", "--config", config, "--bundle", file)
	replace := func(old, text string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(old), []byte(text)) }
	}
	gone := func([]byte) []byte { return nil }
	other64 := func(b []byte) []byte {
		first := byte('A')
		if b[0] == first {
			first = 'B'
		}
		return append([]byte{first}, b[1:]...)
	}
	type changes = map[string]func([]byte) []byte
	for name, c := range map[string]struct {
		change changes
		more   []string
		want   string
	}{
		"an event":        {changes{"events.jsonl": replace("ann@", "bob@")}, nil, "events.jsonl was changed"},
		"the manifest":    {changes{"manifest.json": replace(`"seq": 4`, `"seq": 3`)}, nil, "the signature"},
		"the signature":   {changes{"manifest.sig": other64}, nil, "the signature"},
		"a file left out": {changes{"activities.jsonl": gone}, nil, "activities.jsonl is missing"},
		"a file put in":   {nil, []string{"more.jsonl"}, `"more.jsonl" is in it`},
		"a file twice":    {nil, []string{"events.jsonl"}, `"events.jsonl" is in it twice`},
		"a row left out":  {changes{"events.jsonl": func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] }}, nil, "events.jsonl was changed"},
		"a row added":     {changes{"events.jsonl": func(b []byte) []byte { return append(b, '{', '}', '\n') }}, nil, "events.jsonl was changed"},
	} {
		out, _ := command(t, audit, 1, "verify", "--bundle", repack(t, file, c.change, c.more...), "--key", public)
		if !strings.HasPrefix(out, "TAMPERED: ") || !strings.Contains(out, c.want) {
			t.Errorf("%s: %q", name, out)
		}
	}
	if out, _ := command(t, audit, 1, "verify", "--bundle", file, "--key", other); !strings.Contains(out, "the signature") {
		t.Errorf("another key: %q", out)
	}
	if _, problems := command(t, audit, 1, "verify", "--bundle", repack(t, file, changes{"manifest.json": gone}), "--key", public); !strings.Contains(problems, "no manifest") {
		t.Errorf("no manifest: %q", problems)
	}
	command(t, audit, 1, "verify", "--bundle", public, "--key", public)
	command(t, audit, 2, "verify", "--bundle", file)
	command(t, audit, 2, "export", "--data", "x", "--bundle", file)
	command(t, audit, 2, "export", "--config", config, "--bundle", file, "--format", "csv")
}

func TestABundleOfALogThatWasTamperedWithSaysSo(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		"UPDATE events SET actor = 'cy@example.com' WHERE seq = 2": "row 2 was changed",
		"UPDATE events SET data = '{\"x\":1}' WHERE seq = 3":       "row 3 was changed: its data",
		"DELETE FROM events WHERE seq = 2":                         "row 2 is missing",
		"DELETE FROM events WHERE seq > 2":                         "the tail was cut",
	} {
		dir, s := written(t)
		config, public := signing(t, dir)
		db, err := sql.Open("sqlite3", filepath.Join(dir, sqlite.FileName))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("DROP TRIGGER events_stay; DROP TRIGGER IF EXISTS events_remain; " + change); err != nil {
			t.Fatal(err)
		}
		_ = db.Close()
		file := filepath.Join(t.TempDir(), "b.zip")
		command(t, audit, 0, "export", "--config", config, "--bundle", file) // not on record, as s has the store
		if out, _ := command(t, audit, 1, "verify", "--bundle", file, "--key", public); !strings.Contains(out, want) {
			t.Errorf("%s: %q", change, out)
		}
		_ = s.Close()
	}
}

// recorded says whether there is an event of a kind.
func recorded(kind string) func(storage.View) bool {
	return func(v storage.View) bool {
		all, err := v.Events(storage.EventFilter{Kind: kind, Limit: 1})
		return err == nil && len(all) > 0
	}
}

// taker is a collector that can be away, and remembers what it took.
type taker struct {
	mu   sync.Mutex
	away bool
	keys []string
	raw  []byte
	more chan struct{}
}

func (c *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, err := io.ReadAll(r.Body)
	message := new(collector.ExportLogsServiceRequest)
	if err != nil || c.away || proto.Unmarshal(raw, message) != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	c.raw = append(c.raw, raw...)
	for _, x := range message.GetResourceLogs() {
		for _, l := range x.GetScopeLogs()[0].GetLogRecords() {
			c.keys = append(c.keys, l.GetEventName())
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *taker) leave(away bool) { c.mu.Lock(); defer c.mu.Unlock(); c.away = away }

func (c *taker) until(t *testing.T, name string) {
	t.Helper()
	for {
		c.mu.Lock()
		found := slices.Contains(c.keys, name)
		c.mu.Unlock()
		if found {
			return
		}
		select {
		case <-c.more:
		case <-t.Context().Done():
			t.Fatalf("%s never came", name)
		}
	}
}

func TestWhatHappensWhileServingIsExportedThroughKillsAndNoSecretWithIt(t *testing.T) {
	t.Parallel()
	c := &taker{more: make(chan struct{}, 1)}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	in := install(t)
	const canary = "Bearer CANARY-4711-export"
	in.env = append(in.env, "OTLP_KEY="+canary)
	text := serveConfig + `
export:
  files: {trail: {path: trail.jsonl, from: beginning}}
  otlp: {otel: {url: "` + server.URL + `/v1/logs", headers: {authorization: "${OTLP_KEY}"}, from: beginning, kinds: ["*"]}}
`
	if err := os.WriteFile(filepath.Join(in.dir, "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in.start()
	c.until(t, "jit.jitbot.started")
	c.leave(true)
	if err := in.say("ann", "/jit request staging 1h orders are stuck"); err != nil {
		t.Fatal(err)
	}
	in.until("the grant is active", recorded(jit.EventGrantActive))
	in.kill() // whatever was on its way
	in.start()
	c.leave(false)
	c.until(t, "jit.grant.created")
	if out, code := botSays(t, "audit", "export", "--data", filepath.Join(in.dir, "data"), "--format", "ocsf"); code != 0 || !strings.Contains(out, `"type_uid":300714`) || strings.Contains(out, "not on record") {
		t.Errorf("exit %d: %.300s", code, out)
	}
	in.until("the export is on record", recorded(jit.EventExported))
	c.until(t, "jit.audit.exported")
	log := in.log.String()
	in.kill()
	raw, err := os.ReadFile(filepath.Join(in.dir, "trail.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	for line := range bytes.Lines(raw) {
		var e struct{ Seq int64 }
		if err := json.Unmarshal(line, &e); err != nil || e.Seq > last+1 || e.Seq < 1 {
			t.Errorf("after %d comes %q (%v)", last, line, err)
		}
		last = max(last, e.Seq)
	}
	for where, content := range map[string]string{"the file": string(raw), "what was sent": string(c.raw), "the log": log} {
		for _, secret := range []string{"CANARY-4711", "long-term"} {
			if strings.Contains(content, secret) {
				t.Errorf("%s holds %s", where, secret)
			}
		}
	}
}

func TestTheDoctorLooksAtEachPlaceThatIsExportedTo(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&taker{more: make(chan struct{}, 1)})
	t.Cleanup(server.Close)
	path := writeConfig(t, serveConfig+`
audit: {signing_key: "${AUDIT_KEY}"}
export:
  files: {trail: {path: trail.jsonl}, nowhere: {path: missing/trail.jsonl}}
  syslog: {siem: {address: "127.0.0.1:1", protocol: tcp}}
  otlp: {otel: {url: "`+server.URL+`/v1/logs"}}
`)
	c, err := loadConfig(path, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range examineExport(t.Context(), c, func(string) string { return "CANARY no key" }) {
		if strings.Contains(f.What+f.Hint, "CANARY") {
			t.Errorf("a finding shows the key: %v", f)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(f.What, "export "), ":")
		found[name] = f.OK
		if !f.OK && f.Hint == "" {
			t.Errorf("nothing to do about %s", f.What)
		}
	}
	if !found["trail"] || !found["otel"] || found["nowhere"] || found["siem"] || found["audit.signing_key"] || len(found) != 5 {
		t.Errorf("found %v", found)
	}
}

func TestAnExportThatCannotWorkIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"export: {ocsf_version: '1.7'}": "neither 1.9 nor 1.8", "export: {files: {a: {path: x}}, otlp: {a: {url: 'https://x'}}}": `two places are called "a"`,
		"export: {files: {a: {path: x}, b: {path: x}}}": "two places write to x", "export: {files: {a: {pth: x}}}": `unknown key "pth"`,
		"export: {files: {a: {path: x, kinds: [UPPER]}}}": "no kind of event", "audit: {silent_after: 1m}": "less than 10m", "audit: {signing_key: hunter2}": "a secret is not written here",
		"export: {otlp: {a: {url: 'https://x', headers: {authorization: '${MISSING}'}}}}": "export.otlp.a.headers: authorization",
	} {
		_, err := loadConfig(writeConfig(t, serveConfig+text+"\n"), func(string) string { return "" })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
