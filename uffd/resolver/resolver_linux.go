package resolver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/awake"
	"github.com/pageslot/pageslot/internal/faultloop"
	"github.com/pageslot/pageslot/uffd"
)

// Resolver is threads outside of Go's runtime that serve page faults of this process.
// Its methods may be called from several goroutines at once.
type Resolver struct {
	d       *uffd.Descriptor // a copy, which nobody else closes
	linger  bool
	poisons bool

	mu      sync.Mutex // of changes, and of the end
	loop    *faultloop.Loop
	service service
	stray   service // rules that are not in force, and that a thread may look at
	last    Stats   // when it has ended
	err     error

	reading sync.Mutex // one reader at a time
	bell    *os.File   // the eventfd by which the threads call a reader
	raw     []faultloop.Message
	count   [8]byte // of the eventfd; nobody wants to know
	awake   bool    // since somebody read; see the package of that name
	closed  atomic.Bool
}

// running keeps resolvers alive: only threads that the garbage collector does not know
// refer to the sources of their rules.
var running sync.Map

// Start makes the threads. They serve nothing yet: see [Resolver.Serve]. d was opened
// by this process: of one that stands for another process's memory the kernel would not
// tell, and its faults would be answered with this process's. d stays the
// caller's; the threads have a descriptor of their own, so that closing d does not end
// the service.
//
// Threads inherit priority and processors from some thread of Go. What is done to all
// threads of the process later (setuid(2), capabilities, no_new_privs, seccomp but for
// TSYNC) does not reach them: drop privileges first, or Stop, drop, and Start again.
//
// Errors: errors.ErrUnsupported on a port without the threads, naming the other ways;
// EINVAL for options out of their bounds, and for a descriptor with SIGBUS (no fault
// is ever reported), EVENT_FORK (the children's faults would come to nobody), or
// without a handshake; EAGAIN when there may be no more threads (RLIMIT_NPROC, pids
// of the cgroup); EMFILE, ENOMEM. An error leaves nothing behind.
func Start(d *uffd.Descriptor, o Options) (*Resolver, error) {
	o, odd := o.checked()
	switch {
	case odd != "":
		return nil, startError(odd, unix.EINVAL)
	case faultloop.Supported() != nil:
		return nil, startError("(serve from another process, populate, or use SIGBUS instead)", faultloop.Supported())
	case d == nil:
		return nil, startError("without a descriptor", unix.EINVAL)
	case !d.Ready():
		return nil, startError("", uffd.ErrNoHandshake)
	}
	for _, f := range []uffd.Features{uffd.FeatureSIGBUS, uffd.FeatureEventFork} {
		if d.Enabled().Has(f) {
			return nil, startError("with a descriptor that has "+f.String(), unix.EINVAL)
		}
	}
	r := &Resolver{linger: o.Linger, poisons: d.Available().Has(uffd.FeaturePoison), raw: make([]faultloop.Message, 64)}
	if err := r.open(d, o); err != nil {
		return nil, startError("", err)
	}
	running.Store(r, true)
	return r, nil
}

// open makes the descriptors and starts the threads, or leaves nothing.
func (r *Resolver) open(d *uffd.Descriptor, o Options) (err error) {
	err = d.Control(func(fd int) error {
		fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("fcntl F_DUPFD_CLOEXEC: %w", err)
		}
		if r.d, err = uffd.FromFD(fd); err != nil {
			_ = unix.Close(fd)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.loop, err = faultloop.Start(faultloop.Config{
		FD: r.d.FD(), Threads: o.Threads, Batch: o.Batch, Slots: o.Ring, Spin: o.Spin,
		Poison: r.poisons, Keys: haveKeys(), Keep: o.Linger,
	})
	if err != nil {
		return errors.Join(err, r.d.Close())
	}
	bell, err := unix.FcntlInt(uintptr(r.loop.Notify()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return errors.Join(fmt.Errorf("fcntl F_DUPFD_CLOEXEC: %w", err), r.loop.Stop(context.Background()), r.d.Close())
	}
	r.bell = os.NewFile(uintptr(bell), "resolver")
	return nil
}

func startError(detail string, err error) error {
	return &Error{Op: "start", Detail: detail, Err: err}
}

// Stop ends the service of all ranges as [Resolver.Fail] does, and then the threads. It
// waits for these, and nothing is left of them afterwards: no thread, no descriptor,
// no memory but the program's own. Whoever waits for a page gets SIGSEGV.
//
// Errors: those of Fail; then the threads go on, and Stop may be called again.
// ErrClosed the second time.
func (r *Resolver) Stop() error { return r.stop((*Resolver).fail) }

// StopFinished ends the service of all ranges as [Resolver.Finish] does, and then the
// threads: no access fails. Errors: those of Finish; then the threads go on.
func (r *Resolver) StopFinished() error { return r.stop((*Resolver).finish) }

func (r *Resolver) stop(end func(*Resolver, service) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loop == nil {
		return &Error{Op: "stop", Err: ErrClosed}
	}
	if err := end(r, r.service); err != nil {
		return err
	}
	return r.end()
}

// end is the last of it, with r.mu held.
func (r *Resolver) end() error {
	last, err := r.stats(), r.ended()
	// The threads wait for nobody: all that they do are short calls.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r.closed.Store(true)
	_ = r.bell.SetReadDeadline(time.Unix(1, 0)) // who reads goes away
	r.reading.Lock()
	defer r.reading.Unlock()
	if err := r.loop.Stop(ctx); err != nil {
		return &Error{Op: "stop", Err: err}
	}
	if r.awake {
		awake.End()
	}
	_ = r.bell.Close()
	_ = r.d.Close()
	r.loop, r.last, r.err = nil, last, err
	running.Delete(r)
	return nil
}

// Err is why the threads ended by themselves, or nil.
func (r *Resolver) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loop == nil {
		return r.err
	}
	return r.ended()
}

func (r *Resolver) ended() error {
	if errno := r.loop.Broken(); errno != 0 {
		return &Error{Op: "read faults", Err: errno}
	}
	return nil
}
