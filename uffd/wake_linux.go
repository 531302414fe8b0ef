package uffd

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/ownedfd"
)

// bell ends waits: an eventfd that becomes readable when it is rung, and stays so.
// The zero bell has none until somebody waits.
type bell struct {
	fd   ownedfd.FD
	made atomic.Bool // there is an eventfd; it is closed when the bell was rung
	mu   sync.Mutex  // held while made and rung change
	rung bool
}

// hold returns the number to poll beside the descriptor's own; drop gives it
// back. A bell that was rung cannot be held: there is nothing to wait for.
func (b *bell) hold() (int, error) {
	if b.made.Load() {
		return b.fd.Hold()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung {
		return -1, ErrClosed
	}
	if !b.made.Load() {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			return -1, err
		}
		b.fd.Own(fd)
		b.made.Store(true)
	}
	return b.fd.Hold()
}

func (b *bell) drop() { b.fd.Drop() }

// ring ends all waits, now and later. The eventfd goes when the last of them has
// ended.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung {
		return
	}
	b.rung = true
	if b.made.Load() {
		_, _ = unix.Write(b.fd.Number(), []byte{1, 0, 0, 0, 0, 0, 0, 1})
		_ = b.fd.Close()
	}
}

// wait returns when there is something to read from fd, or when the bell rings,
// or when ctx ends.
func (b *bell) wait(ctx context.Context, fd int) error {
	rope, err := b.hold()
	if err != nil {
		return err
	}
	defer b.drop()
	set := [3]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(rope), Events: unix.POLLIN}}
	waited := set[:2]
	if ctx.Done() != nil {
		// A bell for the context is made only if there is something to wait for.
		var now unix.Timespec
		if over, err := poll(waited, &now); over {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var end bell
		number, err := end.hold()
		if err != nil {
			return err
		}
		defer end.ring()
		defer end.drop()
		defer context.AfterFunc(ctx, end.ring)()
		set[2] = unix.PollFd{Fd: int32(number), Events: unix.POLLIN}
		waited = set[:3]
	}
	for {
		if over, err := poll(waited, nil); over {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// poll tells whether the wait for the first of set is over, and how, where the
// second of set is the bell.
func poll(set []unix.PollFd, timeout *unix.Timespec) (over bool, err error) {
	_, err = unix.Ppoll(set, timeout, nil)
	switch {
	case err == unix.EINTR:
		return false, nil
	case err != nil:
		return true, err
	case set[1].Revents != 0:
		return true, ErrClosed
	case set[0].Revents&unix.POLLIN != 0:
		return true, nil
	case set[0].Revents != 0:
		// So says the kernel of a blocking descriptor, and of one without a handshake.
		return true, ErrBlocking
	}
	return false, nil
}
