package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"jitbot/internal/secret"
	"jitbot/internal/strictjson"
)

// What this computer keeps of the jitbots it is linked at: one token each, in a
// file that nobody else can read, and a code that waits to be confirmed.

// keptToken is a token that this computer was given.
type keptToken struct {
	Server    string    `json:"server"`
	Token     string    `json:"token"`
	ID        string    `json:"token_id"`
	Person    string    `json:"person"`
	Name      string    `json:"name"`
	ExpiresAt time.Time `json:"expires_at"`
}

// keptCode is a code that waits for somebody to confirm it in chat.
type keptCode struct {
	Server     string    `json:"server"`
	DeviceCode string    `json:"device_code"`
	UserCode   string    `json:"user_code"`
	ExpiresAt  time.Time `json:"expires_at"`
	Interval   int       `json:"interval"` // seconds
}

// keptServer is where `bot login` went last.
type keptServer struct {
	Server string `json:"server"`
}

// keeping is the folder with these files.
type keeping struct{ dir string }

// keepingOf finds the folder: $XDG_CONFIG_HOME/jitbot, else ~/.config/jitbot.
func keepingOf(getenv func(string) string) (keeping, error) {
	base := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) { // as the XDG specification has it
		home := getenv("HOME")
		if !filepath.IsAbs(home) {
			return keeping{}, errors.New("there is no place for a token: set HOME or XDG_CONFIG_HOME to an absolute path")
		}
		base = filepath.Join(home, ".config")
	}
	return keeping{filepath.Join(base, "jitbot")}, nil
}

const serverFile = "server.json"

func tokenFile(server string) string { return "token-" + short(server) + ".json" }
func codeFile(server string) string  { return "pending-" + short(server) + ".json" }

// short names the files of a server.
func short(server string) string {
	sum := sha256.Sum256([]byte(server))
	return hex.EncodeToString(sum[:8])
}

// read reads a file into what into points to. One that is not there is
// [fs.ErrNotExist]; one that others can read is refused, as its secret may be
// theirs by now.
func (k keeping) read(name string, into any) error {
	if err := k.checkDir(); err != nil {
		return err
	}
	path := filepath.Join(k.dir, name)
	text, err := secret.Load("file:"+path, nil)
	if err != nil {
		return err
	}
	if err := strictjson.Decode([]byte(text.Reveal()), into); err != nil {
		return fmt.Errorf("%s cannot be read: %w; delete it", path, err)
	}
	return nil
}

// checkDir refuses a folder that is not this user's alone.
func (k keeping) checkDir() error {
	info, err := os.Lstat(k.dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s has to be a folder, and no symbolic link to one", k.dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("the folder %s has mode %04o, so others may get at its tokens; run: chmod 700 %s", k.dir, info.Mode().Perm(), k.dir)
	case !ok || int64(owner.Uid) != int64(os.Geteuid()):
		return fmt.Errorf("the folder %s belongs to somebody else", k.dir)
	}
	return nil
}

// write puts a file in place whole or not at all.
func (k keeping) write(name string, what any) (err error) {
	if err := os.MkdirAll(filepath.Dir(k.dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(k.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := k.checkDir(); err != nil {
		return err
	}
	raw, err := json.Marshal(what)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(k.dir, ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(k.dir, name))
}

// remove removes a file, if it is there.
func (k keeping) remove(name string) error {
	err := os.Remove(filepath.Join(k.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
