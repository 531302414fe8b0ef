package fdpass

import "errors"

var (
	// ErrCount is the error of a message with another number of descriptors
	// than were wanted.
	ErrCount = errors.New("another number of descriptors than wanted")

	// ErrTruncated is the error of a message that was cut off: the payload was
	// longer than the buffer (MSG_TRUNC), or not all descriptors came
	// (MSG_CTRUNC), be it that there were too many or that this process may have
	// no more.
	ErrTruncated = errors.New("the message was cut off")

	// ErrNoPeer is the error of Peer for a socket that was never connected.
	ErrNoPeer = errors.New("the socket has no peer")
)

// Credentials say who made the other end of a connection, as this process's
// namespaces see it.
type Credentials struct {
	// PID is the process that connected, listened, or made the pair. It is 0 for a
	// process in a PID namespace that this process cannot see into. It is a
	// number only: the process may have ended, and another may have the number.
	PID int

	// UID and GID are its effective user and group at that time; 65534 (the
	// kernel's overflow id) for those that this user namespace does not know.
	UID, GID uint32
}
