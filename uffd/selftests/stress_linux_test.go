package selftests

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// The kernel's uffd-stress, which bounces memory between two areas: while
// processes count in the pages of one, their faults are served from the other, and
// copiers move all of it over in the background. Then the areas change places.
//
// Here the faulting side is processes that the Go runtime does not know, the
// serving side is goroutines, and the garbage collector runs all the time beside
// them.

// The bits of a bounce. The kernel's are the first four.
const (
	bounceRandom = 1 << iota // visit pages in random order, not one after the other
	bounceRacing             // all begin at the same page
	bounceVerify             // compare every byte afterwards
	bouncePoll               // wait with poll(2), not in Read
	allBounces   = 1 << iota
)

// bounceName is in the words of the original.
func bounceName(bits int) string {
	name := ""
	for bit, word := range map[int]string{bounceRandom: "random ", bounceRacing: "racing ", bounceVerify: "verify "} {
		if bits&bit != 0 {
			name += word
		}
	}
	switch {
	case bits&bouncePoll != 0:
		return name + "poll"
	case bits&bounceRacing != 0:
		return name + "read with a context"
	}
	return name + "read"
}

// stress is the two areas and what is in them.
type stress struct {
	t        *testing.T
	kind     memory
	src, dst *area
	pages    int
	workers  int
	random   *rand.Rand

	content []byte // what the pages must hold, wherever they are now

	missing, wp, minor, existed atomic.Int64
	total                       [4]int64
}

func TestStress(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		checkProcess(t)
		s := newStress(t, k)
		collected := make(chan struct{})
		stop := s.collectGarbage(collected)
		defer func() {
			close(stop)
			<-collected
		}()
		n := setting(t, "PAGESLOT_STRESS_BOUNCES", testgate.Rounds(allBounces, 4))
		for i := range n {
			// Fewer bounces than there are kinds are spread over all bits.
			bits := allBounces - 1 - i*max(1, allBounces/n)%allBounces
			s.bounce(bits, i%3 == 0)
			if t.Failed() {
				t.Fatalf("bounce %d (%s) failed", i, bounceName(bits))
			}
			s.src, s.dst = s.dst, s.src
		}
		s.verify(s.src)
		t.Logf("%d pages, %d bounces: %d missing, %d write-protected, %d minor, %d existed",
			s.pages, n, s.total[0], s.total[1], s.total[2], s.total[3])
	})
}

// setting is a number from the environment, or another.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, not a number above 0", name, text)
	}
	return n
}

func newStress(t *testing.T, k memory) *stress {
	t.Helper()
	s := &stress{t: t, kind: k, workers: min(4, max(2, runtime.NumCPU()))}
	s.pages = testgate.Rounds(64, 16)
	if k.huge() {
		s.pages = 4
	}
	s.src = newArea(t, k, 1)
	if mib := setting(t, "PAGESLOT_STRESS_MIB", 0); mib > 0 {
		s.pages = int(uint64(mib) << 20 / s.src.page)
	}
	s.pages = max(1, s.pages/s.workers) * s.workers
	s.src, s.dst = newArea(t, k, s.pages), newArea(t, k, s.pages)
	s.content = s.src.filled(s.pages, 1)
	copy(s.src.mem, s.content)
	seed := rand.Uint64()
	s.random = rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	return s
}

// collectGarbage runs the collector until the channel that it returns is closed;
// then it closes done.
func (s *stress) collectGarbage(done chan<- struct{}) (stop chan struct{}) {
	stop = make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Microsecond): // emulated machines have one processor
				runtime.GC()
			}
		}
	}()
	return stop
}

// bounce moves everything from src to dst, by a descriptor of its own.
func (s *stress) bounce(bits int, minor bool) {
	s.t.Helper()
	d, err := uffd.Open(uffd.Options{
		Wanted:   uffd.FeatureThreadID | wpFor(s.kind) | minorFor(s.kind),
		UserMode: uffd.UserModeFallback,
	})
	testgate.Need(s.t, testgate.Userfaultfd, err)
	defer d.Close()
	h := &handler{stress: s, d: d, wp: d.Enabled().Has(wpFor(s.kind)),
		minor: minor && s.dst.alias != nil && d.Enabled().Has(minorFor(s.kind))}
	mode := uffd.ModeMissing
	if h.wp {
		mode |= uffd.ModeWP
	}
	if h.minor {
		mode |= uffd.ModeMinor
	}
	register(s.t, d, s.dst.all(), mode)
	s.release(s.dst) // for a late copy may have read from it while it was src
	if h.minor {
		h.prefill()
	}
	if s.dst.alias != nil {
		register(s.t, d, uffd.RangeOf(s.dst.alias), uffd.ModeMissing)
	}

	visits := s.visitors(bits)
	serving := h.serve(bits)
	var copying sync.WaitGroup
	for w := range s.workers {
		copying.Go(func() { h.copyShare(w) })
	}
	copying.Wait()
	// All is copied. A handler that is late reads zeros now, and must find that the
	// page exists.
	s.release(s.src)
	for _, v := range visits {
		v.check()
	}
	serving.stop()
	h.checkThreads(visits)
	if h.wp && s.wp.Load() == 0 {
		s.t.Error("no write was trapped")
	}
	if err := d.Close(); err != nil {
		s.t.Error(err)
	}
	if bits&bounceVerify != 0 {
		s.verify(s.dst)
	}
	for i, c := range []*atomic.Int64{&s.missing, &s.wp, &s.minor, &s.existed} {
		s.total[i] += c.Swap(0)
	}
}

// release gives up all pages of an area, those of its file too.
func (s *stress) release(a *area) {
	s.t.Helper()
	if a.kind.private() {
		err := unix.Madvise(a.mem, sys.MADV_DONTNEED)
		// Before Linux 5.18 hugetlb does not know it, but a hole in the file takes
		// private pages away too.
		if err != nil && !(a.kind.huge() && errors.Is(err, unix.EINVAL)) {
			s.t.Error(err)
		}
	}
	if a.kind.file() {
		if err := unix.Fallocate(a.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, int64(len(a.mem))); err != nil {
			s.t.Error(err)
		}
	}
}

// verify compares an area that nobody serves any more.
func (s *stress) verify(a *area) {
	s.t.Helper()
	if bytes.Equal(a.mem, s.content) {
		return
	}
	wrong := ""
	for i := range a.mem {
		if a.mem[i] != s.content[i] {
			wrong += fmt.Sprintf(" page %d byte %d is %#x, not %#x;", uint64(i)/a.page, uint64(i)%a.page, a.mem[i], s.content[i])
		}
		if len(wrong) > 500 {
			break
		}
	}
	s.t.Error("the memory is damaged:", wrong)
}
