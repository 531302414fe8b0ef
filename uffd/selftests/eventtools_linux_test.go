package selftests

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// Who changes its memory here waits in the kernel until the event is read. The
// end of a test unmaps memory, so areas are made before descriptors with
// EVENT_UNMAP: those are closed first then.

// descendant is the next message, which has to be about a fork: the descriptor of
// the new process, which is closed at the end of the test.
func descendant(t testing.TB, d *uffd.Descriptor) *uffd.Descriptor {
	t.Helper()
	e := nextEvent(t, d)
	if e.Kind != uffd.EventFork || e.Child() == nil {
		t.Fatalf("%v; want FORK and a descriptor", &e)
	}
	c := e.Child()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// room is address space as large as n pages of the area, where the test may move
// memory to. It goes at the end of the test, with what is there by then.
func (a *area) room(t testing.TB, n int) uffd.Range {
	t.Helper()
	r := uffd.Range{Len: uint64(n) * a.page}
	length := uintptr(r.Len + a.page)
	start, err := sys.Mmap(0, length, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_NORESERVE, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Munmap(start, length); err != nil {
			t.Error(err)
		}
	})
	r.Start = (uint64(start) + a.page - 1) / a.page * a.page
	return r
}

// moves is the step that moves a range of memory. The result is the new address.
func moves(from, to uffd.Range, flags uint64) rawproc.Op {
	return rawproc.Syscall(sys.SYS_MREMAP, from.Start, from.Len, to.Len, sys.MREMAP_MAYMOVE|sys.MREMAP_FIXED|flags, to.Start)
}

// moved tells that a.mem is not where it was: the end of the test leaves that alone.
func (a *area) moved(t testing.TB) {
	t.Helper()
	a.lose()
	if a.alias != nil {
		if err := unix.Munmap(a.alias); err != nil {
			t.Error(err)
		}
	}
}

// unmaps is the step that unmaps n pages from page i on: the end of the test leaves
// their place alone.
func (a *area) unmaps(i, n int) rawproc.Op {
	a.gone = a.span(i, n)
	return unmaps(a.gone)
}

// advises is the step that advises about a range of memory.
func advises(r uffd.Range, advice uint64) rawproc.Op {
	return rawproc.Syscall(sys.SYS_MADVISE, r.Start, r.Len, advice)
}

// unmaps is the step that unmaps a range of memory.
func unmaps(r uffd.Range) rawproc.Op { return rawproc.Syscall(sys.SYS_MUNMAP, r.Start, r.Len) }

// emptying is the advice by which pages of kind k are missing again.
func (k memory) emptying() uint64 {
	if k.private() {
		return sys.MADV_DONTNEED
	}
	return sys.MADV_REMOVE
}

// movable tells whether memory of kind k can be moved: huge pages since Linux
// 5.16.
func movable(t testing.TB, k memory) bool {
	t.Helper()
	a := newArea(t, k, 1)
	to := a.room(t, 1)
	_, err := sys.Mremap(uintptr(a.addr(0)), uintptr(a.page), uintptr(a.page), sys.MREMAP_MAYMOVE|sys.MREMAP_FIXED, uintptr(to.Start))
	if err == nil {
		a.moved(t)
		return true
	}
	if !k.huge() || !errors.Is(err, unix.EINVAL) {
		t.Fatal(err)
	}
	return false
}

// emptiable tells whether a process can give up pages of kind k: privately mapped
// huge ones since Linux 5.18.
func emptiable(t testing.TB, k memory) bool {
	t.Helper()
	a := newArea(t, k, 1)
	err := sys.Madvise(uintptr(a.addr(0)), uintptr(a.page), int(k.emptying()))
	if err != nil && (k != hugetlbPrivate || !errors.Is(err, unix.EINVAL)) {
		t.Fatal(err)
	}
	return err == nil
}

// waits waits until the visitor sleeps in the kernel, as who waits for an event to
// be read does, or for a page.
func (v *visitor) waits() {
	v.t.Helper()
	waitFor(v.t, "the process to wait", func() bool {
		state := v.state()
		return state == "D" || state == "S" && v.p.Done() == 0
	})
}

// state is the letter of the visitor's state, or empty.
func (v *visitor) state() string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", v.p.Pid()))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(text), ") ")
	letter, _, _ := strings.Cut(after, " ")
	return letter
}

// failed is the error that the result of a system call is, or nil.
func failed(result uint64) error {
	if n := int64(result); n < 0 && n >= -4095 {
		return unix.Errno(-n)
	}
	return nil
}

// succeeds waits for a step that is a system call, which has to succeed.
func (v *visitor) succeeds(step int) uint64 {
	v.t.Helper()
	result := v.result(step)
	if err := failed(result); err != nil {
		v.t.Fatalf("step %d: %v", step, err)
	}
	return result
}

// wantLayout fails the test unless a page at addr, filled, gives ErrLayout.
func wantLayout(t testing.TB, d *uffd.Descriptor, addr, page uint64) {
	t.Helper()
	if n, err := d.Copy(addr, make([]byte, page), 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
		t.Errorf("COPY to %#x, which is registered no longer: %d, %v", addr, n, err)
	}
}

// wantEvent fails the test unless the next message is of kind.
func wantEvent(t testing.TB, d *uffd.Descriptor, kind uffd.EventKind) uffd.Event {
	t.Helper()
	e := nextEvent(t, d)
	if e.Kind != kind {
		t.Fatalf("%v; want %v", &e, kind)
	}
	return e
}

// wantRemoved fails the test unless the next message is of kind, about the range.
func wantRemoved(t testing.TB, d *uffd.Descriptor, kind uffd.EventKind, r uffd.Range) {
	t.Helper()
	if e := wantEvent(t, d, kind); e.Removed() != r {
		t.Errorf("%v; want %v", &e, r)
	}
}
