package manager

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
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
	size, err := hugepages.Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if size != hugePage {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d bytes, not %d", size, hugePage))
	}
	short := hugepages.Reserve(t, size, 4, testgate.Stretch(t, 2*time.Second))
	if free, err := hugepages.Free(size); free < 4 {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("%d huge pages are free (%v)", free, errors.Join(short, err)))
	}
	s := newStation(t, Options{})
	s.run("huge")
	if got := s.m.Stats(); got.Copied != 3*hugePage || got.Zeroed < hugePage || got.Errors != 0 {
		t.Errorf("%+v", got)
	}
}
