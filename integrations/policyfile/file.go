package policyfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"jitbot/bot"
	"jitbot/jit"
)

// File is a policy file that changes are written into. Several processes may
// have one open. Make it with [Open].
type File struct {
	cfg  Config
	path string // as it was named; it may be a link
}

var _ bot.PolicyWriter = (*File)(nil)

// Open names the file; it is read and written when it is asked to be.
func Open(cfg Config, path string) (*File, error) {
	if path == "" {
		return nil, errors.New("policy file: a path is needed")
	}
	f := &File{cfg: cfg}
	var err error
	if f.path, err = filepath.Abs(path); err == nil {
		_, err = f.real()
	}
	if err != nil {
		return nil, fmt.Errorf("policy file: %w", err)
	}
	return f, nil
}

// real is the file itself, where the path is a link to it. A link that points
// elsewhere by now is followed there, as whoever loads the policy follows it.
func (f *File) real() (string, error) { return filepath.EvalSymlinks(f.path) }

// Read returns the file as it is.
func (f *File) Read(context.Context) ([]byte, error) { return os.ReadFile(f.path) }

// Propose writes c into the file and commits it where that is set up. A file
// that has the change already is only committed. What was written and could not
// be committed stays: the place comes with the error.
func (f *File) Propose(ctx context.Context, c bot.PolicyChange) (jit.Where, error) {
	path, err := f.real()
	if err != nil {
		return jit.Where{}, err
	}
	unlock, err := lock(ctx, path)
	if err != nil {
		return jit.Where{}, err
	}
	defer unlock()
	src, err := os.ReadFile(path)
	if err != nil {
		return jit.Where{}, err
	}
	repo, err := f.repository(ctx, path)
	if err != nil {
		return jit.Where{}, err
	}
	if !bytes.Equal(src, c.After) {
		if sum := sha256.Sum256(src); hex.EncodeToString(sum[:]) != c.Base {
			return jit.Where{}, bot.ErrBaseMoved
		}
		if err := repo.clean(ctx); err != nil {
			return jit.Where{}, err
		}
		if err := swap(path, src, c.After); err != nil {
			return jit.Where{}, err
		}
		if err := syncDir(filepath.Dir(path)); err != nil {
			return jit.Where{Kind: "file"}, err
		}
	}
	commit, err := repo.commit(ctx, c)
	return jit.Where{Kind: "file", Commit: commit}, err
}

// swap puts after in the place of before: whole or not at all. An editor that saves in the instant between the last look and the
// rename loses what it saved, as no file system offers more.
func swap(path string, before, after []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".policy-*")
	if err != nil {
		return fmt.Errorf("the folder of the policy cannot be written: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already where it became the file
	if err := fill(tmp, after, info); err != nil {
		return err
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, before) {
		return errors.Join(bot.ErrBaseMoved, err)
	}
	return os.Rename(tmp.Name(), path)
}

func fill(tmp *os.File, text []byte, like os.FileInfo) error {
	_, err := tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(like.Mode().Perm()), sameOwner(tmp, like), tmp.Sync())
	return errors.Join(err, tmp.Close())
}

// syncDir makes a rename in a folder safe from a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
