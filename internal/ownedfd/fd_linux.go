package ownedfd

import (
	"errors"
	"io/fs"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ErrClosed is the error of a call on a descriptor that was closed.
var ErrClosed = fs.ErrClosed

// FD is a descriptor with a count of the calls that use it. Its methods may be
// called from several goroutines at once. The zero FD is closed.
type FD struct {
	number int
	// state is the number of calls in flight, plus open until Close. Whoever
	// makes it 0 closes the number, so that happens exactly once: counting from
	// 0 needs open, which never comes back.
	state atomic.Int64
}

const open = 1 << 62

// Own takes over the descriptor n: nobody else may close it from now on. It is
// for a zero FD, before others see it.
func (d *FD) Own(n int) {
	d.number = n
	d.state.Store(open)
}

// Hold returns the number, which stays valid until Drop.
func (d *FD) Hold() (int, error) {
	for {
		s := d.state.Load()
		if s < open {
			return -1, ErrClosed
		}
		if d.state.CompareAndSwap(s, s+1) {
			return d.number, nil
		}
	}
}

// Drop ends what a Hold that succeeded began.
func (d *FD) Drop() {
	if d.state.Add(-1) == 0 {
		// Nobody is left to tell: Close returned before the call ended. What
		// close(2) could say is of no use for files that are not on a disk.
		_ = unix.Close(d.number)
	}
}

// Close lets no more calls in. The number is given back when the last call in
// flight ends, which is here if there is none. Close again does nothing.
func (d *FD) Close() error {
	for {
		s := d.state.Load()
		if s < open {
			return nil
		}
		if d.state.CompareAndSwap(s, s-open) {
			if s != open {
				return nil
			}
			break
		}
	}
	// After EINTR the number is closed all the same; trying again could close a
	// stranger's.
	if err := unix.Close(d.number); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	return nil
}

// Number is the descriptor's number, or -1 after Close. Without a Hold it may
// be closed, and be somebody else's, by the time it is used.
func (d *FD) Number() int {
	if d.state.Load() < open {
		return -1
	}
	return d.number
}

// InFlight is the number of calls that hold the descriptor.
func (d *FD) InFlight() int {
	return int(d.state.Load() & (open - 1))
}
