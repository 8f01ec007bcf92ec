package sqlite

import (
	"context"
	"errors"
	"fmt"

	"jitbot/storage"
)

// readerPool lends connections that cannot write. They are opened when first
// needed, so that a start pays for one.
type readerPool struct {
	path  string
	slots chan *conn // nil: not opened yet
}

func newReaderPool(path string) *readerPool {
	p := &readerPool{path: path, slots: make(chan *conn, readers)}
	for range readers {
		p.slots <- nil
	}
	return p
}

func (p *readerPool) take(ctx context.Context) (*conn, error) {
	var c *conn
	select {
	case c = <-p.slots:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c != nil {
		return c, nil
	}
	c, err := openConn(p.path, forReading)
	if err != nil {
		p.slots <- nil
		return nil, err
	}
	return c, nil
}

// read runs fn in a transaction of its own.
func (p *readerPool) read(ctx context.Context, fn func(storage.View) error) error {
	c, err := p.take(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	defer p.put(c)
	if err := c.run("BEGIN"); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	defer c.rollback()
	v := &view{conn: c}
	defer v.close()
	return fn(v)
}

func (p *readerPool) put(c *conn) { p.slots <- c }

// close closes every connection. All must have been put back.
func (p *readerPool) close() error {
	var err error
	for range readers {
		if c := <-p.slots; c != nil {
			err = errors.Join(err, c.close())
		}
	}
	return err
}
