//go:build !linux

package fdpass

import (
	"errors"
	"fmt"
	"net"
)

var errNotLinux = fmt.Errorf("fdpass: not a Linux system: %w", errors.ErrUnsupported)

// Send sends descriptors on Linux; here it fails.
func Send(conn *net.UnixConn, payload []byte, fds ...Holder) error { return errNotLinux }

// Receive receives descriptors on Linux; here it fails.
func Receive(conn *net.UnixConn, buf []byte, want int) (n int, fds []int, err error) {
	return 0, nil, errNotLinux
}

// Peer tells on Linux who made the other end; here it fails.
func Peer(conn *net.UnixConn) (Credentials, error) { return Credentials{}, errNotLinux }
