//go:build mips

package sys

import "unsafe"

// Pointer is an address of this process in a structure whose field for it has
// 64 bits on every port. It is a pointer to Go, too: what it points to stays
// alive, and follows the stack when the stack moves.
type Pointer struct {
	_   uint32
	ptr unsafe.Pointer
}
