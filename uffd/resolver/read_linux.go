package resolver

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/awake"
	"github.com/pageslot/pageslot/internal/faultloop"
	"github.com/pageslot/pageslot/uffd"
)

// Read waits for messages of the threads, and takes as many as there are and fit.
// Faults that were handed over wait until the program resolves them, with the calls of
// the descriptor: Copy, Zero, Wake and so on.
//
// It is a goroutine that resolves them, so this is safe only for those who wait where
// the Go runtime knows that they wait: in system calls, as MADV_POPULATE_READ (package
// populate) and read(2), and in threads that are not Go's. A goroutine that touches
// such a page itself, in memmove for example, can't be stopped for a garbage
// collection; that waits for it, and the one who would resolve the fault waits for the
// collection. That is a hang for ever.
//
// From the first Read to the end of the Resolver a timer of the Go runtime comes ten
// times a second, without which a goroutine in a system call can stop all of them for a
// minute (docs/hazards.md, "A minute").
//
// Waiting takes no thread of the operating system. With a ctx that can't end, a call
// allocates nothing. Several calls at once wait for each other.
//
// If messages are not read, faults, then all faults, wait as soon as the ring is full
// of those that must not be lost (Handed, Parked, Event but for EventUnmap); of the others
// only half a ring is kept, and Stats.Lost counts the rest.
//
// Errors: EINVAL for no room; context.Cause(ctx); ErrClosed;
// ErrEnded when all threads have ended and there is nothing left.
func (r *Resolver) Read(ctx context.Context, to []Message) (int, error) {
	if len(to) == 0 {
		return 0, &Error{Op: "read", Detail: "into no room", Err: unix.EINVAL}
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	if ctx.Done() != nil {
		defer r.until(ctx)()
	}
	for {
		if r.closed.Load() {
			return 0, &Error{Op: "read", Err: ErrClosed}
		}
		if !r.awake {
			awake.Begin()
			r.awake = true
		}
		done := r.loop.Done()
		if n := r.next(to); n > 0 {
			return n, nil
		}
		if done {
			return 0, &Error{Op: "read", Err: errors.Join(ErrEnded, r.ended())}
		}
		if ctx.Err() != nil {
			return 0, &Error{Op: "read", Err: context.Cause(ctx)}
		}
		switch _, err := r.bell.Read(r.count[:]); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			// Perhaps that of an earlier call. If it was that of ctx, or of the end, it
			// is not needed any more.
			_ = r.bell.SetReadDeadline(time.Time{})
		case err != nil:
			return 0, &Error{Op: "read", Detail: "an eventfd", Err: err}
		}
	}
}

// until makes the wait end with ctx.
func (r *Resolver) until(ctx context.Context) (done func()) {
	stop := context.AfterFunc(ctx, func() { _ = r.bell.SetReadDeadline(time.Unix(1, 0)) })
	return func() {
		if !stop() && !r.closed.Load() {
			_ = r.bell.SetReadDeadline(time.Time{})
		}
	}
}

// next takes what there is.
func (r *Resolver) next(to []Message) int {
	raw := r.raw[:min(len(to), len(r.raw))]
	n := r.loop.Next(raw)
	for i := range raw[:n] {
		to[i] = message(&raw[i])
	}
	return n
}

func message(raw *faultloop.Message) Message {
	m := Message{Reason: Reason(raw.Reason), Event: uffd.EventOf(&raw.Message)}
	if m.Event.Kind == uffd.EventPagefault {
		at := m.Event.Fault().Address
		m.Page = uffd.Range{Start: at &^ (raw.Unit - 1), Len: raw.Unit}
	}
	if raw.Errno != 0 {
		m.Err = raw.Errno
	}
	return m
}
