package selftests

import (
	"fmt"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/testgate"
)

// largestHuge bounds what huge pages may take: with pages of 64 KiB, arm64's have
// 512 MiB.
const largestHuge = 64 << 20

// hugetlbPage is the size of huge pages if none is named.
func hugetlbPage(t testing.TB) (size uint64) {
	t.Helper()
	size, err := hugepages.Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if size == 0 {
		testgate.Skip(t, testgate.Hugetlb, "the kernel has no huge pages")
	}
	return size
}

// huge are the huge pages of all tests, which TestMain gives back.
var huge hugepages.Keeper

// needHugePages makes the kernel reserve at least n huge pages for the tests. Who may not ask for them uses those that are there: mmap then says whether
// they suffice.
func needHugePages(t testing.TB, n int, size uint64) {
	t.Helper()
	if size > largestHuge {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d bytes, too many to try", size))
	}
	needTime(t, size)
	if err := huge.Need(t, size, n, testgate.Stretch(t, 2*time.Second)); err != nil {
		t.Log(err)
	}
}

// needTime leaves out with -short what fills large huge pages.
func needTime(t testing.TB, size uint64) {
	t.Helper()
	if why, long := hugepages.Long(size); long {
		testgate.NeedLong(t, why)
	}
}
