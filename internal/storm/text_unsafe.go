package storm

import "unsafe"

// text is the same bytes as a string. Nothing writes them while it is used.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
