package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// MemfdCreate is memfd_create(2). flags is made of MFD_ constants. A name with
// a zero byte in it is EINVAL; one that is longer than 249 bytes, too.
func MemfdCreate(name string, flags uint) (int, error) {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	return asInt(unix.Syscall(SYS_MEMFD_CREATE, uintptr(unsafe.Pointer(p)), uintptr(flags), 0))
}
