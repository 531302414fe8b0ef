package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// moving is a destination of n pages that is registered, and a source of as many
// that are filled and not registered.
func moving(t *testing.T, n int) (d *uffd.Descriptor, dst, src *area, data []byte) {
	t.Helper()
	d = open(t, uffd.Options{Required: uffd.FeatureMove})
	dst, src = newArea(t, anon, n), newArea(t, anon, n)
	register(t, d, dst.all(), uffd.ModeMissing)
	data = src.filled(n, 1)
	copy(src.mem, data)
	return d, dst, src, data
}

// MOVE resolves faults; afterwards the source is empty.
func TestMove(t *testing.T) {
	d, dst, src, data := moving(t, 4)
	for i := range 3 {
		r := reads(t, dst.addr(i)+5)
		missingFault(t, d, dst, i, false)
		if n, err := d.Move(dst.addr(i), src.addr(i), dst.page, 0); n != dst.page || err != nil {
			t.Fatalf("page %d: %d, %v", i, n, err)
		}
		r.saw(data[uint64(i)*dst.page+5])
	}
	missing(t, "the last page", dst, 3, 1)
	w := writes(t, dst.addr(3), 42)
	missingFault(t, d, dst, 3, true)
	if n, err := d.Move(dst.addr(3), src.addr(3), dst.page, uffd.DontWake); n != dst.page || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	w.stuck()
	if err := d.Wake(dst.at(3)); err != nil {
		t.Error(err)
	}
	w.ended()
	data[3*dst.page] = 42
	holds(t, "the destination", dst.all(), data)
	holds(t, "the source", src.all(), src.zeros(4))
	noEvent(t, d)
}

// MOVE of several pages, with holes in the source, pages in the destination, and
// waiters.
func TestMovePartly(t *testing.T) {
	d, dst, src, data := moving(t, 5)
	page := dst.page
	if err := unix.Madvise(src.mem[2*page:][:page], unix.MADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	n, err := d.Move(dst.addr(0), src.addr(0), 5*page, 0)
	if n != 2*page || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("with a hole: %d, %v; want %d and EAGAIN", n, err, 2*page)
	}
	if n, err := d.Move(dst.addr(2), src.addr(2), page, 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
		t.Errorf("of a hole: %d, %v; want %v", n, err, uffd.ErrLayout)
	}
	if n, err := d.Move(dst.addr(2), src.addr(2), 2*page, uffd.AllowHoles); n != 2*page || err != nil {
		t.Errorf("of a hole that is allowed, and a page: %d, %v", n, err)
	}
	missing(t, "where the hole is", dst, 2, 1)
	if n, err := d.Move(dst.addr(3), src.addr(4), page, 0); n != 0 || !errors.Is(err, uffd.ErrExists) {
		t.Errorf("onto a page: %d, %v; want %v", n, err, uffd.ErrExists)
	}
	holds(t, "a source that stays", src.at(4), data[4*page:])

	copy(src.mem, data) // MoveAll: pages 0, 1 and 3 exist
	n, err = d.MoveAll(dst.addr(0), src.addr(0), 5*page, 0, uffd.Retry{Exist: uffd.ExistSkip})
	if n != 5*page || err != nil {
		t.Errorf("MoveAll that skips: %d, %v", n, err)
	}
	holds(t, "the destination", dst.all(), data)
	left := append([]byte(nil), data...)
	clear(left[2*page : 3*page])
	clear(left[4*page:])
	holds(t, "the source", src.all(), left)
}

