package manager

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// mine is memory of this process, registered with a descriptor of it.
func mine(t *testing.T) (*uffd.Descriptor, []byte) {
	t.Helper()
	d, err := uffd.Open(uffd.Options{Wanted: Events, UserMode: uffd.UserModeFallback})
	testgate.Need(t, testgate.Userfaultfd, err)
	mem, err := fresh(64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Register(uffd.RangeOf(mem), uffd.ModeMissing); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.Close()
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	return d, mem
}

// A descriptor of this process is refused, and nothing has become of it.
func TestOwnProcess(t *testing.T) {
	atEnd(t)
	d, mem := mine(t)
	m, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for range 20 {
		if _, err := m.Add(d, Process{Regions: []Region{{Range: uffd.RangeOf(mem)}}}); !errors.Is(err, ErrOwnProcess) {
			t.Fatal(err)
		}
	}
	if n, err := d.Zero(uffd.RangeOf(mem), 0); err != nil || n != uint64(len(mem)) {
		t.Errorf("the memory is not as it was: %d, %v", n, err)
	}
}

// Whoever insists gets it: here it is safe, since only a process that Go does not
// know touches the memory.
func TestOwnProcessAllTheSame(t *testing.T) {
	atEnd(t)
	testgate.Need(t, testgate.Port, rawproc.Supported())
	d, mem := mine(t)
	m, err := New(Options{ThisProcessMayHang: true, StayWhenIdle: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Add(d, Process{Regions: []Region{{Range: uffd.RangeOf(mem), Source: patternSource{1}}}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, 20*time.Second))
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	ops, want := loads(mem, 0, 17, 63)
	p, err := rawproc.Share(ops...)
	if err != nil {
		t.Fatal(err)
	}
	if err := finish(p, want); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ran; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// Asking whose memory it is changes nothing in another process, however often.
func TestOtherProcess(t *testing.T) {
	needs(t, Events)
	s := newStation(t, Options{})
	s.added = func(d *uffd.Descriptor) {
		k := kernel{d, s.m.shared}
		for range testgate.Rounds(300, 30) {
			if own, err := ours(k, new(layout)); own || err != nil {
				t.Errorf("%v, %v", own, err)
				return
			}
		}
	}
	s.run("contents")
	if got := s.m.Stats(); got.Copied != manyPages()*systemPage {
		t.Errorf("%+v", got)
	}
}
