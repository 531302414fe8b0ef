package manager

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

func init() {
	children["contents"] = contents
	children["remap"] = remaps
	children["unmap"] = unmaps
}

// manyPages are 9 MiB, and fewer under -short, but enough for what contents does to
// them. A child knows nothing of -short.
func manyPages() uint64 {
	short := os.Getenv(shortEnv) == "1" || os.Getenv(childEnv) == "" && testgate.Rounds(0, 1) == 1
	if short {
		return 400
	}
	return max(400, 9<<20/systemPage)
}

// contents touches pages from several goroutines while the garbage collector runs,
// gives some up, and touches them again.
func contents(c *client) error {
	mem, err := c.served(int(manyPages()), 1)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	var collector, readers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	errs := make([]error, 4)
	for i := range errs {
		readers.Go(func() {
			part := len(mem) / len(errs)
			errs[i] = holds(mem[i*part:(i+1)*part], 1, uint64(i*part))
		})
	}
	readers.Wait()
	close(stop)
	collector.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	p := int(systemPage)
	given := mem[100*p : 300*p]
	if err := unix.Madvise(given, unix.MADV_DONTNEED); err != nil {
		return err
	}
	if err := unix.Madvise(mem[250*p:260*p], unix.MADV_DONTNEED); err != nil {
		return err
	}
	if err := zeros(given); err != nil {
		return fmt.Errorf("after MADV_DONTNEED: %w", err)
	}
	given[0] = 1
	if err := holds(mem[:100*p], 1, 0); err != nil {
		return fmt.Errorf("before what was given up: %w", err)
	}
	return holds(mem[300*p:], 1, 300*systemPage)
}

