package pagemap

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// One page, again and again.
func TestSimple(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 1)
	arm(t, d, a.all())
	for i := range testgate.Rounds(1000, 50) {
		if got, _, _ := a.scan(t, m, a.all(), dirty, 1); got != "" {
			t.Fatalf("round %d: dirty before the write", i)
		}
		a.clean(t, m)
		a.write(0)
		if got, _, _ := a.scan(t, m, a.all(), dirty, 1); got != "0" {
			t.Fatalf("round %d: clean after the write", i)
		}
		a.clean(t, m)
	}
}

// Rights that change, and a mapping over a tracked one.
func TestMprotect(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 2)
	arm(t, d, a.all())
	protect := func(i, n, prot int) {
		t.Helper()
		if err := unix.Mprotect(a.part(i, n), prot); err != nil {
			t.Fatal(err)
		}
	}
	const rw = unix.PROT_READ | unix.PROT_WRITE
	a.fill(1)
	a.want(t, m, "both written", dirty, "0-1")
	a.clean(t, m)
	a.want(t, m, "both clean", dirty, "")

	// The second page anew.
	if _, err := unix.MmapPtr(-1, 0, pointer(a.part(1, 1)), uintptr(pageSize), rw, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED); err != nil {
		t.Fatal(err)
	}
	arm(t, d, a.span(1, 1))
	protect(0, 1, unix.PROT_NONE)
	protect(0, 2, unix.PROT_READ)
	a.want(t, m, "rights changed", dirty, "")
	protect(0, 2, rw)
	a.want(t, m, "and back", dirty, "")
	a.fill(2)
	protect(0, 1, unix.PROT_NONE)
	protect(0, 1, unix.PROT_READ)
	protect(0, 1, rw)
	a.want(t, m, "written, mapped anew, rights changed", dirty, "0-1")

	a.clean(t, m)
	a.fill('A')
	a.want(t, m, "cleaned and written", dirty, "0-1")
}

// Addresses where nothing is.
func TestUnmapped(t *testing.T) {
	m := open(t)
	a := anon(t, 64)
	if err := unix.Mprotect(a.mem, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	gap, err := unix.Mmap(-1, 0, 64*int(pageSize), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	r := uffd.RangeOf(gap)
	if err := unix.Munmap(gap); err != nil {
		t.Fatal(err)
	}
	// Another thread of the runtime may map something just there.
	for _, q := range []Query{{}, {Mask: known, Return: known}, {AnyOf: known &^ Written, Return: known &^ Written}, dirty} {
		into := make([]Region, 64)
		n, end, err := m.Scan(r, q, into)
		if err != nil || end != r.End() {
			t.Errorf("%+v: %d up to %#x, %v", q, n, end, err)
		}
		if n != 0 {
			t.Logf("%+v: %v", q, into[:n])
		}
	}
	// A mapping in which nothing is: all its pages are there to be found, by a
	// query that asks for nothing. (Whether they are written, kernels disagree.)
	rest := known &^ Written
	a.want(t, m, "an empty mapping", Query{Return: rest}, all(a)+" 0")
	a.want(t, m, "what is in it", Query{AnyOf: rest, Return: rest}, "")
}

// Tracked memory of all kinds of rights, without and with pages.
func TestMixedRights(t *testing.T) {
	m, d := open(t), async(t)
	a := anonAt(t, 16, unix.PROT_NONE)
	arm(t, d, a.all())
	const rw = unix.PROT_READ | unix.PROT_WRITE
	for i, prot := range []int{rw, unix.PROT_READ, rw, unix.PROT_READ, rw, unix.PROT_NONE, rw, unix.PROT_READ} {
		if err := unix.Mprotect(a.part(2*i, 2), prot); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := m.Scan(a.span(1, 12), collect, nil); err != nil {
		t.Error(err)
	}
	a.clean(t, m)
	limited := collect
	limited.MaxPages = uint64(a.pages() - 2)
	if got, _, _ := a.scan(t, m, a.all(), limited, 1); got != "" {
		t.Errorf("new: %q", got)
	}
	for _, i := range []int{0, 1, 4, 9, 12, 13} {
		a.write(i)
	}
	a.want(t, m, "written", dirty, "0-1, 4, 9, 12-13")
	// Rights that go do not clean, and a protected page stays protected.
	if err := unix.Mprotect(a.mem, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	a.want(t, m, "without any rights", collect, "0-1, 4, 9, 12-13")
	if err := unix.Mprotect(a.mem, rw); err != nil {
		t.Fatal(err)
	}
	a.want(t, m, "with all of them", dirty, "")
	a.fill(3)
	a.want(t, m, "all written", dirty, all(a))
}

// A page that was only read is the kernel's page of zeros.
func TestZeroPage(t *testing.T) {
	m, d := open(t), async(t)
	for what, register := range map[string]bool{"untracked": false, "tracked": true} {
		t.Run(what, func(t *testing.T) {
			a := anon(t, 3)
			if register {
				arm(t, d, a.all())
			}
			if a.mem[pageSize] != 0 {
				t.Fatal("not zero")
			}
			a.write(2)
			zero := Query{Mask: PFNZero | Present, Return: PFNZero | File}
			a.want(t, m, "read", zero, "1 PFNZERO")
			a.write(1)
			a.want(t, m, "written", zero, "")
		})
	}
	t.Run("huge", func(t *testing.T) {
		a := thp(t, m, 1)
		if err := a.advise(0, a.pages(), unix.MADV_DONTNEED); err != nil {
			t.Fatal(err)
		}
		if a.mem[0] != 0 {
			t.Fatal("not zero")
		}
		// The kernel may have no huge page of zeros, and then gives a small one.
		got, _, _ := a.scan(t, m, a.all(), Query{Mask: PFNZero, Return: PFNZero}, 2)
		if got != "0 PFNZERO" && got != all(a)+" PFNZERO" {
			t.Errorf("read: %q", got)
		}
	})
}

// Pages that were there, were given up and are not there: no mark is left on them,
// so they are not protected, which is what written means.
func TestUnpopulated(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 8)
	arm(t, d, a.all())
	a.want(t, m, "new", dirty, "")
	a.fill(1)
	a.clean(t, m)
	if err := a.advise(2, 4, unix.MADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	a.want(t, m, "given up", dirty, "2-5")
	// Kernels before summer 2026 count them in this form of the question alone.
	if got, _, _ := a.scan(t, m, a.all(), Query{AnyOf: Written, Return: Written}, 8); got != "2-5" {
		t.Logf("asked in another way: %q", got)
	}
	a.want(t, m, "collected", collect, "2-5")
	a.want(t, m, "collected twice", collect, "")
	a.want(t, m, "marked", Query{Mask: Swapped, Return: Swapped | WPAllowed | Present}, "2-5 WPALLOWED|SWAPPED")
	if a.mem[3*pageSize] != 0 {
		t.Error("the contents are still there")
	}
	a.want(t, m, "read", dirty, "")
	a.write(3)
	a.want(t, m, "written", dirty, fmt.Sprint(3))
}
