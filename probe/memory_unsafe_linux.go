package probe

import "unsafe"

// addressOf is the address of a mapping that Go sees as b.
func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
