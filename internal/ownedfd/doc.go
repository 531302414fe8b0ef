// Package ownedfd owns file descriptors.
//
// The kernel gives a number that was closed to the next descriptor that is
// opened. A call that still holds the old number then works on a stranger's
// file. So a descriptor here counts the calls that use it: closing it while
// calls are in flight lets no new ones in, and the last one to end gives the
// number back.
//
// Unlike an os.File it never enters the runtime's poller (a userfaultfd must
// not, before its handshake) and a call on it allocates nothing.
package ownedfd
