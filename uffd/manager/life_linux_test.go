package manager

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
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

// How Run ends.
func TestRunEnds(t *testing.T) {
	atEnd(t)
	m, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(context.Background()); err != nil {
		t.Errorf("with no process: %v", err)
	}
	if err := m.Map(7); !errors.Is(err, ErrUnknown) {
		t.Errorf("Map: %v", err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := m.Run(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := m.Map(7); !errors.Is(err, ErrClosed) {
		t.Errorf("Map after Close: %v", err)
	}

	m, err = New(Options{StayWhenIdle: true})
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("it is late")
	ctx, cancel := context.WithCancelCause(context.Background())
	ran := make(chan error)
	go func() { ran <- m.Run(ctx) }()
	waitFor(t, "it runs", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.running })
	if err := m.Run(ctx); !errors.Is(err, ErrRunning) {
		t.Errorf("a second Run: %v", err)
	}
	cancel(cause)
	if err := <-ran; err != cause {
		t.Errorf("after its context: %v", err)
	}
	go func() { ran <- m.Run(context.Background()) }()
	waitFor(t, "it runs again", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.running })
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ran; !errors.Is(err, ErrClosed) {
		t.Errorf("Close while it runs: %v", err)
	}
	if err := new(Manager).Close(); err != nil {
		t.Error(err)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{Granule: 1 << 40}, {Outside: 7}, {Outside: -1}, {PollInterval: -1}} {
		if m, err := New(o); m != nil || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v, %v", o, m, err)
		}
	}
}

// Run returns when the last process has gone, and a function of Options may close.
func TestRunUntilAllAreGone(t *testing.T) {
	needs(t, 0)
	for _, closes := range []bool{false, true} {
		s := newStation(t, Options{})
		s.pause()
		var m *Manager
		o := Options{OnGone: func(ID) {
			if closes {
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			}
		}}
		var err error
		if m, err = New(o); err != nil {
			t.Fatal(err)
		}
		if err := s.m.Close(); err != nil {
			t.Fatal(err)
		}
		s.m = m
		ran := make(chan error, 1)
		s.added = func(*uffd.Descriptor) { go func() { ran <- m.Run(context.Background()) }() }
		if err := s.spawn("few").wait(); err != nil {
			t.Error(err)
		}
		if err := <-ran; closes != errors.Is(err, ErrClosed) || !closes && err != nil {
			t.Errorf("closes %v: %v", closes, err)
		}
		s.stop()
	}
}

// What Add refuses, and what it leaves as it was.
func TestAddRefuses(t *testing.T) {
	needs(t, 0)
	s := newStation(t, Options{})
	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	closed, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	s.added = func(other *uffd.Descriptor) {
		if id, err := s.m.Add(other, Process{PID: os.Getpid()}); !errors.Is(err, syscall.EEXIST) || id != 0 {
			t.Errorf("a second time: %v, %v", id, err)
		}
		for _, test := range []struct {
			d    *uffd.Descriptor
			p    Process
			want error
		}{
			{nil, Process{}, syscall.EINVAL},
			{new(uffd.Descriptor), Process{}, ErrClosed},
			{closed, Process{}, ErrClosed},
			{d, Process{}, ErrOwnProcess},
			{other, Process{PID: -1}, syscall.EINVAL},
			{other, Process{PidFD: -1}, syscall.EINVAL},
			{other, Process{PidFD: 1 << 20}, syscall.EBADF},
			{other, Process{PID: 1<<31 - 1}, uffd.ErrGone},
			{other, Process{Regions: []Region{{}}}, syscall.EINVAL},
		} {
			if id, err := s.m.Add(test.d, test.p); !errors.Is(err, test.want) || id != 0 {
				if test.p.PID <= 0 || !errors.Is(err, syscall.EEXIST) { // before Linux 5.3 there is no asking
					t.Errorf("%+v: %v, %v; want %v", test.p, id, err, test.want)
				}
			}
		}
	}
	s.run("few")
	if got := s.m.Stats(); got.Added != 1 || got.Copied != 64*systemPage {
		t.Errorf("%+v", got)
	}
}
