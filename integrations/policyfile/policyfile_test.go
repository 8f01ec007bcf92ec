package policyfile_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"jitbot/bot"
	"jitbot/integrations/policyfile"
	"jitbot/internal/strictyaml"
)

const before, after = "a: 1\r\nb: 2", "a: 1\r\nb: 3"

func change(before, after string) bot.PolicyChange {
	sum := sha256.Sum256([]byte(before))
	return bot.PolicyChange{
		Suggestion: "sug_1", Base: hex.EncodeToString(sum[:]), Before: []byte(before), After: []byte(after), Title: "Policy: b of rule a\nfrom 2 to 3",
		Trailers: []bot.Trailer{{Name: "Suggestion-Id", Value: "sug_1"}, {Name: "Proposed-by", Value: "sam@example.com"}, {Name: "Confirmed-by", Value: "ada@example.com\nEvil: yes"}},
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func open(t *testing.T, cfg policyfile.Config, path string) *policyfile.File {
	t.Helper()
	f, err := policyfile.Open(cfg, path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAChangeIsSwappedInWholeAndKeepsTheMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "policy.yaml"), filepath.Join(t.TempDir(), "link.yaml")
	write(t, path, before)
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	f := open(t, policyfile.Config{}, link)
	where, err := f.Propose(t.Context(), change(before, after))
	if err != nil || where.Kind != "file" || where.Commit != "" {
		t.Fatalf("%+v, %v", where, err)
	}
	if got := read(t, path); got != after {
		t.Errorf("the file is %q", got)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is not one any more: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 { // the file and its lock
		t.Errorf("left behind: %v", left)
	}
	if _, err := f.Propose(t.Context(), change(before, after)); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if got := read(t, path); got != after {
		t.Errorf("the second time the file is %q", got)
	}
}

func TestAFileThatMovedOnIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, before+"\n# more")
	_, err := open(t, policyfile.Config{}, path).Propose(t.Context(), change(before, after))
	if !errors.Is(err, bot.ErrBaseMoved) || read(t, path) != before+"\n# more" {
		t.Errorf("%v, %q", err, read(t, path))
	}
}

func TestOfTwoChangesOfOneBaseAtOnceOneIsWritten(t *testing.T) {
	t.Parallel()
	for range 20 {
		path := filepath.Join(t.TempDir(), "policy.yaml")
		write(t, path, before)
		var wait sync.WaitGroup
		errs := make([]error, 2)
		for i, text := range []string{"one", "two"} {
			wait.Go(func() {
				f, err := policyfile.Open(policyfile.Config{}, path)
				if err == nil {
					_, err = f.Propose(t.Context(), change(before, text))
				}
				errs[i] = err
			})
		}
		wait.Wait()
		moved := 0
		for _, err := range errs {
			if errors.Is(err, bot.ErrBaseMoved) {
				moved++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, path); moved != 1 || got != "one" && got != "two" {
			t.Fatalf("%v, %q", errs, got)
		}
	}
}

// repo is a work tree with the policy committed.
func repo(t *testing.T) (path string, git func(args ...string) string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git here")
	}
	dir := t.TempDir()
	git = func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Hand", "-c", "user.email=hand@example.com", "-c", "core.autocrlf=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "--quiet")
	path = filepath.Join(dir, "policy.yaml")
	write(t, path, before)
	write(t, filepath.Join(dir, "other"), "x")
	git("add", "policy.yaml")
	git("commit", "--quiet", "-m", "by hand")
	git("add", "other") // staged by somebody, and not ours to commit
	return path, git
}

var committing = policyfile.Config{Commit: true, Author: "Jit Bot <bot@example.com>"}

