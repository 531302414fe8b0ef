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

// byteAt is the byte at addr.
func byteAt(addr uintptr) *byte { return (*byte)(pointer(addr)) }

// bytes is the first n bytes of a slot.
func (s *Slot) bytes(n uint64) []byte {
	if n == 0 {
		return nil
	}
	return unsafe.Slice(s.first, uintptr(n))
}

// word is a 64-bit number outside Go's heap, read and written by generated code too.
// addr is a multiple of 8.
func word(addr uintptr) *atomic.Uint64 { return (*atomic.Uint64)(pointer(addr)) }
