package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"jitbot/storage"
)

// Network file systems, by the magic number of statfs(2): their locks and
// flushes do not hold what SQLite needs.
var networkMagic = map[uint32]string{
	0x6969:     "NFS",
	0xff534d42: "CIFS",
	0xfe534d42: "SMB2",
	0x517b:     "SMB",
}

func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("statfs: %w", err)
	}
	return refuseNetwork(uint32(fs.Type))
}

func refuseNetwork(magic uint32) error {
	if name, ok := networkMagic[magic]; ok {
		return fmt.Errorf("%w: the folder is on a network file system (%s); use a local disk", storage.ErrUnsafe, name)
	}
	return nil
}

// createFile makes an empty database file that only its owner may read.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %w", storage.ErrReadOnly, err)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// takeLock locks the store for this process until the file is closed or the
// process ends, however it ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: lock file: %w", storage.ErrReadOnly, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }() // it was not ours
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by process %s; stop it first, or give this one another data directory", storage.ErrLocked, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	// The pid only makes the refusal above helpful; a full disk must not stop us here.
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return f, nil
}

// dropLock gives the lock up. It is unlocked by name and not only by closing,
// as a child process that is just being started may hold a copy of the file.
func dropLock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

func holder(f *os.File) string {
	raw, err := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(raw)); err == nil && pid != "" {
		return pid
	}
	return "(unknown)"
}
