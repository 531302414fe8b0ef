package resolver_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// Whoever waits when the service stops gets a fault, and never zeros.
func TestStopWithFaultsInFlight(t *testing.T) {
	for name, end := range map[string]func(*resolver.Resolver, uffd.Range) error{
		"Stop": func(r *resolver.Resolver, _ uffd.Range) error { return r.Stop() },
		"Fail": func(r *resolver.Resolver, of uffd.Range) error { return r.Fail(of) },
	} {
		t.Run(name, func(t *testing.T) {
			child(t, func(t *testing.T) {
				const waiters = 8
				mem := mapped(t, waiters)
				// Handed over, and nobody reads: they wait.
				r := serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Hand})
				var failed atomic.Int64
				ended := make(chan bool)
				go func() {
					together(waiters, func(i int) {
						if at := fault(func() { load(mem, i*pageSize) }); uffd.RangeOf(pages(mem, i, 1)).Contains(uint64(at)) {
							failed.Add(1)
						}
					})
					ended <- true
				}()
				// A signal ends a wait, and the access faults again.
				counts(t, r, func(s resolver.Stats) bool { return s.Handed >= waiters })
				must(t, end(r, uffd.RangeOf(mem)))
				<-ended
				if n := failed.Load(); n != waiters {
					t.Errorf("%d of %d accesses failed", n, waiters)
				}
				if err := r.Stop(); !errors.Is(err, resolver.ErrClosed) {
					t.Errorf("a second time: %v", err)
				}
				if s := r.Stats(); s.Handed < waiters {
					t.Errorf("after the end: %+v", s)
				}
			})
		})
	}
}

// While some read what is served, it stops: they find what belongs there or a fault.
func TestStopWhileServed(t *testing.T) {
	child(t, func(t *testing.T) {
		d := open(t, anybody)
		source := pattern(64)
		for range testgate.Rounds(300, 30) {
			mem := mapped(t, 64)
			r := serve(t, d, resolver.Options{Threads: 2}, mem, resolver.Rule{Missing: resolver.Copy, Source: source, Granule: 2 * uint64(pageSize)})
			wrong := make(chan int, 4)
			for i := range 4 {
				go func() {
					at := -1
					fault(func() {
						for p := range 64 {
							p = p * (2*i + 1) % 64
							if load(mem, p*pageSize) != source[p*pageSize] {
								at = p
							}
						}
					})
					wrong <- at
				}()
			}
			counts(t, r, func(s resolver.Stats) bool { return s.Messages > 4 })
			must(t, r.Stop())
			for range 4 {
				if at := <-wrong; at >= 0 {
					t.Fatalf("page %d has something else", at)
				}
			}
		}
	})
}

// StopFinished puts everything there, so nobody notices.
func TestStopFinished(t *testing.T) {
	for name, end := range map[string]func(*resolver.Resolver, []uffd.Range) error{
		"StopFinished": func(r *resolver.Resolver, _ []uffd.Range) error { return r.StopFinished() },
		"Finish":       func(r *resolver.Resolver, of []uffd.Range) error { return r.Finish(of...) },
	} {
		t.Run(name, func(t *testing.T) {
			child(t, func(t *testing.T) {
				before := left(t)
				d := open(t, anybody)
				source := pattern(64)
				for range testgate.Rounds(200, 20) {
					mem := mapped(t, 100)
					r := start(t, d, resolver.Options{})
					rules := []resolver.Rule{
						{Range: uffd.RangeOf(pages(mem, 0, 80)), Missing: resolver.Copy, Source: source},
						{Range: uffd.RangeOf(pages(mem, 80, 20)), Missing: resolver.Zero},
					}
					must(t, r.Serve(rules...))
					to := make([]byte, len(mem))
					ended := make(chan bool)
					go func() { copy(to, mem); ended <- true }()
					counts(t, r, func(s resolver.Stats) bool { return s.Messages > 3 })
					must(t, end(r, r.Ranges()))
					<-ended
					for _, x := range [][]byte{to, mem} {
						if !bytes.Equal(pages(x, 0, 64), source) {
							t.Fatal("other bytes than those of the source")
						}
						all(t, pages(x, 64, 36), 0)
					}
					if err := r.StopFinished(); !errors.Is(err, resolver.ErrClosed) {
						t.Errorf("a second time: %v", err)
					}
				}
				must(t, d.Close())
				leaves(t, before)
			})
		})
	}
}