func TestAChangeIsCommittedAloneWithItsTrailers(t *testing.T) {
	t.Parallel()
	path, git := repo(t)
	hook := filepath.Join(filepath.Dir(path), ".git", "hooks", "post-commit")
	if err := os.MkdirAll(filepath.Dir(hook), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ntouch ran\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := open(t, committing, path)
	where, err := f.Propose(t.Context(), change(before, after))
	if err != nil || where.Commit != git("rev-parse", "HEAD") {
		t.Fatalf("%+v, %v", where, err)
	}
	want := "Jit Bot <bot@example.com>|Jit Bot|Policy: b of rule a from 2 to 3|sug_1|sam@example.com|ada@example.com Evil: yes"
	format := "%an <%ae>|%cn|%s|%(trailers:key=Suggestion-Id,valueonly,separator=)|%(trailers:key=Proposed-by,valueonly,separator=)|%(trailers:key=Confirmed-by,valueonly,separator=)"
	if got := git("log", "-1", "--format="+format); got != want {
		t.Errorf("the commit is %s", got)
	}
	if got := git("show", "--name-only", "--format=", "HEAD"); got != "policy.yaml" {
		t.Errorf("it commits %s", got)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "ran")); err == nil {
		t.Error("a hook of the repository was run")
	}
	again, err := f.Propose(t.Context(), change(before, after))
	if err != nil || again != where || git("rev-list", "--count", "HEAD") != "2" {
		t.Errorf("the second time: %+v, %v", again, err)
	}
}

func TestAChangeThatWasWrittenAndNotCommittedIsCommitted(t *testing.T) {
	t.Parallel()
	path, git := repo(t)
	write(t, path, after) // a process died here
	where, err := open(t, committing, path).Propose(t.Context(), change(before, after))
	if err != nil || where.Commit == "" || git("rev-list", "--count", "HEAD") != "2" {
		t.Errorf("%+v, %v", where, err)
	}
}

func TestAChangeThatCannotBeCommittedIsInTheFileAllTheSameAndSaysSo(t *testing.T) {
	t.Parallel()
	path, git := repo(t)
	lock := filepath.Join(filepath.Dir(path), ".git", "index.lock")
	write(t, lock, "") // another git is at it
	f := open(t, committing, path)
	where, err := f.Propose(t.Context(), change(before, after))
	if where.Kind != "file" || where.Commit != "" || err == nil || !strings.Contains(err.Error(), "commit the file by hand") || read(t, path) != after {
		t.Errorf("%+v, %v, the file is %q", where, err, read(t, path))
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if where, err = f.Propose(t.Context(), change(before, after)); err != nil || where.Commit != git("rev-parse", "HEAD") {
		t.Errorf("the second time: %+v, %v", where, err)
	}
}

func TestALinkThatPointsElsewhereByNowIsFollowedThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second, link := filepath.Join(dir, "1.yaml"), filepath.Join(dir, "2.yaml"), filepath.Join(t.TempDir(), "policy.yaml")
	write(t, first, before)
	write(t, second, before)
	if err := os.Symlink(first, link); err != nil {
		t.Fatal(err)
	}
	f := open(t, policyfile.Config{}, link)
	if err := errors.Join(os.Remove(link), os.Symlink(second, link)); err != nil { // a release
		t.Fatal(err)
	}
	if _, err := f.Propose(t.Context(), change(before, after)); err != nil || read(t, first) != before || read(t, second) != after {
		t.Errorf("%v, %q and %q", err, read(t, first), read(t, second))
	}
	if src, err := f.Read(t.Context()); err != nil || string(src) != after {
		t.Errorf("read %q, %v", src, err)
	}
}

func TestWhatPeopleDidNotCommitIsNotCommittedForThem(t *testing.T) {
	t.Parallel()
	path, git := repo(t)
	write(t, path, before+"\n# by hand")
	_, err := open(t, committing, path).Propose(t.Context(), change(before+"\n# by hand", after))
	if err == nil || !strings.Contains(err.Error(), "commit or undo them first") || read(t, path) != before+"\n# by hand" || git("rev-list", "--count", "HEAD") != "1" {
		t.Errorf("%v, %q", err, read(t, path))
	}
}

