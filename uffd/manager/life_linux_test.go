package manager

import (
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

func init() {
	children["restless"] = restless
	children["few"] = few
	children["same"] = same
	children["alone"] = alone
	children["blocking"] = blocking
}

// restless does everything to its memory until it is killed.
func restless(c *client) error {
	mem, err := c.served(256, 1)
	if err != nil {
		return err
	}
	addr := address(mem)
	for {
		var readers sync.WaitGroup
		for i := range 4 {
			readers.Go(func() {
				for page := i; page < 256; page += 4 {
					_ = mem[page*int(systemPage)]
				}
			})
		}
		readers.Wait()
		if err := unix.Madvise(mem, unix.MADV_DONTNEED); err != nil {
			return err
		}
		if addr, err = mremap(addr, 256, 256, unix.MREMAP_MAYMOVE, 0); err != nil {
			return err
		}
		mem = memoryAt(addr, 256*systemPage)
	}
}

// A process that is killed, whatever it and the Manager do at the moment, is
// forgotten, and Run goes on.
func TestKilledAtAnyMoment(t *testing.T) {
	needs(t, Events)
	for _, unnamed := range []bool{false, true} {
		s := newStation(t, Options{PollInterval: 20 * time.Millisecond})
		s.unnamed = unnamed
		rounds := testgate.Rounds(uint64(50), 5)
		var added uint64
		for round := range rounds {
			rng := rand.New(rand.NewPCG(round, 3))
			c := s.spawn("restless")
			if round%4 != 0 { // or before it is added
				added++
				s.wait("it is added", func() bool { return s.m.Stats().Added >= added })
			}
			time.Sleep(time.Duration(rng.IntN(4000)) * time.Microsecond)
			if err := c.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = c.wait()
			s.wait("it is forgotten", func() bool { return s.m.Processes() == 0 })
			added = s.m.Stats().Added
		}
		if got := s.m.Stats(); got.Gone != got.Added || got.Errors != 0 || got.Gone < rounds/2 {
			t.Errorf("%+v", got)
		}
		s.stop()
	}
}

// few touches some pages.
func few(c *client) error {
	mem, err := c.served(64, 1)
	if err != nil {
		return err
	}
	return holds(mem, 1, 0)
}

// When Run's context ends, whoever faults waits, and the next Run serves him.
func TestRunAgain(t *testing.T) {
	needs(t, 0)
	s := newStation(t, Options{})
	paused := make(chan struct{})
	s.added = func(*uffd.Descriptor) {
		s.pause()
		close(paused)
	}
	c := s.spawn("few")
	ended := make(chan error, 1)
	go func() { ended <- c.wait() }()
	<-paused
	select {
	case err := <-ended:
		t.Fatalf("it ended without being served: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.resume()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.wait("it is gone", func() bool { return s.m.Processes() == 0 })
}

// alone closes its own descriptor, so that the Manager's is the last.
func alone(c *client) error {
	mem, err := c.served(64, 1)
	if err != nil {
		return err
	}
	if err := c.d.Close(); err != nil {
		return err
	}
	return zeros(mem)
}

// Close lets those who wait read zeros, as its documentation says.
func TestCloseWhileTheyWait(t *testing.T) {
	needs(t, 0)
	s := newStation(t, Options{})
	paused := make(chan struct{})
	s.added = func(*uffd.Descriptor) {
		s.pause()
		close(paused)
	}
	c := s.spawn("alone")
	<-paused
	time.Sleep(20 * time.Millisecond) // it waits by now, mostly
	if err := s.m.Close(); err != nil {
		t.Error(err)
	}
	if err := c.wait(); err != nil {
		t.Error(err)
	}
}

// blocking makes its descriptor blocking, which is the same file as the Manager's:
// poll(2) then reports an error and nothing else.
func blocking(c *client) error {
	mem, err := c.served(64, 1)
	if err != nil {
		return err
	}
	if err := c.d.Control(func(fd int) error { return unix.SetNonblock(fd, false) }); err != nil {
		return err
	}
	return holds(mem, 1, 0)
}

func TestMadeBlocking(t *testing.T) {
	needs(t, 0)
	s := newStation(t, Options{})
	s.run("blocking")
	if got := s.m.Stats(); got.Copied != 64*systemPage || got.Errors != 0 {
		t.Errorf("%+v", got)
	}
}

// same touches the same pages from many goroutines.
func same(c *client) error {
	mem, err := c.served(32, 1)
	if err != nil {
		return err
	}
	var readers sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		readers.Go(func() { errs[i] = holds(mem, 1, 0) })
	}
	readers.Wait()
	return errors.Join(errs...)
}

// slow is a source that takes its time.
type slow struct {
	io.ReaderAt
	delay time.Duration
}

func (s slow) ReadAt(p []byte, offset int64) (int, error) {
	time.Sleep(s.delay)
	return s.ReaderAt.ReadAt(p, offset)
}

// A source slower than faults come: they queue up, several of each page.
func TestSlowSource(t *testing.T) {
	needs(t, 0)
	s := newStation(t, Options{Granule: 1})
	s.sources[1] = slow{patternSource{1}, time.Millisecond}
	s.run("same")
	if got := s.m.Stats(); got.Copied != 32*systemPage || got.Errors != 0 {
		t.Errorf("%+v", got)
	}
}
