//go:build linux && !386 && !arm && !mips && !mipsle && !s390x

package sys

import "golang.org/x/sys/unix"

// Mmap is mmap(2). prot is made of PROT_ constants, flags of MAP_ constants,
// offset is in bytes and must be a multiple of the page size.
func Mmap(addr, length uintptr, prot, flags, fd int, offset int64) (uintptr, error) {
	return asAddress(unix.Syscall6(SYS_MMAP, addr, length, uintptr(prot), uintptr(flags), uintptr(fd), uintptr(offset)))
}
