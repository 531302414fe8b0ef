package manager

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

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
			{other, Process{PidFD: other.FD()}, syscall.EINVAL},
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
