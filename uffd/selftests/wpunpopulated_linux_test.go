package selftests

import (
	"testing"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Pages that are not there can be protected: a marker stands for them (Linux 6.4;
// in files Linux 5.19, without a feature of its own).
func TestWpUnpopulated(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		var more uffd.Features
		if k == anon {
			more = uffd.FeatureWPUnpopulated
		}
		d := open(t, uffd.Options{Required: wpFor(k) | more})
		a := newArea(t, k, 4)
		register(t, d, a.all(), uffd.ModeWP)
		protect(t, d, a.all())
		wantProtected(t, a, "####")
		if bitsAt(t, a.addr(0)).has(bitPresent) {
			t.Error("protecting made a page")
		}

		unprotect(t, d, a.at(0))
		wantProtected(t, a, ".###")
		untrapped(t, d, a, 0)

		trapped(t, d, a, 1)
		wantProtected(t, a, "..##")

		// A read finds zeros, and the page stays protected.
		reads(t, a.addr(2)).saw(0)
		noEvent(t, d)
		wantProtected(t, a, "..##")
		if !bitsAt(t, a.addr(2)).has(bitPresent) {
			t.Error("there is no page after a read")
		}
		trapped(t, d, a, 2)

		if k != anon {
			return
		}
		advise(t, a.at(3), sys.MADV_DONTNEED)
		wantProtected(t, a, "....")
		untrapped(t, d, a, 3)
	})
}

// The kernel's case, step by step: one page of anonymous memory that comes and
// goes.
func TestWpUnpopulatedComesAndGoes(t *testing.T) {
	d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP | uffd.FeatureWPUnpopulated})
	a := newArea(t, anon, 1)
	register(t, d, a.all(), uffd.ModeWP)
	want := func(step, pages string) {
		t.Helper()
		if got := picture(t, a.all()); got != pages {
			t.Errorf("%s: %s, want %s", step, got, pages)
		}
	}
	protect(t, d, a.all())
	want("protected while missing", "p")
	unprotect(t, d, a.all())
	want("unprotected", "_")
	protect(t, d, a.all())
	advise(t, a.all(), sys.MADV_DONTNEED)
	want("given up", "_")
	untrapped(t, d, a, 0)
	want("written", "x")
	protect(t, d, a.all())
	want("protected while there", "P")
	advise(t, a.all(), sys.MADV_DONTNEED)
	want("given up", "_")
	reads(t, a.addr(0)).saw(0)
	want("read: the page of zeros", "x")
	protect(t, d, a.all())
	want("the page of zeros protected", "P")
	trapped(t, d, a, 0)
	want("written", "x")
}

// Without the feature the same call passes over what is not there.
func TestWpUnpopulatedIsAFeature(t *testing.T) {
	d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP})
	a := newArea(t, anon, 2)
	register(t, d, a.all(), uffd.ModeWP)
	protect(t, d, a.all())
	wantProtected(t, a, "..")
	untrapped(t, d, a, 0)
}

// A marker in the way of a page: COPY replaces it; the page is then not protected
// unless it is asked for. ZEROPAGE does not, in anonymous memory.
func TestWpUnpopulatedThenFilled(t *testing.T) {
	d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP | uffd.FeatureWPUnpopulated})
	a := newArea(t, anon, 3)
	register(t, d, a.all(), uffd.ModeWP|uffd.ModeMissing)
	protect(t, d, a.all())
	wantProtected(t, a, "###")
	for i, flags := range []uffd.Flags{0, uffd.Protected} {
		if n, err := d.Copy(a.addr(i), a.filled(1, 1), flags); n != int(a.page) || err != nil {
			t.Fatal(n, err)
		}
	}
	wantProtected(t, a, ".##")
	if n, err := d.Zero(a.at(2), 0); n != 0 || !isExists(err) {
		t.Errorf("zeropage over a marker: %d, %v; want ErrExists", n, err)
	}
	untrapped(t, d, a, 0)
	trapped(t, d, a, 1)

	// A marker is not a page: in a range for missing pages, a read of it is a fault.
	r := reads(t, a.addr(2))
	if f := nextFault(t, d); f.Flags != 0 || f.Address != a.addr(2) {
		t.Errorf("%v; want a read of a missing page", f)
	}
	if _, err := d.Copy(a.addr(2), a.filled(1, 2), 0); err != nil {
		t.Fatal(err)
	}
	r.saw(a.filled(1, 2)[0])
}

// Whose kernel shows nothing of protection in pagemap is tested by what traps;
// here is what the picture is worth where there is one.
func TestWpIsShown(t *testing.T) {
	d, a, _ := guarded(t, anon, 3, 0)
	if !showsProtection(t) {
		if d.Available().Has(uffd.FeatureWPHugetlbfsShmem) { // later than the bit
			t.Error("pagemap does not show protected pages")
		}
		testgate.Skip(t, testgate.UffdFeature, "pagemap does not show protected pages (Linux 5.14)")
	}
	protect(t, d, a.at(1))
	if got := picture(t, a.all()); got != "xPx" {
		t.Errorf("pages: %s, want xPx", got)
	}
}