func TestContents(t *testing.T) {
	needs(t, 0)
	for _, granule := range []uint64{1, 0, 1 << 20}[:testgate.Rounds(3, 2)] {
		t.Run(fmt.Sprintf("granule=%d", granule), func(t *testing.T) {
			s := newStation(t, Options{Granule: granule})
			s.run("contents")
			got := s.m.Stats()
			if got.Copied != manyPages()*systemPage || got.Zeroed < 200*systemPage || got.Removes != 2 || got.Gone != 1 || got.Errors != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func mremap(addr uintptr, old, pages int, flags int, to uintptr) (uintptr, error) {
	p := uintptr(systemPage)
	at, _, errno := unix.Syscall6(unix.SYS_MREMAP, addr, uintptr(old)*p, uintptr(pages)*p, uintptr(flags), to, 0)
	if errno != 0 {
		return 0, fmt.Errorf("mremap of %d pages to %d: %w", old, pages, errno)
	}
	return at, nil
}

// occupy maps inaccessible memory where something moved away, and shall come back to:
// the runtime would put memory of its own there.
func occupy(at uintptr, length uint64) error {
	_, err := sys.Mmap(at, uintptr(length), sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_FIXED_NOREPLACE, -1, 0)
	return err
}

// remaps moves, enlarges and shrinks memory, in all ways.
func remaps(c *client) error {
	p := systemPage
	mem, err := c.served(64, 1)
	if err != nil {
		return err
	}
	place, err := fresh(512)
	if err != nil {
		return err
	}
	check := func(what string, addr uintptr, pages int, from uint64, zero int) error {
		now := memoryAt(addr, uint64(pages)*p)
		if err := holds(now[:uint64(pages-zero)*p], 1, from*p); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := zeros(now[uint64(pages-zero)*p:]); err != nil {
			return fmt.Errorf("%s: the end: %w", what, err)
		}
		return nil
	}
	// Pages 0 to 15 stay and shrink, 16 to 31 move, 32 to 47 move and grow, 48 to 63
	// move and shrink, and then grow.
	at := func(page int) uintptr { return address(mem) + uintptr(page)*uintptr(p) }
	to := func(page int) uintptr { return address(place) + uintptr(page)*uintptr(p) }
	if err := holds(mem[16*p:18*p], 1, 16*p); err != nil {
		return err
	}
	const fixed = unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED
	if _, err := mremap(at(16), 16, 16, fixed, to(0)); err != nil {
		return err
	}
	if err := occupy(at(16), 16*p); err != nil {
		return err
	}
	if err := check("moved", to(0), 16, 16, 0); err != nil {
		return err
	}
	if _, err := mremap(at(32), 16, 24, fixed, to(32)); err != nil {
		return err
	}
	if err := check("moved and grown", to(32), 24, 32, 8); err != nil {
		return err
	}
	if _, err := mremap(at(48), 16, 4, fixed, to(128)); err != nil {
		return err
	}
	if err := sys.Munmap(to(132), 20*uintptr(p)); err != nil {
		return err
	}
	if _, err := mremap(to(128), 4, 16, 0, 0); err != nil {
		return err
	}
	if err := check("moved and shrunk, then grown", to(128), 16, 48, 12); err != nil {
		return err
	}
	if _, err := mremap(at(0), 16, 8, 0, 0); err != nil {
		return err
	}
	if err := check("shrunk", at(0), 8, 0, 0); err != nil {
		return err
	}
	// And there and back again.
	if _, err := mremap(to(0), 16, 16, fixed, at(16)); err != nil {
		return err
	}
	if err := unix.Madvise(memoryAt(at(18), 4*p), unix.MADV_DONTNEED); err != nil {
		return err
	}
	if _, err := mremap(at(16), 16, 16, fixed, to(300)); err != nil {
		return err
	}
	if err := zeros(memoryAt(to(302), 4*p)); err != nil {
		return err
	}
	return check("back", to(306), 10, 22, 0)
}

func TestRemap(t *testing.T) {
	needs(t, Events)
	for _, granule := range []uint64{1, 0} {
		t.Run(fmt.Sprintf("granule=%d", granule), func(t *testing.T) {
			s := newStation(t, Options{Granule: granule, Outside: OutsideIsZero})
			s.run("remap")
			if got := s.m.Stats(); got.Remaps != 5 || got.Errors != 0 || got.Unmaps == 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// unmaps unmaps memory and maps other memory in its place.
func unmaps(c *client) error {
	p := systemPage
	mem, err := c.served(64, 1)
	if err != nil {
		return err
	}
	addr := address(mem)
	if err := holds(mem[:8*p], 1, 0); err != nil {
		return err
	}
	for round := range uint64(5) {
		if err := sys.Munmap(addr+16*uintptr(p), uintptr(16*p)); err != nil {
			return err
		}
		at, err := sys.Mmap(addr+16*uintptr(p), uintptr(16*p), sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_FIXED, -1, 0)
		if err != nil {
			return err
		}
		again := memoryAt(at, 16*p)
		if err := c.serve(uffd.ModeMissing, told{Range: uffd.RangeOf(again), Salt: 2 + round}); err != nil {
			return err
		}
		if err := holds(again, 2+round, 0); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	if err := holds(mem[:16*p], 1, 0); err != nil {
		return err
	}
	return holds(mem[32*p:], 1, 32*p)
}

func TestUnmap(t *testing.T) {
	needs(t, Events)
	s := newStation(t, Options{})
	s.run("unmap")
	if got := s.m.Stats(); got.Unmaps != 5 || got.Errors != 0 {
		t.Errorf("%+v", got)
	}
}

// Several processes at once, each with contents of its own.
func TestManyProcesses(t *testing.T) {
	needs(t, 0)
	s := newStation(t, Options{})
	var all []*spawned
	for range testgate.Rounds(6, 2) {
		all = append(all, s.spawn("contents"))
	}
	for _, c := range all {
		if err := c.wait(); err != nil {
			t.Error(err)
		}
	}
	s.wait("all are gone", func() bool { return s.m.Stats().Gone == uint64(len(all)) })
	if got := s.m.Stats(); got.Copied != uint64(len(all))*manyPages()*systemPage {
		t.Errorf("%+v", got)
	}
}
