package uffd

import (
	"context"
	"errors"
	"io"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

const opRead = "read"

// errNothing is always the same, since asking in vain is normal: TryRead must not
// allocate.
var errNothing = &Error{Op: opRead, Detail: "of events: there is none now", Err: unix.EAGAIN}

var errNoRoom = &Error{Op: opRead, Detail: "of events", Err: io.ErrShortBuffer}

// Read waits until there is an event, and takes as many as there are and fit. Page
// faults come before other events. It returns how many it took.
//
// An event is given to one reader only. That of a fork opens a descriptor in this
// process: look at all of them, and close their Child if you have no use for it.
//
// Waiting takes a thread of the operating system, not a processor of the Go
// scheduler: the call sits in ppoll(2). To wait for many descriptors with one
// thread, poll them (or let epoll do it) by [Descriptor.Control], and then use
// TryRead. Close ends a Read that waits at once, with ErrClosed.
//
// Errors: ErrClosed; io.ErrShortBuffer if events is empty; [ErrNoHandshake];
// [ErrBlocking]; EMFILE or ENFILE for the descriptor by which Close ends a wait (one for each
// descriptor, from the first Read on). A fork whose descriptor can't be opened in
// this process, EMFILE again, is not lost: its event stays until there is room.
func (d *Descriptor) Read(events []Event) (int, error) {
	return d.ReadContext(context.Background(), events)
}

// ReadContext is Read with an end: if ctx is over before there is an event, its
// error is context.Cause(ctx). An event that is there is taken even if ctx is over.
// A context that can end costs another descriptor while the call waits; with
// context.Background() it does not allocate.
func (d *Descriptor) ReadContext(ctx context.Context, events []Event) (int, error) {
	if len(events) == 0 {
		return 0, errNoRoom
	}
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, d.unwaited(err)
	}
	defer d.fd.Drop()
	for {
		d.yield()
		// First poll, then read: between two events, where a reader mostly is, it is
		// one call less than to read in vain, and a descriptor that has become
		// blocking is found out before a read that nothing could end.
		if err := d.closing.wait(ctx, fd); err != nil {
			return 0, d.unwaited(err)
		}
		n, err := d.take(fd, events)
		if err == nil {
			return n, nil
		}
		if err := d.unread(err); err != errNothing {
			return 0, err
		}
	}
}

// yield lets the scheduler see a goroutine that does nothing but serve faults. One
// that for 10 ms was only met in system calls is taken for one that hangs there:
// until it comes by, the runtime looks for it every 20 µs, on the processor that
// the faults need, and takes its P away each time.
func (d *Descriptor) yield() {
	if d.waits.Add(1)%256 == 0 {
		runtime.Gosched()
	}
}

// TryRead is Read that does not wait: if there is no event it returns EAGAIN,
// which is errors.Is(err, syscall.EAGAIN). It is one preadv2(2) with RWF_NOWAIT for 16
// events. (Where the kernel has no such call for a userfaultfd, as Linux 6.1, it is a
// read(2), which does wait on a descriptor that somebody has made blocking, and Close
// does not end that.)
func (d *Descriptor) TryRead(events []Event) (int, error) {
	if len(events) == 0 {
		return 0, errNoRoom
	}
	fd, err := d.fd.Hold()
	if err != nil {
		return 0, &Error{Op: opRead, Err: err}
	}
	n, err := d.take(fd, events)
	d.fd.Drop()
	if err != nil {
		return 0, d.unread(err)
	}
	return n, nil
}

// batch is how many messages one read(2) takes at most. They lie on the stack,
// which is cleared for them every time: 512 bytes.
const batch = 16

// take reads what there is and fits. Its error is the kernel's.
func (d *Descriptor) take(fd int, events []Event) (taken int, err error) {
	for taken < len(events) {
		var raw [batch]sys.UffdMsg
		room := min(len(raw), len(events)-taken)
		n, err := d.receive(fd, raw[:room])
		if err != nil && taken == 0 {
			return 0, err
		}
		if decode(events[taken:], raw[:n]) {
			d.takeChildren(events[taken:], raw[:n])
		}
		taken += n
		if n < room {
			break
		}
	}
	return taken, nil
}

// receive is read(2) that does not wait. O_NONBLOCK is for all who have the
// descriptor, and any of them, the process that is served too, may take it away
// between a poll and a read; RWF_NOWAIT is for this call alone. Kernels that do not
// have it for a userfaultfd get the plain call, as do filters that refuse the other.
func (d *Descriptor) receive(fd int, into []sys.UffdMsg) (int, error) {
	if !d.plain.Load() {
		n, err := readNow(fd, into)
		if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
			return n, err
		}
		d.plain.Store(true)
	}
	return sys.UffdRead(fd, into)
}

func (d *Descriptor) unread(err error) error {
	switch {
	case errors.Is(err, unix.EAGAIN):
		return errNothing
	case errors.Is(err, unix.EINVAL) && !d.Ready():
		return &Error{Op: opRead, Detail: ErrNoHandshake.Error(), Err: err, kind: ErrNoHandshake}
	}
	return &Error{Op: opRead, Detail: "of events", Err: err}
}

func (d *Descriptor) unwaited(err error) error {
	if errors.Is(err, ErrBlocking) && !d.Ready() {
		return d.unread(unix.EINVAL)
	}
	return &Error{Op: opRead, Detail: "of events", Err: err}
}

// takeChildren takes over the descriptors that came with forks.
func (d *Descriptor) takeChildren(into []Event, messages []sys.UffdMsg) {
	for i := range messages {
		if e := &into[i]; e.Kind == EventFork {
			e.child = d.adopt(int(messages[i].Arg.Fork().Ufd))
			e.arg = [3]uint64{}
		}
	}
}

// adopt makes a descriptor of a forked process, which the kernel has made with
// the features of its parent.
func (d *Descriptor) adopt(fd int) *Descriptor {
	c := &Descriptor{path: d.path, userModeOnly: d.userModeOnly, claimed: d.claimed, told: d.told, traps: d.traps, ioctls: d.ioctls}
	c.ready.Store(true)
	c.plain.Store(d.plain.Load())
	c.enabled.Store(d.enabled.Load())
	// The flags are those with which the parent's was made. Where they were others,
	// a program that is started in this moment inherits it.
	_ = setFlags(fd)
	c.fd.Own(fd)
	return c
}
