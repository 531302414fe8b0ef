package kernelcall

import (
	"fmt"
	"sync/atomic"
)

// Op is a kind of memory operation.
type Op uint8

// The operations of highlevel's executor.
const (
	Reserve  Op = iota + 1 // mmap of inaccessible anonymous memory over a range
	MapImage               // mmap of an image, private and writable, over a range
	NoDump                 // madvise(MADV_DONTDUMP)
	Open                   // mprotect(PROT_READ|PROT_WRITE)
	Discard                // madvise(MADV_DONTNEED)
	Restore                // initial bytes copied back in place; no system call
	NumOps
)

var opNames = [NumOps]string{Reserve: "reserve", MapImage: "map image", NoDump: "no dump", Open: "open", Discard: "discard", Restore: "restore"}

func (o Op) String() string {
	if o < NumOps && opNames[o] != "" {
		return opNames[o]
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

// A Verdict says how an operation ends.
type Verdict struct {
	// Skip leaves the operation out; Err is its result.
	Skip bool
	// Err is the result of an operation left out; nil pretends that it succeeded.
	Err error
}

// Fail is the verdict that leaves the operation out and fails it.
func Fail(err error) Verdict { return Verdict{Skip: true, Err: err} }

// Pretend is the verdict that leaves the operation out and says that it worked.
func Pretend() Verdict { return Verdict{Skip: true} }

// A Hook decides about the operation with the given ordinal, counted from 0 since
// the hook was installed. It may be called from many goroutines at once.
type Hook func(op Op, ordinal uint64) Verdict

type installed struct {
	hook Hook
	next atomic.Uint64
}

// The executor belongs to a process, not to a pool, while a test watches it: the hook
// stands here and not in the pool so that the pool's interface has nothing of it.
var current atomic.Pointer[installed]

// Install makes h decide until the returned function is called. For tests only.
func Install(h Hook) (remove func()) {
	in := &installed{hook: h}
	current.Store(in)
	return func() { current.CompareAndSwap(in, nil) }
}

// Decide asks the hook about an operation. Without a hook the operation is done.
func Decide(op Op) Verdict {
	in := current.Load()
	if in == nil {
		return Verdict{}
	}
	return in.hook(op, in.next.Add(1)-1)
}
