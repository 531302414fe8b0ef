package selftests

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// trapped writes to page i, which has to be protected, and lets it.
func trapped(t testing.TB, d *uffd.Descriptor, a *area, i int) {
	t.Helper()
	v := writes(t, a.addr(i)+1, 9)
	wpFault(t, d, a, i)
	unprotect(t, d, a.at(i))
	v.ended()
}

// untrapped writes to page i, and nobody must hear of it.
func untrapped(t testing.TB, d *uffd.Descriptor, a *area, i int) {
	t.Helper()
	writes(t, a.addr(i)+1, 9).ended()
	noEvent(t, d)
}

func advise(t testing.TB, r uffd.Range, advice int) {
	t.Helper()
	if err := sys.Madvise(uintptr(r.Start), uintptr(r.Len), advice); err != nil {
		t.Fatalf("madvise %d of %v: %v", advice, r, err)
	}
}

// Protection of anonymous memory goes with its pages. In files it stays when only
// the mapping lets go of them.
func TestWpAfterDontneed(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := guarded(t, k, 2, 0)
		protect(t, d, a.all())
		advise(t, a.at(0), sys.MADV_DONTNEED) // hugetlb: Linux 5.18
		if k == anon {
			wantProtected(t, a, ".#")
			untrapped(t, d, a, 0)
		} else {
			wantProtected(t, a, "##")
			reads(t, a.addr(0)+3).saw(atFirst(k, content))
			trapped(t, d, a, 0)
		}
		trapped(t, d, a, 1)
	})
}

// atFirst is byte 3 of a file's page of which the private copy, if k has those,
// was given up.
func atFirst(k memory, content []byte) byte {
	if k.private() {
		return 0
	}
	return content[3]
}

// A hole in the file does not take the protection away, though the page is another
// one then: a marker stays.
func TestWpAfterRemove(t *testing.T) {
	forEach(t, []memory{shmem, hugetlb}, func(t *testing.T, k memory) {
		d, a, _ := guarded(t, k, 2, 0)
		protect(t, d, a.all())
		advise(t, a.at(0), sys.MADV_REMOVE)
		wantProtected(t, a, "##")
		reads(t, a.addr(0)).saw(0)
		trapped(t, d, a, 0)
		trapped(t, d, a, 1)
	})
}

// mprotect takes rights away and gives them back, and the page stays protected.
func TestWpAfterMprotect(t *testing.T) {
	for name, without := range map[string]int{"no rights": sys.PROT_NONE, "read": sys.PROT_READ} {
		t.Run(name, func(t *testing.T) {
			forEach(t, allMemory, func(t *testing.T, k memory) {
				d, a, _ := guarded(t, k, 2, 0)
				protect(t, d, a.at(0))
				for _, prot := range []int{without, sys.PROT_READ | sys.PROT_WRITE} {
					if err := unix.Mprotect(a.mem, prot); err != nil {
						t.Fatal(err)
					}
					wantProtected(t, a, "#.")
				}
				trapped(t, d, a, 0)
				untrapped(t, d, a, 1)
			})
		})
	}
}

