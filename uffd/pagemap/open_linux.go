package pagemap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/ownedfd"
	"github.com/pageslot/pageslot/uffd"
)

// Map is an open /proc/PID/pagemap. Its methods may be called from several
// goroutines at once, Close too. The zero Map is closed.
type Map struct {
	fd  ownedfd.FD
	pid int // 0: this process
}

// Open opens the page map of process pid; 0 and os.Getpid() are this process
// (proc_pid_pagemap(5)).
//
// The Map belongs to the memory that the process has now. After an execve it tells
// of memory that is gone. And a process that was forked off with the descriptor
// still open, which Go programs do not do by themselves, sees its parent's pages in
// it: open another one there.
//
// Errors: an *Error that is fs.ErrPermission without the rights of ptrace(2) over
// the process, also for this one if it is not dumpable (PR_SET_DUMPABLE) and not
// root's; uffd.ErrGone if there is no such process, if it has ended, and for
// threads of the kernel, which have no memory; errors.ErrUnsupported without
// /proc; EINVAL for a negative number.
func Open(pid int) (*Map, error) {
	if pid < 0 {
		return nil, &Error{Op: "open", Detail: fmt.Sprintf("the page map of process %d", pid), Err: unix.EINVAL}
	}
	path := fmt.Sprintf("/proc/%d/pagemap", pid)
	if pid == os.Getpid() {
		pid = 0
	}
	if pid == 0 {
		path = "/proc/self/pagemap"
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	// Some kernels let the map of a process without memory be opened, and do not
	// expect to be asked about it.
	if pid != 0 && gone(fd) {
		_ = unix.Close(fd)
		return nil, cannotOpen(path, unix.ESRCH)
	}
	m := &Map{pid: pid}
	m.fd.Own(fd)
	return m, nil
}

func cannotOpen(path string, err error) error {
	e := &Error{Op: "open", Detail: path, Err: err}
	switch {
	case errors.Is(err, unix.ESRCH):
		e.kind = uffd.ErrGone
	case errors.Is(err, unix.ENOENT):
		if _, err := os.Stat("/proc/self"); err != nil {
			e.Detail += ": /proc is not there"
			e.kind = errors.ErrUnsupported
			break
		}
		e.kind = uffd.ErrGone
	case errors.Is(err, fs.ErrPermission):
		e.Detail += ": it takes the rights of ptrace(2) over the process"
	}
	return e
}

// gone tells whether the memory that the map is about is no more. Reading is the one
// call that says so: a scan finds no pages, which is what a process without dirty
// pages has.
func gone(fd int) bool {
	var entry [8]byte
	n, err := pread(fd, entry[:], 0)
	return n == 0 && err == nil
}

func pread(fd int, b []byte, offset int64) (int, error) {
	for {
		n, err := unix.Pread(fd, b, offset)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// Pid is the number that Open was given, or 0 for this process.
func (m *Map) Pid() int { return m.pid }

// FD is the descriptor's number, or -1 after Close. It is good for looking at; to
// make calls with it use Control.
func (m *Map) FD() int { return m.fd.Number() }

// Control calls f with the descriptor's number and returns what f returns. The
// number stays this Map's until f has returned, even if Close comes meanwhile. f
// must not close it. Control answers ErrClosed after Close.
func (m *Map) Control(f func(fd int) error) error {
	fd, err := m.fd.Hold()
	if err != nil {
		return &Error{Op: "control", Detail: m.name(), Err: err}
	}
	defer m.fd.Drop()
	return f(fd)
}

// Close closes the descriptor, with calls in flight as soon as the last of them has
// ended. The second Close does nothing.
func (m *Map) Close() error {
	if err := m.fd.Close(); err != nil {
		return &Error{Op: "close", Detail: m.name(), Err: err}
	}
	return nil
}

// name is whose pages these are.
func (m *Map) name() string {
	if m.pid == 0 {
		return "of this process"
	}
	return fmt.Sprintf("of process %d", m.pid)
}
