package faultloop

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// shared is memory of a file, and the same memory mapped again.
func shared(t testing.TB, pages int) (mem, other []byte) {
	t.Helper()
	fd, err := unix.MemfdCreate("loop", unix.MFD_CLOEXEC)
	testgate.Need(t, testgate.Memfd, err)
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, int64(pages*pageSize)); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*[]byte{&mem, &other} {
		if *m, err = unix.Mmap(fd, 0, pages*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Munmap(*m) })
	}
	return mem, other
}

// The file has the pages; they are only not mapped.
func TestContinue(t *testing.T) {
	mem, other := shared(t, 8)
	s := newSceneOf(t, mem, Config{}, uffd.FeatureMinorShmem)
	for i := range 7 * pageSize {
		other[i] = mark(i / pageSize)
	}
	s.register(0, 8, uffd.ModeMinor|uffd.ModeMissing)
	r := s.rule(0, 8)
	r.Minor, r.Missing, r.Granule = Continue, Copy, uint64(4*pageSize)
	s.rules(r)
	s.reads(s.read(2), mark(2))
	if got := s.state(); got != "cccc----" {
		t.Errorf("pages %s", got)
	}
	// The last page of this granule is not in the file: what comes before it is mapped.
	s.reads(s.read(4), mark(4))
	if got := s.state(); got != "ccccccc-" {
		t.Errorf("pages %s", got)
	}
	s.counts(func(c *Counters) {
		c.Minor, c.Missing, c.Continues, c.Exists, c.Failed, c.Parked = 2, 0, 1, 1, 0, 0
		c.Bytes = uint64(7 * pageSize)
	})

	// What the file does not have is missing.
	r.Granule = uint64(pageSize)
	s.rules(r)
	s.reads(s.read(7), mark(7))
	s.counts(func(c *Counters) { c.Minor, c.Missing, c.Copies, c.Exists = 2, 1, 1, 1 })
}

// The pages are mapped protected. The flag for that came with FeatureWPUnpopulated.
func TestContinueProtected(t *testing.T) {
	mem, other := shared(t, 2)
	s := newSceneOf(t, mem, Config{}, uffd.FeatureMinorShmem|uffd.FeatureWPHugetlbfsShmem|uffd.FeatureWPUnpopulated)
	other[0], other[pageSize] = 7, 8
	s.register(0, 2, uffd.ModeMinor|uffd.ModeWP)
	r := s.rule(0, 2)
	r.Minor, r.Mode, r.Written = Continue, sys.UFFDIO_CONTINUE_MODE_WP, Unprotect
	s.rules(r)
	s.reads(s.run(rawproc.Load(s.addr(1)), rawproc.Store(s.addr(1), 9)), 8)
	if other[pageSize] != 9 || s.writes(1) != 1 || s.writes(0) != 0 {
		t.Errorf("%d is there and %d, %d writes were noted, want 9 and 0, 1", other[pageSize], s.writes(0), s.writes(1))
	}
	s.counts(func(c *Counters) { c.Minor, c.Written, c.Continues, c.Unprotects = 1, 1, 1, 1 })
}

// The file has the page when the fault is told, and not any more when it is to be mapped.
func TestContinuePunched(t *testing.T) {
	mem, other := shared(t, 8)
	s := newSceneOf(t, mem, Config{Slots: 2, Poison: poison()}, uffd.FeatureMinorShmem)
	other[4*pageSize] = 9
	s.register(0, 8, uffd.ModeMinor|uffd.ModeMissing)
	handed, r := s.rule(0, 2), s.rule(2, 6)
	r.Minor, r.Missing = Continue, Copy
	s.rules(handed, r)
	goOn := s.pause()
	p := s.read(4)
	pending(t, s.d)
	if err := unix.Madvise(other[4*pageSize:5*pageSize], unix.MADV_REMOVE); err != nil {
		t.Fatal(err)
	}
	goOn()
	s.reads(p, mark(4))
	s.counts(func(c *Counters) { c.Minor, c.Stale, c.Copies, c.Failed, c.Parked = 1, 1, 1, 0, 0 })
}
