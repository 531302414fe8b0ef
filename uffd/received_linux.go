package uffd

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// FromFD takes over the descriptor fd, mostly one that another process sent over a
// socket (package fdpass): from then on it is the Descriptor's, and nobody else
// may close it. If FromFD fails, fd stays the caller's.
//
// It makes the descriptor O_CLOEXEC and O_NONBLOCK; the latter is a property of
// what was sent, so the sender sees it too. From /proc/self/fdinfo it reads which
// features are enabled, which is what Enabled and Available then report; where
// /proc is missing they report none. Whether the descriptor is
// user-mode-only cannot be seen, so UserModeOnly answers false.
//
// The other process may have left the handshake to this one: then Ready is false,
// and all but Handshake, Control and Close fails with [ErrNoHandshake].
//
// Errors: an [*Error] that wraps EBADF for a number that is not open, and
// [ErrNotUserfaultfd] (with EINVAL) for a descriptor of another kind.
func FromFD(fd int) (*Descriptor, error) {
	fail := func(err error) (*Descriptor, error) {
		return nil, &Error{Op: "take over", Detail: fmt.Sprintf("descriptor %d", fd), Err: err}
	}
	if err := isUserfaultfd(fd); err != nil {
		return fail(err)
	}
	if err := setFlags(fd); err != nil {
		return fail(err)
	}
	ready, err := pollable(fd)
	if err != nil {
		return fail(err)
	}
	d := &Descriptor{traps: thisKernel.traps}
	features, ioctls := fdinfo(fd)
	if ready {
		d.claimed, d.ioctls = features, ioctls
		d.enabled.Store(uint64(features))
		d.ready.Store(true)
	}
	d.fd.Own(fd)
	return d, nil
}

// Handshake does the UFFDIO_API handshake on a descriptor from [FromFD] that has
// had none. Of the options only Required and Wanted count. What the kernel has is
// asked on a descriptor of its own, which is closed again.
//
// Errors: those of [Open]; EINVAL for a descriptor that has had its handshake. An
// error leaves it as it was.
func (d *Descriptor) Handshake(o Options) error {
	const op = "UFFDIO_API"
	o = Options{Required: o.Required, Wanted: o.Wanted, UserMode: UserModeFallback}
	if err := o.check(); err != nil {
		return err
	}
	fd, err := d.fd.Hold()
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	defer d.fd.Drop()
	d.modes.Lock()
	defer d.modes.Unlock()
	if d.Ready() {
		return &Error{Op: op, Detail: "of a descriptor that has had its handshake", Err: unix.EINVAL}
	}
	k := thisKernel
	k.traps = WriteProtectTraps
	var enable Features
	if o.Required|o.Wanted != 0 {
		other, _, err := k.first(o.ways())
		if err != nil {
			return err
		}
		if enable, err = k.choose(other, o); err != nil {
			return err
		}
	}
	return d.handshake(k, fd, enable, o.Required)
}

// isUserfaultfd asks for the file's name, and where there is no /proc for what it
// makes of an ioctl that does nothing.
func isUserfaultfd(fd int) error {
	if _, err := unix.FcntlInt(uintptr(fd), sys.F_GETFD, 0); err != nil {
		return err
	}
	other := fmt.Errorf("%w: %w", ErrNotUserfaultfd, unix.EINVAL)
	if name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
		if strings.HasSuffix(name, "[userfaultfd]") {
			return nil
		}
		return other
	}
	if err := wake(fd, Range{}); errors.Is(err, unix.EINVAL) {
		return nil
	}
	return other
}

// setFlags makes fd non-blocking, as poll demands, and keeps it from programs that
// are started.
func setFlags(fd int) error {
	unix.CloseOnExec(fd)
	return unix.SetNonblock(fd, true)
}

// pollable tells whether the handshake was done: poll reports an error otherwise.
func pollable(fd int) (bool, error) {
	set := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		_, err := unix.Ppoll(set[:], new(unix.Timespec), nil)
		if err == unix.EINTR {
			continue
		}
		return set[0].Revents&unix.POLLERR == 0, err
	}
}

// fdinfo reads what the kernel tells of a userfaultfd's state. It marks there, in
// a bit of its own, that the handshake was done.
func fdinfo(fd int) (Features, Ioctls) {
	const initialized = 1 << 31
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "API:"); ok {
			var api, features, ioctls uint64
			if _, err := fmt.Sscanf(strings.TrimSpace(rest), "%x:%x:%x", &api, &features, &ioctls); err == nil {
				return Features(features &^ initialized), Ioctls(ioctls)
			}
		}
	}
	return 0, 0
}
