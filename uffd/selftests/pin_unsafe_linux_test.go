package selftests

import (
	"fmt"
	"testing"
	"time"
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
	ring, errno := pinned(t, mem)
	// What this user's other processes pin, and rings that they closed a moment ago,
	// count against the same limit.
	for end := time.Now().Add(testgate.Stretch(t, 2*time.Second)); errno == unix.ENOMEM && mayPin(t, len(mem)) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		ring, errno = pinned(t, mem)
	}
	if errno == unix.ENOMEM {
		testgate.Skip(t, testgate.Memlock, fmt.Sprintf("io_uring may not pin %d bytes: %v", len(mem), errno))
	}
	if errno != 0 {
		t.Fatalf("IORING_REGISTER_BUFFERS of %d bytes: %v", len(mem), errno)
	}
	return func() {
		// Closing alone would leave them pinned for a while.
		_, _, errno := unix.Syscall6(sys.SYS_IO_URING_REGISTER, ring, sys.IORING_UNREGISTER_BUFFERS, 0, 0, 0, 0)
		if errno != 0 {
			t.Errorf("IORING_UNREGISTER_BUFFERS: %v", errno)
		}
		closeRing(t, ring)
	}
}

// pinned is a ring that has mem registered, or why there is none.
func pinned(t testing.TB, mem []byte) (ring uintptr, errno unix.Errno) {
	t.Helper()
	var params sys.IoUringParams // all zeros: a ring of the plainest kind
	ring, _, errno = unix.Syscall(sys.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	if errno == unix.ENOMEM {
		return 0, errno
	}
	if errno != 0 {
		testgate.Need(t, testgate.IOUring, errno)
	}
	iov := unix.Iovec{Base: unsafe.SliceData(mem)}
	iov.SetLen(len(mem))
	_, _, errno = unix.Syscall6(sys.SYS_IO_URING_REGISTER, ring, sys.IORING_REGISTER_BUFFERS, uintptr(unsafe.Pointer(&iov)), 1, 0, 0)
	if errno != 0 {
		closeRing(t, ring)
	}
	return ring, errno
}

func closeRing(t testing.TB, ring uintptr) {
	t.Helper()
	if err := unix.Close(int(ring)); err != nil {
		t.Error(err)
	}
}

// mayPin reports whether the limit has room for n bytes and a ring, if nothing else
// counts against it.
func mayPin(t testing.TB, n int) bool {
	t.Helper()
	const ring = 32 << 10 // more than the smallest ring takes, where it counts
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	return limit.Cur >= uint64(n+ring)
}
