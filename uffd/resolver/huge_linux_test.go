package resolver_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// hugeMemory is some huge pages of hugetlbfs.
func hugeMemory(t testing.TB, n int) (mem []byte, page uint64) {
	t.Helper()
	page, err := hugepages.Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if page == 0 || page > 64<<20 {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d bytes", page))
	}
	if why, long := hugepages.Long(page); long {
		testgate.NeedLong(t, why)
	}
	if err := hugepages.Reserve(t, page, n, testgate.Stretch(t, 2*time.Second)); err != nil {
		t.Log(err)
	}
	mem, err = unix.Mmap(-1, 0, n*int(page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_HUGETLB)
	if errors.Is(err, unix.ENOMEM) {
		testgate.Skip(t, testgate.Hugetlb, err.Error())
	}
	must(t, err)
	t.Cleanup(func() { must(t, unix.Munmap(mem)) })
	return mem, page
}

func TestHugetlb(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeatureMissingHugetlbfs)
		mem, page := hugeMemory(t, 4)
		source := bytes.Repeat(pattern(1), 2*int(page)/pageSize)
		r := start(t, d, resolver.Options{})
		at := uffd.RangeOf(mem)
		first, last := uffd.Range{Start: at.Start, Len: 2 * page}, uffd.Range{Start: at.Start + 2*page, Len: 2 * page}
		for name, rule := range map[string]resolver.Rule{
			"small pages":      {Range: first, Missing: resolver.Copy, Source: source},
			"small and zeros":  {Range: first, Missing: resolver.Zero},
			"small and a trap": {Range: first, Missing: resolver.Guard},
		} {
			if err := r.Serve(rule); !errors.Is(err, unix.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s: %v", name, err)
			}
		}
		must(t, r.Serve(
			resolver.Rule{Range: first, Page: page, Missing: resolver.Copy, Source: source},
			resolver.Rule{Range: last, Page: page, Missing: resolver.Guard}))
		if load(mem, int(page)-1) != source[page-1] {
			t.Error("another byte")
		}
		counts(t, r, func(s resolver.Stats) bool { return s.Bytes == page })
		if !bytes.Equal(mem[:2*page], source) {
			t.Error("other bytes")
		}
		guarded := mem[2*page:]
		if at := fault(func() { load(guarded, int(page)+12345) }); !uffd.RangeOf(guarded[page:]).Contains(uint64(at)) {
			t.Errorf("a load faults at %#x", at)
		}
		hits, err := r.Hits(last, nil)
		if must(t, err); len(hits) != 1 || hits[0] != last.Start+page {
			t.Errorf("hits: %#x", hits)
		}
		must(t, r.Finish(first))
		if !bytes.Equal(mem[:2*page], source) {
			t.Error("other bytes at the end")
		}
		must(t, r.Stop())
	})
}

// Transparent huge pages put nothing into what is missing, neither by themselves nor
// beside the memory that a resolver has for itself.
func TestTransparentHugePages(t *testing.T) {
	child(t, func(t *testing.T) {
		if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
			testgate.Skip(t, testgate.THP, err.Error())
		}
		n := (8 << 20) / pageSize
		mem, source := mapped(t, n), pattern(n)
		must(t, unix.Madvise(mem, unix.MADV_HUGEPAGE))
		r := serve(t, openWith(t, uffd.FeaturePagefaultFlagWP), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: source, Written: resolver.Unprotect})
		if !bytes.Equal(mem, source) {
			t.Error("other bytes")
		}
		counts(t, r, func(s resolver.Stats) bool { return s.Bytes == uint64(len(mem)) })
		must(t, r.Stop())
	})
}
