package resolver_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// The threads have a descriptor of their own: closing the program's ends nothing, and
// its number may become something else.
func TestDescriptorIsClosed(t *testing.T) {
	child(t, func(t *testing.T) {
		before := left(t)
		d, err := uffd.Open(anybody)
		testgate.Need(t, testgate.Userfaultfd, err)
		mem, source := mapped(t, 8), pattern(8)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: source})
		load(mem, 0)
		number := d.FD()
		must(t, d.Close())
		must(t, unix.Dup3(0, number, unix.O_CLOEXEC))
		if !bytes.Equal(mem, source) {
			t.Error("other bytes than those of the source")
		}
		must(t, unix.Close(number))
		must(t, r.Stop())
		leaves(t, before)
	})
}

// Somebody closes the threads' own descriptor, by its number. They notice when they look
// next, say so, and Stop ends it: who waits gets a fault, and no zeros.
func TestThreadsDescriptorIsClosed(t *testing.T) {
	child(t, func(t *testing.T) {
		d, mem := open(t, anybody), mapped(t, 4)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
		load(mem, 0)
		own := 0
		for _, fd := range numbers(t, "[userfaultfd]") {
			if fd != d.FD() {
				own = max(own, fd) // the loop's is the later of the resolver's two
			}
		}
		must(t, unix.Close(own))
		ended := make(chan uintptr)
		go func() {
			ended <- fault(func() { load(mem, 2*pageSize) })
		}()
		_, err := r.Read(t.Context(), make([]resolver.Message, 1))
		if !errors.Is(err, resolver.ErrEnded) || !errors.Is(err, unix.EBADF) || !errors.Is(r.Err(), unix.EBADF) {
			t.Errorf("Read: %v, Err: %v", err, r.Err())
		}
		if err := r.Serve(); !errors.Is(err, resolver.ErrEnded) {
			t.Errorf("Serve: %v", err)
		}
		must(t, r.Stop())
		if at := <-ended; at == 0 {
			t.Error("zeros that were never there")
		}
		if !errors.Is(r.Err(), unix.EBADF) {
			t.Errorf("after Stop: %v", r.Err())
		}
	})
}

// numbers are the descriptors of a kind.
func numbers(t testing.TB, kind string) (fds []int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, fd := range all {
		if link, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(link, kind) {
			n, err := strconv.Atoi(fd.Name())
			must(t, err)
			fds = append(fds, n)
		}
	}
	return fds
}

// With EVENT_UNMAP a range ends by being unmapped, and the threads with the last of it.
func TestUnmapped(t *testing.T) {
	child(t, func(t *testing.T) {
		before := left(t)
		d := openWith(t, uffd.FeatureEventUnmap)
		one, two := unmappable(t, 8), unmappable(t, 8)
		r := start(t, d, resolver.Options{Threads: 2})
		waiting(t, "the threads have their names", func() bool { return len(threads(t)) == 2 })
		must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(one), Missing: resolver.Zero}, resolver.Rule{Range: uffd.RangeOf(two), Missing: resolver.Zero}))
		load(one, 0)
		must(t, munmap(one))
		load(two, 0)
		must(t, munmap(two[:4*pageSize]))
		all(t, two[4*pageSize:], 0)
		if got := len(threads(t)); got != 2 {
			t.Errorf("%d threads", got)
		}
		must(t, munmap(two[4*pageSize:]))
		waiting(t, "the threads have ended", func() bool { return len(threads(t)) == 0 })
		to, events := make([]resolver.Message, 1), 0
		for {
			n, err := r.Read(context.Background(), to)
			if errors.Is(err, resolver.ErrEnded) {
				break
			}
			must(t, err)
			if to[0].Reason == resolver.Event && to[0].Event.Kind == uffd.EventUnmap {
				events += n
			}
		}
		if events != 3 {
			t.Errorf("%d events of three", events)
		}
		if err := r.Serve(); !errors.Is(err, resolver.ErrEnded) {
			t.Errorf("Serve: %v", err)
		}
		must(t, r.Err())
		must(t, r.Stop())
		must(t, d.Close())
		leaves(t, before)
	})
}

// unmappable is memory that the test unmaps, perhaps in parts.
func unmappable(t testing.TB, pages int) []byte {
	t.Helper()
	// Not by unix.Mmap, which keeps count of what was mapped.
	at, err := mmap(pages * pageSize)
	must(t, err)
	return at
}

