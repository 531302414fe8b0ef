package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mmap is mmap(2). prot is made of PROT_ constants, flags of MAP_ constants,
// offset is in bytes and must be a multiple of the page size.
//
// On s390x mmap takes one argument: the address of six words.
func Mmap(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error) {
	args := [6]uintptr{addr, length, uintptr(prot), uintptr(flags), uintptr(fd), uintptr(offset)}
	return asAddress(unix.Syscall(SYS_MMAP, uintptr(unsafe.Pointer(&args)), 0, 0))
}
