package fdpass

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// sendRaw is sendmsg(2) with whatever control messages the test makes up.
func sendRaw(t testing.TB, c *net.UnixConn, payload, control []byte) (err error) {
	t.Helper()
	number(t, c, func(fd int) { _, err = unix.SendmsgN(fd, payload, control, nil, 0) })
	return err
}

// numbers are the same n descriptors again and again, which a sender may pass.
func numbers(t testing.TB, n int) (fds []int) {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	for range n {
		fds = append(fds, int(f.Fd()))
	}
	return fds
}

// Whatever the number is that came, it is the wanted one or none is kept.
func TestOtherNumbers(t *testing.T) {
	for name, kind := range kinds {
		for _, sent := range []int{0, 1, 3, 253, 2, 30}[:testgate.Rounds(6, 4)] {
			for _, want := range []int{0, 1, 254, 2, 4, 250}[:testgate.Rounds(6, 3)] {
				t.Run(fmt.Sprintf("%s/%d sent/%d wanted", name, sent, want), func(t *testing.T) {
					a, b := pair(t, kind)
					var control []byte
					if sent > 0 {
						control = unix.UnixRights(numbers(t, sent)...)
					}
					if err := sendRaw(t, a, []byte("payload"), control); err != nil {
						t.Fatal(err)
					}
					buf := make([]byte, 20)
					n, fds, err := Receive(b, buf, want)
					if string(buf[:n]) != "payload" {
						t.Errorf("payload %q", buf[:n])
					}
					if sent == want {
						if err != nil || len(fds) != want {
							t.Errorf("%d descriptors, %v", len(fds), err)
						}
						for _, fd := range fds {
							_ = unix.Close(fd)
						}
						return
					}
					if fds != nil || !errors.Is(err, ErrCount) && !errors.Is(err, ErrTruncated) || sent < want && !errors.Is(err, ErrCount) {
						t.Errorf("%d, %v", fds, err)
					}
					// The connection is as good as before.
					if err := Send(a, []byte("next")); err != nil {
						t.Error(err)
					}
					if n, _, err := Receive(b, buf, 0); err != nil || string(buf[:n]) != "next" {
						t.Errorf("after that: %q, %v", buf[:n], err)
					}
				})
			}
		}
	}
}

// A message longer than the buffer is cut off where messages have ends, and its
// descriptors are not kept.
func TestTruncatedPayload(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, kind)
			if err := sendRaw(t, a, []byte("too long"), unix.UnixRights(numbers(t, 1)...)); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 3)
			n, fds, err := Receive(b, buf, 1)
			if n != 3 || string(buf) != "too" {
				t.Errorf("%d bytes: %q", n, buf)
			}
			if kind == unix.SOCK_STREAM {
				if err != nil || len(fds) != 1 {
					t.Fatalf("%d, %v", fds, err)
				}
				_ = unix.Close(fds[0])
				if n, fds, err := Receive(b, make([]byte, 10), 0); n != 5 || fds != nil || err != nil {
					t.Errorf("the rest: %d, %v, %v", n, fds, err)
				}
			} else if fds != nil || !errors.Is(err, ErrTruncated) {
				t.Errorf("%d, %v", fds, err)
			}
		})
	}
}

func TestSeveralControlMessages(t *testing.T) {
	a, b := pair(t, unix.SOCK_STREAM)
	fds := numbers(t, 3)
	control := append(unix.UnixRights(fds[0]), unix.UnixRights(fds[1:]...)...)
	if err := sendRaw(t, a, []byte("x"), control); err != nil {
		t.Fatal(err)
	}
	_, got, err := Receive(b, make([]byte, 1), 3)
	if err != nil {
		t.Fatal(err)
	}
	same := inode(t, fds[0])
	taken(t, got, []uint64{same, same, same})
}

// An empty message of a foreign sender can carry descriptors where messages have
// ends.
func TestEmptyMessages(t *testing.T) {
	for _, kind := range []int{unix.SOCK_SEQPACKET, unix.SOCK_DGRAM} {
		a, b := pair(t, kind)
		fds := numbers(t, 1)
		send := func(rights []byte) (err error) {
			number(t, a, func(fd int) { err = rawEmpty(fd, rights) })
			return err
		}
		for _, want := range []int{1, 0} {
			if err := send(unix.UnixRights(fds...)); err != nil {
				t.Fatal(err)
			}
			n, got, err := Receive(b, make([]byte, 1), want)
			if n != 0 || len(got) != want || want == 1 && err != nil || want == 0 && !errors.Is(err, ErrCount) && !errors.Is(err, ErrTruncated) {
				t.Errorf("want %d: %d bytes, %d, %v", want, n, got, err)
			}
			for _, fd := range got {
				_ = unix.Close(fd)
			}
		}
	}
}

// What the kernel adds where the owner of a socket asked for it is not counted, and
// a pidfd among it is not left open.
func TestAdditions(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, kind)
			number(t, b, func(fd int) {
				if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
					t.Error(err)
				}
				// Linux 6.5; without it the rest is still worth trying.
				if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSPIDFD, 1); err != nil && !errors.Is(err, unix.ENOPROTOOPT) {
					t.Error(err)
				}
			})
			fds, inodes := some(t, 2)
			for _, count := range []int{2, 0, 1} {
				if err := Send(a, []byte("x"), fds[:count]...); err != nil {
					t.Fatal(err)
				}
				n, got, err := Receive(b, make([]byte, 10), count)
				if n != 1 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
				taken(t, got, inodes[:count])
			}
			a.Close()
			if kind == unix.SOCK_DGRAM {
				return
			}
			if n, got, err := Receive(b, make([]byte, 10), 0); n != 0 || got != nil || err == nil {
				t.Errorf("at the end: %d, %v, %v", n, got, err)
			}
		})
	}
}

// A process that may have no more descriptors gets some of those that were sent:
// it keeps none.
func TestNoRoom(t *testing.T) {
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	a, b := pair(t, unix.SOCK_STREAM)
	fds, _ := some(t, 8)
	before := openNow(t)
	if err := Send(a, []byte("x"), fds...); err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	next, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(next)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(next) + 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	n, got, err := Receive(b, make([]byte, 1), 8)
	if n != 1 || got != nil || !errors.Is(err, ErrTruncated) {
		t.Errorf("%d, %v, %v", n, got, err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if after := openNow(t); len(after) != len(before) {
		t.Errorf("before: %v, after: %v", before, after)
	}
}
