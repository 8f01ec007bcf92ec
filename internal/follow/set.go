package follow

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// MaxFiles is how many files a pattern may name: each costs a line in what
	// is kept.
	MaxFiles = 2000
	maxHead  = 4096 // bytes at the start of a file that tell it from others
)

// Mark is what is kept of a file: which it is, and how much of it was read. A
// file is known by its inode and by how it starts, as an inode is used again
// and a file is moved; a copy, compressed or not, is known by its start alone.
type Mark struct {
	Dev     uint64    `json:"d"`
	Ino     uint64    `json:"i"`
	Head    string    `json:"h"` // of its first HeadLen bytes
	HeadLen int       `json:"n"`
	Place   Place     `json:"p"`
	Size    int64     `json:"z"`           // when it was last looked at, as it lies there
	Changed int64     `json:"m"`           // its time of change then, in nanoseconds
	Done    bool      `json:"e,omitempty"` // all whole records that it had then were read
	Rest    bool      `json:"r,omitempty"` // something followed them
	Packed  bool      `json:"g,omitempty"` // by gzip
	First   time.Time `json:"t,omitzero"`  // the time of its first record that has one
}

// File is one file of a set.
type File struct {
	Path string
	Mark Mark
	// Seen says that the file is as it was when all of it had been read.
	Seen bool

	Bad error // what keeps it from being read

	start []byte // how it starts
}

// Set is the files that a pattern names.
type Set struct {
	Files []*File // the oldest content first
	// Lost are marks whose files are gone, or start otherwise now.
	Lost []Mark
}

// Look finds the files of a pattern and what of each was read before. first
// tells the time of a record; it puts the files in order. Files that cannot be
// opened are in the set with their error.
func Look(pattern string, kept []Mark, ender func() Ender, first func([]byte) (time.Time, bool)) (Set, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return Set{}, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	if len(paths) > MaxFiles {
		return Set{}, fmt.Errorf("pattern %q names %d files; at most %d can be followed", pattern, len(paths), MaxFiles)
	}
	var s Set
	for _, path := range paths {
		f, err := look(path, kept)
		if errors.Is(err, os.ErrNotExist) { // it went since
			continue
		}
		if f == nil || slices.ContainsFunc(s.Files, f.same) { // a link to another of them
			continue
		}
		f.Bad = err
		s.Files = append(s.Files, f)
	}
	s.Lost = s.match(kept)
	for _, f := range s.Files {
		f.dated(ender, first)
	}
	slices.SortStableFunc(s.Files, (*File).compare)
	return s, nil
}

func (f *File) same(o *File) bool { return o.Mark.Dev == f.Mark.Dev && o.Mark.Ino == f.Mark.Ino }

func (f *File) compare(o *File) int {
	a, b := f.when(), o.when()
	if c := a.Compare(b); c != 0 {
		return c
	}
	return strings.Compare(f.Path, o.Path)
}

// when is the time of the content, or of the file where that has none.
func (f *File) when() time.Time {
	if f.Mark.First.IsZero() {
		return time.Unix(0, f.Mark.Changed)
	}
	return f.Mark.First
}

// look stats a file, and reads its start unless it is as it was. A directory,
// device or pipe is no file.
func look(path string, kept []Mark) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return &File{Path: path}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.Mode().IsRegular() || !ok {
		return nil, nil
	}
	f := &File{Path: path, Mark: Mark{Dev: st.Dev, Ino: st.Ino, Size: info.Size(), Changed: info.ModTime().UnixNano()}}
	for _, m := range kept {
		if m.Done && m.Dev == st.Dev && m.Ino == st.Ino && m.Size == info.Size() && m.Changed == f.Mark.Changed {
			f.Mark, f.Seen = m, true
			return f, nil
		}
	}
	r, closer, packed, err := f.open()
	f.Mark.Packed = packed
	if err != nil {
		return f, err
	}
	defer func() { _ = closer.Close() }() // it was only read
	start, _ := r.Peek(maxHead)           // what is wrong further on is found there
	f.start = slices.Clone(start)
	return f, nil
}

