package harness

import (
	"testing"
	"unsafe"
)

// conversionsAllocate says whether the program was built with -d=checkptr=2, in
// which a variable whose address becomes a number is on the heap.
func conversionsAllocate() bool {
	return testing.AllocsPerRun(10, func() {
		var x [8]byte
		number = uintptr(unsafe.Pointer(&x))
	}) != 0
}

var number uintptr
