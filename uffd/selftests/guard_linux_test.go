package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// guard makes a page a guard, or skips the test.
func guard(t testing.TB, r uffd.Range) {
	t.Helper()
	err := sys.Madvise(uintptr(r.Start), uintptr(r.Len), sys.MADV_GUARD_INSTALL)
	if errors.Is(err, unix.EINVAL) { // not known, or not for this memory (Linux 6.15)
		testgate.Skip(t, testgate.GuardRegions, "MADV_GUARD_INSTALL: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The uffd case of guard-regions: touching a guard is SIGSEGV and nobody's fault,
// whether it was there before the range was registered or came later; the pages
// between are served.
func TestGuardUffd(t *testing.T) {
	forEach(t, []memory{anon, shmem, shmemPrivate}, func(t *testing.T, k memory) {
		for name, before := range map[string]bool{"guarded first": true, "registered first": false} {
			t.Run(name, func(t *testing.T) {
				d := open(t, uffd.Options{})
				a := newArea(t, k, 6)
				content := a.filled(6, 1)
				if !before {
					register(t, d, a.all(), uffd.ModeMissing)
				}
				for i := 0; i < 6; i += 2 {
					guard(t, a.at(i))
				}
				if before {
					register(t, d, a.all(), uffd.ModeMissing)
				}
				for i := range 6 {
					if i%2 == 0 {
						reads(t, a.addr(i)).killed(unix.SIGSEGV)
						writes(t, a.addr(i), 9).killed(unix.SIGSEGV)
						noEvent(t, d)
						continue
					}
					served(t, d, a, i, content)
				}
				// Without the guard it is a missing page.
				advise(t, a.at(2), sys.MADV_GUARD_REMOVE)
				served(t, d, a, 2, content)
				// A page that is there, guarded: it goes, and comes back as a missing one.
				guard(t, a.at(1))
				reads(t, a.addr(1)).killed(unix.SIGSEGV)
				noEvent(t, d)
				advise(t, a.at(1), sys.MADV_GUARD_REMOVE)
				if k == anon {
					served(t, d, a, 1, content)
				}
			})
		}
	})
}

// served reads a missing page, and copies it.
func served(t *testing.T, d *uffd.Descriptor, a *area, i int, content []byte) {
	t.Helper()
	r := reads(t, a.addr(i)+1)
	if f := nextFault(t, d); !f.Flags.Missing() || f.Address != a.addr(i) {
		t.Fatalf("%v; want a missing page at %#x", f, a.addr(i))
	}
	if _, err := d.Copy(a.addr(i), content[uint64(i)*a.page:][:a.page], 0); err != nil {
		t.Fatal(err)
	}
	r.saw(content[uint64(i)*a.page+1])
}

// Write-protecting a range with a guard in it leaves the guard what it is.
func TestGuardWp(t *testing.T) {
	forEach(t, []memory{anon, shmem}, func(t *testing.T, k memory) {
		d, a, _ := guarded(t, k, 3, uffd.FeatureWPUnpopulated)
		guard(t, a.at(1))
		protect(t, d, a.all())
		wantProtected(t, a, "#.#")
		writes(t, a.addr(1), 9).killed(unix.SIGSEGV)
		noEvent(t, d)
		unprotect(t, d, a.all())
		writes(t, a.addr(1), 9).killed(unix.SIGSEGV)
		advise(t, a.at(1), sys.MADV_GUARD_REMOVE)
		untrapped(t, d, a, 1)
		protect(t, d, a.all())
		trapped(t, d, a, 1)

		if k != anon {
			// A guard where a page of a file is protected: the kernel takes the page away, finds
			// the marker of the protection in its place, and tries again for ever.
			return
		}
		// The other way round a guard takes the protection away.
		guard(t, a.at(2))
		wantProtected(t, a, "#..")
		if bits := bitsAt(t, a.addr(2)); d.Available().Has(uffd.FeatureRWP) && !bits.has(bitGuard) { // Linux 6.15
			t.Errorf("the guard is %#x in pagemap", bits)
		}
		writes(t, a.addr(2), 9).killed(unix.SIGSEGV)
		noEvent(t, d)
	})
}
