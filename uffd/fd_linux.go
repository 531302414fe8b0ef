package uffd

import (
	"sync"
	"sync/atomic"

	"github.com/pageslot/pageslot/internal/ownedfd"
)

// Descriptor is a userfaultfd. Its methods may be called from several goroutines
// at once, Close too: calls in flight end on this descriptor, and later ones fail
// with ErrClosed. The zero Descriptor is closed.
type Descriptor struct {
	fd           ownedfd.FD
	path         Path
	userModeOnly bool
	claimed      Features // by the kernel
	told         bool     // claimed is all that the kernel has, not only what is enabled
	traps        func() (bool, error)
	ioctls       Ioctls
	ready        atomic.Bool   // the handshake was done
	enabled      atomic.Uint64 // Features
	modes        sync.Mutex    // held while enabled changes
	closing      bell          // rung by Close
	waits        atomic.Uint32 // how often somebody waited for events
	plain        atomic.Bool   // the kernel does not know reads that never wait
}

// Path is how the descriptor was made.
func (d *Descriptor) Path() Path { return d.path }

// UserModeOnly tells whether faults inside the kernel are not seen: system calls
// on missing pages of registered memory then fail with EFAULT.
func (d *Descriptor) UserModeOnly() bool { return d.userModeOnly }

// Available are all features of this kernel on this processor. Those of
// write-protection are among them only if a write to a protected page was seen
// to be trapped: see [WriteProtectTraps]. POISON is never among them on arm and
// mips, whose kernels stop when a poisoned page is touched.
func (d *Descriptor) Available() Features {
	if !d.Ready() { // another goroutine may be doing the handshake
		return 0
	}
	available, _, _ := believed(d.claimed, d.traps)
	return available
}

// Enabled are the features that are in effect: those that were required, those
// of the wanted that are available, and WP_UNPOPULATED with WP_ASYNC.
func (d *Descriptor) Enabled() Features { return Features(d.enabled.Load()) }

// Ready tells whether the UFFDIO_API handshake was done: always, but for a
// descriptor from [FromFD] that nobody has done it on.
func (d *Descriptor) Ready() bool { return d.ready.Load() }

// Ioctls are the calls that the descriptor itself understands. Those for a
// range are known when it is registered.
func (d *Descriptor) Ioctls() Ioctls {
	if !d.Ready() {
		return 0
	}
	return d.ioctls
}

// FD is the descriptor's number, or -1 after Close. The number is good for
// looking at (in /proc/self/fdinfo, for example); to make calls with it, which
// Close must not get in the way of, use Control.
func (d *Descriptor) FD() int { return d.fd.Number() }

// Control calls f with the descriptor's number and returns what f returns. The
// number stays this descriptor's until f has returned, even if Close comes
// meanwhile. f must not close it, nor read from it without a reason: messages go
// to one reader only. Control answers ErrClosed after Close.
func (d *Descriptor) Control(f func(fd int) error) error {
	fd, err := d.fd.Hold()
	if err != nil {
		return &Error{Op: "control", Err: err}
	}
	defer d.fd.Drop()
	return f(fd)
}

// Close closes the descriptor; with calls in flight, as soon as the last of them
// has ended. Those that wait for events end at once. The kernel then forgets all
// ranges registered with it and wakes all who wait for their pages, who find zeros
// there. (Old kernels, 6.1 among them, leave the protection of hugetlbfs pages
// behind, and who writes to one spins: unregister first.) The second Close does
// nothing.
func (d *Descriptor) Close() error {
	err := d.fd.Close()
	d.closing.ring()
	if err != nil {
		return &Error{Op: "close", Err: err}
	}
	return nil
}
