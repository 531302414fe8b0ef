package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// A page can be put in place write-protected from its first moment on: whoever
// waited to write to it waits once more, for the other reason.
func TestWpCopyProtected(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: wpFor(k)})
		a := newArea(t, k, 2)
		content := a.filled(2, 3)
		register(t, d, a.all(), uffd.ModeMissing|uffd.ModeWP)

		w := writes(t, a.addr(0)+1, 9)
		if f := nextFault(t, d); f.Flags != uffd.FaultWrite || f.Address != a.addr(0) {
			t.Fatalf("%v; want a write to a missing page", f)
		}
		install := func(i int) {
			t.Helper()
			if n, err := d.Copy(a.addr(i), content[uint64(i)*a.page:][:a.page], uffd.Protected); n != int(a.page) || err != nil {
				t.Fatal(n, err)
			}
		}
		install(0)
		wantProtected(t, a, "#.")
		wpFault(t, d, a, 0)
		unprotect(t, d, a.at(0))
		w.ended()

		r := reads(t, a.addr(1)+2)
		if f := nextFault(t, d); f.Flags != 0 || f.Address != a.addr(1) {
			t.Fatalf("%v; want a read of a missing page", f)
		}
		install(1)
		r.saw(content[a.page+2])
		noEvent(t, d)
		wantProtected(t, a, ".#")
		w = writes(t, a.addr(1)+1, 9)
		wpFault(t, d, a, 1)
		unprotect(t, d, a.at(1))
		w.ended()
	})
}

// With several pages in one call, and nobody awake before Wake.
func TestWpCopyProtectedWithoutWaking(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: wpFor(k)})
		a := newArea(t, k, 3)
		content := a.filled(3, 4)
		register(t, d, a.all(), uffd.ModeMissing|uffd.ModeWP)
		r := reads(t, a.addr(2))
		nextFault(t, d)
		if n, err := d.Copy(a.addr(0), content, uffd.Protected|uffd.DontWake); n != len(content) || err != nil {
			t.Fatal(n, err)
		}
		wantProtected(t, a, "###")
		r.stuck()
		if err := d.Wake(a.all()); err != nil {
			t.Fatal(err)
		}
		r.saw(content[2*a.page])
		noEvent(t, d)
	})
}

// minorFor are the features without which memory of kind k has no minor faults.
func minorFor(k memory) uffd.Features {
	if k.huge() {
		return uffd.FeatureMinorHugetlbfs
	}
	return uffd.FeatureMinorShmem
}

// CONTINUE can protect since Linux 6.4. No feature says so; WP_UNPOPULATED is of
// the same release.
func TestWpContinueProtected(t *testing.T) {
	forEach(t, []memory{shmem, hugetlb}, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: wpFor(k) | minorFor(k) | uffd.FeatureWPUnpopulated})
		a := newArea(t, k, 2)
		content := a.filled(2, 5)
		copy(a.alias, content)
		register(t, d, a.all(), uffd.ModeMinor|uffd.ModeWP)
		r := reads(t, a.addr(1))
		if f := nextFault(t, d); f.Flags != uffd.FaultMinor || f.Address != a.addr(1) {
			t.Fatalf("%v; want a minor fault by a read", f)
		}
		if n, err := d.Continue(a.all(), uffd.Protected); n != a.all().Len || err != nil {
			t.Fatal(n, err)
		}
		r.saw(content[a.page])
		wantProtected(t, a, "##")
		for i := range 2 {
			w := writes(t, a.addr(i)+8, 8)
			wpFault(t, d, a, i)
			unprotect(t, d, a.at(i))
			w.ended()
			if got := a.alias[uint64(i)*a.page+8]; got != 8 {
				t.Errorf("the file has %d in page %d, want 8", got, i)
			}
		}
		noEvent(t, d)
	})
}

// In a range without ModeWP nothing can be installed protected.
func TestWpInstallNeedsTheMode(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: wpFor(k)})
		a := newArea(t, k, 1)
		register(t, d, a.all(), uffd.ModeMissing)
		if n, err := d.Copy(a.addr(0), a.filled(1, 6), uffd.Protected); n != 0 || !errors.Is(err, unix.EINVAL) {
			t.Errorf("Copy: %d, %v; want EINVAL", n, err)
		}
		if got := bitsAt(t, a.addr(0)); got.has(bitPresent) {
			t.Error("the page is there")
		}
	})
	forEach(t, []memory{shmem, hugetlb}, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: wpFor(k) | minorFor(k)})
		a := newArea(t, k, 1)
		a.alias[0] = 1
		register(t, d, a.all(), uffd.ModeMinor)
		if n, err := d.Continue(a.at(0), uffd.Protected); n != 0 || !errors.Is(err, unix.EINVAL) {
			t.Errorf("Continue: %d, %v; want EINVAL", n, err)
		}
		if got := bitsAt(t, a.addr(0)); got.has(bitPresent) {
			t.Error("the page is there")
		}
	})
}
