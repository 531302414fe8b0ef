package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

func unmap(t *testing.T, mem []byte) {
	t.Helper()
	if err := unix.Munmap(mem); err != nil {
		t.Fatal(err)
	}
}

// pagemapPresent reads bit 63 of the entries of /proc/self/pagemap, which is
// older than everything that is asked here.
func pagemapPresent(t *testing.T, mem []byte) (there []bool) {
	t.Helper()
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	page := os.Getpagesize()
	b := make([]byte, 8*(len(mem)/page))
	if _, err := f.ReadAt(b, int64(addressOf(mem))/int64(page)*8); err != nil {
		t.Fatal(err)
	}
	for ; len(b) > 0; b = b[8:] {
		there = append(there, binary.NativeEndian.Uint64(b)>>63 == 1)
	}
	return there
}

// MADV_POPULATE fills page tables, as another file of /proc says too.
func TestPopulate(t *testing.T) {
	for _, tc := range []struct {
		question Question
		advice   int
	}{{PopulateRead, sys.MADV_POPULATE_READ}, {PopulateWrite, sys.MADV_POPULATE_WRITE}} {
		t.Run(string(tc.question), func(t *testing.T) {
			need(t, tc.question, testgate.Populate)
			withPages(func(b []byte) Answer {
				if before := pagemapPresent(t, b); before[3] {
					t.Errorf("before: %v", before)
				}
				if err := unix.Madvise(b, tc.advice); err != nil {
					t.Fatal(err)
				}
				if after := pagemapPresent(t, b); slices.Contains(after, false) {
					t.Errorf("after: %v", after)
				}
				return yes()
			})
		})
	}
}

// A page that mincore says is there is there for pagemap too.
func TestResident(t *testing.T) {
	withPages(func(b []byte) Answer {
		there, err := resident(b)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range pagemapPresent(t, b) {
			if there[i]&1 == 1 != want {
				t.Errorf("page %d: mincore says %d, pagemap %v", i, there[i]&1, want)
			}
		}
		return yes()
	})
}

// smaps counts the bytes in huge pages.
func TestHugePageCame(t *testing.T) {
	need(t, THPPage, testgate.THP)
	mem, free, err := hugeRange()
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	if filled(mem) {
		t.Error("memory that nobody touched is there")
	}
	if err := touchHuge(mem); err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	at := int64(-1)
	for line := range strings.Lines(string(smaps)) {
		var from, to uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			at = -1
			if start := uint64(addressOf(mem)); from <= start && start < to {
				at = 0
			}
		}
		if kb, ok := strings.CutPrefix(line, "AnonHugePages:"); ok && at == 0 {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(kb, "kB\n")))
			if huge := n<<10 >= len(mem); err != nil || huge != filled(mem) {
				t.Errorf("smaps says %s, mincore %v (%v)", strings.TrimSpace(line), filled(mem), err)
			}
			return
		}
	}
	t.Error("smaps does not have the mapping, or no AnonHugePages")
}

func TestCollapseIsKnown(t *testing.T) {
	need(t, Collapse, testgate.Collapse)
	a := Ask(THPPage)
	for range 3 { // pages can be on their way to elsewhere
		if !strings.Contains(a.Reason, "temporarily unavailable") {
			break
		}
		a = Ask(THPPage)
	}
	if a.Verdict == Yes && !slices.Contains(a.Values, "by MADV_COLLAPSE") && !strings.Contains(a.Reason, "cannot allocate") {
		t.Errorf("the kernel knows MADV_COLLAPSE, and it does nothing: %+v", a)
	}
}

// The default size of huge pages is in /proc/meminfo.
func TestHugetlbPages(t *testing.T) {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	size := regexp.MustCompile(`(?m)^Hugepagesize:\s+(\d+) kB$`).FindSubmatch(info)
	a := Ask(HugetlbPages)
	has := slices.ContainsFunc(a.Values, func(v string) bool { return size != nil && strings.HasSuffix(v, " "+string(size[1])+"kB") })
	if has != (size != nil) {
		t.Errorf("/proc/meminfo has the size %s, and %+v", size, a)
	}
	if b := Ask(MemfdHugePage); b.Verdict == Yes && a.Values == nil {
		t.Errorf("%+v, but %+v", b, a)
	}
}

// Guards come with the category by which they are seen.
func TestGuardsAreSeen(t *testing.T) {
	need(t, GuardInstall, testgate.GuardRegions)
	if err := Ask(PagemapCategories).ErrWithout("GUARD"); errors.Is(err, errors.ErrUnsupported) {
		testgate.Skip(t, testgate.GuardRegions, err.Error())
	}
	withPages(func(b []byte) Answer {
		page := os.Getpagesize()
		if err := unix.Madvise(b[2*page:3*page], sys.MADV_GUARD_INSTALL); err != nil {
			t.Fatal(err)
		}
		got, err := scan(b, sys.PAGE_IS_GUARD)
		if start := uint64(addressOf(b)) + 2*uint64(page); err != nil || len(got) != 1 || got[0].Start != start || got[0].End != start+uint64(page) {
			t.Errorf("a guard at %#x: %x, %v", start, got, err)
		}
		return yes()
	})
}

// Asking leaves no mapping of any kind behind, those of huge pages among them.
func TestNoMemoryIsLeft(t *testing.T) {
	for _, q := range Questions() {
		Ask(q)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	for _, trace := range []string{"pageslot-probe", "hugepage", "secretmem", "/dev/zero", "userfaultfd"} {
		if bytes.Contains(maps, []byte(trace)) {
			t.Errorf("there is a mapping of %s:\n%s", trace, maps)
		}
	}
}
