package pagemap

import (
	"sync/atomic"
	"testing"
	"unsafe"
)

// pointer is where a mapping lies.
func pointer(mem []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(mem)) }

// word is the first word of a page of a mapping.
func (a area) word(page int) *atomic.Uint64 { return (*atomic.Uint64)(pointer(a.part(page, 1))) }

// The layout of Region is the kernel's.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(Region{})-24]
	_ = [1]struct{}{}[unsafe.Offsetof(Region{}.Start)-0]
	_ = [1]struct{}{}[unsafe.Offsetof(Region{}.End)-8]
	_ = [1]struct{}{}[unsafe.Offsetof(Region{}.Categories)-16]
)

// conversionsAllocate tells whether the program was built with -d=checkptr=2: a
// variable whose address becomes a number is on the heap then.
func conversionsAllocate() bool {
	return testing.AllocsPerRun(10, func() {
		var x [8]byte
		escaped = uintptr(unsafe.Pointer(&x))
	}) != 0
}

var escaped uintptr
