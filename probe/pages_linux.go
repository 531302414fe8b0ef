package probe

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// withPages maps four pages, of which the second has been written to.
func withPages(use func(b []byte) Answer) Answer {
	page := os.Getpagesize()
	b, err := unix.Mmap(-1, 0, 4*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return unsure("mmap", err)
	}
	defer unix.Munmap(b)
	b[page] = 1
	return use(b)
}

// scan runs PAGEMAP_SCAN over b for pages in any of the categories.
func scan(b []byte, categories uint64) ([]sys.PageRegion, error) {
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := uint64(addressOf(b))
	out := make([]sys.PageRegion, 8)
	n, err := sys.PagemapScan(int(f.Fd()), &sys.PmScanArg{
		Size: uint64(sys.IocSize(sys.PAGEMAP_SCAN)), Start: start, End: start + uint64(len(b)),
		Vec: sys.SlicePointer(out), VecLen: uint64(len(out)),
		CategoryAnyofMask: categories, ReturnMask: categories,
	})
	return out[:max(n, 0)], err
}

// pagemapScan holds what the kernel says of four pages against what is known of
// them. A page that has been swapped out meanwhile counts as in use.
func pagemapScan() Answer {
	return withPages(func(b []byte) Answer {
		if err := unix.Mlock(b[len(b)/4:][:1]); err == nil {
			defer unix.Munlock(b[len(b)/4:][:1])
		}
		got, err := scan(b, sys.PAGE_IS_PRESENT|sys.PAGE_IS_SWAPPED)
		if err != nil {
			return scanError(err)
		}
		page := uint64(os.Getpagesize())
		start := uint64(addressOf(b))
		if len(got) == 1 && got[0].Start == start+page && got[0].End == start+2*page {
			return yes()
		}
		if len(got) == 1 && got[0].Start <= start+page && got[0].End >= start+2*page {
			return unsure("PAGEMAP_SCAN", fmt.Errorf("more pages are present than were written: %x", got))
		}
		return no(fmt.Sprintf("PAGEMAP_SCAN of %#x..%#x gave %x, not the one page that was written", start, start+4*page, got),
			"report this kernel to its makers")
	})
}

// scanError knows the error of kernels whose pagemap has no ioctls.
func scanError(err error) Answer {
	if errors.Is(err, os.ErrNotExist) {
		return no(err.Error(), "mount /proc; a kernel built with CONFIG_PROC_PAGE_MONITOR")
	}
	if errors.Is(err, unix.ENOTTY) {
		return no("PAGEMAP_SCAN: this kernel does not know it", newerKernel+"Linux 6.7")
	}
	return judge("PAGEMAP_SCAN", err, "Linux 6.7", 0)
}

var categories = []struct {
	bit         uint64
	name, since string
}{
	{sys.PAGE_IS_WPALLOWED, "WPALLOWED", "6.7"},
	{sys.PAGE_IS_WRITTEN, "WRITTEN", "6.7"},
	{sys.PAGE_IS_FILE, "FILE", "6.7"},
	{sys.PAGE_IS_PRESENT, "PRESENT", "6.7"},
	{sys.PAGE_IS_SWAPPED, "SWAPPED", "6.7"},
	{sys.PAGE_IS_PFNZERO, "PFNZERO", "6.7"},
	{sys.PAGE_IS_HUGE, "HUGE", "6.7"},
	{sys.PAGE_IS_SOFT_DIRTY, "SOFT_DIRTY", "6.12"},
	{sys.PAGE_IS_GUARD, "GUARD", "6.16"},
	{sys.PAGE_IS_ACCESSED, "ACCESSED", "7.3"},
}

// pagemapCategories asks for each category alone.
func pagemapCategories() Answer {
	return withPages(func(b []byte) Answer {
		a := Answer{Verdict: Yes}
		missing := ""
		for _, c := range categories {
			_, err := scan(b, c.bit)
			switch {
			case err == nil:
				a.Values = append(a.Values, c.name)
			case errors.Is(err, unix.EINVAL):
				missing += fmt.Sprintf(", %s (Linux %s)", c.name, c.since)
			default:
				return scanError(err)
			}
		}
		if missing != "" {
			a.Reason = "not known here: " + missing[2:]
		}
		return a
	})
}
