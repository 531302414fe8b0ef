package manager

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

const hugePage = 2 << 20

// huge has huge pages served and gives one up.
func huge(c *client) error {
	if err := c.open(uffd.FeatureMissingHugetlbfs); err != nil {
		return err
	}
	mem, err := unix.Mmap(-1, 0, 4*hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_HUGETLB)
	if err != nil {
		return err
	}
	r := uffd.RangeOf(mem)
	err = c.serve(uffd.ModeMissing, told{Range: uffd.Range{Start: r.Start, Len: 3 * hugePage}, Salt: 1, PageSize: hugePage},
		told{Range: uffd.Range{Start: r.Start + 3*hugePage, Len: hugePage}, Zero: true, PageSize: hugePage})
	if err != nil {
		return err
	}
	if err := holds(mem[:3*hugePage], 1, 0); err != nil {
		return err
	}
	if err := zeros(mem[3*hugePage:]); err != nil {
		return err
	}
	if unix.Madvise(mem[hugePage:2*hugePage], unix.MADV_DONTNEED) != nil {
		return nil // before Linux 5.18
	}
	return zeros(mem[hugePage : 2*hugePage])
}

func TestHugePages(t *testing.T) {
	needs(t, Events|uffd.FeatureMissingHugetlbfs)
	if size := hugePageSize(t); size != hugePage {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d bytes, not %d", size, hugePage))
	}
	addHugePages(t, 4)
	if free := hugePagesFree(t); free < 4 {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("%d huge pages are free", free))
	}
	s := newStation(t, Options{})
	s.run("huge")
	if got := s.m.Stats(); got.Copied != 3*hugePage || got.Zeroed < hugePage || got.Errors != 0 {
		t.Errorf("%+v", got)
	}
}

func hugePageSize(t *testing.T) (bytes int)  { return 1024 * meminfo(t, "Hugepagesize:") }
func hugePagesFree(t *testing.T) (pages int) { return meminfo(t, "HugePages_Free:") }

func meminfo(t *testing.T, name string) (value int) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			_, _ = fmt.Sscan(rest, &value)
		}
	}
	return value
}

// addHugePages asks for n more huge pages until the end of the test, if it may. It
// adds, under a lock, since others do the same.
func addHugePages(t *testing.T, n int) {
	const name = "/proc/sys/vm/nr_hugepages"
	add := func(n int) error {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		now, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return err
		}
		_, err = f.WriteString(strconv.Itoa(max(0, now+n)))
		return err
	}
	if add(n) != nil {
		return
	}
	t.Cleanup(func() {
		if err := add(-n); err != nil {
			t.Error(err)
		}
	})
}
