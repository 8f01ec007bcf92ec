package secret

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const canary = "xoxb-CANARY-4711"

func file(t *testing.T, mode os.FileMode, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestASecretIsLoadedFromWhereItsSpecSays(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", MaxBytes)
	for _, c := range []struct{ name, spec, want string }{
		{"braces", "${TOKEN}", canary},
		{"env", "env:TOKEN", canary},
		{"env keeps its newline", "env:LINES", canary + "\n"},
		{"longest variable", "env:LONG", long},
		{"file", "file:" + file(t, 0o600, canary), canary},
		{"read-only file", "file:" + file(t, 0o400, canary+"\n"), canary},
		{"newline of Windows", "file:" + file(t, 0o600, canary+"\r\n"), canary},
		{"one newline only", "file:" + file(t, 0o600, canary+"\n\n"), canary + "\n"},
		{"longest file", "file:" + file(t, 0o600, long), long},
	} {
		v, err := Load(c.spec, func(name string) string {
			return map[string]string{"TOKEN": canary, "LINES": canary + "\n", "LONG": long}[name]
		})
		if err != nil || v.Reveal() != c.want {
			t.Errorf("%s: %v, or another secret", c.name, err)
		}
	}
}

func TestWhatIsNoSafePlaceForASecretIsRefused(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "link")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := os.Symlink(file(t, 0o600, canary), link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat(canary, MaxBytes/len(canary)+1)
	for _, c := range []struct{ name, spec, want string }{
		{"the secret itself", canary, "write ${NAME}, or into a file"},
		{"empty", "", "a secret is not written here"},
		{"open brace", "${TOKEN", "a secret is not written here"},
		{"default", "${TOKEN:-" + canary + "}", "not the name of an environment variable"},
		{"space around", " env:TOKEN", "a secret is not written here"},
		{"secret for name", "env:" + canary, "not the name of an environment variable"},
		{"no name", "env:", "not the name of an environment variable"},
		{"upper case scheme", "ENV:TOKEN", "a secret is not written here"},
		{"unset", "env:MISSING", "environment variable MISSING is not set; set it"},
		{"long variable", "env:LONG", "LONG holds more than 65536 bytes"},
		{"relative path", "file:secrets/" + canary, "an absolute path"},
		{"no path", "file:", "an absolute path"},
		{"NUL in path", "file:/tmp/a\x00b", "an absolute path"},
		{"long path", "file:/" + strings.Repeat("a", maxSpec), "an absolute path"},
		{"no file", "file:/nowhere/token", "no such file"},
		{"directory", "file:" + t.TempDir(), "is not a regular file"},
		{"device", "file:/dev/null", "is not a regular file"},
		{"pipe", "file:" + pipe, "is not a regular file"},
		{"symbolic link", "file:" + link, "is a symbolic link"},
		{"read by the group", "file:" + file(t, 0o640, canary), "has mode 0640, so others may read it; run: chmod 600"},
		{"read by all", "file:" + file(t, 0o604, canary), "has mode 0604"},
		{"executable", "file:" + file(t, 0o700, canary), "has mode 0700"},
		{"empty file", "file:" + file(t, 0o600, ""), "is empty"},
		{"only a newline", "file:" + file(t, 0o600, "\n"), "is empty"},
		{"long file", "file:" + file(t, 0o600, long), "holds more than 65536 bytes"},
	} {
		v, err := Load(c.spec, func(name string) string {
			return map[string]string{"TOKEN": canary, "LONG": long}[name]
		})
		if err == nil || v.IsSet() || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, got %v", c.name, c.want, err)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error shows the secret: %v", c.name, err)
		}
	}
}

func TestAFileOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	path := file(t, 0o600, canary)
	_, err := readFile(path, os.Geteuid()+1)
	if err == nil || !strings.Contains(err.Error(), "does not belong to the user jitbot runs as; run: chown") {
		t.Errorf("got %v", err)
	}
}

func FuzzNoErrorRepeatsWhatMayBeASecret(f *testing.F) {
	for _, seed := range []string{"", "}", "${A}", "env:A", "file:/a", "\n", "\x00", "-${A}", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		for _, spec := range []string{canary + rest, "${" + canary + rest, "env:" + canary + rest, "file:" + canary + rest} {
			if _, err := parse(spec); err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%q: %v", spec, err)
			}
		}
	})
}
