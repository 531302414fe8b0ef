package highlevel

import (
	"sync/atomic"
	"unsafe"
)

// The memory of slots is not Go's: the collector neither scans nor moves it. An address
// becomes a slice here and nowhere else.

// pointer makes an address of mapped memory outside Go's heap a pointer.
func pointer(addr uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&addr))
}

// bytesAt is the n bytes at addr, which stay mapped while the slice is used.
func bytesAt(addr uintptr, n uint64) []byte {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(addr)), uintptr(n))
}

// word is a 64-bit number outside Go's heap, read and written by generated code too.
// addr is a multiple of 8.
func word(addr uintptr) *atomic.Uint64 { return (*atomic.Uint64)(pointer(addr)) }
