package uffd

import (
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd/fdpass"
)

// A process registers memory, sends its descriptor, and ends: what is left says of
// every call that the process is gone.
func TestGone(t *testing.T) {
	const env = "PAGESLOT_TEST_UFFD_SOCKET"
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
	var listener *net.UnixListener
	if at := os.Getenv(env); at != "" {
		address.Name = at
	} else {
		clean(t)
		var err error
		if listener, err = net.ListenUnix("unix", address); err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
	_, inChild, err := testgate.Child(t, time.Minute, env+"="+address.Name)
	if inChild {
		d, a := mustOpen(t, Options{}), anonymous(t, 4)
		register(t, d, a, ModeMissing)
		conn, err := net.DialUnix("unix", nil, address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := fdpass.Send(conn, binary.NativeEndian.AppendUint64(nil, a.Start), d); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	// The message has waited in the socket.
	conn, err := listener.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var start [8]byte
	n, fds, err := fdpass.Receive(conn, start[:], 1)
	if err != nil || n != len(start) {
		t.Fatal(n, err)
	}
	d := received(t, fds[0])
	checkGone(t, d, Range{binary.NativeEndian.Uint64(start[:]), 4 * pageSize})
}

// checkGone tries every call on memory of a process that has ended.
func checkGone(t *testing.T, d *Descriptor, r Range) {
	t.Helper()
	have := mustOpen(t, Options{}).Available()
	for _, c := range calls {
		if c.feature != 0 && have&c.feature == 0 {
			continue
		}
		n, err := c.do(d, r, 0)
		if n != 0 {
			t.Errorf("%s: %d", c.op, n)
		}
		switch c.op {
		case opWake: // which is about who waits, not about memory
			if err != nil {
				t.Errorf("%s: %v", c.op, err)
			}
		case opMove: // never of another process
			want(t, err, unix.EINVAL, nil, c.op)
		case opRegister, opUnregister:
			want(t, err, unix.ENOMEM, nil, c.op)
		default:
			want(t, err, unix.ESRCH, ErrGone, c.op, r.String(), "gone")
		}
	}
	for op, all := range allCalls(r) {
		if op == opCopy || op == opZero {
			n, err := all(d, Retry{Exist: ExistSkip})
			if n != 0 {
				t.Errorf("%s: %d", op, n)
			}
			want(t, err, unix.ESRCH, ErrGone, op)
		}
	}
	if n, err := d.TryRead(make([]Event, 1)); n != 0 || err != errNothing {
		t.Errorf("%d events, %v", n, err)
	}
}

// The descriptor of a forked process comes with the event, and serves that process
// until it ends.
func TestForkedChild(t *testing.T) {
	clean(t)
	needRaw(t)
	if !mayTrace(t) {
		testgate.Skip(t, testgate.Root, "EVENT_FORK needs CAP_SYS_PTRACE")
	}
	d, a := mustOpen(t, Options{Required: FeatureEventFork}), anonymous(t, 2)
	register(t, d, a, ModeMissing)
	p, err := rawproc.Fork(rawproc.Load(a.addr(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	events := []Event{{arg: [3]uint64{1, 2, 3}}}
	if n, err := d.ReadContext(soon(t), events); n != 1 || err != nil || events[0].Kind != EventFork {
		t.Fatalf("%d events, %v: %v", n, err, &events[0])
	}
	child := events[0].Child()
	defer child.Close()
	if child == nil || !child.Ready() || child.Enabled() != d.Enabled() || child.Available() != d.Available() || child.Ioctls() != d.Ioctls() ||
		child.Path() != d.Path() || child.UserModeOnly() != d.UserModeOnly() || events[0].Raw() != [3]uint64{} {
		t.Errorf("%+v, %v", child, events[0].Raw())
	}
	for _, f := range []struct{ cmd, want int }{{unix.F_GETFD, unix.FD_CLOEXEC}, {unix.F_GETFL, unix.O_NONBLOCK}} {
		if got, err := unix.FcntlInt(uintptr(child.FD()), f.cmd, 0); err != nil || got&f.want == 0 {
			t.Errorf("fcntl %d: %#x, %v", f.cmd, got, err)
		}
	}
	if f := fetch(t, child); f.Address != a.addr(1) {
		t.Errorf("%v, want %#x", f, a.addr(1))
	}
	content := source(pageSize)
	content[0] = 77
	if n, err := child.Copy(a.addr(1), content, 0); n != len(content) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := ended(t, p); got != 77 {
		t.Errorf("the process read %d", got)
	}
	a.missing(t) // it was the other's memory
	checkGone(t, child, a.Range)
}
