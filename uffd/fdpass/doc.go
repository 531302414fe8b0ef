// Package fdpass sends descriptors over a unix socket, and receives exactly those
// that it expects.
//
// A userfaultfd is often opened in the process whose memory it is and used in
// another, and a memfd in both. [Send] hands them over with a payload, which says
// what they are; [Receive] takes as many as the caller wants, or none:
//
//	n, fds, err := fdpass.Receive(conn, buf, 1)
//	if err != nil {
//		return err // whatever came is closed again
//	}
//	d, err := uffd.FromFD(fds[0])
//
// The sender is not trusted. Too many descriptors, too few, and messages that were
// cut off are errors, and an error leaves no descriptor behind. Every descriptor
// has O_CLOEXEC from its first moment. What a descriptor is has to be asked of the
// descriptor: uffd.FromFD does. Who sends tells [Peer].
//
// Stream, sequenced-packet and datagram sockets work, as far as they are connected.
// The deadlines of the connection hold. One goroutine may send and one receive at
// the same time; several of one kind would mix their messages on a stream.
//
// On systems other than Linux everything compiles and answers
// errors.ErrUnsupported.
package fdpass
