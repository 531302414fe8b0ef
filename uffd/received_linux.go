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
// Errors: an [*Error] that wraps EBADF for a number that is not open,
// [ErrNotUserfaultfd] (with EINVAL) for a descriptor of another kind, and EMFILE,
// ENFILE or ENOMEM if /proc cannot be read for want of them.
func FromFD(fd int) (*Descriptor, error) { return fromFD(fd, "/proc") }

// fromFD is FromFD with /proc elsewhere, or nowhere.
func fromFD(fd int, proc string) (*Descriptor, error) {
	fail := func(err error) (*Descriptor, error) {
		return nil, &Error{Op: "take over", Detail: fmt.Sprintf("descriptor %d", fd), Err: err}
	}
	if err := isUserfaultfd(fd, proc); err != nil {
		return fail(err)
	}
	if err := setFlags(fd); err != nil {
		return fail(err)
	}
	events, err := polled(fd)
	if err != nil {
		return fail(err)
	}
	ready := events&unix.POLLERR == 0 // the kernel's answer before the handshake
	d := &Descriptor{traps: thisKernel.traps}
	if ready {
		features, ioctls, err := fdinfo(fd, proc)
		if err != nil {
			return fail(err)
		}
		d.done(features, ioctls)
	}
	d.fd.Own(fd)
	return d, nil
}

// done notes that the handshake was done by somebody else.
func (d *Descriptor) done(features Features, ioctls Ioctls) {
	d.claimed, d.ioctls = features, ioctls
	d.enabled.Store(uint64(features))
	d.ready.Store(true)
}

// Handshake does the UFFDIO_API handshake on a descriptor from [FromFD] that has
// had none. Of the options only Required and Wanted count. What the kernel has is
// asked on a descriptor of its own, which is closed again.
//
// Errors: those of [Open]; EINVAL for a descriptor that has had its handshake, also
// from another process in the meantime: then it is ready all the same. An error
// leaves it as it was otherwise.
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
	if events, err := polled(fd); !d.Ready() && err == nil && events&unix.POLLERR == 0 {
		features, ioctls, err := fdinfo(fd, "/proc")
		if err != nil {
			return &Error{Op: op, Detail: "of a descriptor that has had its handshake", Err: err}
		}
		d.done(features, ioctls) // by another who has the descriptor
	}
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

// isUserfaultfd asks for the file's name. Where there is no /proc it goes by what fd
// makes of an ioctl that does nothing, and of poll: /dev/userfaultfd gives the same
// answer to the one, but is writable.
func isUserfaultfd(fd int, proc string) error {
	if fd != int(int32(fd)) {
		return unix.EBADF // the kernel would look at 32 bits alone
	}
	if _, err := unix.FcntlInt(uintptr(fd), sys.F_GETFD, 0); err != nil {
		return err
	}
	other := fmt.Errorf("%w: %w", ErrNotUserfaultfd, unix.EINVAL)
	if name, err := os.Readlink(fmt.Sprintf("%s/self/fd/%d", proc, fd)); err == nil {
		if name == "anon_inode:[userfaultfd]" {
			return nil
		}
		return other
	}
	if err := wake(fd, Range{}); !errors.Is(err, unix.EINVAL) {
		return other
	}
	if events, err := polled(fd); err != nil || events&unix.POLLOUT != 0 {
		return other
	}
	return nil
}

// setFlags makes fd non-blocking, as poll demands, and keeps it from programs that
// are started.
func setFlags(fd int) error {
	unix.CloseOnExec(fd)
	return unix.SetNonblock(fd, true)
}

// polled is what poll says of fd now.
func polled(fd int) (events int16, err error) {
	set := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLOUT}}
	for {
		_, err := unix.Ppoll(set[:], new(unix.Timespec), nil)
		if err == unix.EINTR {
			continue
		}
		return set[0].Revents, err
	}
}

// fdinfo reads what the kernel tells of a userfaultfd's state. It marks there, in
// a bit of its own, that the handshake was done. Where nothing is to be read, it is
// nothing; a want of descriptors or memory is an error, for it would pass.
func fdinfo(fd int, proc string) (Features, Ioctls, error) {
	const initialized = 1 << 31
	text, err := os.ReadFile(fmt.Sprintf("%s/self/fdinfo/%d", proc, fd))
	if scarce(err) {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "API:"); ok {
			var api, features, ioctls uint64
			if _, err := fmt.Sscanf(strings.TrimSpace(rest), "%x:%x:%x", &api, &features, &ioctls); err == nil {
				return Features(features &^ initialized), Ioctls(ioctls), nil
			}
		}
	}
	return 0, 0, nil
}
