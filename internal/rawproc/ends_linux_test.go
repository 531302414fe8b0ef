package rawproc_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/rawproc"
	"golang.org/x/sys/unix"
)

func TestBadAccess(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		mem := shared(t)
		if err := unix.Mprotect(mem, unix.PROT_READ); err != nil {
			t.Fatal(err)
		}
		file, err := unix.MemfdCreate("beyond", unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(file)
		beyond, err := unix.Mmap(file, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Munmap(beyond)

		for what, c := range map[string]struct {
			op   rawproc.Op
			sig  syscall.Signal
			addr uint64
		}{
			"load of what is not mapped": {rawproc.Load(16), syscall.SIGSEGV, 16},
			"store to what is read-only": {rawproc.Store(address(mem)+5, 1), syscall.SIGSEGV, address(mem) + 5},
			"load beyond the file's end": {rawproc.Load(address(beyond) + 7), syscall.SIGBUS, address(beyond) + 7},
		} {
			p := start(t, name, rawproc.Load(address(mem)), c.op)
			status := wait(t, p)
			if !status.Signaled() || status.Signal() != c.sig {
				t.Errorf("%s: status %#x, want %v", what, status, c.sig)
			}
			f, ok := p.Fault()
			if runtime.GOARCH == "s390x" { // a fault has the address of its page
				c.addr &^= uint64(os.Getpagesize()) - 1
			}
			if !ok || f.Signal != int(c.sig) || f.Code <= 0 || f.Address != c.addr {
				t.Errorf("%s: fault %+v, %v, want address %#x", what, f, ok, c.addr)
			}
			if n := p.Done(); n != 1 {
				t.Errorf("%s: %d steps are done, want 1", what, n)
			}
		}
	})
}

func TestKill(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		mem := shared(t)
		p := start(t, name, rawproc.Set(address(mem)+4, 1), rawproc.Await(address(mem), 1))
		for loadWord(mem[4:]) != 1 {
			time.Sleep(time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait for a process that waits: %v", err)
		}
		for range 2 {
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if status := wait(t, p); !status.Signaled() || status.Signal() != syscall.SIGKILL {
			t.Errorf("status %#x, want SIGKILL", status)
		}
		if n := p.Done(); n != 1 {
			t.Errorf("%d steps are done, want 1", n)
		}
	})
}
