package selftests

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// accessed are the ranges of r that PAGEMAP_SCAN finds in the category, or, with
// inverted, not in it.
func accessed(t testing.TB, r uffd.Range, inverted bool) []uffd.Range {
	t.Helper()
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	out := make([]sys.PageRegion, 16)
	arg := sys.PmScanArg{
		Size: uint64(sys.IocSize(sys.PAGEMAP_SCAN)), Start: r.Start, End: r.End(),
		Vec: sys.SlicePointer(out), VecLen: uint64(len(out)),
		CategoryMask: sys.PAGE_IS_ACCESSED, ReturnMask: sys.PAGE_IS_ACCESSED,
	}
	if inverted {
		arg.CategoryInverted = sys.PAGE_IS_ACCESSED
	}
	n, err := sys.PagemapScan(int(f.Fd()), &arg)
	if err != nil || n == len(out) {
		t.Fatalf("PAGEMAP_SCAN: %d, %v", n, err)
	}
	var found []uffd.Range
	for _, o := range out[:n] {
		found = append(found, uffd.Between(o.Start, o.End))
	}
	return found
}

func wantRanges(t testing.TB, what string, got []uffd.Range, want ...uffd.Range) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
}

// The working set: PAGE_IS_ACCESSED is what is there and no longer protected.
func TestRwpPagemap(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 6, uffd.FeatureRWPAsync)
		wantRanges(t, "before", accessed(t, a.all(), false), a.all())
		closeOff(t, d, a.all())
		wantRanges(t, "protected", accessed(t, a.all(), false))
		wantRanges(t, "protected, cold", accessed(t, a.all(), true), a.all())
		for i := range 3 {
			if a.mem[uint64(i)*a.page] != content[uint64(i)*a.page] {
				t.Error("a read finds another byte")
			}
		}
		a.mem[5*a.page]++
		wantRanges(t, "hot", accessed(t, a.all(), false), a.span(0, 3), a.at(5))
		wantRanges(t, "cold", accessed(t, a.all(), true), a.span(3, 2))
		closeOff(t, d, a.span(0, 2))
		wantRanges(t, "protected again", accessed(t, a.all(), false), a.at(2), a.at(5))
	})
}

// mprotect takes all rights away and gives them back, and the page stays protected:
// the next access is noted, or waits.
func TestRwpMprotect(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 3, uffd.FeatureRWPAsync)
		for name, without := range map[string]int{"no rights": unix.PROT_NONE, "read": unix.PROT_READ} {
			closeOff(t, d, a.span(0, 2))
			for _, prot := range []int{without, unix.PROT_READ | unix.PROT_WRITE} {
				if err := unix.Mprotect(a.mem, prot); err != nil {
					t.Fatal(err)
				}
				wantProtected(t, a, "##.")
			}
			reads(t, a.addr(0)).saw(content[0])
			wantProtected(t, a, ".#.")
			if err := d.SetMode(0, uffd.FeatureRWPAsync); err != nil {
				t.Fatal(err)
			}
			w := writes(t, a.addr(1), content[a.page])
			rwpFault(t, d, a, 1, uffd.FaultWrite)
			openUp(t, d, a.all())
			w.ended()
			wantProtected(t, a, "...")
			if err := d.SetMode(uffd.FeatureRWPAsync, 0); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.mem, content) {
				t.Errorf("%s: the memory holds other bytes", name)
			}
		}
		noEvent(t, d)
	})
}

// The kernel itself takes hold of a page (get_user_pages, here for vmsplice): that
// is an access like any other.
func TestRwpGup(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := closed(t, k, 1, uffd.FeatureRWPAsync)
		closeOff(t, d, a.all())
		if got, err := splice(t, a); err != nil || got != content[0] {
			t.Errorf("vmsplice: %#x, %v; want %#x", got, err, content[0])
		}
		wantProtected(t, a, ".")
		noEvent(t, d)
	})
}

