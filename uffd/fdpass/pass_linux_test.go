package fdpass

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

func TestPass(t *testing.T) {
	lengths := []int{100, 0, 1}
	for name, kind := range kinds {
		for _, length := range lengths[:testgate.Rounds(3, 1)] {
			for _, count := range []int{0, 1, 253, 2, 5}[:testgate.Rounds(5, 3)] {
				t.Run(fmt.Sprintf("%s/%d bytes/%d descriptors", name, length, count), func(t *testing.T) {
					a, b := pair(t, kind)
					fds, inodes := some(t, count)
					payload := bytes.Repeat([]byte("x"), length)
					if err := Send(a, payload, fds...); err != nil {
						t.Fatal(err)
					}
					if length == 0 && kind != unix.SOCK_DGRAM {
						payload = []byte{0}
					}
					buf := make([]byte, 200)
					n, got, err := Receive(b, buf, count)
					if err != nil || !bytes.Equal(buf[:n], payload) {
						t.Errorf("%d bytes, %v: %q", n, err, buf[:n])
					}
					taken(t, got, inodes)
				})
			}
		}
	}
}

// The messages stay apart, each with its own descriptors.
func TestOneAfterTheOther(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, kind)
			sent := map[int][]uint64{}
			for count := 1; count < 4; count++ {
				fds, inodes := some(t, count)
				sent[count] = inodes
				if err := Send(a, fmt.Appendf(nil, "message %d", count), fds...); err != nil {
					t.Fatal(err)
				}
			}
			for count := 1; count < 4; count++ {
				buf := make([]byte, 100)
				n, got, err := Receive(b, buf, count)
				if err != nil || string(buf[:n]) != fmt.Sprintf("message %d", count) {
					t.Errorf("%q, %v", buf[:n], err)
				}
				taken(t, got, sent[count])
			}
		})
	}
}

// A stream takes a long payload in pieces: the descriptors come with the first, and
// the others come too.
func TestPartialWrites(t *testing.T) {
	a, b := pair(t, unix.SOCK_STREAM)
	number(t, a, func(fd int) {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
			t.Fatal(err)
		}
	})
	fds, inodes := some(t, 2)
	payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	sent := make(chan error)
	go func() { sent <- Send(a, payload, fds...) }()
	buf := make([]byte, len(payload))
	n, got, err := Receive(b, buf, 2)
	if err != nil {
		t.Fatal(err)
	}
	if n == len(payload) {
		t.Errorf("all %d bytes came at once: nothing was written in pieces", n)
	}
	taken(t, got, inodes)
	if _, err := io.ReadFull(b, buf[n:]); err != nil || !bytes.Equal(buf, payload) {
		t.Errorf("the rest: %v, equal: %v", err, bytes.Equal(buf, payload))
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestDeadlines(t *testing.T) {
	a, b := pair(t, unix.SOCK_STREAM)
	payload := make([]byte, 4<<20) // more than a socket holds
	soon := func() time.Time { return time.Now().Add(testgate.Stretch(t, 10*time.Millisecond)) }
	if err := b.SetReadDeadline(soon()); err != nil {
		t.Fatal(err)
	}
	if n, fds, err := Receive(b, make([]byte, 1), 1); n != 0 || fds != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Receive: %d, %v, %v", n, fds, err)
	}
	fds, _ := some(t, 1)
	sent := make(chan error, 1)
	go func() { sent <- Send(a, payload, fds...) }()
	// The descriptors go with the first piece.
	number(t, b, func(fd int) {
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(testgate.Stretch(t, time.Minute).Milliseconds()))
			if err == unix.EINTR {
				continue
			}
			if n != 1 {
				t.Errorf("nothing arrives: %d, %v", n, err)
			}
			return
		}
	})
	if err := a.SetWriteDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	err := <-sent
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "the descriptors and ") {
		t.Errorf("Send: %v", err)
	}
	if err := Send(a, payload, fds...); !errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(err.Error(), "were sent") {
		t.Errorf("Send into a full socket: %v", err)
	}
}

