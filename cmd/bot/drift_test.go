package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jitbot/jit"
	"jitbot/storage"
	"jitbot/storage/sqlite"
)

// found puts a drift into the store of a bot that does not run, as a round
// would have.
func (in *installation) found(id, user string) {
	in.t.Helper()
	store, err := sqlite.Open(in.t.Context(), sqlite.Config{Dir: filepath.Join(in.dir, "data")})
	if err != nil {
		in.t.Fatal(err)
	}
	who, now := user+"@example.com", time.Now()
	d := jit.Drift{
		ID: id, Kind: jit.DriftStanding, Target: "aws_iam_group:111122223333:staging-operators:" + who, Who: who, Principal: who, Resource: "staging",
		Entitlement: jit.Entitlement{Kind: "aws_iam_group", Params: map[string]string{"account": "111122223333", "group": "staging-operators"}},
		FirstSeen:   now, LastSeen: now,
	}
	err = store.Write(in.t.Context(), func(tx storage.Tx) error {
		c := jit.Record(jit.Event{At: now, Kind: jit.EventDriftFound, Actor: jit.ActorJitbot, Outcome: "ok"})
		return errors.Join(c.Drift(d, jit.DriftOpen), tx.Save(c))
	})
	if err := errors.Join(err, store.Close()); err != nil {
		in.t.Fatal(err)
	}
}

// forget empties what is kept of rounds, as if none had been done.
func (in *installation) forget(note string) {
	in.t.Helper()
	store, err := sqlite.Open(in.t.Context(), sqlite.Config{Dir: filepath.Join(in.dir, "data")})
	if err == nil {
		err = errors.Join(store.Write(in.t.Context(), func(tx storage.Tx) error { return tx.SetNote(note, []byte("{}")) }), store.Close())
	}
	if err != nil {
		in.t.Fatal(err)
	}
}

func driftIs(id string, state jit.DriftState) func(storage.View) bool {
	return func(v storage.View) bool {
		d, err := v.Drift(id)
		return err == nil && d.State == state
	}
}

func TestF62AnOperatorLooksAfterDriftWhileJitbotRunsAndWhileItDoesNot(t *testing.T) { // feature 62
	t.Parallel()
	in := install(t)
	in.start()
	in.kill()
	if err := in.aws.Join("staging-operators", "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	in.found("drf_bo", "bo")
	in.found("drf_ann", "ann")
	data, config := filepath.Join(in.dir, "data"), filepath.Join(in.dir, "config.yaml")
	if out, code := botSays(t, "drift", "list", "--config", config); code != exitOK || !strings.Contains(out, "drf_bo") || !strings.Contains(out, "standing") {
		t.Errorf("drift list: %d\n%s", code, out)
	}
	if out, code := botSays(t, "drift", "fix", "drf_bo", "--data", data); code != exitUsage || !strings.Contains(out, "--reason TEXT is needed") {
		t.Errorf("without a reason: %d\n%s", code, out)
	}
	if out, code := botSays(t, "drift", "fix", "drf_none", "--data", data, "--reason", "drill"); code != exitRefused || !strings.Contains(out, "There is no drift drf_none") {
		t.Errorf("one that is not there: %d\n%s", code, out)
	}
	if out, code := botSays(t, "drift", "fix", "drf_bo", "--data", data, "--reason", "drill"); code != exitOK || !strings.Contains(out, "as soon as jitbot runs again") {
		t.Fatalf("drift fix without a bot: %d\n%s", code, out)
	}
	in.start()
	in.until("bo's access is gone", driftIs("drf_bo", jit.DriftGone))
	if out, code := botSays(t, "drift", "accept", "drf_ann", "--data", data, "--reason", "she runs it", "--json"); code != exitOK || !strings.Contains(out, `"running": true`) {
		t.Fatalf("drift accept beside a running bot: %d\n%s", code, out)
	}
	if out, code := botSays(t, "drift", "accept", "drf_ann", "--data", data, "--reason", "she runs it"); code != exitRefused || !strings.Contains(out, "has accepted that already") {
		t.Errorf("accepted twice: %d\n%s", code, out)
	}
	if out, _ := botSays(t, "drift", "list", "--data", data, "--json"); !strings.Contains(out, `"accepted_by": "os:`) || !strings.Contains(out, `"reason": "she runs it"`) {
		t.Errorf("who accepted it and why is not on record:\n%s", out)
	}
	if got := in.aws.Members("staging-operators"); !slices.Equal(got, []string{"ann@example.com"}) {
		t.Errorf("AWS holds %v", got)
	}
	if out, code := botSays(t, "drift", "fix", "drf_ann", "--data", data, "--reason", "not any more"); code != exitOK || !strings.Contains(out, "drf_ann is being put right") {
		t.Errorf("drift fix beside a running bot: %d\n%s", code, out)
	}
	in.until("ann's access is gone", driftIs("drf_ann", jit.DriftGone))
}

func TestF62AListWithoutFindingsSaysWhatItRestsOn(t *testing.T) { // feature 62
	t.Parallel()
	in := install(t)
	in.start()
	data := filepath.Join(in.dir, "data")
	compared := func(v storage.View) bool {
		raw, err := v.Note("drift")
		return err == nil && strings.Contains(string(raw), `"good_at"`)
	}
	in.until("a round was done", compared)
	says := func(want string) {
		t.Helper()
		if out, code := botSays(t, "drift", "list", "--data", data); code != exitOK || out != want {
			t.Errorf("drift list: %d\n%s", code, out)
		}
	}
	says("1 seen once; they count when they are seen again in a minute\n") // bo stands there
	in.kill()
	if err := in.aws.Leave("staging-operators", "bo@example.com"); err != nil {
		t.Fatal(err)
	}
	in.forget("drift")
	in.start()
	in.until("another round was done", compared)
	says("no drift in 2 things that are compared\n")
	if out, code := botSays(t, "drift", "mend", "x", "--data", data); code != exitUsage || !strings.Contains(out, "none of list, accept, fix") {
		t.Errorf("drift mend: %d\n%s", code, out)
	}
}

func TestLookingAtTheStoreNeedsNoSecretOfTheConfiguration(t *testing.T) {
	t.Parallel()
	in := install(t)
	in.start()
	in.kill()
	config := filepath.Join(in.dir, "secretive.yaml")
	text, err := os.ReadFile(filepath.Join(in.dir, "config.yaml"))
	if err == nil {
		err = os.WriteFile(config, append(text, "\nmetrics: {token: \"${A_TOKEN_THAT_IS_NOT_SET}\"}\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"grants", "requests", "drift"} {
		if out, code := botSays(t, command, "list", "--config", config); code != exitOK {
			t.Errorf("%s list: %d\n%s", command, code, out)
		}
	}
}
