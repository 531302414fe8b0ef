package uffd

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// readNow takes messages by a call that never waits, whatever the descriptor's flags
// say: preadv2(2) with RWF_NOWAIT, at the position -1, which is none. So the scheduler
// need not know of it, which would take longer than all the rest of a read of one
// message.
func readNow(fd int, into []sys.UffdMsg) (int, error) {
	const size = int(unsafe.Sizeof(sys.UffdMsg{}))
	room := unix.Iovec{Base: (*byte)(unsafe.Pointer(unsafe.SliceData(into)))}
	room.SetLen(len(into) * size)
	n, _, errno := unix.RawSyscall6(sys.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&room)), 1,
		^uintptr(0), ^uintptr(0), unix.RWF_NOWAIT)
	if errno != 0 {
		return 0, errno
	}
	return int(n) / size, nil
}
