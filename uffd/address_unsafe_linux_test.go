package uffd

import "unsafe"

// address is that of a mapping.
func address(memory []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(memory))) }
