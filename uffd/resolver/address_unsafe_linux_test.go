package resolver_test

import (
	"testing"
	"unsafe"
)

// conversionsAllocate tells whether a variable whose address becomes a number is on the
// heap, as in builds that check pointers.
func conversionsAllocate() bool {
	return testing.AllocsPerRun(10, func() {
		var x [8]byte
		number = uintptr(unsafe.Pointer(&x))
	}) != 0
}

var number uintptr
