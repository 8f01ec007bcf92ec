package exportfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// appender writes whole lines at the end of a file, and begins another when it
// is full. What was added is on the disk after flush.
type appender struct {
	path    string
	heading []byte
	most    int64
	keep    int

	file *os.File // nil: not open
	to   *bufio.Writer
	size int64
}

// add writes a line. It may be the first of another file.
func (a *appender) add(line []byte) error {
	if err := a.stand(); err != nil {
		return err
	}
	if a.size > a.begin() && a.size+int64(len(line)) > a.most {
		if err := a.rotate(); err != nil {
			return err
		}
	}
	return a.write(line)
}

// begin is the size of a file that holds nothing but its heading.
func (a *appender) begin() int64 {
	if a.heading == nil {
		return 0
	}
	return int64(len(a.heading)) + 1
}

func (a *appender) write(line []byte) error {
	n, err := a.to.Write(line)
	a.size += int64(n)
	return err
}

// flush puts everything onto the disk.
func (a *appender) flush() error {
	if a.file == nil {
		return nil
	}
	if err := a.to.Flush(); err != nil {
		return err
	}
	return a.file.Sync()
}

func (a *appender) close() error {
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	return err
}

// stand opens the file if it is not open, or if something else was put in its
// place, such as by a program that moves logs away.
func (a *appender) stand() error {
	if a.file != nil && a.to.Buffered() == 0 {
		there, err := os.Lstat(a.path)
		open, err2 := a.file.Stat()
		if err != nil || err2 != nil || !os.SameFile(there, open) {
			if err := a.close(); err != nil {
				return err
			}
		}
	}
	if a.file != nil {
		return nil
	}
	return a.open()
}

func (a *appender) open() (err error) {
	f, err := os.OpenFile(a.path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := sound(a.path, info); err != nil {
		return err
	}
	if a.size, err = mend(f, info.Size()); err != nil {
		return err
	}
	a.file, a.to = f, bufio.NewWriterSize(f, 64<<10)
	if a.size > 0 {
		return nil
	}
	if err = syncDir(a.path); err == nil && a.heading != nil {
		err = a.write(append(slices.Clone(a.heading), '\n'))
	}
	if err != nil {
		a.file = nil
	}
	return err
}

// sound refuses what is no file of jitbot's own.
func sound(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if loose := info.Mode().Perm() &^ 0o600; loose != 0 {
		return fmt.Errorf("%s has mode %04o, so others may read it; run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return nil
}

// mend cuts off a line that was torn by a crash, and returns the size then.
func mend(f *os.File, size int64) (int64, error) {
	for end := size; end > 0; {
		part := make([]byte, min(end, 64<<10))
		if _, err := f.ReadAt(part, end-int64(len(part))); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if at := bytes.LastIndexByte(part, '\n'); at >= 0 {
			whole := end - int64(len(part)) + int64(at) + 1
			if whole == size {
				return size, nil
			}
			return whole, f.Truncate(whole)
		}
		end -= int64(len(part))
	}
	return 0, f.Truncate(0)
}

// rotate puts the full file aside under the next number and begins another.
func (a *appender) rotate() error {
	if err := errors.Join(a.flush(), a.close()); err != nil {
		return err
	}
	old, err := a.full()
	if err != nil {
		return err
	}
	next := 1
	if len(old) > 0 {
		next = old[len(old)-1] + 1
	}
	if err := os.Rename(a.path, a.aside(next)); err != nil {
		return err
	}
	for a.keep > 0 && len(old) >= a.keep {
		if err := os.Remove(a.aside(old[0])); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		old = old[1:]
	}
	return a.open() // which makes all of it last
}

func (a *appender) aside(n int) string { return fmt.Sprintf("%s.%06d", a.path, n) }

// full are the numbers of the files that were put aside, in order.
func (a *appender) full() (out []int, err error) {
	all, err := os.ReadDir(filepath.Dir(a.path))
	if err != nil {
		return nil, err
	}
	for _, entry := range all {
		number, ok := strings.CutPrefix(entry.Name(), filepath.Base(a.path)+".")
		if n, err := strconv.Atoi(number); ok && err == nil && n > 0 {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// syncDir makes the names in a file's folder last.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func writable(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("the folder %s cannot be written to: %w", dir, err)
	}
	return nil
}
