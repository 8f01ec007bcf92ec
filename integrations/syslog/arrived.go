package syslog

import (
	"crypto/tls"
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

var errNotRead = errors.New("it ended the connection before everything had arrived")

// arrived says whether the receiver's machine has everything. A receiver that
// ends by itself just before is told from one that ends because it has read to
// the end: what is sent after its end is never acknowledged.
func arrived(conn net.Conn) (err error) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var left, failed int
	var errLeft, errFailed error
	err = raw.Control(func(fd uintptr) {
		left, errLeft = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ)
		failed, errFailed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	})
	if err := errors.Join(err, errLeft, errFailed); err != nil {
		return err
	}
	if left != 0 || failed != 0 {
		return errNotRead
	}
	return nil
}
