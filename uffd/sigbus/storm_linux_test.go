package sigbus

import (
	"bytes"
	"io"
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// accesses are ways to touch memory, in pieces of a few pages; each tells whether it
// found what it wanted.
var accesses = []struct {
	name string
	f    func(mem, want []byte) bool
}{
	{"copy", func(mem, want []byte) bool {
		b := make([]byte, len(mem))
		copy(b, mem)
		return bytes.Equal(b, want)
	}},
	{"equal", bytes.Equal},
	{"bytes", func(mem, want []byte) bool {
		for i := range mem {
			if mem[i] != want[i] {
				return false
			}
		}
		return true
	}},
	{"append", func(mem, want []byte) bool { return bytes.Equal(append([]byte(nil), mem...), want) }},
	{"compare", func(mem, want []byte) bool { return stringOf(mem) == stringOf(want) }},
	{"index", func(mem, want []byte) bool { return bytes.Index(mem, want) == 0 }},
	{"clear", func(mem, want []byte) bool {
		clear(mem)
		return bytes.Count(mem, []byte{0}) == len(mem)
	}},
	{"move", func(mem, want []byte) bool { // see TestBackwards for the other direction
		copy(mem, mem[1:])
		return true
	}},
}

// Every access, with the collector at work all the time, a profile, and several
// goroutines on the same pages.
func TestStorm(t *testing.T) {
	open(t, 0)
	for _, procs := range []int{1, 2, 4} {
		t.Run("GOMAXPROCS="+string(rune('0'+procs)), func(t *testing.T) {
			_, inChild, err := testgate.Child(t, 2*time.Minute)
			if err != nil {
				t.Error(err)
			}
			if !inChild {
				return
			}
			runtime.GOMAXPROCS(procs)
			collect(t)
			if err := pprof.StartCPUProfile(io.Discard); err != nil {
				t.Log(err)
			}
			defer pprof.StopCPUProfile()
			for _, access := range accesses {
				writes := access.name == "clear" || access.name == "move"
				for _, goroutines := range []int{1, 4} {
					if writes && goroutines > 1 {
						continue // of that the race detector would have to complain
					}
					storm(t, access.f, goroutines)
				}
			}
		})
	}
}

func storm(t *testing.T, access func(mem, want []byte) bool, goroutines int) {
	pages := testgate.Rounds(400, 40)
	const piece = 4
	a := anon(t, pages)
	d := open(t, 0)
	register(t, d, a, uffd.ModeMissing)
	want := a.want(3)
	r, err := From(d, a.all(), bytes.NewReader(want), Options{Granule: 1})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := 0; i < pages; i += piece {
				err := Do(func(Fault) error {
					from, to := i*int(a.page), (i+piece)*int(a.page)
					if !access(a.mem[from:to], want[from:to]) {
						return errTest
					}
					return nil
				}, r)
				if err != nil {
					t.Errorf("page %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
}

// Pages that go away all the time: whoever reads them sees what they hold, or gives
// up with an error.
func TestDiscarded(t *testing.T) {
	a, r := served(t, memories[0], 8, 1)
	want := a.want(1)
	r.Patience = 1 << 30
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				a.discard(t)
				time.Sleep(50 * time.Microsecond)
			}
		}
	}()
	faults := 0
	for range testgate.Rounds(2000, 100) {
		pos := 0
		err := Do(func(last Fault) error {
			faults += min(1, last.Number)
			for pos < len(a.mem) {
				n := 512
				if !bytes.Equal(a.mem[pos:pos+n], want[pos:pos+n]) {
					return errTest
				}
				pos += n
			}
			return nil
		}, r)
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
	if faults < a.pages() {
		t.Errorf("%d faults", faults)
	}
}
