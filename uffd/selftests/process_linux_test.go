package selftests

import (
	"encoding/binary"
	"testing"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// forked is visit with a process that has a copy of this one's memory.
func forked(t testing.TB, steps ...rawproc.Op) *visitor {
	t.Helper()
	testgate.Need(t, testgate.Port, rawproc.Supported())
	p, err := rawproc.Fork(steps...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return &visitor{t, p}
}

// gate is a word in shared memory, by which a test lets a process go on.
type gate struct{ *area }

func newGate(t testing.TB) gate {
	t.Helper()
	return gate{newArea(t, shmem, 1)}
}

// closed is the step that waits until the gate opens.
func (g gate) closed() rawproc.Op { return rawproc.Await(g.addr(0), 1) }

// open lets the process go on.
func (g gate) open() { binary.NativeEndian.PutUint32(g.mem, 1) }

// punch unmaps page i. The test must not map single pages after it: they could
// get into the hole, and go with the area.
func (a *area) punch(t testing.TB, i int) {
	t.Helper()
	if err := sys.Munmap(uintptr(a.addr(i)), uintptr(a.page)); err != nil {
		t.Fatal(err)
	}
}

// forkedReader is a forked process that reads a byte, once the event about it has
// been read. Its descriptor is closed when it has done so.
func forkedReader(t testing.TB, d *uffd.Descriptor, addr uint64) *visitor {
	t.Helper()
	return follow(t, d, rawproc.Load(addr))
}

// forkedWriter is forkedReader that writes.
func forkedWriter(t testing.TB, d *uffd.Descriptor, addr uint64) *visitor {
	t.Helper()
	return follow(t, d, rawproc.Store(addr, 42))
}

func follow(t testing.TB, d *uffd.Descriptor, step rawproc.Op) *visitor {
	t.Helper()
	c := forked(t, step)
	e := nextEvent(t, d)
	if e.Kind != uffd.EventFork {
		t.Fatalf("%v; want FORK", &e)
	}
	child := e.Child()
	t.Cleanup(func() {
		noEvent(t, child)
		if err := child.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
