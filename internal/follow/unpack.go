package follow

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
)

// What a compressed file may unpack to: logs shrink 10 to 50 times, and the
// worst that gzip can do is 1032.
const (
	freeBytes = 64 << 20
	maxRatio  = 200
)

// ErrBomb says that a compressed file unpacks to more than a log does.
var ErrBomb = errors.New("it unpacks to more than 200 times its size")

// Unpack returns what is in r: its bytes, or what they unpack to where they are
// compressed by gzip, once. What is unpacked ends with [ErrBomb] where it is
// too much, and with an error of another kind where it is cut off or damaged.
func Unpack(r io.Reader) (content *bufio.Reader, packed bool, err error) {
	counted := &counter{r: r}
	plain := bufio.NewReader(counted)
	if start, _ := plain.Peek(2); string(start) != "\x1f\x8b" {
		return plain, false, nil
	}
	z, err := gzip.NewReader(plain)
	if err != nil {
		return nil, true, err
	}
	return bufio.NewReader(&guard{z: z, in: counted}), true, nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// guard ends a stream that unpacks to too much.
type guard struct {
	z   io.Reader
	in  *counter
	out int64
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	g.out += int64(n)
	if g.out > freeBytes+maxRatio*g.in.n {
		return 0, ErrBomb
	}
	return n, err
}