// What a rule hands over cannot be finished: only the program knows what belongs there.
func TestFinishIsRefused(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 8)
		r := start(t, open(t, anybody), resolver.Options{})
		zero, hand := uffd.RangeOf(pages(mem, 0, 4)), uffd.RangeOf(pages(mem, 4, 4))
		must(t, r.Serve(resolver.Rule{Range: zero, Missing: resolver.Zero}, resolver.Rule{Range: hand, Missing: resolver.Hand}))
		waiting(t, "the thread has its name", func() bool { return len(threads(t)) == 1 })
		before := left(t)
		if err := r.StopFinished(); !errors.Is(err, resolver.ErrUnresolvable) {
			t.Errorf("StopFinished: %v", err)
		}
		if err := r.Finish(zero, hand); !errors.Is(err, resolver.ErrUnresolvable) {
			t.Errorf("Finish: %v", err)
		}
		if err := r.Finish(zero, uffd.RangeOf(mem)); !errors.Is(err, resolver.ErrUnknown) {
			t.Errorf("Finish of what no rule has: %v", err)
		}
		if got := resident(t, mem); got != "........" {
			t.Errorf("there are %s", got)
		}
		leaves(t, before)
		must(t, r.Finish(zero))
		must(t, r.Finish())
		must(t, r.Fail(hand))
		if err := r.Serve(); !errors.Is(err, resolver.ErrClosed) {
			t.Errorf("after the last range: %v", err)
		}
	})
}

// What the file has is not what the program would have put there first.
func TestFinishMinorIsRefused(t *testing.T) {
	child(t, func(t *testing.T) {
		d := openWith(t, uffd.FeatureMinorShmem)
		mem, err := unix.Mmap(-1, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
		must(t, err)
		defer unix.Munmap(mem)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Minor: resolver.Hand})
		if err := r.StopFinished(); !errors.Is(err, resolver.ErrUnresolvable) {
			t.Errorf("%v", err)
		}
		must(t, r.Stop())
	})
}

// Stop while a goroutine waits for messages, and one for its turn to do so.
func TestStopWhileRead(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 1)
		for range testgate.Rounds(200, 20) {
			r := serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
			errs := make(chan error)
			limited, cancel := context.WithTimeout(t.Context(), time.Hour)
			for _, ctx := range []context.Context{context.Background(), limited, t.Context()} {
				go func() {
					_, err := r.Read(ctx, make([]resolver.Message, 1))
					errs <- err
				}()
			}
			must(t, r.Stop())
			for range 3 {
				if err := <-errs; !errors.Is(err, resolver.ErrClosed) {
					t.Fatalf("Read: %v", err)
				}
			}
			cancel()
		}
	})
}

// Stop while ranges are added and changed: one of both is first.
func TestStopWhileServing(t *testing.T) {
	child(t, func(t *testing.T) {
		before := left(t)
		d := open(t, anybody)
		for range testgate.Rounds(300, 30) {
			mem := mapped(t, 16)
			r := start(t, d, resolver.Options{})
			together(4, func(i int) {
				rule := resolver.Rule{Range: uffd.RangeOf(pages(mem, 4*i, 4)), Missing: resolver.Zero}
				for _, err := range []error{r.Serve(rule), r.Change(rule), second(r.Writes(rule.Range, nil))} {
					if err != nil && !errors.Is(err, resolver.ErrClosed) {
						t.Error(err)
					}
				}
				if err := r.Stop(); err != nil && !errors.Is(err, resolver.ErrClosed) {
					t.Error(err)
				}
			})
		}
		must(t, d.Close())
		leaves(t, before)
	})
}

// Reading ends with its context, and a later one is not disturbed.
func TestReadEnds(t *testing.T) {
	child(t, func(t *testing.T) {
		d, mem := open(t, anybody), mapped(t, 2)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Hand})
		if _, err := r.Read(t.Context(), nil); !errors.Is(err, unix.EINVAL) {
			t.Errorf("into no room: %v", err)
		}
		why := errors.New("no reason")
		for i := range 100 {
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				time.Sleep(time.Duration(i%10) * 100 * time.Microsecond)
				cancel(why)
			}()
			if n, err := r.Read(ctx, make([]resolver.Message, 1)); n != 0 || !errors.Is(err, why) {
				t.Fatal(n, err)
			}
		}
		ended := make(chan bool)
		go func() { load(mem, 0); ended <- true }()
		m := make([]resolver.Message, 3)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n, err := r.Read(ctx, m)
		// A signal may have made it ask twice.
		if n < 1 || err != nil || m[0].Reason != resolver.Handed || m[0].Page != uffd.RangeOf(pages(mem, 0, 1)) {
			t.Fatal(n, err, &m[0])
		}
		_, err = d.Zero(m[0].Page, 0)
		must(t, err)
		<-ended
		must(t, r.Stop())
	})
}
