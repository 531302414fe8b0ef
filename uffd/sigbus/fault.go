package sigbus

import (
	"fmt"

	"github.com/pageslot/pageslot/uffd"
)

// Fault is an access that found no page, or a protected one.
type Fault struct {
	// Address is that of the access, of its first byte that faulted. Some processors
	// (s390x) tell no more than the page: then it is where the page begins.
	Address uint64

	// Page is where the page lies, of the size that the Region gives.
	Page uffd.Range

	// Range is that of the Region.
	Range uffd.Range

	// Number counts the faults of a Do: the first is 1. The function gets 0, in a
	// Fault without anything, when it is called for the first time.
	Number int

	// Repeats is how often in a row the same page had faulted before. It is not 0 if a
	// page that was provided is protected and then written, or was taken away by
	// somebody else meanwhile.
	Repeats int
}

// Offset is the address, counted from the beginning of the Range.
func (f Fault) Offset() uint64 { return f.Address - f.Range.Start }

// String says where, and the how-manieth it is.
func (f Fault) String() string {
	return fmt.Sprintf("fault %d, at %#x in %v", f.Number, f.Address, f.Range)
}
