package resolver_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/awake"
	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/populate"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// resolveAll reads messages and copies what belongs there, until the end.
func resolveAll(t testing.TB, d *uffd.Descriptor, r *resolver.Resolver, of uffd.Range, source []byte) (handed uint64) {
	to := make([]resolver.Message, 7)
	for {
		n, err := r.Read(context.Background(), to)
		if errors.Is(err, resolver.ErrClosed) {
			return handed
		}
		must(t, err)
		for _, m := range to[:n] {
			if m.Reason != resolver.Handed {
				t.Errorf("a message: %v", &m)
				continue
			}
			handed++
			at := m.Page.Start - of.Start
			if _, err := d.Copy(m.Page.Start, source[at:at+m.Page.Len], 0); errors.Is(err, uffd.ErrExists) {
				must(t, d.Wake(m.Page))
			} else {
				must(t, err)
			}
		}
	}
}

// A goroutine resolves what is handed over to it, for one that waits in a system call,
// while the collector runs all the time.
func TestHandUnderCollections(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openKernel(t, uffd.Options{})
		n := testgate.Rounds(3000, 300)
		mem, source := mapped(t, n), pattern(n)
		testgate.Need(t, testgate.Populate, populate.Supported())
		r := serve(t, d, resolver.Options{Ring: 4}, mem, resolver.Rule{Missing: resolver.Hand})
		var stop atomic.Bool
		go func() {
			for !stop.Load() {
				runtime.GC()
			}
		}()
		handed := make(chan uint64)
		go func() { handed <- resolveAll(t, d, r, uffd.RangeOf(mem), source) }()
		for i := range n {
			for {
				err := unix.Madvise(pages(mem, i, 1), unix.MADV_POPULATE_READ)
				if err == nil {
					break
				}
				if err != unix.EINTR && err != unix.EAGAIN {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(pages(mem, i, 1), pages(source, i, 1)) {
				t.Fatalf("page %d has other bytes", i)
			}
		}
		stop.Store(true)
		s := r.Stats()
		must(t, r.Stop())
		if got := <-handed; got < uint64(n) || got != s.Handed || s.Lost != 0 {
			t.Errorf("%d messages of %d: %+v", got, n, s)
		}
	})
}

// From the first Read to the end a timer is pending: see package awake.
func TestReadKeepsAwake(t *testing.T) {
	child(t, func(t *testing.T) {
		d := open(t, anybody)
		r := serve(t, d, resolver.Options{}, mapped(t, 1), resolver.Rule{Missing: resolver.Zero})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for i, want := range []int64{0, 1, 1} {
			if n := awake.Needed(); n != want {
				t.Errorf("after %d Reads: needed by %d", i, n)
			}
			if _, err := r.Read(over, make([]resolver.Message, 1)); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		must(t, r.Stop())
		if _, err := r.Read(over, make([]resolver.Message, 1)); !errors.Is(err, resolver.ErrClosed) {
			t.Error(err)
		}
		if n := awake.Needed(); n != 0 {
			t.Errorf("after the end: needed by %d", n)
		}
	})
}

// A full ring stops the reading: nothing is lost, and others wait until there is room.
func TestFullRing(t *testing.T) {
	child(t, func(t *testing.T) {
		testgate.Need(t, testgate.Port, rawproc.Supported())
		d := open(t, anybody)
		const n = 40
		mem, zero := mapped(t, n), mapped(t, 1)
		source := pattern(n)
		r := serve(t, d, resolver.Options{Ring: 2, Batch: 16}, mem, resolver.Rule{Missing: resolver.Hand})
		must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(zero), Missing: resolver.Zero}))
		var all []*rawproc.Process
		touch := func(b []byte) {
			p, err := rawproc.Share(rawproc.Load(uffd.RangeOf(b).Start))
			must(t, err)
			all = append(all, p)
		}
		for i := range n {
			touch(pages(mem, i, 1))
		}
		counts(t, r, func(s resolver.Stats) bool { return s.Handed == 2 && s.Fulls > 0 })
		touch(zero)
		for i, p := range all {
			if p.Done() != 0 {
				t.Errorf("process %d did not wait", i)
			}
		}
		handed := make(chan uint64)
		go func() { handed <- resolveAll(t, d, r, uffd.RangeOf(mem), source) }()
		for i, p := range all {
			status, err := p.Wait(t.Context())
			must(t, err)
			if status.Signaled() {
				t.Errorf("process %d: %#x", i, status)
			}
		}
		if !bytes.Equal(mem, source) {
			t.Error("other bytes")
		}
		s := r.Stats()
		must(t, r.Stop())
		if got := <-handed; got != s.Handed || got < n || s.Lost != 0 {
			t.Errorf("%d messages of %d: %+v", got, n, s)
		}
	})
}

