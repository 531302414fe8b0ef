package fdpass

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawEmpty sends control messages without a byte of payload, which package unix
// does not do.
func rawEmpty(fd int, control []byte) error {
	var m unix.Msghdr
	m.Control = &control[0]
	m.SetControllen(len(control))
	_, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
