package main

import "unsafe"

// What is outside every slice: the addresses at which an access has to fault, and
// the length word of a lease. None of these functions is inlined, so that the
// compiler never sees through the address.

// at makes an address of memory outside Go's heap a pointer.
func at(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

//go:noinline
func loadByte(addr uintptr) byte { return *(*byte)(at(addr)) }

//go:noinline
func storeByte(addr uintptr, b byte) { *(*byte)(at(addr)) = b }

//go:noinline
func copyFrom(dst []byte, addr uintptr) int {
	return copy(dst, unsafe.Slice((*byte)(at(addr)), len(dst)))
}

//go:noinline
func copyTo(addr uintptr, src []byte) int {
	return copy(unsafe.Slice((*byte)(at(addr)), len(src)), src)
}

// loadWord reads a 64-bit number; addr is a multiple of 8.
//
//go:noinline
func loadWord(addr uintptr) uint64 { return *(*uint64)(at(addr)) }