// A range that was unmapped is no obstacle to what comes there next.
func TestServedAgain(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeatureEventUnmap)
		r := start(t, d, resolver.Options{Threads: 2})
		other := mapped(t, 1)
		must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(other), Missing: resolver.Zero}))
		source := pattern(4)
		mem := unmappable(t, 4)
		for range testgate.Rounds(3000, 60) {
			must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(mem), Missing: resolver.Copy, Source: source}))
			if load(mem, 0) != source[0] {
				t.Fatal("other bytes")
			}
			if n := len(r.Ranges()); n != 2 {
				t.Fatal("ranges: ", r.Ranges())
			}
			must(t, munmap(mem))
			must(t, mmapAt(mem))
		}
		must(t, munmap(mem))
		must(t, r.Stop())
	})
}

// Linger is for threads whose last range was unmapped, too.
func TestLinger(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeatureEventUnmap)
		r := start(t, d, resolver.Options{Linger: true})
		waiting(t, "the thread has its name", func() bool { return len(threads(t)) == 1 })
		for i := range testgate.Rounds(300, 30) {
			mem := unmappable(t, 4)
			rule := resolver.Rule{Range: uffd.RangeOf(mem), Missing: resolver.Zero}
			must(t, r.Serve(rule))
			all(t, mem, 0)
			switch i % 3 {
			case 0:
				must(t, r.Fail(rule.Range))
			case 1:
				must(t, r.Finish(rule.Range))
			}
			must(t, munmap(mem))
		}
		if n := len(threads(t)); n != 1 {
			t.Errorf("%d threads", n)
		}
		must(t, r.Stop())
	})
}

// While the last range is being unmapped another one comes: it is served or refused.
func TestServeAtTheEnd(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeatureEventUnmap)
		for range testgate.Rounds(3000, 40) {
			r := start(t, d, resolver.Options{})
			one, two := unmappable(t, 1), unmappable(t, 1)
			must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(one), Missing: resolver.Zero}))
			unmapped := make(chan error)
			go func() { unmapped <- munmap(one) }()
			err := r.Serve(resolver.Rule{Range: uffd.RangeOf(two), Missing: resolver.Zero})
			if err != nil && !errors.Is(err, resolver.ErrEnded) {
				t.Fatal(err)
			}
			load(two, 0) // is served, or not registered at all
			must(t, <-unmapped)
			must(t, r.Stop())
			must(t, munmap(two))
		}
	})
}

// Without the event, memory that is gone is nobody's: Stop leaves alone what is there now.
func TestUnmappedUnnoticed(t *testing.T) {
	child(t, func(t *testing.T) {
		d := open(t, anybody)
		r := start(t, d, resolver.Options{})
		mem := unmappable(t, 8)
		must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(mem), Missing: resolver.Zero}))
		all(t, mem, 0)
		must(t, munmap(pages(mem, 2, 4)))
		must(t, mmapAt(pages(mem, 4, 2)))
		mem[4*pageSize] = 1 // faults outside of what is registered now
		must(t, r.Stop())
		if mem[4*pageSize] != 1 {
			t.Error("what is there now was changed")
		}
		failsAt(t, mem, 0)
		failsAt(t, mem, 7*pageSize)
		must(t, munmap(mem))
	})
}

// Of memory that another resolver has by now, Stop takes nothing away.
func TestSomebodyElsesNow(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeatureEventUnmap)
		mem := unmappable(t, 4)
		r := start(t, d, resolver.Options{Linger: true})
		must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(mem), Missing: resolver.Zero}))
		must(t, munmap(pages(mem, 0, 2)))
		must(t, mmapAt(pages(mem, 0, 2)))
		theirs := start(t, open(t, anybody), resolver.Options{})
		must(t, theirs.Serve(resolver.Rule{Range: uffd.RangeOf(pages(mem, 0, 2)), Missing: resolver.Copy, Source: pattern(2)}))
		must(t, r.Stop())
		if !bytes.Equal(pages(mem, 0, 2), pattern(2)) {
			t.Error("other bytes")
		}
		failsAt(t, mem, 2*pageSize)
		must(t, theirs.Stop())
		must(t, munmap(mem))
	})
}
