package track

import (
	"sync/atomic"
	"testing"
	"unsafe"
)

// word is the first word of a page of a mapping.
func (a area) word(i int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(a.part(i, 1))))
}

// conversionsAllocate tells whether the program was built with -d=checkptr=2: a
// variable whose address becomes a number is on the heap then.
func conversionsAllocate() bool {
	return testing.AllocsPerRun(10, func() {
		var x [8]byte
		escaped = uintptr(unsafe.Pointer(&x))
	}) != 0
}

var escaped uintptr