func TestEnd(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, kind)
			fds, inodes := some(t, 1)
			if err := Send(a, []byte("last"), fds...); err != nil {
				t.Fatal(err)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 10)
			n, got, err := Receive(b, buf, 1)
			if n != 4 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			taken(t, got, inodes)
			if kind == unix.SOCK_DGRAM { // where nothing tells that nobody sends any more
				return
			}
			for _, want := range []int{0, 1} {
				if n, got, err := Receive(b, buf, want); n != 0 || got != nil || err != io.EOF {
					t.Errorf("want %d at the end: %d, %v, %v", want, n, got, err)
				}
			}
			if err := Send(b, buf, fds...); !errors.Is(err, unix.EPIPE) {
				t.Errorf("Send to nobody: %v", err)
			}
		})
	}
}

func TestBadInput(t *testing.T) {
	a, b := pair(t, unix.SOCK_STREAM)
	good, _ := some(t, 1)
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, test := range map[string]struct {
		holder Holder
		want   error
	}{
		"closed file":    {File(closed), os.ErrClosed},
		"nil file":       {File(nil), os.ErrInvalid},
		"no such number": {wrong(-1), unix.EBADF},
		"nil":            {nil, nil},
	} {
		err := Send(a, []byte("x"), good[0], test.holder)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var many []Holder
	for range 254 {
		many = append(many, good[0])
	}
	if err := Send(a, []byte("x"), many...); !errors.Is(err, unix.EINVAL) {
		t.Errorf("254 descriptors: %v", err)
	}
	if n, fds, err := Receive(b, nil, 1); n != 0 || fds != nil || !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("no buffer: %d, %v, %v", n, fds, err)
	}
	for _, want := range []int{-1, 1 << 30} {
		if n, fds, err := Receive(b, make([]byte, 1), want); n != 0 || fds != nil || !errors.Is(err, unix.EINVAL) {
			t.Errorf("want %d: %d, %v, %v", want, n, fds, err)
		}
	}
	// Nothing of all that was sent.
	if err := b.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, fds, err := Receive(b, make([]byte, 1), 0); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d, %v, %v", n, fds, err)
	}
	for name, c := range map[string]*net.UnixConn{"nil": nil, "zero": new(net.UnixConn), "closed": a} {
		a.Close()
		if err := Send(c, []byte("x"), good...); err == nil {
			t.Errorf("Send over a connection that is %s", name)
		}
		if _, _, err := Receive(c, make([]byte, 1), 0); err == nil || name == "closed" && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Receive over a connection that is %s: %v", name, err)
		}
		if _, err := Peer(c); err == nil || name == "closed" && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Peer of a connection that is %s: %v", name, err)
		}
	}
}

// wrong is a Holder of a number that it does not own.
type wrong int

func (w wrong) Control(f func(fd int) error) error { return f(int(w)) }

// Sending and receiving at the same time, with everything that the race detector
// and the poller could find.
func TestBothWays(t *testing.T) {
	a, b := pair(t, unix.SOCK_STREAM)
	fds, inodes := some(t, 2)
	rounds := testgate.Rounds(200, 20)
	echo := make(chan error)
	go func() {
		echo <- func() error {
			for range rounds {
				n, got, err := Receive(b, make([]byte, 8), 2)
				if err != nil || n != 8 {
					return fmt.Errorf("%d bytes, %w", n, err)
				}
				err = Send(b, []byte("and back"), wrong(got[0]), wrong(got[1]))
				if err := errors.Join(err, unix.Close(got[0]), unix.Close(got[1])); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	for range rounds {
		if err := Send(a, []byte("here you"), fds...); err != nil {
			t.Fatal(err)
		}
		n, got, err := Receive(a, make([]byte, 8), 2)
		if err != nil || n != 8 {
			t.Fatal(n, err)
		}
		taken(t, got, inodes)
	}
	if err := <-echo; err != nil {
		t.Error(err)
	}
}
