package sys

import "unsafe"

// NewPointer returns p as a field of 64 bits.
func NewPointer(p unsafe.Pointer) Pointer {
	return Pointer{ptr: p}
}

// SlicePointer returns the address of the first element of s as a field of 64
// bits, nil for a nil slice.
func SlicePointer[T any](s []T) Pointer {
	return Pointer{ptr: unsafe.Pointer(unsafe.SliceData(s))}
}

// AddressPointer returns an address that Go did not allocate, that of a
// mapping, as a field of 64 bits. It must not be used for Go's own memory: a
// uintptr keeps nothing alive and does not follow a stack that moves.
func AddressPointer(addr uintptr) Pointer {
	return Pointer{ptr: *(*unsafe.Pointer)(unsafe.Pointer(&addr))}
}

// Pointer returns what the field points to.
func (p Pointer) Pointer() unsafe.Pointer {
	return p.ptr
}
