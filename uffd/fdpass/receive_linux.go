package fdpass

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Receive receives a message with exactly want descriptors (recvmsg(2) with
// SCM_RIGHTS and MSG_CMSG_CLOEXEC, unix(7)) and its payload, of which it returns
// the length. The descriptors are the caller's to close.
//
// On a stream n can be less than was sent, and the rest comes with conn.Read. Where
// the sender sends several messages at once, n can be more: then the descriptors
// are those that come with the first of these bytes. buf needs room for a byte at
// least, since nothing comes without one.
//
// Errors: io.EOF, as it is, for the end of the connection before a message (and for
// an empty message without descriptors on a socket of sequenced packets, which
// looks the same); [ErrCount]; [ErrTruncated]; io.ErrShortBuffer for an empty buf;
// EINVAL for a number of descriptors that cannot be; os.ErrDeadlineExceeded;
// net.ErrClosed. With any error all descriptors that came are closed. With
// ErrCount and ErrTruncated n says how much payload there is in buf, so that
// a peer that has nothing to pass can say why.
func Receive(conn *net.UnixConn, buf []byte, want int) (n int, fds []int, err error) {
	n, fds, err = receive(conn, buf, want)
	if err != nil {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		fds = nil
		if err != io.EOF {
			err = fmt.Errorf("fdpass: receive %d descriptors: %w", want, err)
		}
	}
	return n, fds, err
}

// receive returns, along with an error, the descriptors that came.
func receive(conn *net.UnixConn, buf []byte, want int) (n int, fds []int, err error) {
	if want < 0 || want > math.MaxUint16 { // far above what any kernel passes in a message
		return 0, nil, unix.EINVAL
	}
	if len(buf) == 0 {
		return 0, nil, io.ErrShortBuffer
	}
	raw, err := rawConn(conn)
	if err != nil {
		return 0, nil, err
	}
	kind, err := socketType(raw)
	if err != nil {
		return 0, nil, err
	}
	control := make([]byte, controlSpace(want))
	var filled, flags int
	var inner error
	err = raw.Read(func(fd uintptr) bool {
		n, filled, flags, inner = recvmsg(int(fd), buf, control)
		return inner != unix.EAGAIN
	})
	if err == nil {
		err = inner
	}
	if err != nil {
		return 0, nil, err
	}
	fds, strays, err := descriptors(control[:filled])
	for _, fd := range strays {
		_ = unix.Close(fd)
	}
	switch {
	case err != nil:
	case flags&unix.MSG_CTRUNC != 0:
		err = fmt.Errorf("%w: %d descriptors came of more (MSG_CTRUNC)", ErrTruncated, len(fds))
	case n == 0 && len(fds) == 0 && kind != unix.SOCK_DGRAM:
		err = io.EOF
	case flags&unix.MSG_TRUNC != 0:
		err = fmt.Errorf("%w: the payload is longer than the %d bytes of the buffer (MSG_TRUNC)", ErrTruncated, len(buf))
	case len(fds) != want:
		err = fmt.Errorf("%w: %d came", ErrCount, len(fds))
	}
	return n, fds, err
}

func recvmsg(fd int, buf, control []byte) (n, filled, flags int, err error) {
	for {
		n, filled, flags, _, err = unix.Recvmsg(fd, buf, control, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			// The kernel repeats the flag that was passed.
			return max(n, 0), filled, flags &^ unix.MSG_CMSG_CLOEXEC, err
		}
	}
}

// rawConn is conn's own, if it is one.
func rawConn(conn *net.UnixConn) (syscall.RawConn, error) {
	if conn == nil {
		return nil, unix.EINVAL
	}
	return conn.SyscallConn()
}

func socketType(raw syscall.RawConn) (kind int, err error) {
	outer := raw.Control(func(fd uintptr) {
		kind, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE)
	})
	return kind, errors.Join(outer, err)
}
