package fdpass

import (
	"errors"
	"fmt"
	"math"
	"net"

	"golang.org/x/sys/unix"
)

// Peer tells who made the other end of a connection (SO_PEERCRED, unix(7)). The
// kernel wrote it down when the connection was made: for one that was accepted it
// is who connected, for one that was dialled who listened, for a pair who made
// it. Whoever has got the other end since is not told.
//
// Errors: [ErrNoPeer]; net.ErrClosed.
func Peer(conn *net.UnixConn) (Credentials, error) {
	fail := func(err error) (Credentials, error) {
		return Credentials{}, fmt.Errorf("fdpass: peer's credentials: %w", err)
	}
	raw, err := rawConn(conn)
	if err != nil {
		return fail(err)
	}
	var cred *unix.Ucred
	outer := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(outer, err); err != nil {
		return fail(err)
	}
	if cred.Pid == 0 && cred.Uid == math.MaxUint32 { // no user has this number
		return fail(fmt.Errorf("%w: %w", ErrNoPeer, unix.ENOTCONN))
	}
	return Credentials{PID: int(cred.Pid), UID: cred.Uid, GID: cred.Gid}, nil
}
