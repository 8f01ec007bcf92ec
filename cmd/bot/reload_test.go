package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"jitbot/jit"
	"jitbot/storage"
)

// hup writes a configuration and has the running bot read it.
func (in *installation) hup(text string) {
	in.t.Helper()
	if err := os.WriteFile(filepath.Join(in.dir, "config.yaml"), []byte(text), 0o600); err != nil {
		in.t.Fatal(err)
	}
	if err := in.bot.Process.Signal(syscall.SIGHUP); err != nil {
		in.t.Fatal(err)
	}
}

// onPage are the handles one can act as on the chat page.
func (in *installation) onPage() (handles []string) {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), http.MethodGet, in.page+"/chat/state", http.NoBody)
	if err != nil {
		in.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	var state struct {
		People []struct {
			User string `json:"user"`
		} `json:"people"`
	}
	if err != nil || json.Unmarshal(raw, &state) != nil {
		in.t.Fatalf("%v: %s", err, raw)
	}
	for _, p := range state.People {
		handles = append(handles, p.User)
	}
	return handles
}

func TestAHangUpLoadsPeopleAdminsAndSecurityAndThePageKnowsThem(t *testing.T) {
	t.Parallel()
	in := install(t)
	in.start()
	raw, err := os.ReadFile(filepath.Join(in.dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	loaded := func(n int, part string) func(storage.View) bool {
		return func(v storage.View) bool {
			events, err := v.Events(storage.EventFilter{Kind: jit.EventConfigLoaded})
			return err == nil && len(events) == n && strings.Contains(string(events[n-1].Data), part)
		}
	}
	next := strings.Replace(good, "admins: [bo@example.com]", "admins: [cy@example.com]\nsecurity: [ann@example.com]", 1)
	next = strings.Replace(next, "people:\n", "people:\n  cy@example.com: {name: Cy Cole, accounts: [\"web:cy\"]}\n", 1)
	in.hup(next)
	in.until("the new admin is on record", loaded(1, `"admins":["cy@example.com"]`))
	if got := in.onPage(); !slices.Equal(got, []string{"ann", "bo", "cy"}) {
		t.Errorf("one can act as %v", got)
	}

	in.hup(strings.Replace(next, "channels: {default: access}", "channels: {default: nowhere}", 1))
	in.until("the wrong one was refused", func(storage.View) bool {
		return strings.Contains(in.log.String(), "the people were not loaded; the old ones stay")
	})
	in.hup(strings.Replace(next, "  bo@example.com: {", "  bo@example.com: {disabled: true, ", 1))
	in.until("the third is on record, and the second is not", loaded(2, `"people":3`))
	if got := in.onPage(); !slices.Equal(got, []string{"ann", "cy"}) {
		t.Errorf("one can act as %v after Bo left", got)
	}
}