func TestAFolderWithoutGitIsWrittenAndAFileGitDoesNotFollowIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, before)
	where, err := open(t, policyfile.Config{Commit: true}, path).Propose(t.Context(), change(before, after))
	if err != nil || where.Commit != "" || read(t, path) != after {
		t.Errorf("%+v, %v", where, err)
	}
	tracked, _ := repo(t)
	other := filepath.Join(filepath.Dir(tracked), "new.yaml")
	write(t, other, before)
	if _, err := open(t, committing, other).Propose(t.Context(), change(before, after)); err == nil || !strings.Contains(err.Error(), "git does not follow new.yaml") || read(t, other) != before {
		t.Errorf("%v", err)
	}
}

func TestALockedFileIsWaitedForAndNotForEver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, before)
	f := open(t, policyfile.Config{}, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	unlock := policyfile.LockForTest(t, path)
	if _, err := f.Propose(ctx, change(before, after)); err == nil || !strings.Contains(err.Error(), "another process is writing") || read(t, path) != before {
		t.Errorf("%v", err)
	}
	unlock()
	if _, err := f.Propose(t.Context(), change(before, after)); err != nil {
		t.Error(err)
	}
}

func TestTheConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"commit: true\nauthor: Jit Bot <a@example.com>": "",
		"commit: true\nauthor: nobody":                  "Name <mail>",
		"author: Jit Bot <a@example.com>":               "means nothing without commit",
		"comit: true":                                   "commit",
	} {
		var c policyfile.Config
		err := strictyaml.Decode("c.yaml", []byte(src), &c, nil)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestDoctorSaysWhetherChangesCouldBeWritten(t *testing.T) {
	t.Parallel()
	path, _ := repo(t)
	found := open(t, committing, path).Check(t.Context())
	if len(found) != 2 || !found[0].OK || !found[1].OK || !strings.Contains(found[1].What, "committed as Jit Bot") {
		t.Errorf("%+v", found)
	}
	write(t, path, "x")
	found = open(t, committing, path).Check(t.Context())
	if len(found) != 2 || found[1].OK || !strings.Contains(found[1].What, "not committed") {
		t.Errorf("%+v", found)
	}
	if os.Geteuid() == 0 {
		return // may write anywhere
	}
	if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
		t.Fatal(err)
	}
	if found = open(t, policyfile.Config{}, path).Check(t.Context()); len(found) != 1 || found[0].OK {
		t.Errorf("%+v", found)
	}
	if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestWhatAnEditorSavesWhileTheChangeIsBeingWrittenIsKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, "saved by an editor")
	if err := policyfile.SwapForTest(path, []byte(before), []byte(after)); !errors.Is(err, bot.ErrBaseMoved) || read(t, path) != "saved by an editor" {
		t.Errorf("%v, %q", err, read(t, path))
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTheFileStaysItsOwners(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files to others")
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, before)
	if err := os.Chown(path, 1234, 4321); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, policyfile.Config{}, path).Propose(t.Context(), change(before, after)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 1234 || st.Gid != 4321 || info.Mode().Perm() != 0o640 {
		t.Errorf("it is %+v of mode %v", st, info.Mode())
	}
}

func TestGitSeesNothingOfJitbotsSecrets(t *testing.T) {
	t.Setenv("JITBOT_CANARY", "canary-token")
	path, git := repo(t)
	dir := filepath.Dir(path)
	git("config", "filter.spy.clean", "env > "+filepath.Join(dir, "seen")+"; cat") // what a repository can have git run
	write(t, filepath.Join(dir, ".gitattributes"), "policy.yaml filter=spy\n")
	if _, err := open(t, committing, path).Propose(t.Context(), change(before, after)); err != nil {
		t.Fatal(err)
	}
	if seen := read(t, filepath.Join(dir, "seen")); strings.Contains(seen, "canary-token") || !strings.Contains(seen, "PATH=") {
		t.Errorf("it sees\n%s", seen)
	}
}
