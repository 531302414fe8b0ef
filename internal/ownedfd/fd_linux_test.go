package ownedfd

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

func newFD(t *testing.T) *FD {
	t.Helper()
	n, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := new(FD)
	d.Own(n)
	return d
}

func isOpen(n int) bool {
	_, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0)
	return err == nil
}

func TestCloseTwice(t *testing.T) {
	d := newFD(t)
	n := d.Number()
	if !isOpen(n) {
		t.Fatalf("%d is not open", n)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if d.Number() != -1 {
		t.Errorf("number %d after Close", d.Number())
	}
	if _, err := d.Hold(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Hold after Close: %v", err)
	}
}

func TestZeroIsClosed(t *testing.T) {
	before := isOpen(0)
	var d FD
	if _, err := d.Hold(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Hold: %v", err)
	}
	if err := d.Close(); err != nil || d.Number() != -1 {
		t.Errorf("Close: %v, number %d", err, d.Number())
	}
	if isOpen(0) != before {
		t.Error("descriptor 0 was closed")
	}
}

// The number must stay taken while a call uses it.
func TestCloseWithCallInFlight(t *testing.T) {
	d := newFD(t)
	n, err := d.Hold()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if !isOpen(n) || d.InFlight() != 1 {
		t.Fatalf("open %v, in flight %d; want true, 1", isOpen(n), d.InFlight())
	}
	if _, err := d.Hold(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Hold after Close: %v", err)
	}
	d.Drop()
	if isOpen(n) || d.InFlight() != 0 {
		t.Errorf("open %v, in flight %d after the last call; want false, 0", isOpen(n), d.InFlight())
	}
}

// A number that somebody else closed is reported, not hidden.
func TestCloseStolen(t *testing.T) {
	d := newFD(t)
	if err := unix.Close(d.Number()); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); !errors.Is(err, unix.EBADF) {
		t.Errorf("Close: %v, want EBADF", err)
	}
}

// Callers stat the descriptor while it is closed under them and another
// goroutine opens files: a call must never see a stranger's file.
func TestNoReuseUnderCalls(t *testing.T) {
	var want, dir unix.Stat_t
	if err := unix.Stat("/dev/null", &want); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var opener, callers sync.WaitGroup
	opener.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if n, err := unix.Open(".", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
				_ = unix.Fstat(n, &dir)
				_ = unix.Close(n)
			}
		}
	})
	var calls atomic.Int64
	for range testgate.Rounds(500, 100) {
		d := newFD(t)
		var begun sync.WaitGroup
		begun.Add(2)
		for range 2 {
			callers.Go(func() {
				for i := 0; ; i++ {
					if i == 1 {
						begun.Done()
					}
					n, err := d.Hold()
					if err != nil {
						return
					}
					var got unix.Stat_t
					err = unix.Fstat(n, &got)
					d.Drop()
					calls.Add(1)
					runtime.Gosched() // or they keep the one that closes waiting
					if err != nil || got.Ino != want.Ino || got.Dev != want.Dev {
						t.Errorf("fstat: %v, inode %d; want %d", err, got.Ino, want.Ino)
					}
				}
			})
		}
		begun.Wait()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		callers.Wait()
		if d.state.Load() != 0 {
			t.Fatalf("state %#x after everything ended", d.state.Load())
		}
	}
	close(stop)
	opener.Wait()
	t.Logf("%d calls", calls.Load())
}

func TestHoldAllocatesNothing(t *testing.T) {
	d := newFD(t)
	defer d.Close()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.Hold(); err != nil {
			t.Fatal(err)
		}
		d.Drop()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
