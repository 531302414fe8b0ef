package selftests

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// io_uring is no part of what package sys generates; what is needed of it is here
// (linux/io_uring.h): the size of struct io_uring_params, all of it zeros, and
// the opcode IORING_REGISTER_BUFFERS.
const (
	ringParams      = 120
	registerBuffers = 0
)

// pin makes the kernel hold on to the pages of mem for long, as for a device that
// reads and writes them (FOLL_LONGTERM). They have to be there, and unprotected.
// The kernel's own tests have a debugging driver for that; io_uring's registered
// buffers pin pages as well, on every kernel.
func pin(t testing.TB, mem []byte) (unpin func()) {
	t.Helper()
	var params [ringParams / 8]uint64
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		testgate.Need(t, testgate.IOUring, errno)
	}
	iov := unix.Iovec{Base: unsafe.SliceData(mem)}
	iov.SetLen(len(mem))
	_, _, errno = unix.Syscall6(unix.SYS_IO_URING_REGISTER, fd, registerBuffers, uintptr(unsafe.Pointer(&iov)), 1, 0, 0)
	if errno == unix.ENOMEM {
		_ = unix.Close(int(fd))
		testgate.Skip(t, testgate.Memlock, "io_uring may not pin the page (IORING_REGISTER_BUFFERS): "+errno.Error())
	}
	if errno != 0 {
		_ = unix.Close(int(fd))
		t.Fatalf("IORING_REGISTER_BUFFERS: %v", errno)
	}
	return func() {
		if err := unix.Close(int(fd)); err != nil {
			t.Error(err)
		}
	}
}
