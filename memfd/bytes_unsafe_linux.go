package memfd

import "unsafe"

// bytesAt makes a slice of mapped memory, which is none of Go's: the collector
// neither frees nor moves it.
func bytesAt(addr uintptr, n int) []byte {
	p := *(*unsafe.Pointer)(unsafe.Pointer(&addr))
	return unsafe.Slice((*byte)(p), n)
}
