package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mincore is mincore(2): the lowest bit of a byte of vec says whether that page
// of the range is in memory. vec must have a byte for each page: the kernel
// cannot see how long it is.
func Mincore(addr, length uintptr, vec []byte) error {
	return asError(unix.Syscall(SYS_MINCORE, addr, length, uintptr(unsafe.Pointer(unsafe.SliceData(vec)))))
}

// ProcmapQueryCall is the PROCMAP_QUERY ioctl on a /proc/PID/maps: since Linux
// 6.11. a.Size is the size of the structure.
func ProcmapQueryCall(fd int, a *ProcmapQuery) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), PROCMAP_QUERY, uintptr(unsafe.Pointer(a))))
}
