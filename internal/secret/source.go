package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// MaxBytes is the longest secret that is read.
const MaxBytes = 64 << 10

// maxSpec is the longest text that can say where a secret is: a path.
const maxSpec = 4096

const (
	fromEnv  = "env"
	fromFile = "file"
)

// source is the place a secret is read from.
type source struct {
	kind string // fromEnv, fromFile, or empty
	name string // of the variable, or the path
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// parse never repeats what it refuses, since that may be the secret itself.
func parse(spec string) (source, error) {
	if name, ok := strings.CutPrefix(spec, "${"); ok && strings.HasSuffix(name, "}") {
		return parseEnv(strings.TrimSuffix(name, "}"))
	}
	if name, ok := strings.CutPrefix(spec, "env:"); ok {
		return parseEnv(name)
	}
	if path, ok := strings.CutPrefix(spec, "file:"); ok {
		return parseFile(path)
	}
	return source{}, errors.New("a secret is not written here; put it into an environment variable and write ${NAME}, or into a file of mode 0600 and write file:/path")
}

func parseEnv(name string) (source, error) {
	if !variable.MatchString(name) {
		return source{}, errors.New("not the name of an environment variable: write ${NAME} or env:NAME with letters, digits and underscores")
	}
	return source{fromEnv, name}, nil
}

func parseFile(path string) (source, error) {
	if len(path) > maxSpec || strings.ContainsRune(path, 0) || !filepath.IsAbs(path) {
		return source{}, errors.New("not the path of a secret file: write file: and an absolute path, such as file:/etc/jitbot/secrets/slack")
	}
	return source{fromFile, filepath.Clean(path)}, nil
}

func (s source) read(getenv func(string) string) (string, error) {
	if s.kind == fromFile {
		return readFile(s.name, os.Geteuid())
	}
	text := getenv(s.name)
	switch {
	case text == "":
		return "", fmt.Errorf("environment variable %s is not set; set it to the secret", s.name)
	case len(text) > MaxBytes:
		return "", fmt.Errorf("environment variable %s holds more than %d bytes, which no secret needs", s.name, MaxBytes)
	}
	return text, nil
}

// readFile reads a secret from a file that nobody but uid can read. It opens
// the file first and checks what it opened, so that nothing can be put in its
// place in between.
func readFile(path string, uid int) (text string, err error) {
	// O_NONBLOCK: opening a named pipe must not wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return "", fmt.Errorf("secret file %s is a symbolic link; name the file itself", path)
	} else if err != nil {
		return "", fmt.Errorf("secret file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("secret file: %w", err)
	}
	if err := checkFile(path, info, uid); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return "", fmt.Errorf("secret file: %w", err)
	}
	return content(path, string(b))
}

func checkFile(path string, info fs.FileInfo, uid int) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("secret file %s is not a regular file", path)
	}
	if loose := info.Mode().Perm() &^ 0o600; loose != 0 {
		return fmt.Errorf("secret file %s has mode %04o, so others may read it; run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || int64(st.Uid) != int64(uid) {
		return fmt.Errorf("secret file %s does not belong to the user jitbot runs as; run: chown %d %s", path, uid, path)
	}
	return nil
}

func content(path, text string) (string, error) {
	if len(text) > MaxBytes {
		return "", fmt.Errorf("secret file %s holds more than %d bytes, which no secret needs", path, MaxBytes)
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("secret file %s is empty; write the secret into it", path)
	}
	return text, nil
}
