package selftests

import (
	"bytes"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

// closed is an area full of bytes, registered for protection against every access
// (Linux 7.3) on a descriptor of its own, and not protected yet.
func closed(t *testing.T, k memory, pages int, more uffd.Features) (*uffd.Descriptor, *area, []byte) {
	t.Helper()
	d := open(t, uffd.Options{Required: uffd.FeatureRWP | more})
	a := newArea(t, k, pages)
	content := a.filled(pages, 1)
	copy(a.mem, content)
	if got := register(t, d, a.all(), uffd.ModeRWP); !got.Has(uffd.IoctlRWprotect|uffd.IoctlWake) || got.Has(uffd.IoctlWriteprotect) {
		t.Errorf("register offers %v", got)
	}
	return d, a, content
}

func closeOff(t testing.TB, d *uffd.Descriptor, r uffd.Range) {
	t.Helper()
	if err := d.RWProtect(r); err != nil {
		t.Fatal(err)
	}
}

func openUp(t testing.TB, d *uffd.Descriptor, r uffd.Range) {
	t.Helper()
	if err := d.RWUnprotect(r, 0); err != nil {
		t.Fatal(err)
	}
}

// rwpFault is the next message, which has to be about an access to protected page
// i.
func rwpFault(t testing.TB, d *uffd.Descriptor, a *area, i int, access uffd.FaultFlags) {
	t.Helper()
	if f := nextFault(t, d); f.Flags != uffd.FaultRWP|access || f.Address != a.addr(i) {
		t.Fatalf("%v; want an access (%v) to the protected page at %#x", f, access, a.addr(i))
	}
}

// Every access to a protected page waits until the page is unprotected, and finds
// what was there.
func TestRwpSync(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 4, 0)
		wantProtected(t, a, "....")
		closeOff(t, d, a.span(0, 3))
		wantProtected(t, a, "###.")
		reads(t, a.addr(3)).saw(content[3*a.page])
		noEvent(t, d)

		r := reads(t, a.addr(0)+5)
		rwpFault(t, d, a, 0, 0)
		r.stuck()
		openUp(t, d, a.at(0))
		r.saw(content[5])
		wantProtected(t, a, ".##.")

		w := writes(t, a.addr(1)+6, 9)
		rwpFault(t, d, a, 1, uffd.FaultWrite)
		openUp(t, d, a.at(1))
		w.ended()
		content[a.page+6] = 9
		wantProtected(t, a, "..#.")

		writes(t, a.addr(0)+7, 8).ended()
		content[7] = 8
		noEvent(t, d)
		if err := d.Unregister(a.all()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.mem, content) {
			t.Error("the memory holds other bytes than were written")
		}
	})
}

// Unprotecting does not have to wake, and waking does not have to unprotect.
func TestRwpWake(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 2, 0)
		closeOff(t, d, a.all())
		r := reads(t, a.addr(0))
		rwpFault(t, d, a, 0, 0)
		if err := d.Wake(a.at(0)); err != nil {
			t.Fatal(err)
		}
		rwpFault(t, d, a, 0, 0)
		if err := d.RWUnprotect(a.all(), uffd.DontWake); err != nil {
			t.Fatal(err)
		}
		r.stuck()
		if err := d.Wake(a.all()); err != nil {
			t.Fatal(err)
		}
		r.saw(content[0])
		noEvent(t, d)
	})
}

// With RWP_ASYNC the kernel lets accesses through and takes the protection away:
// what is no longer protected was in use.
func TestRwpAsync(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 4, uffd.FeatureRWPAsync)
		for range 2 {
			closeOff(t, d, a.all())
			wantProtected(t, a, "####")
			reads(t, a.addr(1)).saw(content[a.page])
			wantProtected(t, a, "#.##")
			writes(t, a.addr(3)+1, content[3*a.page+1]).ended()
			wantProtected(t, a, "#.#.")
		}
		// All pages, by this process itself: nobody waits here.
		if !bytes.Equal(a.mem, content) {
			t.Error("the memory holds other bytes")
		}
		wantProtected(t, a, "....")
		noEvent(t, d)
	})
}

