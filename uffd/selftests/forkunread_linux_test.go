package selftests

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Until its event is read there is no new process, and nothing can be filled.
// Closing the descriptor does not help: the new process has a copy of it already,
// so it stays open. Killing the one that forks does.
func TestForkUnread(t *testing.T) {
	d, a := followed(t, anon, 1, 0)
	v := forked(t, rawproc.Load(a.addr(0)))
	waitFor(t, "an event", func() bool { return readable(t, d, 0) })
	wantChanging(t, "Zero", second(d.Zero(a.at(0), 0)))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(testgate.Stretch(t, 3*time.Millisecond))
	if pid := v.p.Pid(); pid != 0 {
		t.Errorf("process %d is there, and its event was not read", pid)
	}
	if err := v.p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// A process that forks and does not have the descriptor itself is freed by closing
// it; the new process then is not registered.
func TestForkUnreadClosed(t *testing.T) {
	d, a := followed(t, anon, 1, 0)
	v := visit(t,
		rawproc.Syscall(sys.SYS_UNSHARE, unix.CLONE_FILES),
		rawproc.Syscall(sys.SYS_CLOSE, uint64(d.FD())),
		rawproc.Child(rawproc.Load(a.addr(0))),
		rawproc.Syscall(sys.SYS_WAIT4, ^uint64(0), 0, unix.WALL, 0))
	waitFor(t, "an event", func() bool { return readable(t, d, 0) })
	v.stuck()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	v.ended()
	if pid := v.succeeds(3); pid != v.succeeds(2) {
		t.Errorf("process %d was reaped", pid)
	}
}

// Who is killed while it forks takes its event with it.
func TestForkKilled(t *testing.T) {
	d, a := followed(t, anon, 1, 0)
	v := forked(t, rawproc.Load(a.addr(0)))
	waitFor(t, "an event", func() bool { return readable(t, d, 0) })
	if err := v.p.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.p.Wait(context.Background()); !errors.Is(err, unix.EINTR) {
		t.Errorf("a process that was killed before it was there: %v", err)
	}
	noEvent(t, d)
	if _, err := d.Zero(a.at(0), 0); err != nil {
		t.Errorf("ZEROPAGE afterwards: %v", err)
	}
}

// If this process can't have the new descriptor, the event stays until it can.
func TestForkWithoutRoom(t *testing.T) {
	d, a := followed(t, anon, 1, 0)
	v := forked(t, rawproc.Load(a.addr(0)))
	waitFor(t, "an event", func() bool { return readable(t, d, 0) })

	free, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Close(free); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = uint64(free)
	var events [4]uffd.Event
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	n, readErr := d.TryRead(events[:])
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if n != 0 || !errors.Is(readErr, unix.EMFILE) {
		t.Errorf("%d events, %v; want none and EMFILE", n, readErr)
	}
	c := descendant(t, d)
	missingFault(t, c, a, 0, false)
	if _, err := c.Zero(a.at(0), 0); err != nil {
		t.Fatal(err)
	}
	v.saw(0)
}