// match gives each file the mark that is its own, and returns those that are
// left over.
func (s *Set) match(kept []Mark) (lost []Mark) {
	free := slices.Clone(kept)
	claim := func(f *File, m Mark) {
		f.Mark.Head, f.Mark.HeadLen, f.Mark.Place, f.Mark.First = m.Head, m.HeadLen, m.Place, m.First
		free = slices.DeleteFunc(free, func(o Mark) bool { return o.Dev == m.Dev && o.Ino == m.Ino })
	}
	for _, f := range s.Files {
		for _, m := range kept {
			if f.Mark.Dev == m.Dev && f.Mark.Ino == m.Ino && (f.Seen || f.starts(m) && f.Mark.Size >= m.Size) {
				claim(f, m)
				break
			}
		}
	}
	for _, f := range s.Files {
		if f.Mark.HeadLen > 0 || f.Bad != nil {
			continue
		}
		best := -1
		for i, m := range free {
			if f.starts(m) && (best < 0 || m.Place.Offset > free[best].Place.Offset) {
				best = i
			}
		}
		if best >= 0 {
			claim(f, free[best])
		}
	}
	return slices.DeleteFunc(free, func(m Mark) bool { return m.Place.Offset == 0 }) // nothing was read of it
}

// starts reports whether the file starts as the marked one did.
func (f *File) starts(m Mark) bool {
	return m.HeadLen > 0 && len(f.start) >= m.HeadLen && headOf(f.start[:m.HeadLen]) == m.Head
}

func headOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// dated finds out when the file's content begins.
func (f *File) dated(ender func() Ender, first func([]byte) (time.Time, bool)) {
	if !f.Mark.First.IsZero() || len(f.start) == 0 {
		return
	}
	l := NewRecords(strings.NewReader(string(f.start)), ender(), Place{})
	for rec, err := l.Next(); err == nil; rec, err = l.Next() {
		if at, ok := first(rec.Text); ok && rec.Fault == None {
			f.Mark.First = at
			return
		}
	}
}

// open opens the file, unpacked.
func (f *File) open() (*bufio.Reader, io.Closer, bool, error) {
	// O_NONBLOCK: what became a pipe since must not be waited for.
	file, err := os.OpenFile(f.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, false, err
	}
	content, packed, err := Unpack(file)
	if err != nil {
		return nil, nil, packed, errors.Join(err, file.Close())
	}
	return bufio.NewReaderSize(content, maxHead), file, packed, nil
}

// Reading is a file that is being read on.
type Reading struct {
	*Records
	file   *File
	closer io.Closer
	start  []byte
}

// Open goes on in the file where its mark says. Close it.
func (f *File) Open(ctx context.Context, ender Ender) (*Reading, error) {
	r, closer, packed, err := f.open()
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*Reading, error) { return nil, errors.Join(err, closer.Close()) }
	start, _ := r.Peek(maxHead)
	out := &Reading{file: f, closer: closer, start: slices.Clone(start)}
	if f.Mark.HeadLen > 0 && (len(start) < f.Mark.HeadLen || headOf(start[:f.Mark.HeadLen]) != f.Mark.Head) {
		return fail(fmt.Errorf("%s: it changed while it was looked at", f.Path))
	}
	if err := skip(ctx, r, closer, f.Mark.Place.Offset, packed); err != nil {
		return fail(fmt.Errorf("%s: %w", f.Path, err))
	}
	if packed {
		out.Records = NewRecords(r, ender, f.Mark.Place)
	} else {
		out.Records = NewRecords(closer.(io.Reader), ender, f.Mark.Place)
	}
	return out, nil
}

// skip goes to where reading goes on.
func skip(ctx context.Context, r io.Reader, file io.Closer, offset int64, packed bool) error {
	if !packed {
		_, err := file.(io.Seeker).Seek(offset, io.SeekStart)
		return err
	}
	for offset > 0 {
		n, err := io.CopyN(io.Discard, r, min(offset, 1<<20))
		offset -= n
		if Ended(err) { // it was longer once
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// Keep notes in the file's mark how far it was read.
func (r *Reading) Keep() {
	m := &r.file.Mark
	m.Place = r.Place()
	if n := int(min(m.Place.Offset, int64(len(r.start)))); n > m.HeadLen {
		m.Head, m.HeadLen = headOf(r.start[:n]), n
	}
}

// Close closes the file.
func (r *Reading) Close() error { return r.closer.Close() }
