package fdpass

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Send sends a payload and descriptors in one message (sendmsg(2) with SCM_RIGHTS,
// unix(7)). They stay open here; the receiver has others of the same files.
//
// The kernel sends no descriptors over a stream without a byte that they go with.
// So an empty payload is sent as one zero byte, on a stream and, where an empty
// message would look like the end, on a socket of sequenced packets. A stream may
// take a part of the payload at a time: the descriptors go with the first byte,
// and Send sends the rest too.
//
// Errors: those of the holders (uffd.ErrClosed, os.ErrClosed); EINVAL for more
// descriptors than the kernel passes at once (253, unix(7)), and for a nil one; ETOOMANYREFS for too
// many that nobody has received; EPIPE; os.ErrDeadlineExceeded; net.ErrClosed. One that comes
// after the first byte was sent says so: the descriptors have gone then.
func Send(conn *net.UnixConn, payload []byte, fds ...Holder) error {
	sent, err := send(conn, payload, fds)
	if err != nil && sent > 0 {
		return fmt.Errorf("fdpass: send %d descriptors with %d bytes: the descriptors and %d bytes were sent: %w", len(fds), len(payload), sent, err)
	}
	if err != nil {
		return fmt.Errorf("fdpass: send %d descriptors with %d bytes: %w", len(fds), len(payload), err)
	}
	return nil
}

func send(conn *net.UnixConn, payload []byte, fds []Holder) (sent int, err error) {
	raw, err := rawConn(conn)
	if err != nil {
		return 0, err
	}
	kind, err := socketType(raw)
	if err != nil {
		return 0, err
	}
	if len(payload) == 0 && kind != unix.SOCK_DGRAM {
		payload = []byte{0}
	}
	err = holdAll(fds, nil, func(numbers []int) error {
		var control []byte
		if len(numbers) > 0 {
			control = unix.UnixRights(numbers...)
		}
		var inner error
		err := raw.Write(func(fd uintptr) bool {
			sent, inner = sendmsg(int(fd), payload, control)
			return inner != unix.EAGAIN
		})
		if err == nil {
			err = inner
		}
		return err
	})
	if err != nil || sent == len(payload) {
		return sent, err
	}
	more, err := conn.Write(payload[sent:])
	return sent + more, err
}

func sendmsg(fd int, payload, control []byte) (int, error) {
	for {
		n, err := unix.SendmsgN(fd, payload, control, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
