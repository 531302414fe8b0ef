package fdpass

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

func TestPeerOfAPair(t *testing.T) {
	want := Credentials{PID: os.Getpid(), UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	for name, kind := range kinds {
		a, b := pair(t, kind)
		for _, end := range []*net.UnixConn{a, b} {
			if got, err := Peer(end); err != nil || got != want {
				t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
			}
		}
	}
}

func TestPeerThatConnected(t *testing.T) {
	noLeak(t)
	path := filepath.Join(t.TempDir(), "s")
	const env = "PAGESLOT_TEST_FDPASS_SOCKET"
	if at := os.Getenv(env); at != "" {
		path = at
	}
	var listener *net.UnixListener
	if os.Getenv(env) == "" {
		var err error
		if listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}); err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
	_, inChild, err := testgate.Child(t, time.Minute, env+"="+path)
	if inChild {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got, err := Peer(c); err != nil || got.PID != os.Getppid() {
			t.Errorf("who listens: %+v, %v", got, err)
		}
		if err := Send(c, fmt.Append(nil, os.Getpid())); err != nil {
			t.Error(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := listener.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := Peer(c)
	if err != nil || got.PID == os.Getpid() || got.UID != uint32(os.Geteuid()) {
		t.Errorf("who connected: %+v, %v", got, err)
	}
	buf := make([]byte, 20)
	if n, _, err := Receive(c, buf, 0); err != nil || string(buf[:n]) != fmt.Sprint(got.PID) {
		t.Errorf("it says that it is %s (%v), the kernel that it was %d", buf[:n], err, got.PID)
	}
}

func TestNoPeer(t *testing.T) {
	noLeak(t)
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := Peer(c); got != (Credentials{}) || !errors.Is(err, ErrNoPeer) || !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("%+v, %v", got, err)
	}
}