// What MOVE does not do.
func TestMoveErrors(t *testing.T) {
	d, dst, src, data := moving(t, 3)
	page := dst.page
	shared, other, readonly := newArea(t, shmem, 1), newArea(t, anon, 1), newArea(t, anon, 1)
	copy(shared.mem, data)
	copy(readonly.mem, data)
	if err := unix.Mprotect(readonly.mem, sys.PROT_READ); err != nil {
		t.Fatal(err)
	}
	d2 := open(t, uffd.Options{Required: uffd.FeatureMove})
	register(t, d2, other.all(), uffd.ModeMissing)
	hole := newArea(t, anon, 3)
	hole.punch(t, 1)
	for name, m := range map[string]struct {
		dst, src, length uint64
		want             error
	}{
		"unaligned destination":            {dst.addr(0) + 1, src.addr(0), page, unix.EINVAL},
		"unaligned source":                 {dst.addr(0), src.addr(0) + 1, page, unix.EINVAL},
		"unaligned length":                 {dst.addr(0), src.addr(0), page - 1, unix.EINVAL},
		"no length":                        {dst.addr(0), src.addr(0), 0, unix.EINVAL},
		"overflow":                         {dst.addr(0), -page, 2 * page, unix.EINVAL},
		"a source that is not mapped":      {dst.addr(0), hole.addr(1), page, unix.ENOENT},
		"a destination that is not mapped": {hole.addr(1), src.addr(0), page, unix.ENOENT},
		"a source that ends too soon":      {dst.addr(0), hole.addr(0), 2 * page, unix.EINVAL},
		"shared memory":                    {dst.addr(0), shared.addr(0), page, unix.EINVAL},
		"memory that can't be written":     {dst.addr(0), readonly.addr(0), page, unix.EINVAL},
		"a destination of nobody":          {hole.addr(0), src.addr(0), page, unix.EINVAL},
		"a destination of another":         {other.addr(0), src.addr(0), page, unix.EINVAL},
		"a source without a page in it":    {dst.addr(0), hole.addr(2), page, unix.ENOENT},
		"a destination that ends too soon": {dst.addr(2), src.addr(0), 2 * page, unix.EINVAL},
		"a source that is the destination": {dst.addr(0), dst.addr(1), page, unix.ENOENT},
	} {
		n, err := d.Move(m.dst, m.src, m.length, 0)
		if n != 0 || !errors.Is(err, m.want) {
			t.Errorf("%s: %d, %v; want %v", name, n, err, m.want)
		}
	}
	missing(t, "after all that", dst, 0, 3)
	holds(t, "after all that", src.all(), data)
	holds(t, "after all that", shared.all(), data[:page])
}

// Into and out of other memory than private anonymous memory.
func TestMoveOtherMemory(t *testing.T) {
	forEach(t, allMemory[1:], func(t *testing.T, k memory) {
		a := newArea(t, k, 1)
		d := open(t, uffd.Options{Required: uffd.FeatureMove})
		register(t, d, a.all(), uffd.ModeMissing)
		src := newArea(t, anon, int(a.page/smallPage))
		src.mem[0] = 1
		n, err := d.Move(a.addr(0), src.addr(0), a.page, uffd.AllowHoles)
		if n != 0 || !errors.Is(err, unix.EINVAL) {
			t.Errorf("into it: %d, %v; want EINVAL", n, err)
		}
		dst := newArea(t, anon, int(a.page/smallPage))
		register(t, d, dst.all(), uffd.ModeMissing)
		b := newArea(t, k, 1)
		b.mem[0] = 1
		n, err = d.Move(dst.addr(0), b.addr(0), a.page, uffd.AllowHoles)
		if k == shmemPrivate {
			// Pages of its own that a private mapping of a file has are anonymous,
			// but the mapping is not.
			if n != 0 || err == nil {
				t.Errorf("out of it: %d, %v", n, err)
			}
		} else if n != 0 || !errors.Is(err, unix.EINVAL) {
			t.Errorf("out of it: %d, %v; want EINVAL", n, err)
		}
		missing(t, "after that", a, 0, 1)
		missing(t, "after that", dst, 0, 1)
	})
}

// A page that a forked process has too can't be moved away.
func TestMoveShared(t *testing.T) {
	d, dst, src, data := moving(t, 2)
	g := newGate(t)
	child := forked(t, rawproc.Load(g.addr(0)), g.closed(), rawproc.Load(src.addr(1)))
	child.result(0)
	n, err := d.Move(dst.addr(0), src.addr(0), dst.page, 0)
	if n != 0 || !errors.Is(err, unix.EBUSY) {
		t.Errorf("a shared page: %d, %v; want EBUSY", n, err)
	}
	src.mem[0]++ // now it is a copy of its own
	data[0]++
	if n, err := d.Move(dst.addr(0), src.addr(0), dst.page, 0); n != dst.page || err != nil {
		t.Errorf("after it was copied: %d, %v", n, err)
	}
	holds(t, "the destination", dst.at(0), data[:dst.page])
	g.open()
	child.ended()
	if got := child.result(2); got != uint64(data[dst.page]) {
		t.Errorf("the child read %#x", got)
	}
	// The kernel finds out that nobody shares it any longer when it is written.
	src.mem[dst.page]++
	data[dst.page]++
	if n, err := d.Move(dst.addr(1), src.addr(1), dst.page, 0); n != dst.page || err != nil {
		t.Errorf("after the child's end and a write: %d, %v", n, err)
	}
	holds(t, "the destination", dst.all(), data)
}