// Reports for which nobody waits take half a ring, and the others are counted.
func TestReportsAreLost(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 20)
		r := serve(t, open(t, anybody), resolver.Options{Ring: 8}, mem, resolver.Rule{Missing: resolver.Guard})
		for i := range 20 {
			fault(func() { load(mem, i*pageSize) })
		}
		counts(t, r, func(s resolver.Stats) bool { return s.Lost >= 16 && s.Failed == s.Lost+4 })
		to := make([]resolver.Message, 20)
		if n, err := r.Read(t.Context(), to); n != 4 || err != nil {
			t.Error(n, err)
		}
		must(t, r.Stop())
	})
}

// Faults outside of every rule are made to fail where poison can do that, and are
// handed over where nobody vouches for the memory.
func TestOutside(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeaturePoison)
		mem := mapped(t, 4)
		r := start(t, d, resolver.Options{})
		of := uffd.RangeOf(mem)
		_, err := d.Register(of, uffd.ModeMissing)
		must(t, err)
		failsAt(t, mem, pageSize)
		to := make([]resolver.Message, 1)
		_, err = r.Read(t.Context(), to)
		must(t, err)
		if to[0].Reason != resolver.Outside || to[0].Page != uffd.RangeOf(pages(mem, 1, 1)) || to[0].Reason.Waits() {
			t.Errorf("%v", &to[0])
		}
		counts(t, r, func(s resolver.Stats) bool { return s.Outside >= 1 && s.Failed == 1 && s.Parked == 0 })
		must(t, r.Stop())
		must(t, d.Unregister(of))
	})
}

func TestOutsideWithoutPoison(t *testing.T) {
	child(t, func(t *testing.T) {
		testgate.Need(t, testgate.Port, rawproc.Supported())
		d := poisonless(t)
		mem := mapped(t, 4)
		r := start(t, d, resolver.Options{})
		of := uffd.RangeOf(mem)
		_, err := d.Register(of, uffd.ModeMissing)
		must(t, err)
		p, err := rawproc.Share(rawproc.Load(of.Start))
		must(t, err)
		to := make([]resolver.Message, 1)
		_, err = r.Read(t.Context(), to)
		must(t, err)
		if to[0].Reason != resolver.Parked || !to[0].Reason.Waits() || !errors.Is(to[0].Err, unix.ENOENT) {
			t.Errorf("%v", &to[0])
		}
		_, err = d.Copy(to[0].Page.Start, pattern(1), 0)
		must(t, err)
		_, err = p.Wait(t.Context())
		must(t, err)
		if v, done := p.Result(0); !done || byte(v) != pattern(1)[0] {
			t.Errorf("%#x, %v", v, done)
		}
		must(t, r.Stop())
		must(t, d.Unregister(of))
	})
}

// Writes to protected pages can be handed over, too.
func TestHandWritten(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeaturePagefaultFlagWP)
		mem := mapped(t, 2)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: pattern(2), Written: resolver.Hand, Protected: true})
		load(mem, 0)
		ended := make(chan bool)
		go func() { mem[0] = 99; ended <- true }()
		to := make([]resolver.Message, 1)
		_, err := r.Read(t.Context(), to)
		must(t, err)
		if m := &to[0]; m.Reason != resolver.Handed || !m.Event.Fault().Flags.Has(uffd.FaultWP) || m.Page != uffd.RangeOf(pages(mem, 0, 1)) {
			t.Errorf("%v", m)
		}
		must(t, d.WriteUnprotect(to[0].Page, 0))
		<-ended
		if mem[0] != 99 || mem[1] != pattern(1)[1] {
			t.Error("other bytes")
		}
		must(t, r.StopFinished())
	})
}
