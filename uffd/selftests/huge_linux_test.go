package selftests

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/procmaps"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// hugePageSize is the size of a transparent huge page; without them it skips.
func hugePageSize(t testing.TB) uint64 {
	t.Helper()
	text, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
	if err != nil {
		testgate.Skip(t, testgate.THP, err.Error())
	}
	size, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if size > largestHuge {
		testgate.Skip(t, testgate.THP, "a huge page has "+strconv.FormatUint(size, 10)+" bytes, too many to try")
	}
	return size
}

// wantHugePages asks for transparent huge pages.
func wantHugePages(t testing.TB, a *area) {
	t.Helper()
	err := unix.Madvise(a.mem, unix.MADV_HUGEPAGE)
	if errors.Is(err, unix.EINVAL) {
		testgate.Skip(t, testgate.THP, "MADV_HUGEPAGE: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// hugeBytes is how much of the memory lies in transparent huge pages that are
// mapped as such.
func hugeBytes(t testing.TB, r uffd.Range) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	var sum uint64
	inside := false
	for line := range strings.Lines(string(text)) {
		if vmas, err := procmaps.Parse(strings.NewReader(line)); err == nil && len(vmas) == 1 {
			inside = len(procmaps.Within(vmas, r.Start, r.End())) != 0
			continue
		}
		for _, name := range []string{"AnonHugePages:", "ShmemPmdMapped:"} {
			if rest, ok := strings.CutPrefix(line, name); ok && inside {
				kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += kib << 10
			}
		}
	}
	return sum
}