// Protecting a mapping that may not be written is no error; the write is one.
func TestWpOfReadOnlyMemory(t *testing.T) {
	d, a, content := guarded(t, anon, 1, 0)
	if err := unix.Mprotect(a.mem, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	protect(t, d, a.all())
	writes(t, a.addr(0), 9).killed(unix.SIGSEGV)
	noEvent(t, d)
	unprotect(t, d, a.all())
	writes(t, a.addr(0), 9).killed(unix.SIGSEGV)
	reads(t, a.addr(0)).saw(content[0])
}

// What ends the registration ends the protection. Close lets those go on who wait
// to write; Unregister leaves them asleep. On Linux 6.1 Close ends the registration
// alone: that is enough where the pages are small, but who writes to a page of
// hugetlb that stayed protected spins in the kernel.
func TestWpEnds(t *testing.T) {
	checkProcess(t)
	closeRestores := closeRestores(t)
	for name, end := range map[string]func(t *testing.T, d *uffd.Descriptor, a *area, v *visitor) error{
		"Unregister": func(t *testing.T, d *uffd.Descriptor, a *area, v *visitor) error {
			if err := d.Unregister(a.all()); err != nil {
				return err
			}
			v.stuck()
			return d.Wake(a.all())
		},
		"Close": func(_ *testing.T, d *uffd.Descriptor, _ *area, _ *visitor) error { return d.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			forEach(t, allMemory, func(t *testing.T, k memory) {
				d, a, _ := guarded(t, k, 3, 0)
				protect(t, d, a.all())
				v := writes(t, a.addr(0), 9)
				wpFault(t, d, a, 0)
				restores := name == "Unregister" || closeRestores
				if k.huge() && !restores {
					if err := d.WriteUnprotect(a.all(), uffd.DontWake); err != nil {
						t.Fatal(err)
					}
				}
				if err := end(t, d, a, v); err != nil {
					t.Fatal(err)
				}
				v.ended()
				writes(t, a.addr(1), 9).ended()
				if restores {
					wantProtected(t, a, "...")
				}
			})
		})
	}
}

// closeRestores tells whether the kernel takes protection away when the descriptor
// is closed, as far as it shows.
func closeRestores(t *testing.T) bool {
	t.Helper()
	d, a, _ := guarded(t, anon, 1, 0)
	protect(t, d, a.all())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return a.protected(t) == "."
}

// Registering once more without ModeWP: Linux 7.3 refuses it. Older kernels take
// it, and nothing is trapped from then on. (There nobody should do so with
// hugetlb: its pages stay protected, and who writes to one spins in the kernel.)
func TestWpDroppedByRegister(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, _ := guarded(t, k, 2, 0)
		protect(t, d, a.all())
		_, err := d.Register(a.all(), uffd.ModeMissing)
		switch {
		case errors.Is(err, unix.EBUSY):
			wantProtected(t, a, "##")
			trapped(t, d, a, 0)
			if _, err := d.Register(a.all(), uffd.ModeMissing|uffd.ModeWP); err != nil {
				t.Error(err)
			}
			trapped(t, d, a, 1)
		case err == nil && !d.Available().Has(uffd.FeatureRWP):
			if !k.huge() {
				untrapped(t, d, a, 0)
			}
		default:
			t.Errorf("register for missing pages alone: %v", err)
		}
	})
}

// Two descriptors of one process: the protection is the memory's. The messages go
// to the one that registered.
func TestWpByAnotherDescriptor(t *testing.T) {
	d, a, _ := guarded(t, anon, 1, 0)
	other := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP})
	protect(t, other, a.all())
	v := writes(t, a.addr(0), 9)
	wpFault(t, d, a, 0)
	noEvent(t, other)
	unprotect(t, other, a.all())
	v.stuck() // it does not wake those who wait at another
	if err := d.Wake(a.all()); err != nil {
		t.Fatal(err)
	}
	v.ended()
}

// A page keeps its protection in swap space, and when it comes back.
func TestWpSwappedOut(t *testing.T) {
	forEach(t, []memory{anon, shmem, shmemPrivate}, func(t *testing.T, k memory) {
		d, a, content := guarded(t, k, 2, 0)
		protect(t, d, a.at(0))
		swapOut(t, a.all())
		wantProtected(t, a, "#.")
		reads(t, a.addr(0)+3).saw(content[3])
		wantProtected(t, a, "#.")
		swapOut(t, a.at(0))
		trapped(t, d, a, 0)
		untrapped(t, d, a, 1)

		// Protected and unprotected while it is out.
		swapOut(t, a.all())
		protect(t, d, a.all())
		wantProtected(t, a, "##")
		unprotect(t, d, a.at(0))
		wantProtected(t, a, ".#")
		untrapped(t, d, a, 0)
		trapped(t, d, a, 1)
	})
}
