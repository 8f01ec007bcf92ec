package sqlite

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ballast is disk space kept aside. It is given back once when the disk is
// full, so that ends of access can still be written.
type ballast struct {
	path string
	size int64 // 0: none is kept
	laid bool
}

func newBallast(path string, size int64) *ballast {
	info, err := os.Stat(path)
	return &ballast{path: path, size: size, laid: err == nil && info.Size() >= size}
}

// lay sets the space aside unless it is already. It fails, leaving nothing
// behind, while the disk has less than twice that much to spare.
func (b *ballast) lay() error {
	if b.size == 0 || b.laid {
		return nil
	}
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("ballast: %w", err)
	}
	defer func() { _ = f.Close() }() // its content does not matter, only its room
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return fmt.Errorf("ballast: %w", err)
	}
	if free := int64(fs.Bavail) * fs.Bsize; free < 2*b.size {
		return fmt.Errorf("ballast: %d MiB free, %d MiB wanted", free>>20, 2*b.size>>20)
	}
	if err := fill(f, b.size); err != nil {
		return errors.Join(fmt.Errorf("ballast: %w", err), f.Truncate(0))
	}
	b.laid = true
	return nil
}

// fill reserves size bytes, by writing them where the file system cannot
// reserve without.
func fill(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}

// free gives the space back and reports whether there was any.
func (b *ballast) free() bool {
	if b.size == 0 || !b.laid {
		return false
	}
	b.laid = false
	return os.Truncate(b.path, 0) == nil
}
