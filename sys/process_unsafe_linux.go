package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// PidfdOpen is pidfd_open(2). flags is made of PIDFD_NONBLOCK and PIDFD_THREAD.
func PidfdOpen(pid int, flags uint) (int, error) {
	return asInt(unix.Syscall(SYS_PIDFD_OPEN, uintptr(pid), uintptr(flags), 0))
}

// ProcessMadvise is process_madvise(2). It returns how many bytes were advised,
// which can be fewer than asked for without an error. pidfd may be one of the
// PIDFD_SELF constants (since Linux 6.15); flags must be 0.
func ProcessMadvise(pidfd int, iov []unix.Iovec, advice int, flags uint) (int, error) {
	return asInt(unix.Syscall6(SYS_PROCESS_MADVISE, uintptr(pidfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(len(iov)),
		uintptr(advice), uintptr(flags), 0))
}
