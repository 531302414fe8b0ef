package fdpass

import (
	"errors"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// kinds are the socket types that pass descriptors.
var kinds = map[string]int{"stream": unix.SOCK_STREAM, "seqpacket": unix.SOCK_SEQPACKET, "datagram": unix.SOCK_DGRAM}

// pair is two ends of a connection, after which no descriptor may be left.
func pair(t testing.TB, kind int) (a, b *net.UnixConn) {
	t.Helper()
	noLeak(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	end := func(fd int) *net.UnixConn {
		f := os.NewFile(uintptr(fd), "socketpair")
		defer f.Close()
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		return c.(*net.UnixConn)
	}
	return end(fds[0]), end(fds[1])
}

// noLeak fails the test if it leaves descriptors behind. Call it before anything
// is opened.
func noLeak(t testing.TB) {
	t.Helper()
	r, w, err := os.Pipe() // the runtime's poller, which stays
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	before := openNow(t)
	t.Cleanup(func() {
		for fd, name := range openNow(t) {
			if _, ok := before[fd]; !ok {
				t.Errorf("descriptor %s is left: %s", fd, name)
			}
		}
	})
}

// openNow is the descriptors of this process and their files.
func openNow(t testing.TB) map[string]string {
	t.Helper()
	const dir = "/proc/self/fd/"
	all, err := os.ReadDir(dir)
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	found := map[string]string{}
	for _, e := range all {
		// The descriptor that reads the folder is gone again.
		if name, err := os.Readlink(dir + e.Name()); err == nil {
			found[e.Name()] = name
		}
	}
	return found
}

// some opens n descriptors to send, each of another file, and tells their inodes.
func some(t testing.TB, n int) (holders []Holder, inodes []uint64) {
	t.Helper()
	for range n {
		f, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		t.Cleanup(func() { f.Close() })
		holders = append(holders, File(f))
		inodes = append(inodes, inode(t, int(f.Fd())))
	}
	return holders, inodes
}

func inode(t testing.TB, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// taken checks what was received, and closes it.
func taken(t testing.TB, fds []int, inodes []uint64) {
	t.Helper()
	if len(fds) != len(inodes) {
		t.Errorf("%d descriptors, want %d", len(fds), len(inodes))
	}
	for i, fd := range fds {
		if i < len(inodes) && inode(t, fd) != inodes[i] {
			t.Errorf("descriptor %d of %d is another file", i, len(fds))
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d: flags %#x, %v; want FD_CLOEXEC", fd, flags, err)
		}
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	}
}

// number is the connection's own descriptor, for what no honest sender does.
func number(t testing.TB, c *net.UnixConn, f func(fd int)) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
	if err != nil {
		t.Fatal(err)
	}
}
