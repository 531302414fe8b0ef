package manager

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

func init() {
	children["shared"] = shareds
	children["writes"] = writes
	children["minor"] = minors
	children["huge"] = huge
	children["guarded"] = guarded
	children["marked"] = marked
}

// file is shared memory, mapped twice.
func file(pages int) (mem, alias []byte, err error) {
	fd, err := unix.MemfdCreate("served", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, err
	}
	defer unix.Close(fd)
	length := pages * int(systemPage)
	if err := unix.Ftruncate(fd, int64(length)); err != nil {
		return nil, nil, err
	}
	if mem, err = unix.Mmap(fd, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, nil, err
	}
	alias, err = unix.Mmap(fd, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return mem, alias, err
}

// shareds has shared memory served, and gives some up.
func shareds(c *client) error {
	if err := c.open(uffd.FeatureMissingShmem); err != nil {
		return err
	}
	mem, alias, err := file(96)
	if err != nil {
		return err
	}
	if err := c.serve(uffd.ModeMissing, told{Range: uffd.RangeOf(mem), Salt: 1}); err != nil {
		return err
	}
	p := systemPage
	if err := holds(mem[:64*p], 1, 0); err != nil {
		return err
	}
	if err := holds(alias[:64*p], 1, 0); err != nil {
		return fmt.Errorf("through the other mapping: %w", err)
	}
	if err := unix.Madvise(mem[32*p:], unix.MADV_REMOVE); err != nil {
		return err
	}
	if err := zeros(mem[32*p:]); err != nil {
		return err
	}
	return holds(mem[:32*p], 1, 0)
}

func TestSharedMemory(t *testing.T) {
	needs(t, Events|uffd.FeatureMissingShmem)
	s := newStation(t, Options{})
	s.run("shared")
	if got := s.m.Stats(); got.Copied < 64*systemPage || got.Zeroed != 64*systemPage || got.Removes != 1 {
		t.Errorf("%+v", got)
	}
}

// writes reads all pages, which are installed protected, and writes to some.
func writes(c *client) error {
	if err := c.open(uffd.FeaturePagefaultFlagWP); err != nil {
		return err
	}
	mem, err := fresh(64)
	if err != nil {
		return err
	}
	p := systemPage
	contents := uffd.Range{Start: uffd.RangeOf(mem).Start, Len: 32 * p}
	empty := uffd.Range{Start: contents.End(), Len: 32 * p}
	err = c.serve(uffd.ModeMissing|uffd.ModeWP, told{Range: contents, Salt: 1, Protect: true}, told{Range: empty, Zero: true, Protect: true})
	if err != nil {
		return err
	}
	if err := holds(mem[:32*p], 1, 0); err != nil {
		return err
	}
	for _, page := range []uint64{3, 9, 10, 40, 50} {
		mem[page*p+100] = 200
		mem[page*p+101] = 200
	}
	if err := zeros(mem[51*p:]); err != nil {
		return err
	}
	want := make([]byte, 32*p)
	_, _ = patternSource{1}.ReadAt(want, 0)
	for _, page := range []uint64{3, 9, 10} {
		want[page*p+100], want[page*p+101] = 200, 200
	}
	if !bytes.Equal(mem[:32*p], want) {
		return fmt.Errorf("the pages are not what was written")
	}
	return nil
}

func TestProtect(t *testing.T) {
	needs(t, Events|uffd.FeaturePagefaultFlagWP)
	written := map[uint64]int{}
	var first uint64
	s := newStation(t, Options{OnWrite: func(a Access) {
		if !a.Fault.Flags.Has(uffd.FaultWP|uffd.FaultWrite) || a.Page.Len != systemPage || a.PID == 0 {
			t.Errorf("%+v", a)
		}
		if first == 0 {
			first = a.Page.Start - 3*systemPage
		}
		written[(a.Page.Start-first)/systemPage]++
	}})
	s.run("writes")
	for _, page := range []uint64{3, 9, 10, 40, 50} {
		if written[page] == 0 {
			t.Errorf("of page %d nobody heard", page)
		}
	}
	if got := s.m.Stats(); len(written) != 5 || got.Protected < 5 || got.Errors != 0 {
		t.Errorf("%v: %+v", written, got)
	}
}

// guarded protects its memory against all accesses, and then reads it.
func guarded(c *client) error {
	if err := c.open(uffd.FeatureRWP); err != nil {
		return err
	}
	mem, err := fresh(32)
	if err != nil {
		return err
	}
	if err := c.serve(uffd.ModeMissing|uffd.ModeRWP, told{Range: uffd.RangeOf(mem), Salt: 1}); err != nil {
		return err
	}
	if err := holds(mem, 1, 0); err != nil {
		return err
	}
	if err := c.d.RWProtect(uffd.RangeOf(mem)); err != nil {
		return err
	}
	return holds(mem, 1, 0)
}

func TestGuarded(t *testing.T) {
	needs(t, Events|uffd.FeatureRWP)
	accessed := map[uint64]bool{}
	s := newStation(t, Options{OnWrite: func(a Access) {
		if !a.Fault.Flags.Has(uffd.FaultRWP) {
			t.Errorf("%+v", a)
		}
		accessed[a.Page.Start] = true
	}})
	s.run("guarded")
	if got := s.m.Stats(); len(accessed) != 32 || got.Protected < 32 || got.Errors != 0 {
		t.Errorf("%d pages: %+v", len(accessed), got)
	}
}

// minors touches pages that the file has, but for one.
func minors(c *client) error {
	if err := c.open(uffd.FeatureMinorShmem); err != nil {
		return err
	}
	mem, alias, err := file(32)
	if err != nil {
		return err
	}
	_, _ = patternSource{1}.ReadAt(alias, 0)
	if err := c.serve(uffd.ModeMinor, told{Range: uffd.RangeOf(mem), Zero: true}); err != nil {
		return err
	}
	return holds(mem, 1, 0)
}

func TestMinor(t *testing.T) {
	needs(t, Events|uffd.FeatureMinorShmem)
	for _, granule := range []uint64{1, 0} {
		heard := 0
		s := newStation(t, Options{Granule: granule, OnMinor: func(a Access) error {
			if heard++; !a.Fault.Flags.Has(uffd.FaultMinor) || a.Page.Len != systemPage {
				t.Errorf("%+v", a)
			}
			return nil
		}})
		s.run("minor")
		if got := s.m.Stats(); got.Mapped != 32*systemPage || got.Minor == 0 || heard == 0 || got.Errors != 0 {
			t.Errorf("%d heard: %+v", heard, got)
		}
		s.stop()
	}
}

// marked protects pages before they are there, has half of them served as zeros, and
// nothing told of the other half.
func marked(c *client) error {
	if err := c.open(uffd.FeatureWPUnpopulated); err != nil {
		return err
	}
	mem, err := fresh(8)
	if err != nil {
		return err
	}
	p := systemPage
	all := uffd.RangeOf(mem)
	if _, err := c.d.Register(all, uffd.ModeMissing|uffd.ModeWP); err != nil {
		return err
	}
	if err := c.d.WriteProtect(all); err != nil {
		return err
	}
	if err := c.serve(uffd.ModeMissing|uffd.ModeWP, told{Range: uffd.Range{Start: all.Start, Len: 4 * p}, Zero: true}); err != nil {
		return err
	}
	if err := zeros(mem[:2*p]); err != nil {
		return err
	}
	mem[p], mem[2*p] = 1, 1
	// Granules are aligned: the last page can lie in another.
	if err := zeros(mem[3*p : 4*p]); err != nil {
		return err
	}
	for page := uint64(4); page < 8; page++ {
		if touch(mem, page*p) {
			return fmt.Errorf("page %d can be read", page)
		}
	}
	return nil
}

// The kernel puts neither zeros nor poison over the mark that protects a missing page,
// and says that the page is there.
func TestMarked(t *testing.T) {
	needs(t, Events|uffd.FeaturePagefaultFlagWP|uffd.FeatureWPUnpopulated|uffd.FeaturePoison)
	s := newStation(t, Options{})
	s.run("marked")
	if got := s.m.Stats(); got.Zeroed != 4*systemPage || got.Protected < 2 || got.Poisoned != 4 || got.Missing > 100 {
		t.Errorf("%+v", got)
	}
}
