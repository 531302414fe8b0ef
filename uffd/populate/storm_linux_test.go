package populate

import (
	"bytes"
	"context"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// inChild runs f in a child with a deadline: whoever touches a page too early hangs.
func inChild(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	_, in, err := testgate.Child(t, 2*time.Minute)
	if in {
		f(t)
		return
	}
	if err != nil {
		t.Error(err)
	}
}

// collect runs the garbage collector until the test ends.
func collect(t testing.TB) {
	t.Helper()
	old := debug.SetGCPercent(1)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		debug.SetGCPercent(old)
	})
}

// A goroutine serves faults of this process, with the collector at work all the time:
// several others ask first, and touch then.
func TestStorm(t *testing.T) {
	needed(t)
	open(t, 0)
	for _, procs := range []int{1, 2, 4} {
		t.Run("GOMAXPROCS="+strconv.Itoa(procs), func(t *testing.T) {
			inChild(t, func(t *testing.T) {
				runtime.GOMAXPROCS(procs)
				pages := testgate.Rounds(2000, 100)
				for _, readers := range []int{1, 3} {
					a := anon(t, pages)
					d := open(t, 0)
					register(t, d, a, uffd.ModeMissing)
					want := content(1, len(a.mem))
					served := handle(t, d, a, want)
					collect(t)
					var all sync.WaitGroup
					for i := range readers {
						all.Go(func() { visit(t, a, want, 1+3*i) })
					}
					all.Wait()
					if n := served.missing.Load(); n < int64(pages) {
						t.Errorf("%d pages served", n)
					}
				}
			})
		})
	}
}

func visit(t *testing.T, a area, want []byte, step int) {
	got := make([]byte, step*int(a.page))
	for i := 0; i < a.pages(); i += step {
		n := min(step, a.pages()-i)
		err := Do(t.Context(), a.part(i, n), Options{}, func(mem []byte) error {
			copy(got, mem)
			if !bytes.Equal(got[:len(mem)], want[i*int(a.page):(i+n)*int(a.page)]) {
				return errTest
			}
			return nil
		})
		if err != nil {
			t.Error(i, err)
		}
	}
}

// Where nobody serves the page, the call waits, whatever happens to the context and
// whichever signals come; it returns when the range is unregistered or the descriptor
// closed.
func TestNobodyServes(t *testing.T) {
	needed(t)
	for what, end := range map[string]func(*uffd.Descriptor, area) error{
		"unregistered": func(d *uffd.Descriptor, a area) error { return d.Unregister(a.all()) },
		"closed":       func(d *uffd.Descriptor, _ area) error { return d.Close() },
	} {
		t.Run(what, func(t *testing.T) {
			inChild(t, func(t *testing.T) {
				a := anon(t, 2)
				d := open(t, 0)
				register(t, d, a, uffd.ModeMissing)
				ctx, cancel := context.WithCancel(t.Context())
				type result struct {
					n   int
					err error
				}
				done := make(chan result, 1)
				thread := make(chan int, 1)
				go func() {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					thread <- unix.Gettid()
					n, err := Read(ctx, a.mem)
					done <- result{n, err}
				}()
				var events [1]uffd.Event
				if _, err := d.Read(events[:]); err != nil {
					t.Fatal(err)
				}
				cancel()
				tid := <-thread
				for range 20 {
					if err := unix.Tgkill(unix.Getpid(), tid, unix.SIGURG); err != nil {
						t.Fatal(err)
					}
					time.Sleep(testgate.Stretch(t, time.Millisecond))
				}
				select {
				case r := <-done:
					t.Errorf("it did not wait: %+v", r)
				default:
				}
				if err := end(d, a); err != nil {
					t.Error(err)
				}
				if r := <-done; r.n != len(a.mem) || r.err != nil {
					t.Errorf("%+v", r)
				}
				if n := bytes.Count(a.mem, []byte{0}); n != len(a.mem) {
					t.Errorf("%d zeros", n)
				}
			})
		})
	}
}
