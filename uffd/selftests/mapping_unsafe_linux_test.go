package selftests

import (
	"unsafe"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// bytesAt is mapped memory as bytes.
func bytesAt(r uffd.Range) []byte {
	return unsafe.Slice((*byte)(sys.AddressPointer(uintptr(r.Start)).Pointer()), int(r.Len))
}
