package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Userfaultfd is userfaultfd(2). flags is made of O_CLOEXEC, O_NONBLOCK and
// UFFD_USER_MODE_ONLY.
func Userfaultfd(flags int) (int, error) {
	return asInt(unix.Syscall(SYS_USERFAULTFD, uintptr(flags), 0, 0))
}

// The ioctls of a userfaultfd, one function each. The kernel writes results
// into the argument even where the call fails: UffdioCopy.Copy, for one, holds
// the bytes done so far or a negative errno.

// UffdioApiCall is the UFFDIO_API ioctl.
func UffdioApiCall(fd int, a *UffdioApi) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_API, uintptr(unsafe.Pointer(a))))
}

// UffdioRegisterCall is the UFFDIO_REGISTER ioctl.
func UffdioRegisterCall(fd int, a *UffdioRegister) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_REGISTER, uintptr(unsafe.Pointer(a))))
}

// UffdioUnregisterCall is the UFFDIO_UNREGISTER ioctl.
func UffdioUnregisterCall(fd int, a *UffdioRange) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_UNREGISTER, uintptr(unsafe.Pointer(a))))
}

// UffdioWakeCall is the UFFDIO_WAKE ioctl.
func UffdioWakeCall(fd int, a *UffdioRange) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_WAKE, uintptr(unsafe.Pointer(a))))
}

// UffdioCopyCall is the UFFDIO_COPY ioctl.
func UffdioCopyCall(fd int, a *UffdioCopy) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_COPY, uintptr(unsafe.Pointer(a))))
}

// UffdioZeropageCall is the UFFDIO_ZEROPAGE ioctl.
func UffdioZeropageCall(fd int, a *UffdioZeropage) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_ZEROPAGE, uintptr(unsafe.Pointer(a))))
}

// UffdioMoveCall is the UFFDIO_MOVE ioctl: since Linux 6.8.
func UffdioMoveCall(fd int, a *UffdioMove) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_MOVE, uintptr(unsafe.Pointer(a))))
}

// UffdioWriteprotectCall is the UFFDIO_WRITEPROTECT ioctl: since Linux 5.7.
func UffdioWriteprotectCall(fd int, a *UffdioWriteprotect) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_WRITEPROTECT, uintptr(unsafe.Pointer(a))))
}

// UffdioContinueCall is the UFFDIO_CONTINUE ioctl: since Linux 5.13.
func UffdioContinueCall(fd int, a *UffdioContinue) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_CONTINUE, uintptr(unsafe.Pointer(a))))
}

// UffdioPoisonCall is the UFFDIO_POISON ioctl: since Linux 6.6.
func UffdioPoisonCall(fd int, a *UffdioPoison) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_POISON, uintptr(unsafe.Pointer(a))))
}

// UffdioRwprotectCall is the UFFDIO_RWPROTECT ioctl: since Linux 7.3.
func UffdioRwprotectCall(fd int, a *UffdioRwprotect) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_RWPROTECT, uintptr(unsafe.Pointer(a))))
}

// UffdioSetModeCall is the UFFDIO_SET_MODE ioctl: since Linux 7.3.
func UffdioSetModeCall(fd int, a *UffdioSetMode) error {
	return asError(unix.Syscall(SYS_IOCTL, uintptr(fd), UFFDIO_SET_MODE, uintptr(unsafe.Pointer(a))))
}

// UffdRead is read(2) of messages: it returns how many there were, at most
// len(msgs), which must not be 0.
func UffdRead(fd int, msgs []UffdMsg) (int, error) {
	n, err := asInt(unix.Syscall(SYS_READ, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(msgs))), uintptr(len(msgs))*unsafe.Sizeof(UffdMsg{})))
	if err != nil {
		return 0, err
	}
	return n / int(unsafe.Sizeof(UffdMsg{})), nil
}
