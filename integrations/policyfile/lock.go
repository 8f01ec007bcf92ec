package policyfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// How long is waited for another process, and how often it is tried.
const (
	lockFor   = 10 * time.Second
	lockEvery = 50 * time.Millisecond
)

// lock keeps other processes that use this package from the file until unlock.
// The lock goes with the process; the lock file itself stays.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockFor)
	defer cancel()
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the policy file: %w", err)
	}
	retry := time.NewTicker(lockEvery)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the policy file: %w", err), f.Close())
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, errors.Join(errors.New("another process is writing the policy file; try again"), f.Close())
		}
	}
}

// sameOwner gives a file the owner and the group another has, or what of the two
// may be given: a file that its group could write goes on being theirs.
func sameOwner(f *os.File, like os.FileInfo) error {
	st, ok := like.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() && int(st.Gid) == os.Getegid() {
		return nil
	}
	err := f.Chown(int(st.Uid), int(st.Gid))
	if errors.Is(err, os.ErrPermission) {
		err = f.Chown(-1, int(st.Gid))
	}
	if errors.Is(err, os.ErrPermission) {
		return nil
	}
	return err
}
