package uffd

import (
	"fmt"

	"github.com/pageslot/pageslot/internal/bitnames"
)

// EventKind is what happened (UFFD_EVENT_ in linux/userfaultfd.h).
type EventKind uint8

// String is the kernel's name without its prefix, and a number for what has no
// name here.
func (k EventKind) String() string {
	switch k {
	case EventPagefault:
		return "PAGEFAULT"
	case EventFork:
		return "FORK"
	case EventRemap:
		return "REMAP"
	case EventRemove:
		return "REMOVE"
	case EventUnmap:
		return "UNMAP"
	}
	return fmt.Sprintf("EventKind(%#x)", uint8(k))
}

// FaultFlags say what kind of access met what kind of page
// (UFFD_PAGEFAULT_FLAG_ in linux/userfaultfd.h). Without WP, MINOR and RWP the
// page is missing.
type FaultFlags uint64

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (f FaultFlags) String() string { return bitnames.String(uint64(f), faultNames) }

// Has tells whether all of other are in f.
func (f FaultFlags) Has(other FaultFlags) bool { return f&other == other }

// Missing tells whether there is no page.
func (f FaultFlags) Missing() bool { return f&(FaultWP|FaultMinor|FaultRWP) == 0 }

var faultNames = []bitnames.Name{
	{Bit: uint64(FaultWrite), Name: "WRITE"},
	{Bit: uint64(FaultWP), Name: "WP"},
	{Bit: uint64(FaultMinor), Name: "MINOR"},
	{Bit: uint64(FaultRWP), Name: "RWP"},
}

// Event is one message of a descriptor. Which of its methods has something to
// tell depends on Kind; the others answer zero values.
type Event struct {
	Kind EventKind

	arg   [3]uint64
	child *Descriptor
}

// Fault is an access that waits, of an event of EventPagefault.
type Fault struct {
	Address uint64     // rounded down to the page, but for FeatureExactAddress
	Flags   FaultFlags // what was tried, and what the page lacks
	Thread  uint32     // who waits, with FeatureThreadID: a thread id as its own PID namespace has it; else 0
}

// String says who tried what where.
func (f Fault) String() string {
	kind := (f.Flags &^ FaultWrite).String()
	switch {
	case f.Flags&^FaultWrite == 0:
		kind = "missing"
	case f.Flags.Missing():
		kind = "missing|" + kind
	}
	access := "read"
	if f.Flags.Has(FaultWrite) {
		access = "write"
	}
	s := fmt.Sprintf("%s of %#x (%s)", access, f.Address, kind)
	if f.Thread != 0 {
		s += fmt.Sprintf(" by thread %d", f.Thread)
	}
	return s
}

// Remap is a mapping that moved, of an event of EventRemap. On a descriptor with
// EVENT_UNMAP too, an event follows that the old range is unmapped, except after
// MREMAP_DONTUNMAP: then memory is registered in both places.
type Remap struct {
	From uint64 // the old address
	To   uint64 // the new address
	Len  uint64 // of the old mapping, in bytes
}

// Removed is a range whose contents the process gave up, of an event of
// EventRemove (the range stays registered, and reads as zeros), or that it
// unmapped, of one of EventUnmap. The latter is all that was unmapped at once, so
// parts of it may never have been registered, or with another descriptor.
func (e *Event) Removed() Range {
	if e.Kind != EventRemove && e.Kind != EventUnmap {
		return Range{}
	}
	return Between(e.arg[0], e.arg[1])
}

// Remap tells what moved, in an event of EventRemap.
func (e *Event) Remap() Remap {
	if e.Kind != EventRemap {
		return Remap{}
	}
	return Remap{From: e.arg[0], To: e.arg[1], Len: e.arg[2]}
}

// Child is the descriptor of a process that was forked, in an event of EventFork,
// or nil. It has the parent's features and ranges, and it is the reader's: he has
// to close it.
//
// The forking process waits until the event is read. A fork copies descriptors
// first: if that process has the descriptor open itself, closing it elsewhere does
// not end the wait.
func (e *Event) Child() *Descriptor { return e.child }

// Raw is the kind-dependent part of the message in three words, as the kernel
// wrote it: for kinds that have no name here. In an event of EventFork it is
// zeros, for the number in it belongs to Child.
func (e *Event) Raw() [3]uint64 { return e.arg }

// String tells what happened.
func (e *Event) String() string {
	switch e.Kind {
	case EventPagefault:
		return e.Kind.String() + ": " + e.Fault().String()
	case EventFork:
		return e.Kind.String()
	case EventRemap:
		r := e.Remap()
		return fmt.Sprintf("%v: %v to %#x", e.Kind, Range{r.From, r.Len}, r.To)
	case EventRemove, EventUnmap:
		return fmt.Sprintf("%v: %v", e.Kind, e.Removed())
	}
	return fmt.Sprintf("%v: %#x", e.Kind, e.arg)
}
