package manager

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/ownedfd"
	"github.com/pageslot/pageslot/uffd"
)

// poller waits for all descriptors with one epoll instance: it is the watcher of a
// Manager that runs.
type poller struct {
	set    ownedfd.FD
	bell   ownedfd.FD
	events [64]unix.EpollEvent
}

// What an epoll event is about: it stands beside the process's ID.
const (
	aboutEvents = iota // the userfaultfd
	aboutEnd           // the pidfd
	aboutBell
)

func newPoller() (*poller, error) {
	w := new(poller)
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	w.set.Own(set)
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("eventfd: %w", err), w.set.Close())
	}
	w.bell.Own(bell)
	if err := w.control(unix.EPOLL_CTL_ADD, bell, unix.EPOLLIN, 0, aboutBell); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *poller) close() error { return errors.Join(w.set.Close(), w.bell.Close()) }

func (w *poller) control(op, fd int, events uint32, id ID, about int32) error {
	set, err := w.set.Hold()
	if err != nil {
		return err
	}
	defer w.set.Drop()
	if err := unix.EpollCtl(set, op, fd, &unix.EpollEvent{Events: events, Fd: int32(id), Pad: about}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// ring ends the wait that is going on, or the next one.
func (w *poller) ring() {
	if fd, err := w.bell.Hold(); err == nil {
		_, _ = unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 1})
		w.bell.Drop()
	}
}

// silence takes back what rang.
func (w *poller) silence() {
	var rung [8]byte
	if fd, err := w.bell.Hold(); err == nil {
		_, _ = unix.Read(fd, rung[:])
		w.bell.Drop()
	}
}

// wait returns what happened; negative is for ever.
func (w *poller) wait(limit time.Duration) ([]unix.EpollEvent, error) {
	set, err := w.set.Hold()
	if err != nil {
		return nil, err
	}
	defer w.set.Drop()
	ms := -1
	if limit >= 0 {
		ms = int((limit + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := unix.EpollWait(set, w.events[:], ms)
	switch {
	case err == unix.EINTR:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("epoll_wait: %w", err)
	}
	return w.events[:n], nil
}

func (w *poller) watch(p *process) error {
	err := p.calls.(kernel).Control(func(fd int) error {
		return w.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, p.id, aboutEvents)
	})
	if err != nil || p.pidfd < 0 {
		return err
	}
	if err := w.control(unix.EPOLL_CTL_ADD, p.pidfd, unix.EPOLLIN, p.id, aboutEnd); err != nil {
		w.unwatch(p)
		return err
	}
	return nil
}

func (w *poller) mute(p *process, on bool) {
	events := uint32(unix.EPOLLIN)
	if on {
		events = 0
	}
	_ = p.calls.(kernel).Control(func(fd int) error {
		return w.control(unix.EPOLL_CTL_MOD, fd, events, p.id, aboutEvents)
	})
}

// unwatch takes the descriptor out of the set. Closing it would not do: the file is
// open in the process too.
func (w *poller) unwatch(p *process) {
	_ = p.calls.(kernel).Control(func(fd int) error {
		return w.control(unix.EPOLL_CTL_DEL, fd, 0, 0, 0)
	})
}

func (w *poller) forget(p *process) {
	w.unwatch(p)
	w.unwatchEnd(p)
}

// unwatchEnd does without the pidfd from now on.
func (w *poller) unwatchEnd(p *process) {
	if p.pidfd >= 0 {
		_ = w.control(unix.EPOLL_CTL_DEL, p.pidfd, 0, 0, 0)
		_ = unix.Close(p.pidfd)
		p.pidfd = -1
	}
}

func (w *poller) kill(p *process) error {
	switch {
	case p.pidfd >= 0:
		return unix.PidfdSendSignal(p.pidfd, unix.SIGKILL, nil, 0)
	case p.buried:
		return errors.New("it has ended, and whoever else has its memory is not known")
	case p.pid > 0:
		return unix.Kill(p.pid, unix.SIGKILL)
	}
	return errors.New("its process id is not known")
}

// pidfd is a descriptor for the end of a process: -1 without an error where it is
// not known which it is, or where the kernel has none.
func (p Process) pidfd() (int, error) {
	switch {
	case p.PID < 0 || p.PidFD < 0:
		return -1, fmt.Errorf("process id %d, pidfd %d: %w", p.PID, p.PidFD, errInvalid)
	case p.PidFD > 0:
		fd, err := unix.FcntlInt(uintptr(p.PidFD), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return -1, fmt.Errorf("the pidfd %d: %w", p.PidFD, err)
		}
		// Another kind of file would be watched all the same, and tell nothing.
		if unix.PidfdSendSignal(fd, 0, nil, 0) == unix.EBADF {
			_ = unix.Close(fd)
			return -1, fmt.Errorf("descriptor %d is no pidfd: %w", p.PidFD, errInvalid)
		}
		return fd, nil
	case p.PID > 0:
		fd, err := unix.PidfdOpen(p.PID, 0)
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, unix.ESRCH):
			return -1, fmt.Errorf("pidfd_open of %d: %w", p.PID, uffd.ErrGone)
		case errors.Is(err, unix.ENOSYS):
			return -1, nil
		}
		return -1, fmt.Errorf("pidfd_open of %d: %w", p.PID, err)
	}
	return -1, nil
}
