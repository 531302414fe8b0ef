package selftests

import (
	"strconv"
	"testing"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/uffd"
)

// A pinned page is copied at once when the process forks, and the copy has to be
// protected as well. With RWP_ASYNC an access of the child shows whether it is: the
// protection goes if the access met one.
func TestRwpForkPin(t *testing.T) {
	for name, pinned := range map[string]bool{"pinned": true, "not pinned": false} {
		t.Run(name, func(t *testing.T) {
			d, a, content := closed(t, anon, 2, uffd.FeatureRWPAsync|uffd.FeatureEventFork)
			if pinned {
				defer pin(t, a.mem)()
			}
			closeOff(t, d, a.all())
			wantProtected(t, a, "##")

			g := newGate(t)
			child := forked(t, rawproc.Load(a.addr(0)), g.closed(), rawproc.Store(a.addr(1), 9), g.closed())
			e := nextEvent(t, d)
			if e.Kind != uffd.EventFork {
				t.Fatalf("%v; want a fork", &e)
			}
			defer e.Child().Close()
			if got := child.result(0); got != uint64(content[0]) {
				t.Errorf("the child reads %#x, want %#x", got, content[0])
			}
			bits := bitsOf(t, strconv.Itoa(child.p.Pid()), a.all())
			if bits[0].has(bitProtected) || !bits[0].has(bitPresent) {
				t.Errorf("the page that the child has read is %#x: its protection was not met", bits[0])
			}
			if !bits[1].has(bitProtected) {
				t.Errorf("the page that the child has not read is %#x: it lost its protection", bits[1])
			}
			g.open()
			child.ended()
			wantProtected(t, a, "##")
			if got := a.mem[a.page]; got != content[a.page] {
				t.Errorf("the parent reads %#x after the child wrote, want %#x", got, content[a.page])
			}
			noEvent(t, d)
		})
	}
}

// A page that is swapped out and then shared with a forked process stays protected:
// the write that brings it back has to wait before it gets a copy.
func TestRwpSwapCow(t *testing.T) {
	d, a, content := closed(t, anon, 2, 0)
	closeOff(t, d, a.all())
	swapOut(t, a.all())
	wantProtected(t, a, "##")
	g := newGate(t)
	child := forked(t, g.closed(), rawproc.Load(a.addr(0)))
	waitFor(t, "the forked process", func() bool { return child.p.Pid() != 0 })

	w := writes(t, a.addr(0), 9)
	rwpFault(t, d, a, 0, uffd.FaultWrite)
	openUp(t, d, a.at(0))
	w.ended()
	r := reads(t, a.addr(1))
	rwpFault(t, d, a, 1, 0)
	openUp(t, d, a.at(1))
	r.saw(content[a.page])

	g.open()
	child.ended()
	if got, _ := child.p.Result(1); got != uint64(content[0]) {
		t.Errorf("the child reads %#x, want %#x", got, content[0])
	}
	noEvent(t, d)
}

// A page keeps its protection in swap space. In a file it does not: what is shared
// is looked up again in the file.
func TestRwpSwappedOut(t *testing.T) {
	forEach(t, []memory{anon, shmem}, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 2, 0)
		closeOff(t, d, a.at(0))
		swapOut(t, a.all())
		if k == anon {
			wantProtected(t, a, "#.")
			r := reads(t, a.addr(0))
			rwpFault(t, d, a, 0, 0)
			openUp(t, d, a.at(0))
			r.saw(content[0])
		} else {
			wantProtected(t, a, "..")
			reads(t, a.addr(0)).saw(content[0])
		}
		reads(t, a.addr(1)).saw(content[a.page])
		noEvent(t, d)
	})
}
