package selftests

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// pin makes the kernel hold on to the pages of mem for long, as for a device that
// reads and writes them (FOLL_LONGTERM). They have to be there, and unprotected.
// The kernel's own tests have a debugging driver for that; io_uring's registered
// buffers pin pages as well, on every kernel.
func pin(t testing.TB, mem []byte) (unpin func()) {
	t.Helper()
	var params sys.IoUringParams // all zeros: a ring of the plainest kind
	fd, _, errno := unix.Syscall(sys.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		testgate.Need(t, testgate.IOUring, errno)
	}
	iov := unix.Iovec{Base: unsafe.SliceData(mem)}
	iov.SetLen(len(mem))
	_, _, errno = unix.Syscall6(sys.SYS_IO_URING_REGISTER, fd, sys.IORING_REGISTER_BUFFERS, uintptr(unsafe.Pointer(&iov)), 1, 0, 0)
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
