package selftests

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// pageBits is what /proc/PID/pagemap says of a page. No header has these bits: the
// kernel's text on pagemap does (Documentation/admin-guide/mm/pagemap.rst).
type pageBits uint64

const (
	bitProtected pageBits = 1 << 57 // by userfaultfd (Linux 5.14)
	bitGuard     pageBits = 1 << 58 // MADV_GUARD_INSTALL (Linux 6.15)
	bitSwapped   pageBits = 1 << 62
	bitPresent   pageBits = 1 << 63
)

func (b pageBits) has(other pageBits) bool { return b&other == other }

// bitsAt reads the word of the page at addr.
func bitsAt(t testing.TB, addr uint64) pageBits {
	t.Helper()
	return bitsOf(t, "self", uffd.Range{Start: addr, Len: smallPage})[0]
}

// bitsOf reads the words of the small pages of a range of a process.
func bitsOf(t testing.TB, process string, r uffd.Range) []pageBits {
	t.Helper()
	f, err := os.Open("/proc/" + process + "/pagemap")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	const word = 8
	raw := make([]byte, r.Len/smallPage*word)
	if _, err := f.ReadAt(raw, int64(r.Start/smallPage*word)); err != nil {
		t.Fatal(err)
	}
	bits := make([]pageBits, len(raw)/word)
	for i := range bits {
		bits[i] = pageBits(binary.NativeEndian.Uint64(raw[i*word:]))
	}
	return bits
}

// picture has a letter for every small page of r: P is protected by userfaultfd, p
// too, and not there (what stands for it, a marker, looks like a page that is
// swapped out); s is swapped out, x is there, and _ is not.
func picture(t testing.TB, r uffd.Range) string {
	t.Helper()
	var s strings.Builder
	for _, b := range bitsOf(t, "self", r) {
		switch {
		case b.has(bitProtected | bitPresent):
			s.WriteByte('P')
		case b.has(bitProtected):
			s.WriteByte('p')
		case b.has(bitSwapped):
			s.WriteByte('s')
		case b.has(bitPresent):
			s.WriteByte('x')
		default:
			s.WriteByte('_')
		}
	}
	return s.String()
}

// protected tells of each page of the area whether it is protected: #, and . if
// not, and ? if some of its small pages are.
func (a *area) protected(t testing.TB) string {
	t.Helper()
	var s strings.Builder
	for small := range slices.Chunk(bitsOf(t, "self", a.all()), int(a.page/smallPage)) {
		n := 0
		for _, b := range small {
			if b.has(bitProtected) {
				n++
			}
		}
		switch n {
		case len(small):
			s.WriteByte('#')
		case 0:
			s.WriteByte('.')
		default:
			s.WriteByte('?')
		}
	}
	return s.String()
}

// wantProtected compares protected with want, on kernels that show it (Linux
// 5.14).
func wantProtected(t testing.TB, a *area, want string) {
	t.Helper()
	if !showsProtection(t) {
		return
	}
	if got := a.protected(t); got != want {
		t.Errorf("protected pages: %s, want %s", got, want)
	}
}

var shows struct {
	once sync.Once
	yes  bool
	err  error
}

// showsProtection asks the kernel, with a page of its own, whether pagemap shows
// what userfaultfd protects.
func showsProtection(t testing.TB) bool {
	t.Helper()
	shows.once.Do(func() { shows.yes, shows.err = tryShowsProtection(t) })
	if shows.err != nil {
		t.Fatal(shows.err)
	}
	return shows.yes
}

func tryShowsProtection(t testing.TB) (bool, error) {
	d, err := uffd.Open(uffd.Options{Required: uffd.FeaturePagefaultFlagWP, UserMode: uffd.UserModeFallback})
	if err != nil {
		return false, nil // nothing to be shown
	}
	defer d.Close()
	mem, err := unix.Mmap(-1, 0, int(smallPage), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return false, err
	}
	defer func() { _ = unix.Munmap(mem) }()
	mem[0] = 1
	r := uffd.RangeOf(mem)
	if _, err := d.Register(r, uffd.ModeWP); err != nil {
		return false, err
	}
	if err := d.WriteProtect(r); err != nil {
		return false, err
	}
	return bitsAt(t, r.Start).has(bitProtected), nil
}

// swapOut makes the kernel write a range to swap space, or skips the test.
func swapOut(t testing.TB, r uffd.Range) {
	t.Helper()
	if !haveSwap(t) { // the marker of a protected page would pass for one that is swapped out
		testgate.Skip(t, testgate.Swap, "/proc/swaps is empty")
	}
	left := 0
	// A page that was in use a moment ago may need more than one try.
	for range 20 {
		advise(t, r, sys.MADV_PAGEOUT)
		left = 0
		for _, b := range bitsOf(t, "self", r) {
			if !b.has(bitSwapped) {
				left++
			}
		}
		if left == 0 {
			return
		}
		time.Sleep(testgate.Stretch(t, time.Millisecond))
	}
	testgate.Skip(t, testgate.Swap, fmt.Sprintf("MADV_PAGEOUT left %d pages of %v in memory", left, r))
}

// haveSwap tells whether there is any swap space.
func haveSwap(t testing.TB) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/swaps")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n") > 1
}
