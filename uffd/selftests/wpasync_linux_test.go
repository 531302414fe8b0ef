package selftests

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

func isExists(err error) bool { return errors.Is(err, uffd.ErrExists) && errors.Is(err, unix.EEXIST) }

// With WP_ASYNC (Linux 6.7) the kernel lets writes through and takes the
// protection away: what is no longer protected was written. Nobody waits, so
// goroutines may touch the memory.
func TestWpAsync(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := guarded(t, k, 5, uffd.FeatureWPAsync)
		if !d.Enabled().Has(uffd.FeatureWPUnpopulated) {
			t.Error("WP_ASYNC did not bring WP_UNPOPULATED along")
		}
		for range 2 {
			protect(t, d, a.all())
			wantProtected(t, a, "#####")
			if a.mem[2*a.page+1] != content[2*a.page+1] {
				t.Error("a read finds another byte")
			}
			wantProtected(t, a, "#####")
			a.mem[a.page]++
			a.mem[4*a.page+17]++
			wantProtected(t, a, "#.##.")
			protect(t, d, a.at(1))
			wantProtected(t, a, "####.")
		}
		unprotect(t, d, a.span(0, 2))
		wantProtected(t, a, "..##.")
		noEvent(t, d)
		if got := a.mem[a.page]; got != content[a.page]+2 {
			t.Errorf("the byte is %d, want %d", got, content[a.page]+2)
		}
	})
}

// Pages that are not there are tracked like others.
func TestWpAsyncUnpopulated(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: wpFor(k) | uffd.FeatureWPAsync})
		a := newArea(t, k, 4)
		register(t, d, a.all(), uffd.ModeWP)
		wantProtected(t, a, "....")
		protect(t, d, a.all())
		wantProtected(t, a, "####")
		a.mem[a.page] = 1
		wantProtected(t, a, "#.##")
		if a.mem[2*a.page] != 0 {
			t.Error("a page that was never there is not full of zeros")
		}
		wantProtected(t, a, "#.##")
		a.mem[2*a.page] = 1
		wantProtected(t, a, "#..#")
		noEvent(t, d)
	})
}

// What the process gives up of anonymous memory counts as written, since it reads as
// zeros now. A hole in a file does not, though it does so too: a marker stays.
func TestWpAsyncGivenUp(t *testing.T) {
	forEach(t, []memory{anon, shmem, hugetlb}, func(t *testing.T, k memory) {
		d, a, _ := guarded(t, k, 2, uffd.FeatureWPAsync)
		protect(t, d, a.all())
		if k == anon {
			advise(t, a.at(1), sys.MADV_DONTNEED)
			wantProtected(t, a, "#.")
		} else {
			advise(t, a.at(1), sys.MADV_REMOVE)
			wantProtected(t, a, "##")
		}
		if got := a.mem[a.page]; got != 0 {
			t.Errorf("the page that was given up begins with %d", got)
		}
		noEvent(t, d)
	})
}

// Of a huge page only what is written to loses its protection.
func TestWpAsyncTransparentHugePage(t *testing.T) {
	d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP | uffd.FeatureWPAsync})
	a := transparent(t)
	register(t, d, a.all(), uffd.ModeWP)
	protect(t, d, a.all())
	a.mem[5*a.page] = 1
	for i := range len(a.mem) / int(a.page) {
		if got := bitsAt(t, a.addr(i)).has(bitProtected); got == (i == 5) {
			t.Fatalf("page %d is protected: %v", i, got)
		}
	}
	noEvent(t, d)
}

// Files of file systems can be tracked too, and by WP alone.
func TestWpAsyncOfAFile(t *testing.T) {
	for name, flags := range map[string]int{"shared": unix.MAP_SHARED, "private": unix.MAP_PRIVATE} {
		t.Run(name, func(t *testing.T) {
			d := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP | uffd.FeatureWPAsync})
			a := &area{page: smallPage}
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, make([]byte, 3*a.page), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			a.mem, err = unix.Mmap(int(f.Fd()), 0, int(3*a.page), unix.PROT_READ|unix.PROT_WRITE, flags)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Munmap(a.mem)
			a.mem[0] = 1
			if _, err := d.Register(a.all(), uffd.ModeWP); err != nil {
				t.Fatal(err)
			}
			protect(t, d, a.all())
			wantProtected(t, a, "###")
			a.mem[2*a.page] = 2
			wantProtected(t, a, "##.")
			if a.mem[1*a.page] != 0 {
				t.Error("a read finds another byte")
			}
			wantProtected(t, a, "##.")
			noEvent(t, d)
		})
	}
}

// A descriptor without WP_ASYNC does not take such files, and one with it takes no
// other mode for them.
func TestWpAsyncIsForWpAlone(t *testing.T) {
	async := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP | uffd.FeatureWPAsync})
	plain := open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP})
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	mem, err := unix.Mmap(int(exe.Fd()), 0, int(smallPage), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(exe.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	r := uffd.RangeOf(mem)
	if st.Type != unix.TMPFS_MAGIC { // which is shared memory
		for name, register := range map[string]func() (uffd.Ioctls, error){
			"WP without WP_ASYNC":      func() (uffd.Ioctls, error) { return plain.Register(r, uffd.ModeWP) },
			"MISSING|WP with WP_ASYNC": func() (uffd.Ioctls, error) { return async.Register(r, uffd.ModeMissing|uffd.ModeWP) },
		} {
			if _, err := register(); !errors.Is(err, unix.EINVAL) {
				t.Errorf("%s: %v; want EINVAL", name, err)
			}
		}
	}
	if _, err := async.Register(r, uffd.ModeWP); err != nil {
		t.Error(err)
	}
}
