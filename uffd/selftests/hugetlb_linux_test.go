package selftests

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// largestHuge bounds what huge pages may take: with pages of 64 KiB, arm64's have
// 512 MiB.
const largestHuge = 64 << 20

// hugetlbPage is the size of a huge page, as a file of them has it.
func hugetlbPage(t testing.TB) (size uint64) {
	t.Helper()
	fd, err := memoryFile(true)
	if err != nil {
		testgate.Need(t, testgate.Hugetlb, fmt.Errorf("a file of huge pages: %w: %w", errors.ErrUnsupported, err))
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return uint64(st.Blksize)
}

const hugePagesFile = "/proc/sys/vm/nr_hugepages"

// needHugePages makes the kernel reserve n more huge pages of the default size
// until the end of the test. Who may not ask for them uses those that are there:
// mmap then says whether they suffice.
func needHugePages(t testing.TB, n int, size uint64) {
	t.Helper()
	if size > largestHuge {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d bytes, too many to try", size))
	}
	got, err := addHugePages(n)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, unix.EROFS) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := addHugePages(-got); err != nil {
			t.Error(err)
		}
	})
	// Pages that were given back in use are the first to be counted as new ones.
	// The kernel unpins in its own time, so they may still be in use.
	for end := time.Now().Add(testgate.Stretch(t, 2*time.Second)); freeHugePages(t) < got && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// freeHugePages is how many are free and not promised to anybody.
func freeHugePages(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	var free, promised int
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "HugePages_Free: %d", &free)
		_, _ = fmt.Sscanf(line, "HugePages_Rsvd: %d", &promised)
	}
	return free - promised
}

// addHugePages changes the number of reserved huge pages by n, and returns by how
// many it did change. It adds rather than sets, under a lock, since other
// processes may do the same.
func addHugePages(n int) (int, error) {
	f, err := os.OpenFile(hugePagesFile, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return 0, err
	}
	before, err := hugePages()
	if err != nil {
		return 0, err
	}
	if _, err := f.WriteString(strconv.Itoa(max(0, before+n))); err != nil {
		return 0, err
	}
	after, err := hugePages()
	return after - before, err
}

// hugePages is how many are reserved.
func hugePages() (int, error) {
	text, err := os.ReadFile(hugePagesFile)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
