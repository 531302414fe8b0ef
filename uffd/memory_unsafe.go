package uffd

import "unsafe"

// RangeOf is where mem lies in this process. It is for mappings: memory that Go
// allocated must never be registered.
func RangeOf(mem []byte) Range {
	return Range{Start: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))), Len: uint64(len(mem))}
}