// SET_MODE switches between waiting and not, and lets those go on who wait when it
// switches to not.
func TestRwpAsyncToggle(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 4, uffd.FeatureRWPAsync)
		set := func(enable, disable uffd.Features) {
			t.Helper()
			if err := d.SetMode(enable, disable); err != nil {
				t.Fatal(err)
			}
			if got := d.Enabled().Has(uffd.FeatureRWPAsync); got != (enable != 0) {
				t.Errorf("enabled: %v", d.Enabled())
			}
		}
		closeOff(t, d, a.all())
		reads(t, a.addr(0)).saw(content[0])
		wantProtected(t, a, ".###")

		set(0, uffd.FeatureRWPAsync)
		reads(t, a.addr(0)).saw(content[0])
		r := reads(t, a.addr(1))
		rwpFault(t, d, a, 1, 0)
		r.stuck()
		openUp(t, d, a.at(1))
		r.saw(content[a.page])

		r, w := reads(t, a.addr(2)), (*visitor)(nil)
		rwpFault(t, d, a, 2, 0)
		w = writes(t, a.addr(3), content[3*a.page])
		rwpFault(t, d, a, 3, uffd.FaultWrite)
		set(uffd.FeatureRWPAsync, 0)
		r.saw(content[2*a.page])
		w.ended()
		wantProtected(t, a, "....")

		closeOff(t, d, a.all())
		if !bytes.Equal(a.mem, content) {
			t.Error("the memory holds other bytes")
		}
		wantProtected(t, a, "....")
		noEvent(t, d)
	})
}

// What ends the registration ends the protection. Close lets those go on who wait;
// Unregister leaves them asleep.
func TestRwpClose(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 3, 0)
		closeOff(t, d, a.all())
		r := reads(t, a.addr(2))
		rwpFault(t, d, a, 2, 0)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		r.saw(content[2*a.page])
		wantProtected(t, a, "...")
		if !bytes.Equal(a.mem, content) {
			t.Error("the memory holds other bytes")
		}
	})
}

func TestRwpUnregister(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 3, 0)
		closeOff(t, d, a.all())
		r := reads(t, a.addr(2))
		rwpFault(t, d, a, 2, 0)
		if err := d.Unregister(a.all()); err != nil {
			t.Fatal(err)
		}
		r.stuck()
		if err := d.Wake(a.all()); err != nil {
			t.Fatal(err)
		}
		r.saw(content[2*a.page])
		wantProtected(t, a, "...")
		if !bytes.Equal(a.mem, content) {
			t.Error("the memory holds other bytes")
		}
	})
}

// Registered for missing pages too, a range reports both, each by its flag.
func TestRwpWithMissing(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: uffd.FeatureRWP})
		a := newArea(t, k, 2)
		content := a.filled(2, 2)
		register(t, d, a.all(), uffd.ModeRWP|uffd.ModeMissing)
		closeOff(t, d, a.all()) // of which nothing is there
		wantProtected(t, a, "..")
		r := reads(t, a.addr(1))
		if f := nextFault(t, d); f.Flags != 0 || f.Address != a.addr(1) {
			t.Fatalf("%v; want a read of a missing page", f)
		}
		if _, err := d.Copy(a.addr(1), content[a.page:], 0); err != nil {
			t.Fatal(err)
		}
		r.saw(content[a.page])
		wantProtected(t, a, "..")
		closeOff(t, d, a.all())
		wantProtected(t, a, ".#")
		r = reads(t, a.addr(1))
		rwpFault(t, d, a, 1, 0)
		openUp(t, d, a.all())
		r.saw(content[a.page])
		noEvent(t, d)
	})
}