// Where accesses wait, vmsplice waits too; and fails, where the descriptor does not
// see it.
func TestRwpGupSync(t *testing.T) {
	t.Run("seen", func(t *testing.T) {
		d := openAll(t, uffd.Options{Required: uffd.FeatureRWP})
		a := newArea(t, anon, 1)
		a.mem[0] = 7
		register(t, d, a.all(), uffd.ModeRWP)
		closeOff(t, d, a.all())
		type result struct {
			b   byte
			err error
		}
		results := make(chan result, 1)
		go func() {
			b, err := splice(t, a)
			results <- result{b, err}
		}()
		rwpFault(t, d, a, 0, 0)
		openUp(t, d, a.all())
		ctx, cancel := patience(t)
		defer cancel()
		select {
		case got := <-results:
			if got != (result{7, nil}) {
				t.Errorf("vmsplice: %v; want 7", got)
			}
		case <-ctx.Done():
			t.Fatal("vmsplice does not return")
		}
	})
	t.Run("unseen", func(t *testing.T) {
		d := open(t, uffd.Options{Required: uffd.FeatureRWP, UserMode: uffd.UserModeOnly})
		a := newArea(t, anon, 1)
		a.mem[0] = 7
		register(t, d, a.all(), uffd.ModeRWP)
		closeOff(t, d, a.all())
		if got, err := splice(t, a); !errors.Is(err, unix.EFAULT) {
			t.Errorf("vmsplice: %d, %v; want EFAULT", got, err)
		}
		noEvent(t, d)
	})
}

// splice passes the first byte of the area through a pipe, by reference.
func splice(t testing.TB, a *area) (byte, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	iov := unix.Iovec{Base: &a.mem[0]}
	iov.SetLen(1)
	if _, err := unix.Vmsplice(pipe[1], []unix.Iovec{iov}, 0); err != nil {
		return 0, err
	}
	var b [1]byte
	_, err := unix.Read(pipe[0], b[:])
	return b[0], err
}

// What is not there is not protected, and nothing stays of the protection of a page
// that is given up.
func TestRwpOfWhatIsNotThere(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{Required: uffd.FeatureRWP})
		a := newArea(t, k, 3)
		a.mem[0] = 1
		register(t, d, a.all(), uffd.ModeRWP)
		closeOff(t, d, a.all())
		wantProtected(t, a, "#..")
		reads(t, a.addr(1)).saw(0)
		writes(t, a.addr(2), 1).ended()

		closeOff(t, d, a.all())
		wantProtected(t, a, "###")
		advise(t, a.at(2), sys.MADV_DONTNEED)
		wantProtected(t, a, "##.")
		if k.file() && !k.private() {
			advise(t, a.at(1), sys.MADV_REMOVE)
			wantProtected(t, a, "#..")
			reads(t, a.addr(1)).saw(0)
		}
		reads(t, a.addr(2)).ended()
		noEvent(t, d)
		w := writes(t, a.addr(0), 1)
		rwpFault(t, d, a, 0, uffd.FaultWrite)
		openUp(t, d, a.all())
		w.ended()
	})
}

// Of a transparent huge page a part can be protected.
func TestRwpTransparentHugePage(t *testing.T) {
	d := open(t, uffd.Options{Required: uffd.FeatureRWP | uffd.FeatureRWPAsync})
	a := transparent(t)
	register(t, d, a.all(), uffd.ModeRWP)
	closeOff(t, d, a.at(3))
	reads(t, a.addr(2)).saw(0)
	if !bitsAt(t, a.addr(3)).has(bitProtected) || bitsAt(t, a.addr(4)).has(bitProtected) {
		t.Error("other pages are protected than the one")
	}
	closeOff(t, d, a.all())
	last := len(a.mem)/int(a.page) - 1
	for i := range last + 1 {
		if !bitsAt(t, a.addr(i)).has(bitProtected) {
			t.Fatalf("page %d is not protected", i)
		}
	}
	reads(t, a.addr(0)).saw(1)
	if bitsAt(t, a.addr(0)).has(bitProtected) || !bitsAt(t, a.addr(last)).has(bitProtected) {
		t.Error("a read of the first page did not unprotect that alone")
	}
}
