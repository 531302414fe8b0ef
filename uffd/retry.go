package uffd

import "fmt"

// ExistPolicy says what a call that does everything makes of a page that is there
// already.
type ExistPolicy uint8

const (
	// ExistFail ends the call with ErrExists.
	ExistFail ExistPolicy = iota
	// ExistSkip counts the page as done and wakes those who wait for it: the
	// page that somebody else put there serves as well. This is what serving
	// faults needs, since the same fault can be reported twice.
	ExistSkip
)

// Retry says how the calls that do everything ([Descriptor.CopyAll] and its
// siblings) go on where a single call ends. The zero Retry goes on after partial
// progress alone.
type Retry struct {
	// Exist is for pages that are there already.
	Exist ExistPolicy

	// PageSize is that of the memory in bytes: hugetlbfs has larger ones. 0 is
	// the kernel's small page.
	PageSize uint64

	// Changing is called when the kernel answers that the process changes its
	// layout and that an event waits to be read (ErrChanging). The call then
	// tries again; an error from Changing ends it, and so does ErrChanging
	// where Changing is nil. The one who reads events must read them here, with
	// TryRead: a change ends a moment after its event was read, so there may be
	// none. For others yielding is enough. What the events say may make the rest
	// of the call pointless: then return an error.
	Changing func() error
}

// String is the constant's name.
func (p ExistPolicy) String() string {
	switch p {
	case ExistFail:
		return "ExistFail"
	case ExistSkip:
		return "ExistSkip"
	}
	return fmt.Sprintf("ExistPolicy(%d)", uint8(p))
}
