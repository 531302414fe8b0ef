package manager

import (
	"fmt"
	"time"

	"github.com/pageslot/pageslot/uffd"
)

// Options say how a Manager serves. The zero value is good for most.
//
// The functions are called by Run, one at a time, while all processes wait: they
// should be quick. They may call the Manager's methods, but not Run.
type Options struct {
	// Granule is how much is installed for one fault, in bytes: the aligned block
	// of this size around the page, as far as it lies in one region and nothing
	// of it was removed. More than one page at once costs far less than one by
	// one, and it makes memory resident that may never be touched. Pages that are
	// there already are left alone. 0 is 64 KiB; anything up to the page size
	// means one page.
	Granule uint64

	// Outside is for faults in registered memory that no region covers.
	Outside Outside

	// StayWhenIdle makes Run wait for the next Add when no process is left;
	// otherwise it returns nil.
	StayWhenIdle bool

	// PollInterval is how often a process is asked whether it still lives, if
	// nothing tells it by itself: a forked one, one without PID and PidFD, and all
	// before Linux 5.3. 0 is a second.
	PollInterval time.Duration

	// ThisProcessMayHang lets Add take a descriptor for memory of this process.
	// A goroutine that touches such memory may wait inside code that the Go
	// runtime cannot stop; a garbage collection then waits for the goroutine, Run
	// waits for the collection, and the process hangs for ever. It is safe only if
	// nothing but threads that the runtime does not know, and system calls, touch
	// the memory.
	ThisProcessMayHang bool

	// OnError decides about a page that cannot be had: its source fails, no region
	// covers it, or the kernel refuses it. nil is Poison.
	OnError func(Failure) Action

	// OnMinor is called before a page that the file has is mapped, which is what
	// a minor fault waits for; an error makes it a failure.
	OnMinor func(Access) error

	// OnWrite is called before a write (or an access, with uffd.ModeRWP) to a
	// protected page is let through. The same page may be reported twice.
	OnWrite func(Access)

	// OnFork and OnGone are told of forked processes and of processes that ended.
	OnFork func(parent, child ID)
	OnGone func(ID)
}

// Outside says what a fault is worth in registered memory that no region covers: a
// process that enlarges a mapping by mremap(2) gets such memory, and no event
// tells of it.
type Outside int

const (
	// OutsideFails treats it as a page that cannot be had.
	OutsideFails Outside = iota
	// OutsideIsZero fills it with zeros, as memory that grows holds. A region
	// that was forgotten then reads as zeros too.
	OutsideIsZero
)

// String is the constant's name.
func (o Outside) String() string {
	switch o {
	case OutsideFails:
		return "OutsideFails"
	case OutsideIsZero:
		return "OutsideIsZero"
	}
	return fmt.Sprintf("Outside(%d)", int(o))
}

// Action says what becomes of an access to a page that cannot be had. None lets it
// read zeros.
type Action int

const (
	// Poison makes it fail: with SIGBUS, and EFAULT inside system calls
	// (UFFDIO_POISON, Linux 6.6). Where the kernel cannot, OnError is asked again
	// with an error that says so, and a second Poison is Leave.
	Poison Action = iota
	// Kill ends the process with SIGKILL. Where that cannot be done, as with a
	// forked process, whose id nobody tells, it is as with Poison.
	Kill
	// Leave lets the access wait, for ever unless the process is killed. A signal
	// makes it fault again, and OnError is asked again.
	Leave
	// Retry tries again later: after a millisecond, and then after ever longer, up
	// to a second.
	Retry
)

// String is the constant's name.
func (a Action) String() string {
	switch a {
	case Poison:
		return "Poison"
	case Kill:
		return "Kill"
	case Leave:
		return "Leave"
	case Retry:
		return "Retry"
	}
	return fmt.Sprintf("Action(%d)", int(a))
}

// Access is a fault of a process.
type Access struct {
	Process ID
	PID     int        // as given to Add; 0 if it is not known
	Fault   uffd.Fault // as the kernel reported it
	Page    uffd.Range // the page that it is about
}

// Failure is a page that cannot be had, or, with an empty Page, events that cannot
// be read or a descriptor that cannot be watched; the Action then has no meaning,
// and it is tried again.
type Failure struct {
	Access
	Err   error
	Tries int // how often Retry was chosen for it before
}

func (o *Options) check() error {
	if o.Granule > largest {
		return fmt.Errorf("manager: a granule of %d bytes is more than %d: %w", o.Granule, largest, errInvalid)
	}
	if o.Outside < OutsideFails || o.Outside > OutsideIsZero {
		return fmt.Errorf("manager: %v: %w", o.Outside, errInvalid)
	}
	if o.PollInterval < 0 {
		return fmt.Errorf("manager: a poll interval of %v: %w", o.PollInterval, errInvalid)
	}
	if o.Granule == 0 {
		o.Granule = 64 << 10
	}
	if o.PollInterval == 0 {
		o.PollInterval = time.Second
	}
	return nil
}
