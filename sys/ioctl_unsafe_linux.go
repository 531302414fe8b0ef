package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ioctl is ioctl(2) for the commands whose argument is an address. cmd is a
// uintptr because most of the constants are above the largest 32-bit int.
func Ioctl(fd int, cmd uintptr, arg unsafe.Pointer) (int, error) {
	return asInt(unix.Syscall(SYS_IOCTL, uintptr(fd), cmd, uintptr(arg)))
}

// IoctlInt is ioctl(2) for the commands whose argument is a number, such as
// USERFAULTFD_IOC_NEW.
func IoctlInt(fd int, cmd uintptr, arg int) (int, error) {
	return asInt(unix.Syscall(SYS_IOCTL, uintptr(fd), cmd, uintptr(arg)))
}

// PagemapScan is the PAGEMAP_SCAN ioctl on a /proc/PID/pagemap: since Linux
// 6.7. It returns how many regions it wrote to a.Vec.
func PagemapScan(fd int, a *PmScanArg) (int, error) {
	return asInt(unix.Syscall(SYS_IOCTL, uintptr(fd), PAGEMAP_SCAN, uintptr(unsafe.Pointer(a))))
}
