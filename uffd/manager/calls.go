package manager

import "github.com/pageslot/pageslot/uffd"

// calls is what the Manager asks of a descriptor. Tests put their own in its
// place, which answer every errno at every step.
type calls interface {
	// events takes what is queued, without waiting: syscall.EAGAIN if nothing is.
	// Fewer than fit means that the queue was empty then.
	events(into []event) (int, error)
	// alive is nil, or uffd.ErrGone.
	alive() error

	Copy(dst uint64, src []byte, flags uffd.Flags) (int, error)
	Zero(r uffd.Range, flags uffd.Flags) (uint64, error)
	Continue(r uffd.Range, flags uffd.Flags) (uint64, error)
	Poison(r uffd.Range, flags uffd.Flags) (uint64, error)
	Wake(r uffd.Range) error
	WriteUnprotect(r uffd.Range, flags uffd.Flags) error
	RWUnprotect(r uffd.Range, flags uffd.Flags) error
	Close() error
}

// event is a uffd.Event that tests can make.
type event struct {
	kind    uffd.EventKind
	fault   uffd.Fault
	remap   uffd.Remap
	removed uffd.Range
	child   calls
}

// watcher waits for descriptors. It is told of processes that come and go.
type watcher interface {
	watch(p *process) error
	// mute stops and resumes the reports about a descriptor that has events.
	mute(p *process, on bool)
	forget(p *process)
	// kill ends the process with SIGKILL, if it is known which it is.
	kill(p *process) error
}
